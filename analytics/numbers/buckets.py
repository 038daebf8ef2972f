"""Quarter hours, hours, days, weeks and months of a time zone. Pure.

An hour is a run of instants with the same local date, local hour and offset from UTC. Where clocks are set back there
are two hours of one o'clock. Where clocks move by half an hour, one hour is shorter. A day has 23 to 25 hours.
Weeks begin on Monday.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.models.quarters import QUARTER, quarter_start

Bucket = Literal["quarter", "hour", "day", "week", "month"]

LENGTHS: dict[Bucket, dt.timedelta] = {
    "quarter": QUARTER,
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "week": dt.timedelta(days=7),
    "month": dt.timedelta(days=28),
}
"""The length of a bucket of each kind, unless clocks change in it; of months that of the shortest."""


def edges(*, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket) -> list[dt.datetime]:
    """Return the edges of the buckets that overlap `start` to `end`, ascending and in UTC: one more than buckets.

    The first bucket contains `start`; the last one reaches `end` or goes beyond it. The first and the last week or
    month have only their days that overlap. Returns an empty list unless `start` is before `end`. Raises
    `OverflowError` at the ends of the calendar.
    """
    if start >= end:
        return []
    first, following = _STEPS[bucket]
    found = [first(start.astimezone(dt.UTC), zone)]
    while found[-1] < end:
        found.append(following(found[-1], zone))
    if bucket in ("week", "month"):
        found[0] = _day(start.astimezone(dt.UTC), zone)
        found[-1] = min(found[-1], _next_day(end.astimezone(dt.UTC) - dt.timedelta.resolution, zone))
    return found


@dataclass(frozen=True, slots=True)
class BucketEdges:
    """The edges of adjoining buckets, ascending: one more than there are buckets, or none."""

    epoch_s: tuple[int, ...]
    """Seconds since 1970."""
    local: tuple[dt.datetime, ...]
    """The same edges as local times of the zone."""

    @property
    def bounds(self) -> Iterable[tuple[dt.datetime, dt.datetime]]:
        """The local start and end of each bucket."""
        return pairwise(self.local)


def bucket_edges(
    *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket, single_bucket: bool = False
) -> BucketEdges:
    """Return what `edges` returns; with `single_bucket` only the outer edges of all hours that the period overlaps."""
    # The cache's keys are in UTC: both one o'clocks of a day on which clocks are set back are equal in their own zone.
    return _bucket_edges(zone, start.astimezone(dt.UTC), end.astimezone(dt.UTC), bucket, single_bucket)


@lru_cache(maxsize=64)
def _bucket_edges(
    zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket, single_bucket: bool
) -> BucketEdges:
    found = _outer_edges(zone, start, end) if single_bucket else edges(zone=zone, start=start, end=end, bucket=bucket)
    return BucketEdges(tuple(round(edge.timestamp()) for edge in found), tuple(edge.astimezone(zone) for edge in found))


def _outer_edges(zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    if start >= end:
        return []
    moment = dt.timedelta.resolution
    first = edges(zone=zone, start=start, end=start + moment, bucket="hour")
    last = edges(zone=zone, start=end - moment, end=end, bucket="hour")
    return [first[0], last[-1]]


def day_start(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    """Return the first instant of this local date, in UTC; 01:00 where clocks are set forward at midnight."""
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


def day_bounds(moment: dt.datetime, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the start and the end of the local day that contains this instant, in UTC."""
    date = moment.astimezone(zone).date()
    return day_start(date, zone), day_start(date + dt.timedelta(days=1), zone)


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
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    # No zone changes its clocks twice within an hour.
    if not local_start.minute and local_start.utcoffset() == local_end.utcoffset():
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


def _week(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    date = moment.astimezone(zone).date()
    return day_start(date - dt.timedelta(days=date.weekday()), zone)


def _next_week(start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return day_start(start.astimezone(zone).date() + LENGTHS["week"], zone)


def _month(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return day_start(moment.astimezone(zone).date().replace(day=1), zone)


def _next_month(start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    later = start.astimezone(zone).date() + dt.timedelta(days=31)
    return day_start(later.replace(day=1), zone)


_Step = Callable[[dt.datetime, ZoneInfo], dt.datetime]

_STEPS: dict[Bucket, tuple[_Step, _Step]] = {
    "quarter": (_quarter, _next_quarter),
    "hour": (_hour, _next_hour),
    "day": (_day, _next_day),
    "week": (_week, _next_week),
    "month": (_month, _next_month),
}
"""Two functions for each kind of bucket: one returns the start of the bucket that contains an instant, the other the
start of the next bucket."""
