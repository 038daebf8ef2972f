"""A period in numbers: six readings, each beside its previous value, and a table of hours or days. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from analytics.numbers.measures import (
    CountBucket,
    EngagementBucket,
    EpisodeBucket,
    engagement_sum,
    episode_sum,
)

NOTHING = "–"
CELLS = 9
"""Of a row of a table."""


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
    whole = engagement_sum(buckets)
    return EngagementBucket(
        start=buckets[0].start,
        end=buckets[-1].end,
        minutes=whole.minutes,
        frames=whole.frames,
        faces_sum=whole.faces_sum,
        faces_peak=whole.faces_peak,
        minutes_seen=whole.minutes_seen,
        minutes_occupied=whole.minutes_occupied,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """An hour or a day of the table, or a whole period."""

    camera: EngagementBucket
    visits: EpisodeBucket
    gestures: EpisodeBucket
    """The distinct gestures of one label."""


def by_hour(
    hours: Sequence[EngagementBucket], visits: Sequence[EpisodeBucket], gestures: Sequence[EpisodeBucket]
) -> list[Row]:
    """A row for each hour. Raises `ValueError` where they differ in length."""
    return [Row(*row) for row in zip(hours, visits, gestures, strict=True)]


def total(rows: Sequence[Row]) -> Row:
    """These adjoining rows as one. Raises `IndexError` where there are none."""
    return Row(
        camera=merged([row.camera for row in rows]),
        visits=merged_episodes([row.visits for row in rows]),
        gestures=merged_episodes([row.gestures for row in rows]),
    )


def merged_episodes(buckets: Sequence[EpisodeBucket]) -> EpisodeBucket:
    """These adjoining buckets as one. Raises `IndexError` where there are none."""
    whole = episode_sum(buckets)
    return EpisodeBucket(buckets[0].start, buckets[-1].end, whole.seconds, whole.peak, whole.is_known)


def days_of(hours: Sequence[EngagementBucket]) -> list[EngagementBucket]:
    """Adjoining hours by the local day they begin in."""
    return [merged(list(day)) for _, day in groupby(hours, lambda hour: hour.start.date())]


def days_of_episodes(hours: Sequence[EpisodeBucket]) -> list[EpisodeBucket]:
    """Adjoining hours by the local day they begin in."""
    return [merged_episodes(list(day)) for _, day in groupby(hours, lambda hour: hour.start.date())]


def cells(row: Row, raw: CountBucket) -> list[str]:
    """A row as a table writes it, with its detections of the label in single frames, `raw`.

    Average, peak, occupied, visits, median stay, gestures, raw, mean confidence, coverage.
    """
    camera, visits, gestures = row.camera, row.visits, row.gestures
    return [
        written("{:.2f}", camera.average_faces),
        written("{:,}", camera.known_peak),
        written("{:.0%}", camera.occupied_share),
        written("{:,}", visits.known_count),
        duration(visits.median_seconds),
        written("{:,}", gestures.known_count),
        written("{:,}", raw.count),
        written("{:.0%}", raw.mean_confidence),
        written("{:.0%}", camera.coverage),
    ]


def readings(period: Row, previous: Row, *, label: str) -> list[Reading]:
    """The readings of a whole period beside those of the one before; `label` is that of the rows' gestures."""
    now, before = period.camera, previous.camera
    visits, median = period.visits.known_count, period.visits.median_seconds
    gap = "a new one after 20 s without anybody"
    explanation = gap if median is None else f"{gap}; half of them longer than {duration(median)}"
    return [
        _reading(
            "Average", "people", "{:.2f}", now.average_faces, before.average_faces, "facing the display at a time"
        ),
        _reading("Peak", "people", "{:,}", now.known_peak, before.known_peak, "facing the display in one frame"),
        _reading("Occupied", "", "{:.0%}", now.occupied_share, before.occupied_share, "of the time somebody was there"),
        _reading("Visits", "", "{:,}", visits, previous.visits.known_count, explanation),
        _reading(
            label.capitalize(),
            "",
            "{:,}",
            period.gestures.known_count,
            previous.gestures.known_count,
            "distinct: held up once, however long",
        ),
        _reading("Coverage", "", "{:.0%}", now.coverage, before.coverage, "of the time the camera was on"),
    ]


def duration(seconds: float | None) -> str:
    """Such as "42 s" or "3 min 5 s"; `NOTHING` where there is none."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


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
