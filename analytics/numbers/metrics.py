"""The metrics of a period as text, compared with the period before; and the cells of a table. Pure."""

from dataclasses import dataclass

from analytics.numbers.measures import Activity, CountBucket

UNKNOWN = "–"
"""Stands for a number that no camera was on to measure."""

TABLE_COLUMNS = 9
"""The number of cells that `table_cells` returns."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of a whole period as text, and how it compares with the period before."""

    name: str
    value: str
    """Formatted; `UNKNOWN` where no camera was on."""
    unit: str
    """Empty without a unit or without a value."""
    explanation: str
    comparison: str
    """Such as "up from 0.42"."""
    change: int
    """1 where the number grew, -1 where it fell, 0 where both look the same or cannot be compared."""


def metrics(total: Activity, previous: Activity, *, label: str) -> list[Metric]:
    """Return six metrics of a period: average, peak, occupied share, visits, gestures and coverage.

    `total` and `previous` are the period and the period before, each as one bucket; `label` is that of their gestures.
    """
    now, before = total.engagement, previous.engagement
    visits, median = total.visits.known_count, total.visits.median_seconds
    gap = "a visit ends after 20 s without a face"
    explanation = gap if median is None else f"{gap}; half of the visits were longer than {format_duration(median)}"
    return [
        _metric("Average", "people", "{:.2f}", now.average_faces, before.average_faces, "facing the display at a time"),
        _metric("Peak", "people", "{:,}", now.known_peak, before.known_peak, "facing the display in one frame"),
        _metric("Occupied", "", "{:.0%}", now.occupied_share, before.occupied_share, "of the time somebody was there"),
        _metric("Visits", "", "{:,}", visits, previous.visits.known_count, explanation),
        _metric(
            label.capitalize(),
            "",
            "{:,}",
            total.gestures.known_count,
            previous.gestures.known_count,
            "each counted once, however long it was shown",
        ),
        _metric("Coverage", "", "{:.0%}", now.coverage, before.coverage, "of the time the camera was on"),
    ]


def table_cells(activity: Activity, counts: CountBucket) -> list[str]:
    """Return the cells of a table row for a bucket; `counts` are the label's detections in single frames.

    Average, peak, occupied share, visits, median visit, gestures, detections, their mean confidence, coverage.
    """
    engagement, visits = activity.engagement, activity.visits
    return [
        format_number("{:.2f}", engagement.average_faces),
        format_number("{:,}", engagement.known_peak),
        format_number("{:.0%}", engagement.occupied_share),
        format_number("{:,}", visits.known_count),
        format_duration(visits.median_seconds),
        format_number("{:,}", activity.gestures.known_count),
        format_number("{:,}", counts.count),
        format_number("{:.0%}", counts.mean_confidence),
        format_number("{:.0%}", engagement.coverage),
    ]


def format_number(pattern: str, value: float | None) -> str:
    """Format the value with a pattern of `str.format`; `UNKNOWN` for None."""
    return UNKNOWN if value is None else pattern.format(value)


def format_duration(seconds: float | None) -> str:
    """Format a duration, such as "42 s" or "3 min 5 s"; `UNKNOWN` for None."""
    if seconds is None:
        return UNKNOWN
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _metric(
    name: str, unit: str, pattern: str, value: float | None, previous: float | None, explanation: str
) -> Metric:
    shown, before = format_number(pattern, value), format_number(pattern, previous)
    if previous is None or value is None:
        comparison = "nothing to compare with" if previous is None else f"{before} before"
        return Metric(name, shown, "" if value is None else unit, explanation, comparison, 0)
    change = 0 if shown == before else 1 if value > previous else -1
    comparison = {1: f"up from {before}", -1: f"down from {before}", 0: "as before"}[change]
    return Metric(name, shown, unit, explanation, comparison, change)
