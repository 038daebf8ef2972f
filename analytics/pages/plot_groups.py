"""The figures of the pages of a site and of a device, in two groups that the browser asks for by themselves.

Each group is a dictionary of JSON by the ids that the page's plots name. The same few queries however long the period.
"""

from collections.abc import Callable, Sequence
from typing import Any

from analytics.models import FACE
from analytics.numbers import readings, reads
from analytics.numbers.measures import ConfidenceBucket, EpisodeBucket, week
from analytics.numbers.periods import Period
from analytics.numbers.rows import Cameras, bucket_of
from analytics.numbers.selections import Asked
from analytics.plots import figures, time_series
from devices.models import Device

Plots = dict[str, Any]


def engagement(devices: Sequence[Device], period: Period, label: str) -> Plots:
    """Who faced the displays of these devices of one site. Two queries; the label is none of its concern."""
    asked, (hours,) = _hours(devices, period)
    (visits,) = reads.episodes_each(asked, label=FACE, bucket="hour", camera=[hours])
    days, of_days = _rows(hours, period), _merged(visits, period)
    return {
        "engagement-figure": time_series.engagement_figure(hours, now=period.now),
        "week-figure": figures.week_figure(week(hours, visits)),
        "visits-figure": figures.episodes_figure(of_days, days, now=period.now, what="visits"),
        "coverage-figure": figures.coverage_figure(days, now=period.now),
    }


def gestures(devices: Sequence[Device], period: Period, label: str) -> Plots:
    """How often the label was shown to these devices of one site, and how sure they were of it. Three queries."""
    asked, (hours,) = _hours(devices, period)
    now, what = period.now, f"times {label}"
    (shown,) = reads.episodes_each(asked, label=label, bucket="hour", camera=[hours])
    days = _rows(hours, period)
    (sure,) = reads.confidences_each(asked, label=label, bucket=bucket_of(period), camera=[days])
    found: Plots = {
        "hourly-figure": figures.episodes_figure(shown, hours, now=now, what=what),
        "raw-figure": time_series.count_figure([each.at_least(0) for each in sure], days, now=now),
        "histogram-figure": figures.histogram_figure(sure),
        "thresholds": threshold_data(sure),
    }
    if period.days > 1:
        found["daily-figure"] = figures.episodes_figure(_merged(shown, period), days, now=now, what=what)
    return found


GROUPS: dict[str, Callable[[Sequence[Device], Period, str], Plots]] = {"engagement": engagement, "gestures": gestures}
"""By the names that their addresses have."""


def threshold_data(buckets: Sequence[ConfidenceBucket]) -> list[dict[str, Any]]:
    """What the browser needs to count again with another threshold: every bucket's detections by confidence."""
    return [
        {
            "name": time_series.span(each),
            "bins": each.bins,
            "millionths": each.confidence_millionths,
            "known": each.is_known,
            "at": time_series.ms(each.start),
        }
        for each in buckets
    ]


def _hours(devices: Sequence[Device], period: Period) -> tuple[list[Asked], list[Cameras]]:
    asked = [Asked(devices, period.zone, period.start, period.end)]
    return asked, reads.engagement_each(asked, bucket="hour", now=period.now)


def _rows(hours: Cameras, period: Period) -> Cameras:
    return hours if period.days == 1 else readings.days_of(hours)


def _merged(hours: Sequence[EpisodeBucket], period: Period) -> Sequence[EpisodeBucket]:
    return hours if period.days == 1 else readings.days_of_episodes(hours)
