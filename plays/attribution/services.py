"""Computes the tallies of contents: of days whose plays or visits have changed, or of all of them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Exists, Max, Min, OuterRef, Sum

from analytics.models import SettledDay, VisitQuarter
from analytics.numbers.buckets import day_start
from devices.faults.isolation import each
from devices.models import Device
from devices.storage import sql
from plays.attribution import statements
from plays.models import OPEN_MS, ContentDay, ContentHour, ContentQuarter, PlayDay

LOCK = "headcount plays"
"""The name of the exclusive advisory locks on devices for computing their tallies."""

WHAT = "attributing visits to the plays of"
"""The computation of a day in a line of the log."""

AT_ONCE = 200
"""Devices of one statement of a day."""

READ_AT_ONCE = dt.timedelta(days=31)
"""Days of a block of devices that are read in one statement."""

ONE_DAY = dt.timedelta(days=1)
MOST_FINGERPRINT = 64


def compute_changed(*, now: dt.datetime) -> int:
    """Compute the tallies of all days whose plays or visits have changed, however long it takes.

    Return how many days of devices were computed. A day is computed in the transaction that clears its mark. A day
    whose visits are archived keeps what was computed while the database had them. A device at which it fails is logged,
    and harms no other.
    """
    return sum(compute_if_changed(day, now=now) for day in read_days())


@dataclass(frozen=True, slots=True)
class DayOfDevices:
    """A UTC day of a block of devices that have plays."""

    block: int
    """The key of the last device before the block."""
    day: dt.date
    known: Mapping[int, tuple[bool, str]]
    """Of each device that has plays on the day and whose day is open to change: whether plays have come since its
    tallies were computed, and the fingerprint of what they were computed from."""


def read_days(
    *, since: dt.date = dt.date.min, block: int = 0, resumed: dt.date = dt.date.min
) -> Iterator[DayOfDevices]:
    """Yield the days that have plays, from `since` on, block by block of devices; in each block by day.

    Begins at the day `resumed` of the block of devices after the key `block`. A month of a block is in memory at a
    time.
    """
    with_plays = Device.objects.filter(Exists(PlayDay.objects.filter(device=OuterRef("pk"), day__gte=since)))
    first = max(since, resumed)
    while devices := list(with_plays.filter(pk__gt=block).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        for day, known in _days_of(devices, first):
            yield DayOfDevices(block, day, known)
        block, first = devices[-1], since


def _days_of(devices: Sequence[int], first: dt.date) -> Iterator[tuple[dt.date, dict[int, tuple[bool, str]]]]:
    days = PlayDay.objects.filter(device__in=devices).order_by("day", "device")
    ends = days.filter(day__gte=first).aggregate(first=Min("day"), last=Max("day"))
    start, last = ends["first"], ends["last"]
    while start is not None and start <= last:
        within: dict[str, Any] = {"day__gte": start, "day__lt": start + READ_AT_ONCE}
        settled = set(SettledDay.objects.filter(device__in=devices, **within).values_list("day", "device"))
        by_day: dict[dt.date, dict[int, tuple[bool, str]]] = defaultdict(dict)
        for day, device, *known in days.filter(**within).values_list("day", "device", "is_changed", "fingerprint"):
            if (day, device) not in settled:
                by_day[day][device] = tuple(known)
        yield from by_day.items()
        start += READ_AT_ONCE


def compute_if_changed(these: DayOfDevices, *, now: dt.datetime, before: Callable[[], object] | None = None) -> int:
    """Compute the tallies of those devices whose plays or visits of the day have changed; return of how many devices.

    `before` is called before tallies are computed, which takes longer than to find that nothing has changed.
    """
    found = _fingerprints(these.known, these.day)
    changed = [pk for pk, (is_changed, known) in these.known.items() if is_changed or known != found.get(pk, "")]
    if not changed:
        return 0
    if before is not None:
        before()
    compute = partial(_compute_apart, day=these.day, now=now)
    return sum(each([changed], compute, what=f"{WHAT} {these.day} at devices"))


def _compute_apart(devices: Sequence[int], *, day: dt.date, now: dt.datetime) -> int:
    """Compute the day of these devices together, or if that fails, of each by itself. Return of how many it was."""
    try:
        _compute_day(devices, day, now)
    except Exception:
        if len(devices) == 1:
            raise
        alone = ([device] for device in devices)
        return sum(each(alone, partial(_compute_apart, day=day, now=now), what=f"{WHAT} {day} at devices"))
    return len(devices)


@transaction.atomic
def _compute_day(devices: Collection[int], day: dt.date, now: dt.datetime) -> None:
    sql.lock(LOCK, devices, alone=True)
    # The marks are cleared first: what changes from here on marks the day anew.
    # An open play may go on past midnight, so that a day is computed again until the latest one must have ended.
    start = dt.datetime.combine(day, dt.time.min, dt.UTC)
    goes_on = now < start + ONE_DAY + OPEN_MS * dt.timedelta(milliseconds=1)
    PlayDay.objects.filter(device__in=devices, day=day).update(is_changed=goes_on)
    found = _fingerprints(devices, day)
    for device in devices:
        PlayDay.objects.filter(device=device, day=day).update(fingerprint=found.get(device, ""))
    with connection.cursor() as cursor:
        cursor.execute(statements.bound(devices), {"day": day.isoformat(), **_adapted(low=start, high=start + ONE_DAY)})
    compute(devices, start, start + ONE_DAY, now=now)


def compute(devices: Collection[int], low: dt.datetime, high: dt.datetime, *, now: dt.datetime) -> None:
    """Compute the tallies of the plays of these devices that start from `low`, included, to `high`, excluded; both are
    quarter hours. One statement deletes them, one computes them, and two for each local day that they touch add them
    up by day and by hour. To be called in a transaction."""
    ContentQuarter.objects.filter(device__in=devices, start__gte=low, start__lt=high).delete()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # To compile the statement takes longer than to run it for a day. The memory is for sorts of whole days.
            cursor.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
        moments = _adapted(low=low, high=high, before=low - ONE_DAY, after=high + ONE_DAY)
        cursor.execute(statements.attribute(devices), {**moments, "now": round(now.timestamp() * 1000)})
    _add_up(devices, low, high)


def _add_up(devices: Collection[int], low: dt.datetime, high: dt.datetime) -> None:
    """Add up the local days that the period touches, each site's in its own zone."""
    by_zone: dict[str, list[int]] = defaultdict(list)
    for pk, name in Device.objects.filter(pk__in=devices).order_by().values_list("pk", "site__timezone"):
        by_zone[name].append(pk)
    for name, keys in sorted(by_zone.items()):
        zone = ZoneInfo(name)
        first, last = low.astimezone(zone).date(), (high - dt.timedelta.resolution).astimezone(zone).date()
        for table in (ContentDay, ContentHour):
            table.objects.filter(device__in=keys, day__gte=first, day__lte=last).delete()
        for number in range((last - first).days + 1):
            day = first + number * ONE_DAY
            bounds = _adapted(low=day_start(day, zone), high=day_start(day + ONE_DAY, zone))
            parameters = {"day": day.isoformat(), "zone": name, **bounds}
            with connection.cursor() as cursor:
                for by_hour in (False, True):
                    cursor.execute(statements.add_up(keys, by_hour=by_hour), parameters)


def _adapted(**moments: dt.datetime) -> dict[str, Any]:
    """Return times as parameters of a statement."""
    return {name: connection.ops.adapt_datetimefield_value(each) for name, each in moments.items()}


def mark_all(devices: Iterable[int] | None = None) -> int:
    """Have all days of these devices computed again, by default of all devices; return how many days."""
    days = PlayDay.objects.all() if devices is None else PlayDay.objects.filter(device__in=devices)
    return days.update(is_changed=True)


def _fingerprints(devices: Collection[int], day: dt.date) -> dict[int, str]:
    """Return, by device, a text of its zone and the day's visits: it changes with each visit that comes or goes on."""
    start = dt.datetime.combine(day, dt.time.min, dt.UTC)
    quarters = VisitQuarter.objects.filter(device__in=devices, start__gte=start, start__lt=start + ONE_DAY).order_by()
    sums = quarters.values_list("device").annotate(Sum("visits"), Sum("dwell_ms_sum"), Sum("attention_ms_sum"))
    found = {device: f"{visits} {dwell} {attention}" for device, visits, dwell, attention in sums}
    zones = Device.objects.filter(pk__in=devices).order_by().values_list("pk", "site__timezone")
    return {device: f"{found.get(device, '')} {zone}"[:MOST_FINGERPRINT] for device, zone in zones}
