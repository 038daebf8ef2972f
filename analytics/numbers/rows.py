"""The hours or days of a period as rows, and the period before as one; from two queries for any number of places."""

from collections.abc import Sequence

from analytics.models import FACE
from analytics.numbers import readings, reads
from analytics.numbers.buckets import Bucket
from analytics.numbers.measures import EngagementBucket
from analytics.numbers.periods import Period
from analytics.numbers.readings import Row
from analytics.numbers.selections import Asked
from devices.models import Device

Cameras = list[EngagementBucket]


def hours_and_before(places: Sequence[tuple[Sequence[Device], Period]], *, label: str) -> list[tuple[list[Row], Row]]:
    """Of each place's devices together: its period's hours, with the label's gestures, and the period before.

    The period before goes up to the same time of day where the period is not over. All have the same `now`.
    """
    asked = [each for devices, period in places for each in now_and_before(devices, period)]
    seen = reads.engagement_each(asked, bucket="hour", now=places[0][1].now) if places else []
    rows = _rows(asked, seen, label, "hour")
    return [(hours, before) for hours, (before,) in zip(rows[::2], rows[1::2], strict=True)]


def rows_and_before(devices: Sequence[Device], period: Period, *, label: str) -> tuple[Cameras, list[Row], Row]:
    """What the cameras saw by the hour; the rows of the period, hours of a single day, else days; and the one before.

    As a row of many hours is read in less time than these hours.
    """
    asked = now_and_before(devices, period)
    hours, before = reads.engagement_each(asked, bucket="hour", now=period.now)
    days = hours if period.days == 1 else readings.days_of(hours)
    rows, (whole_before,) = _rows(asked, [days, before], label, bucket_of(period))
    return hours, rows, whole_before


def now_and_before(devices: Sequence[Device], period: Period) -> tuple[Asked, Asked]:
    """The questions of a period and of the one before."""
    return (
        Asked(devices, period.zone, period.start, period.end),
        Asked(devices, period.zone, period.previous_start, period.previous_end, whole=True),
    )


def bucket_of(period: Period) -> Bucket:
    """Hours of a single day, else days."""
    return "hour" if period.days == 1 else "day"


def _rows(asked: Sequence[Asked], seen: Sequence[Cameras], label: str, bucket: Bucket) -> list[list[Row]]:
    shown = reads.episodes_of_labels(asked, labels=[FACE, label], bucket=bucket, camera=seen)
    return [readings.by_hour(*each) for each in zip(seen, shown[FACE], shown[label], strict=True)]
