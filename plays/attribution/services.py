"""Computes the tallies of contents: of days whose plays or visits have changed, or of all of them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db import connection, transaction
from django.db.models import Sum

from analytics.models import SettledDay, VisitQuarter
from devices.storage import sql
from plays.attribution import statements
from plays.models import ContentQuarter, PlayDay

LOCK = "headcount plays"
"""The name of the exclusive advisory locks on devices for computing their tallies."""

AT_ONCE = 200
"""Devices of one statement of a day."""

RECENT = dt.timedelta(days=2)
"""Days whose visits are looked at every minute; those before, every hour."""

ONE_DAY = dt.timedelta(days=1)


def compute_changed(*, now: dt.datetime, since: dt.date | None = None) -> int:
    """Compute the tallies of the days from `since` on (of all, by default) whose plays or visits have changed.

    Return how many days of devices were computed. A day is computed in the transaction that clears its mark. A day
    whose visits are archived keeps what was computed while the database had them.
    """
    days = PlayDay.objects.all() if since is None else PlayDay.objects.filter(day__gte=since)
    by_day: dict[dt.date, dict[int, tuple[bool, str]]] = defaultdict(dict)
    for day, device, is_changed, fingerprint in days.values_list("day", "device", "is_changed", "fingerprint"):
        by_day[day][device] = is_changed, fingerprint
    settled = set(SettledDay.objects.filter(day__in=by_day).values_list("day", "device"))
    count = 0
    for day, known in sorted(by_day.items()):
        devices = [device for device in sorted(known) if (day, device) not in settled]
        for start in range(0, len(devices), AT_ONCE):
            some = devices[start : start + AT_ONCE]
            found = _fingerprints(some, day)
            changed = [pk for pk in some if known[pk][0] or known[pk][1] != found.get(pk, "")]
            if changed:
                _compute_day(changed, day, now)
                count += len(changed)
    return count


@transaction.atomic
def _compute_day(devices: Collection[int], day: dt.date, now: dt.datetime) -> None:
    sql.lock(LOCK, devices, alone=True)
    # The marks are cleared first: what changes from here on marks the day anew.
    # An open play may go on past midnight, so that a day is computed again until the latest one must have ended.
    start = dt.datetime.combine(day, dt.time.min, dt.UTC)
    goes_on = now < start + ONE_DAY + statements.OPEN_MS * dt.timedelta(milliseconds=1)
    PlayDay.objects.filter(device__in=devices, day=day).update(is_changed=goes_on)
    found = _fingerprints(devices, day)
    for device in devices:
        PlayDay.objects.filter(device=device, day=day).update(fingerprint=found.get(device, ""))
    compute(devices, start, start + ONE_DAY, now=now)


def compute(devices: Collection[int], low: dt.datetime, high: dt.datetime, *, now: dt.datetime) -> None:
    """Compute the tallies of the plays of these devices that start from `low`, included, to `high`, excluded; both are
    quarter hours. One statement deletes them, one computes them. To be called in a transaction."""
    ContentQuarter.objects.filter(device__in=devices, start__gte=low, start__lt=high).delete()
    moments = {"low": low, "high": high, "before": low - ONE_DAY, "after": high + ONE_DAY}
    adapted = {name: connection.ops.adapt_datetimefield_value(each) for name, each in moments.items()}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # To compile the statement takes longer than to run it for a day. The memory is for sorts of whole days.
            cursor.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
        cursor.execute(statements.attribute(devices), {**adapted, "now": round(now.timestamp() * 1000)})


def mark_all(devices: Iterable[int] | None = None) -> int:
    """Have all days of these devices computed again, by default of all devices; return how many days."""
    days = PlayDay.objects.all() if devices is None else PlayDay.objects.filter(device__in=devices)
    return days.update(is_changed=True)


def _fingerprints(devices: Collection[int], day: dt.date) -> dict[int, str]:
    """Return, by device, a text of the sums of the day's visits: it changes with each visit that comes or goes on."""
    start = dt.datetime.combine(day, dt.time.min, dt.UTC)
    quarters = VisitQuarter.objects.filter(device__in=devices, start__gte=start, start__lt=start + ONE_DAY).order_by()
    sums = quarters.values_list("device").annotate(Sum("visits"), Sum("dwell_ms_sum"), Sum("attention_ms_sum"))
    return {device: f"{visits} {dwell} {attention}" for device, visits, dwell, attention in sums}
