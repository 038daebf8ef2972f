"""Buckets for tests that need no database."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

from analytics.numbers.buckets import edges
from analytics.numbers.measures import CountBucket, EngagementBucket, EpisodeBucket

CHICAGO = ZoneInfo("America/Chicago")
LONG_AFTER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def hours(day: dt.date, *, days: int = 1, zone: ZoneInfo = CHICAGO) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the local start and end of each hour of these days."""
    start = dt.datetime.combine(day, dt.time(), zone)
    end = dt.datetime.combine(day + dt.timedelta(days=days), dt.time(), zone)
    bounds = edges(zone=zone, start=start.astimezone(dt.UTC), end=end.astimezone(dt.UTC), bucket="hour")
    return [(first.astimezone(zone), last.astimezone(zone)) for first, last in pairwise(bounds)]


def seen(
    span: tuple[dt.datetime, dt.datetime], *, faces: int = 0, frames: int = 60, minutes: int = 60
) -> EngagementBucket:
    """Return an hour in which the camera was on for `minutes`."""
    return EngagementBucket(*span, 60, frames, faces, min(faces, 3), minutes, minutes // 2 if faces else 0, minutes)


def off(span: tuple[dt.datetime, dt.datetime]) -> EngagementBucket:
    return EngagementBucket(*span, 60, 0, 0, 0, 0, 0, 0)


def ahead(span: tuple[dt.datetime, dt.datetime]) -> EngagementBucket:
    return EngagementBucket(*span, 0, 0, 0, 0, 0, 0, 0)


def counted(span: tuple[dt.datetime, dt.datetime], count: int = 0) -> CountBucket:
    return CountBucket(*span, count, count * 800_000, True)


def began(hour: tuple[dt.datetime, dt.datetime], number: int | None) -> EpisodeBucket:
    """Return an hour in which so many episodes of 4 s began; None stands for “camera off”."""
    return EpisodeBucket(*hour, seconds=(4.0,) * (number or 0), is_known=number is not None)
