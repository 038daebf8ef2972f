"""Whether the platform works: one line for each of its parts, for people, supervisors and `/healthz`.

An app above adds its own parts with `register_check`.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max
from django.utils import timezone

from devices import pictures_folder
from devices.models import Device, DeviceState, Heartbeat, QuarantinedMessage
from devices.rules import zones
from devices.storage import replica

BEAT_EVERY = dt.timedelta(seconds=5)
"""How often a process writes its heartbeat."""

SILENT_FOR = dt.timedelta(seconds=30)
"""A process counts as dead after so long without a heartbeat: six missed ones."""

NAMED_PICTURES = 10
"""The most devices with a bad picture that the report names."""

GONE_AFTER = dt.timedelta(days=7)
"""A process without a heartbeat for so long has been taken out of use, and has no line any more."""

CLOCK_TOLERANCE = dt.timedelta(seconds=5)
"""How far the clock of this machine may be from the clock of the database's machine."""

CERTIFICATE_DAYS = 14
"""Days before a certificate expires in which health asks for a new one; Let's Encrypt renews 30 days before."""

LEAST_FREE_BYTES, LEAST_FREE_SHARE = 2**30, 0.05
"""A disk with less than both free is about to be full."""


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


def forget_the_gone(now: dt.datetime) -> int:
    """Delete the heartbeats of processes that were taken out of use `GONE_AFTER` ago, and return their number."""
    gone = Heartbeat.objects.filter(at__lt=now - GONE_AFTER).exclude(process=pictures_folder.PROCESS)
    deleted, _ = gone.exclude(process="quarantine").delete()
    return deleted


def forget_process(name: str) -> bool:
    """Delete the heartbeat of this process. Return whether there was one."""
    deleted, _ = Heartbeat.objects.filter(process=name).delete()
    return bool(deleted)


def report(now: dt.datetime) -> list[Line]:
    """Return a line for each part, or only the database's line if it cannot be reached."""
    try:
        checks = (_ingesters, _intake, _pictures, _time_zones, _clock, *_checks, _folder, _replica, _redis, _disk)
        return [line for check in checks for line in check(now)]
    except DatabaseError as error:
        text = f"cannot be reached: {str(error).strip()}. Start it, and check DATABASE_URL."
        return [Line("database", False, text), *_redis(now), *_disk(now)]


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
    heartbeats = Heartbeat.objects.filter(process__startswith="ingest ", at__gte=now - GONE_AFTER).order_by("process")
    for heartbeat in heartbeats:
        yield _ingester(heartbeat, now)
    if not heartbeats:
        yield Line("ingest", False, "none runs; start it with `manage.py ingest`")


def _ingester(heartbeat: Heartbeat, now: dt.datetime) -> Line:
    numbers = heartbeat.numbers
    commit_age = numbers.get("commit_age_seconds")
    text = "" if commit_age is None else f", last commit {commit_age:.0f} s before that"
    line = heartbeat_line(
        heartbeat.process, heartbeat, now, f"{text}, {numbers.get('waiting', 0):.0f} messages waiting"
    )
    name = heartbeat.process.removeprefix("ingest ")
    if not line.well:
        remedy = f"start it again, or run `manage.py health --forget {name}` if it was taken out of use"
        return replace(line, text=f"{line.text}; {remedy}")
    if not numbers.get("broker_connected", 1):
        return replace(line, well=False, text=f"{line.text}; not connected to the broker: start it, check MQTT_URL")
    if not numbers.get("subscribed", 1):
        return replace(
            line, well=False, text=f"{line.text}; the broker refuses the subscription: check its access rules"
        )
    if not numbers.get("delivers", 1):
        remedy = "let the user in MQTT_URL read dt/headcount/# in the broker's access rules"
        return replace(line, well=False, text=f"{line.text}; the broker delivers no messages of agents: {remedy}")
    left = numbers.get("certificate_seconds")
    if left is not None and left < CERTIFICATE_DAYS * 86_400:
        when = f"expires in {left / 86_400:.0f} days" if left >= 0 else "has expired"
        return replace(line, well=False, text=f"{line.text}; the broker's certificate {when}: renew it")
    return line


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


def _clock(now: dt.datetime) -> Iterable[Line]:
    """Compare this machine's clock with that of the database's machine; SQLite has no machine of its own."""
    if connection.vendor != "postgresql" or not settings.HEALTH_COMPARES_CLOCKS:
        return
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs: dt.datetime = cursor.fetchone()[0]
    # The database's clock was read somewhere between these two moments.
    after = timezone.now()
    apart = max(before - theirs, theirs - after, dt.timedelta())
    well = apart < CLOCK_TOLERANCE
    text = "agrees with the database's" if well else f"is {seconds(apart)} off the database's: set both by NTP"
    yield Line("clock", well, text, {"clock_difference_seconds": apart.total_seconds()})


def _folder(now: dt.datetime) -> Iterable[Line]:
    if problem := pictures_folder.problem():
        yield Line("pictures folder", False, problem)


def _replica(now: dt.datetime) -> Iterable[Line]:
    if not replica.has_replica():
        return
    try:
        behind = replica.lag() or 0.0
    except DatabaseError as error:
        text = (
            f"cannot be reached: {str(error).strip()}. Pages read the primary. Start it, and check DATABASE_REPLICA_URL"
        )
        yield Line("database replica", False, text)
        return
    well = behind <= replica.MOST_LAG_S
    text = f"{behind:.0f} s behind" + ("" if well else ": pages read the primary. Look at pg_stat_replication")
    yield Line("database replica", well, text, {"replica_lag_seconds": behind})


def _redis(now: dt.datetime) -> Iterable[Line]:
    if not settings.REDIS_URL:
        return
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        text = f"cannot be reached: {error}. Start it, and check REDIS_URL. Tasks wait; pages work without it"
        yield Line("redis", False, text)
    else:
        yield Line("redis", True, "responds")


def _disk(now: dt.datetime) -> Iterable[Line]:
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError as error:
        yield Line("disk", False, f"{settings.DATA_DIR} cannot be read ({error.strerror}): check DATA_DIR")
        return
    well = usage.free >= min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * usage.total)
    text = f"{usage.free / 2**30:.1f} GiB free for {settings.DATA_DIR}" + ("" if well else ": make room")
    yield Line("disk", well, text, {"disk_free_bytes": usage.free, "disk_size_bytes": usage.total})
