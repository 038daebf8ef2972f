"""Compares spans of time of a place, measure by measure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from analytics.verdicts.corrections import Corrected, correct
from analytics.verdicts.hour_series import MEASURE_NAMES, HourSeries, Measure
from analytics.verdicts.matched import Comparison, Side, compare

Span = tuple[dt.datetime, dt.datetime]


def compare_spans(series: HourSeries, after: Span, before: Span) -> dict[Measure, Comparison]:
    """Compare each measure of a place in one span of time with the same measure in another span.

    An hour belongs to a span if it begins from the span's start on and before its end. Where the setup of a camera
    changed, counts by eye correct its hours, or only those with the setup that both spans have are compared; the
    comparison says what was changed.
    """
    hours, others = series.between(*after), series.between(*before)
    setups, measures = series.setups, series.measures()
    if setups is None:
        return {name: compare(Side(each, hours), Side(each, others)) for name, each in measures.items()}
    found = {name: correct(each, name, setups, hours, others) for name, each in measures.items()}
    notes = setups.sentences(min(after[0], before[0]), max(after[1], before[1]), _corrected_measures(found))
    return {
        name: replace(compare(Side(each.measure, hours), Side(each.measure, others)), notes=notes)
        for name, each in found.items()
    }


def _corrected_measures(found: Mapping[Measure, Corrected]) -> dict[int, list[str]]:
    """Return in words which measures of each camera are corrected."""
    corrected: dict[int, list[str]] = defaultdict(list)
    for name, each in found.items():
        for spot in each.spots:
            corrected[spot].append(MEASURE_NAMES[name])
    return corrected


def count_visits(series: HourSeries, span: Span) -> int | None:
    """Return how many visits began in a span of time; None where no camera followed people in it."""
    hours = series.between(*span)
    return int(series.visits[:, hours].sum()) if series.followed[:, hours].any() else None


def average_side(series: HourSeries, start: dt.datetime, end: dt.datetime) -> Side:
    """Return the average of all cameras together in a span of time, for a comparison with another place."""
    together = series.together()
    return Side(together.measures()[Measure.AVERAGE], together.between(start, end))
