"""A device's period in numbers: five readings, each beside its previous value, and a table of hours or days. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from analytics.reads import CountBucket, EngagementBucket

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Reading:
    """A number as it is shown, `NOTHING` where nothing was seen, and how it compares with the previous period."""

    name: str
    value: str
    unit: str
    explanation: str
    comparison: str
    """Such as "up from 0.42"."""
    change: int
    """1 where it grew, -1 where it fell, 0 where the two look the same or cannot be compared."""


def merged(buckets: Sequence[EngagementBucket]) -> EngagementBucket:
    """These adjoining buckets as one. Raises `IndexError` where there are none."""
    return EngagementBucket(
        start=buckets[0].start,
        end=buckets[-1].end,
        minutes=sum(bucket.minutes for bucket in buckets),
        frames=sum(bucket.frames for bucket in buckets),
        faces_sum=sum(bucket.faces_sum for bucket in buckets),
        faces_peak=max(bucket.faces_peak for bucket in buckets),
        minutes_seen=sum(bucket.minutes_seen for bucket in buckets),
        minutes_occupied=sum(bucket.minutes_occupied for bucket in buckets),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """An hour or a day of the table."""

    camera: EngagementBucket
    thumbs_up: CountBucket


def by_hour(hours: Sequence[EngagementBucket], thumbs_up: Sequence[CountBucket]) -> list[Row]:
    """A row for each hour. Raises `ValueError` where the two differ in length."""
    return [Row(camera, count) for camera, count in zip(hours, thumbs_up, strict=True)]


def total(rows: Sequence[Row]) -> Row:
    """These adjoining rows as one. Raises `IndexError` where there are none."""
    counts = [row.thumbs_up for row in rows]
    count = CountBucket(
        start=counts[0].start,
        end=counts[-1].end,
        count=sum(bucket.count for bucket in counts),
        confidence_millionths_sum=sum(bucket.confidence_millionths_sum for bucket in counts),
        is_known=any(bucket.is_known for bucket in counts),
    )
    return Row(merged([row.camera for row in rows]), count)


def by_day(hours: Sequence[Row]) -> list[Row]:
    """Adjoining hours by the local day they begin in."""
    return [total(list(day)) for _, day in groupby(hours, lambda row: row.camera.start.date())]


def readings(period: Row, previous: Row) -> list[Reading]:
    """The readings of a whole period beside those of the one before."""
    now, before = period.camera, previous.camera
    thumbs_up, thumbs_before = _thumbs_up(period), _thumbs_up(previous)
    return [
        _reading(
            "Average", "people", "{:.2f}", now.average_faces, before.average_faces, "facing the display at a time"
        ),
        _reading("Peak", "people", "{:,}", _peak(now), _peak(before), "facing the display in one frame"),
        _reading("Occupied", "", "{:.0%}", now.occupied_share, before.occupied_share, "of the time somebody was there"),
        _reading("Thumbs-up", "", "{:,}", thumbs_up, thumbs_before, "frames that show one, each hand counted"),
        _reading("Coverage", "", "{:.0%}", now.coverage, before.coverage, "of the time the camera was on"),
    ]


def written(pattern: str, value: float | None) -> str:
    """The value in this format, or `NOTHING`."""
    return NOTHING if value is None else pattern.format(value)


def _reading(
    name: str, unit: str, pattern: str, value: float | None, previous: float | None, explanation: str
) -> Reading:
    shown, before = written(pattern, value), written(pattern, previous)
    if previous is None or value is None:
        comparison = "nothing to compare with" if previous is None else f"{before} before"
        return Reading(name, shown, "" if value is None else unit, explanation, comparison, 0)
    change = 0 if shown == before else 1 if value > previous else -1
    comparison = {1: f"up from {before}", -1: f"down from {before}", 0: "as before"}[change]
    return Reading(name, shown, unit, explanation, comparison, change)


def _peak(bucket: EngagementBucket) -> int | None:
    return bucket.faces_peak if bucket.frames else None


def _thumbs_up(row: Row) -> int | None:
    return row.thumbs_up.count if row.camera.minutes_seen else None
