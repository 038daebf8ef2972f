"""A session as a figure, and a comparison as a sentence. Pure."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from analytics.features.groundtruth.comparison import MINUTE, Comparison, Minute
from analytics.features.groundtruth.reads import Accuracy
from analytics.numbers.measures import EngagementBucket
from analytics.plots import time_series
from analytics.plots.layout import Figure
from analytics.verdicts.metrics import format_number

PERSON_COLOUR = "var(--needle)"


def session_figure(minutes: Sequence[Minute], zone: ZoneInfo) -> Figure:
    """Return a figure: the camera's minutes as bars, the person's as a line. Raises `IndexError` without a minute."""
    buckets = [_bucket(minute, zone) for minute in minutes]
    figure = time_series.engagement_figure(buckets, now=buckets[-1].end)
    xaxis, yaxis = figure["layout"]["xaxis"], figure["layout"]["yaxis"]
    figure["data"].insert(-1, _line(minutes))
    figure["data"][-1]["hovertext"] = [describe(*both) for both in zip(buckets, minutes, strict=True)]
    top = max(minute.person for minute in minutes)
    yaxis["range"] = [0, max(yaxis["range"][1], top * 1.08)]
    xaxis["tickvals"], xaxis["ticktext"] = _ticks(buckets)
    return figure


def describe(bucket: EngagementBucket, minute: Minute) -> str:
    """Return the minute in words, in lines separated by `<br>`."""
    camera = "camera off" if minute.camera is None else f"camera {minute.camera:.2f}"
    return f"<b>{bucket.start:%H:%M %Z}</b><br>person {minute.person:.2f}<br>{camera}"


def sentence(comparison: Comparison) -> str:
    """Return “The camera measures 84% of what a person counts (71% to 97%).” and the like."""
    if comparison.camera is None:
        return "There is no full minute yet in which a person counted while the camera was on."
    if comparison.share is None:
        return f"The person saw nobody; the camera saw {comparison.camera:.2f} people on average."
    return f"The camera measures {share_in_words(comparison)}."


def share_in_words(comparison: Comparison) -> str:
    """Return “84% of what a person counts (71% to 97%)”; `comparison.share` must not be None."""
    interval = comparison.share_interval
    known = f"{interval.low:.0%} to {interval.high:.0%}" if interval else "too few minutes for an interval"
    return f"{format_number('{:.0%}', comparison.share)} of what a person counts ({known})"


def calibration(accuracy: Accuracy) -> str:
    """Return what a device's calibration says, such as “Measures 94% of what a person counts (91% to 97%) for people
    present, and 98% of what a person counts (90% to 106%) for visits, counted on 21 Nov 2026.”

    "" where nobody has counted while the camera was on.
    """
    counted_at, present, visits = accuracy.counted_at, accuracy.comparison, accuracy.visits
    if counted_at is None:
        return ""
    zone = accuracy.device.site.zone
    parts = [f"{share_in_words(present)} for people present"] if present.share is not None else []
    if visits is not None and visits.share is not None:
        parts.append(f"{share_in_words(visits)} for visits")
    counted = f"counted on {_date(counted_at, zone)}"
    if not parts:
        return f"{sentence(present).removesuffix('.')}, {counted}."
    told = f"{', and '.join(parts)}, {counted}"
    if accuracy.ended is None:
        renewed = accuracy.new_software
        doubt = renewed and f" New software came on {_date(renewed.at, zone)}, which may change what is counted."
        return f"Measures {told}.{doubt or ''}"
    changed = f"the {accuracy.ended.what} {'were' if accuracy.ended.is_several else 'was'} changed"
    return f"Measured {told}. On {_date(accuracy.ended.at, zone)} {changed}, so this holds no more: count again."


def _date(at: dt.datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


def _bucket(minute: Minute, zone: ZoneInfo) -> EngagementBucket:
    start, end = minute.start.astimezone(zone), (minute.start + MINUTE).astimezone(zone)
    minutes_seen = int(minute.frames > 0)
    return EngagementBucket(
        start, end, 1, minute.frames, minute.faces, minute.faces, minutes_seen, int(minute.faces > 0), minutes_seen
    )


def _line(minutes: Sequence[Minute]) -> Figure:
    """Return a line with a step per minute and a gap where nobody was counting."""
    x: list[int] = []
    y: list[float | None] = []
    for place, minute in enumerate(minutes):
        if place and minute.start != minutes[place - 1].start + MINUTE:
            x.append(x[-1])
            y.append(None)
        start = round(minute.start.timestamp() * 1000)
        x += [start, start + round(MINUTE.total_seconds() * 1000)]
        y += [round(minute.person, 3)] * 2
    line = {"color": PERSON_COLOUR, "width": 2}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"}


MOST_TICKS = 8
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 240)
"""Distances of ticks, in minutes."""


def _ticks(buckets: Sequence[EngagementBucket]) -> tuple[list[int], list[str]]:
    length = (buckets[-1].end - buckets[0].start) / MINUTE
    step = next((step for step in STEPS if length / step <= MOST_TICKS), STEPS[-1])
    starts = [bucket.start for bucket in buckets if not (bucket.start.hour * 60 + bucket.start.minute) % step]
    return [round(start.timestamp() * 1000) for start in starts], [f"{start:%H:%M}" for start in starts]
