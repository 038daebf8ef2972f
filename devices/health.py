"""Whether the platform is at work: one line for each part, for people, for supervisors and for `/healthz`.

A floor above adds its own parts with `register_check`.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import DatabaseError
from django.db.models import Max

from devices import zones
from devices.models import DeviceState, Heartbeat, QuarantinedMessage

BEAT_EVERY = dt.timedelta(seconds=5)
"""How often a process writes its heartbeat."""

SILENT_FOR = dt.timedelta(seconds=30)
"""A process that has been silent for so long, six heartbeats, is taken for dead."""


@dataclass(frozen=True, slots=True)
class Line:
    """The state of one part. `numbers` are the same facts for the metrics, by Prometheus name."""

    part: str
    well: bool
    text: str
    numbers: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{'ok  ' if self.well else 'FAIL'} {self.part}: {self.text}"


Check = Callable[[dt.datetime], Iterable[Line]]

_checks: list[Check] = []


def register_check(check: Check) -> None:
    """Have this check asked for its lines, with the time in UTC, whenever health is."""
    if check not in _checks:
        _checks.append(check)


def beat(process: str, *, at: dt.datetime, numbers: dict[str, float] | None = None) -> None:
    """Write this process' sign of life."""
    Heartbeat.objects.update_or_create(process=process, defaults={"at": at, "numbers": numbers or {}})


def forget(processes: str, *, before: dt.datetime) -> None:
    """Expect no more signs of life from those whose names begin like this and who have been silent since."""
    Heartbeat.objects.filter(process__startswith=processes, at__lt=before).delete()


def report(now: dt.datetime) -> list[Line]:
    """A line for each part; just one, that says so, where the database is away."""
    try:
        return [line for check in (_ingesters, _intake, _time_zones, *_checks) for line in check(now)]
    except DatabaseError as error:
        return [Line("database", False, f"away: {str(error).strip()}")]


def heartbeat_line(
    process: str, heartbeat: Heartbeat, now: dt.datetime, text: str = "", *, silent_for: dt.timedelta = SILENT_FOR
) -> Line:
    """The line of a process that is dead when it has been silent for so long."""
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
        told = heartbeat.numbers
        text = f", last commit {told['commit_age_seconds']:.0f} s before it" if "commit_age_seconds" in told else ""
        yield heartbeat_line(
            heartbeat.process, heartbeat, now, f"{text}, {told.get('waiting', 0):.0f} messages waiting"
        )
    if not heartbeats:
        yield Line("ingest", False, "has never run; start `manage.py ingest`")


def _intake(now: dt.datetime) -> Iterable[Line]:
    seen = DeviceState.objects.aggregate(latest=Max("last_seen_at"))["latest"]
    aside = QuarantinedMessage.objects.filter(replayed_at=None).count()
    latest = f"latest message {seconds(now - seen)} ago" if seen else "no message yet"
    lost = sum(
        numbers.get("overflowed_messages_total", 0)
        for numbers in Heartbeat.objects.filter(process="quarantine").values_list("numbers", flat=True)
    )
    text = f"{latest}, {aside} messages set aside" + (f", {lost} more lost from the full quarantine" if lost else "")
    yield Line("intake", True, text, {"quarantined_messages": aside, "quarantine_overflowed_messages_total": lost})


def _time_zones(now: dt.datetime) -> Iterable[Line]:
    yield Line("time zones", True, f"rules of {zones.VERSION}")
