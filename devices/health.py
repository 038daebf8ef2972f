"""Whether the platform works: one line for each of its parts, for people, supervisors and `/healthz`.

An app above adds its own parts with `register_check`.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import DatabaseError
from django.db.models import Max

from devices import zones
from devices.models import Device, DeviceState, Heartbeat, QuarantinedMessage

BEAT_EVERY = dt.timedelta(seconds=5)
"""How often a process writes its heartbeat."""

SILENT_FOR = dt.timedelta(seconds=30)
"""A process counts as dead after so long without a heartbeat: six missed ones."""

NAMED_PICTURES = 10
"""The most devices with a bad picture that the report names."""


@dataclass(frozen=True, slots=True)
class Line:
    """The state of one part. `numbers` are the metrics of the part, by Prometheus name without the prefix."""

    part: str
    well: bool
    text: str
    numbers: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{'ok  ' if self.well else 'FAIL'} {self.part}: {self.text}"


Check = Callable[[dt.datetime], Iterable[Line]]

_checks: list[Check] = []


def register_check(check: Check) -> None:
    """Add the lines of this check to every report. It is called with the time in UTC."""
    if check not in _checks:
        _checks.append(check)


def beat(process: str, *, at: dt.datetime, numbers: dict[str, float] | None = None) -> None:
    """Store the heartbeat of this process."""
    Heartbeat.objects.update_or_create(process=process, defaults={"at": at, "numbers": numbers or {}})


def forget(name_prefix: str, *, before: dt.datetime) -> None:
    """Delete the heartbeats sent before `before` by processes whose names start with `name_prefix`."""
    Heartbeat.objects.filter(process__startswith=name_prefix, at__lt=before).delete()


def report(now: dt.datetime) -> list[Line]:
    """Return a line for each part, or only the database's line if it cannot be reached."""
    try:
        return [line for check in (_ingesters, _intake, _pictures, _time_zones, *_checks) for line in check(now)]
    except DatabaseError as error:
        return [Line("database", False, f"cannot be reached: {str(error).strip()}")]


def heartbeat_line(
    process: str, heartbeat: Heartbeat, now: dt.datetime, text: str = "", *, silent_for: dt.timedelta = SILENT_FOR
) -> Line:
    """Return the line of a process, which counts as dead `silent_for` after its heartbeat."""
    age = now - heartbeat.at
    well = age < silent_for
    return Line(
        process,
        well,
        f"heartbeat {seconds(age)} ago{text}",
        {"heartbeat_age_seconds": age.total_seconds(), **heartbeat.numbers},
    )


def seconds(span: dt.timedelta) -> str:
    return f"{max(0, round(span.total_seconds()))} s"


def _ingesters(now: dt.datetime) -> Iterable[Line]:
    heartbeats = Heartbeat.objects.filter(process__startswith="ingest ").order_by("process")
    for heartbeat in heartbeats:
        numbers = heartbeat.numbers
        commit_age = numbers.get("commit_age_seconds")
        text = "" if commit_age is None else f", last commit {commit_age:.0f} s before that"
        yield heartbeat_line(
            heartbeat.process, heartbeat, now, f"{text}, {numbers.get('waiting', 0):.0f} messages waiting"
        )
    if not heartbeats:
        yield Line("ingest", False, "has never run; start it with `manage.py ingest`")


def _intake(now: dt.datetime) -> Iterable[Line]:
    latest = DeviceState.objects.aggregate(latest=Max("last_seen_at"))["latest"]
    quarantined = QuarantinedMessage.objects.filter(replayed_at=None).count()
    latest_message = f"latest message {seconds(now - latest)} ago" if latest else "no message yet"
    lost = sum(
        numbers.get("overflowed_messages_total", 0)
        for numbers in Heartbeat.objects.filter(process="quarantine").values_list("numbers", flat=True)
    )
    text = f"{latest_message}, {quarantined} messages in quarantine"
    if lost:
        text += f", {lost} more deleted because the quarantine was full"
    yield Line(
        "intake", True, text, {"quarantined_messages": quarantined, "quarantine_overflowed_messages_total": lost}
    )


def _pictures(now: dt.datetime) -> Iterable[Line]:
    """Yield what the cameras say of their pictures. A dark camera does not make the platform unwell."""
    open_things = Device.objects.open().values("thing__pk")
    states = DeviceState.objects.filter(thing__in=open_things, online=True).exclude(picture_problem="")
    problems = list(states.order_by("thing__name").values_list("thing__name", "picture_problem"))
    text = ", ".join(f"{thing} {problem}" for thing, problem in problems[:NAMED_PICTURES])
    more = f" and {len(problems) - NAMED_PICTURES} more" if len(problems) > NAMED_PICTURES else ""
    yield Line("pictures", True, f"{text}{more}" if text else "no camera complains", {"bad_pictures": len(problems)})


def _time_zones(now: dt.datetime) -> Iterable[Line]:
    yield Line("time zones", True, f"rules of {zones.VERSION}")
