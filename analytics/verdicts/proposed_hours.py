"""Proposes opening hours from the quarter hours in which people usually came."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from analytics.models import EngagementQuarter
from analytics.models.opening import DAYS
from analytics.models.opening_hours import DAY_QUARTERS, format_hours
from analytics.models.quarters import MILLION
from analytics.numbers import sql
from analytics.numbers.buckets import day_start
from analytics.numbers.measures import WEEKDAYS
from analytics.verdicts.opening import EPOCH, local_quarters
from devices.models import Device, Site

Floats = npt.NDArray[np.float64]

HOUR_QUARTERS = 4

PROPOSED_FROM = dt.timedelta(weeks=8)
"""How much of the past a proposal is made from."""

WEEKEND = 5
"""The first day of the weekend, counted from Monday. Where it is another one, the days of the week still tell."""

BUSY_SHARE = 0.1
"""In proposed hours somebody is there at least this share as long as in the busiest hour: cleaners open no site."""


def propose_plan(site: Site, *, now: dt.datetime) -> dict[str, str]:
    """Return hours for each day of the week, by the fields of `OpeningPlan`, from what was seen. Two queries."""
    devices = list(Device.objects.filter(site=site).values_list("pk", flat=True))
    occupied, seen = np.zeros((WEEKDAYS, DAY_QUARTERS)), np.zeros((WEEKDAYS, DAY_QUARTERS))
    first = (now - PROPOSED_FROM).astimezone(site.zone).date()
    days = [day_start(first + dt.timedelta(days=number), site.zone) for number in range(PROPOSED_FROM.days + 2)]
    quarters = EngagementQuarter.objects.filter(device__in=devices, start__gte=days[0], start__lt=now).order_by()
    columns = quarters.values_list("device_id").annotate(
        packed_starts=sql.PackedTimes("start"),
        packed_seen=sql.PackedSmallIntegers("minutes_seen"),
        packed_occupied=sql.PackedSmallIntegers("minutes_occupied"),
    )
    for _, starts, on, there in columns:
        local = local_quarters(sql.PackedTimes.unpack(starts) // MILLION, days, site.zone)
        weekday, quarter = (local // DAY_QUARTERS + EPOCH - 1) % WEEKDAYS, local % DAY_QUARTERS
        for total, masks in ((seen, on), (occupied, there)):
            np.add.at(total, (weekday, quarter), np.bitwise_count(sql.PackedSmallIntegers.unpack(masks)))
    return dict(zip(DAYS, propose_week(occupied, seen), strict=True))


def propose_week(occupied: Floats, seen: Floats) -> list[str]:
    """Return the hours of each day of the week, Monday first, in which people usually come.

    `occupied` and `seen` are minutes, [day of the week, quarter hour]. A day is open from the first busy hour to the
    last one; within these two, from the first busy quarter hour to the end of the last. Of a quarter hour that was
    never seen on a day of the week, the other days tell: first those of the same kind, working days or the weekend. A
    day of the week that was never seen is closed.
    """
    usual = occupied / np.maximum(seen, 1)
    for others in (slice(0, WEEKEND), slice(WEEKEND, WEEKDAYS), slice(0, WEEKDAYS)):
        of_others = occupied[others].sum(axis=0) / np.maximum(seen[others].sum(axis=0), 1)
        told = (seen[others] == 0) & (usual[others] == 0) & seen[others].any(axis=1, keepdims=True)
        usual[others] = np.where(told, of_others, usual[others])
    hours = usual.reshape(WEEKDAYS, -1, HOUR_QUARTERS).mean(axis=2)
    least = BUSY_SHARE * hours.max()
    # An hour decides whether a day has begun, because a single quarter hour of eight weeks has seen few people.
    busy = np.repeat((hours > 0) & (hours >= least), HOUR_QUARTERS, axis=1) & (usual >= least)
    found = []
    for quarters in busy:
        open_at = np.flatnonzero(quarters)
        span = ((int(open_at[0]), int(open_at[-1]) + 1),) if open_at.size else ()
        found.append(format_hours(span))
    return found
