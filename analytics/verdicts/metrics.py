"""The metrics of a period as text, compared with the period before; and the cells of a table. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from analytics.numbers.measures import Activity, CountBucket
from analytics.verdicts.findings import Finding
from analytics.verdicts.hour_series import Measure

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
    finding: Finding | None
    """How it compares; None for a metric that is not compared."""


def metrics(
    total: Activity,
    findings: Mapping[Measure, Finding],
    *,
    label: str,
    visits: int | None = None,
    with_visits: bool = False,
) -> list[Metric]:
    """Return the metrics of a period: average, peak, occupied share, occupied spells, gestures and coverage.

    Visits come first where they are known, and `with_visits` also where they are not.

    `total` is the period as one bucket, `label` that of its gestures. A peak is not compared, because a longer look
    finds a higher one, and coverage is a fact about the camera.
    """
    engagement, spells, median = total.engagement, total.spells.known_count, total.spells.median_seconds
    gap = "a spell ends after 20 s without a face"
    longer = "half of the spells lasted less than a second"
    if median is not None and median >= 1:
        longer = f"half of the spells were longer than {format_duration(median)}"
    explanation = gap if median is None else f"{gap}; {longer}"
    average, gestures = engagement.average_faces, total.gestures.known_count
    came = _metric(
        "Visits", "", "{:,}", visits, "one person each, from coming to leaving", findings.get(Measure.VISITS)
    )
    return [
        *([came] if with_visits or visits is not None else []),
        _metric("Average", "people", "{:.2f}", average, "facing the display at a time", findings.get(Measure.AVERAGE)),
        _metric("Peak", "people", "{:,}", engagement.known_peak, "facing the display in one frame"),
        _metric(
            "Occupied",
            "",
            "{:.0%}",
            engagement.occupied_share,
            "of the time somebody was there",
            findings.get(Measure.OCCUPIED),
        ),
        _metric("Occupied spells", "", "{:,}", spells, explanation, findings.get(Measure.SPELLS)),
        _metric(
            label.capitalize(),
            "",
            "{:,}",
            gestures,
            "each counted once, however long it was shown",
            findings.get(Measure.GESTURES),
        ),
        _metric("Coverage", "", "{:.0%}", engagement.known_coverage, "of the time the camera was on"),
    ]


def table_cells(activity: Activity, counts: CountBucket) -> list[str]:
    """Return the cells of a table row for a bucket; `counts` are the label's detections in single frames.

    Average, peak, occupied share, spells, median spell, gestures, detections, their mean confidence, coverage.
    """
    engagement, spells = activity.engagement, activity.spells
    return [
        format_number("{:.2f}", engagement.average_faces),
        format_number("{:,}", engagement.known_peak),
        format_number("{:.0%}", engagement.occupied_share),
        format_number("{:,}", spells.known_count),
        format_duration(spells.median_seconds),
        format_number("{:,}", activity.gestures.known_count),
        format_number("{:,}", counts.known_count),
        format_number("{:.0%}", counts.mean_confidence),
        format_number("{:.0%}", engagement.known_coverage),
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
    name: str, unit: str, pattern: str, value: float | None, explanation: str, finding: Finding | None = None
) -> Metric:
    return Metric(name, format_number(pattern, value), "" if value is None else unit, explanation, finding)
