"""A period in numbers: six readings, each beside its previous value, and a table of hours or days. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from analytics.measures import EngagementBucket, EpisodeBucket, episode_sum

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


def by_day(hours: Sequence[Row]) -> list[Row]:
    """Adjoining hours by the local day they begin in."""
    return [total(list(day)) for _, day in groupby(hours, lambda row: row.camera.start.date())]


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
