"""Quarters, hours and days as people at a site live them. Pure.

An hour is a run of instants with the same date, hour and offset from UTC: where clocks are set back there are two of
one o'clock, in a zone that moves them by half an hour one of the two is shorter, and a day has 23, 24 or 25 hours.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.models.quarters import QUARTER, quarter_start

Bucket = Literal["quarter", "hour", "day"]

LENGTHS: dict[Bucket, dt.timedelta] = {
    "quarter": QUARTER,
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
}
"""How long a bucket of each kind is, unless clocks change in it."""


def edges(*, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket) -> list[dt.datetime]:
    """Where the buckets begin that `start` to `end` touches, and where the last one ends; ascending, in UTC.

    The first bucket is the one that `start` lies in, the last one the one that reaches up to `end` or over it.
    Answers no edges where `start` is not before `end`. Raises `OverflowError` at the ends of the calendar.
    """
    if start >= end:
        return []
    first, following = _STEPS[bucket]
    found = [first(start.astimezone(dt.UTC), zone)]
    while found[-1] < end:
        found.append(following(found[-1], zone))
    return found


@dataclass(frozen=True, slots=True)
class Spans:
    """Adjoining buckets: `edges` as seconds since 1970, and as the zone's own times."""

    seconds: tuple[int, ...]
    local: tuple[dt.datetime, ...]

    @property
    def pairs(self) -> Iterable[tuple[dt.datetime, dt.datetime]]:
        """Where each bucket begins and ends, in the zone."""
        return pairwise(self.local)


def spans(*, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket, whole: bool = False) -> Spans:
    """The buckets that `edges` finds; with `whole` a single one instead, of all hours that the period touches."""
    # In UTC, for both one o'clocks of a day on which clocks are set back are the same key in their own zone.
    return _spans(zone, start.astimezone(dt.UTC), end.astimezone(dt.UTC), bucket, whole)


@lru_cache(maxsize=64)
def _spans(zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket, whole: bool) -> Spans:
    """A page asks for the same ones several times over."""
    found = _outer_edges(zone, start, end) if whole else edges(zone=zone, start=start, end=end, bucket=bucket)
    return Spans(tuple(round(edge.timestamp()) for edge in found), tuple(edge.astimezone(zone) for edge in found))


def _outer_edges(zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    if start >= end:
        return []
    moment = dt.timedelta.resolution
    first = edges(zone=zone, start=start, end=start + moment, bucket="hour")
    last = edges(zone=zone, start=end - moment, end=end, bucket="hour")
    return [first[0], last[-1]]


def day_start(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment of this date, in UTC; not midnight where the clocks are set forward at midnight."""
    return dt.datetime.combine(date, dt.time.min, zone).astimezone(dt.UTC)


def offsets(days: Sequence[dt.datetime], zone: ZoneInfo) -> list[tuple[dt.datetime, dt.timedelta]]:
    """The zone's offsets from UTC from the first to the last of these beginnings of days, and since when each holds.

    Ascending; one more than clocks change in between.
    """
    found = [(days[0], _offset(days[0], zone))]
    for start, end in pairwise(days):
        if _offset(end, zone) != found[-1][1]:
            moments = edges(zone=zone, start=start, end=end, bucket="quarter")
            steps = [(moment, _offset(moment, zone)) for moment in moments]
            found += [after for before, after in pairwise(steps) if before[1] != after[1]]
    return found


def _offset(moment: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta(0)


def _quarter(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return quarter_start(moment)


def _next_quarter(start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return start + QUARTER


def _hour(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    start = quarter_start(moment)
    while _same_hour(start - QUARTER, moment, zone):
        start -= QUARTER
    return start


def _next_hour(start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    end = start + LENGTHS["hour"]
    here, there = start.astimezone(zone), end.astimezone(zone)
    # No zone changes its clocks twice within an hour.
    if not here.minute and here.utcoffset() == there.utcoffset():
        return end
    end = start + QUARTER
    while _same_hour(end, start, zone):
        end += QUARTER
    return end


def _same_hour(one: dt.datetime, other: dt.datetime, zone: ZoneInfo) -> bool:
    one, other = one.astimezone(zone), other.astimezone(zone)
    return (one.date(), one.hour, one.utcoffset()) == (other.date(), other.hour, other.utcoffset())


def _day(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return day_start(moment.astimezone(zone).date(), zone)


def _next_day(start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return day_start(start.astimezone(zone).date() + dt.timedelta(days=1), zone)


_Step = Callable[[dt.datetime, ZoneInfo], dt.datetime]

_STEPS: dict[Bucket, tuple[_Step, _Step]] = {
    "quarter": (_quarter, _next_quarter),
    "hour": (_hour, _next_hour),
    "day": (_day, _next_day),
}
"""By kind: the beginning of the bucket that a moment lies in, and the beginning of the one after a beginning."""
