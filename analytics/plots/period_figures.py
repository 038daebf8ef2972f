"""All plots of the page of a site or device, from the numbers of its period. Pure."""

from collections.abc import Sequence
from typing import Any

from analytics.numbers.measures import ConfidenceBucket, typical_week
from analytics.plots import distributions, texts, time_series
from analytics.verdicts.period_numbers import PlotNumbers


def period_figures(numbers: PlotNumbers) -> dict[str, Any]:
    """Return the page's figures by the ids that its plots name, and the data of the threshold's slider."""
    now, label, hours, buckets = numbers.period.now, numbers.label, numbers.hours, numbers.buckets
    counts = [each.at_least(0) for each in numbers.confidences]
    figures: dict[str, Any] = {
        "engagement-figure": time_series.engagement_figure(hours, now=now, changes=numbers.past.changes),
        "spells-figure": time_series.spells_figure(numbers.in_buckets(numbers.spells), buckets, now=now),
        "coverage-figure": time_series.coverage_figure(buckets, now=now),
        "hourly-figure": time_series.gestures_figure(numbers.gestures, hours, label=label, now=now),
        "raw-figure": time_series.count_figure(counts, buckets, now=now),
        "histogram-figure": distributions.confidence_figure(numbers.confidences),
        "thresholds": _threshold_data(numbers.confidences),
    }
    if numbers.past.today is not None:
        figures["today-figure"] = time_series.today_figure(numbers.past.today, now=now)
    if numbers.period.has_hours:
        figures["week-figure"] = distributions.week_figure(typical_week(hours, numbers.spells))
    if numbers.period.days > 1:
        gestures = numbers.in_buckets(numbers.gestures)
        figures["daily-figure"] = time_series.gestures_figure(gestures, buckets, label=label, now=now)
    return figures


def _threshold_data(buckets: Sequence[ConfidenceBucket]) -> list[dict[str, Any]]:
    """Return each bucket's detections by confidence, with which threshold.js counts again at another threshold."""
    return [
        {
            "name": texts.format_bucket(bucket),
            "bins": bucket.bins,
            "millionths": bucket.confidence_millionths,
            "known": bucket.is_known,
            "at": time_series.milliseconds(bucket.start),
        }
        for bucket in buckets
    ]
