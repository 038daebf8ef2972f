"""More figures of the pages: visits and gestures, coverage, the typical week and day, confidences. Pure.

As in `analytics/plots/time_series.py`, colours are names of custom properties, and "nobody there" is a line
on the ground while "camera off" is hatched.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.models.quarters import CONFIDENCE_BINS
from analytics.numbers import readings
from analytics.numbers.measures import ConfidenceBucket, EngagementBucket, EpisodeBucket, WeekHour
from analytics.plots import time_series
from analytics.plots.layout import AXIS, HATCHED, INVISIBLE, Figure, layout, x_axis, y_axis
from analytics.plots.time_series import BAR_SHARE, DAY_NAMES, Showing

HOURS_PER_LABEL = 3
PALEST = 0.12
"""Opacity of an hour with hardly anybody in it; still unlike an empty one."""

SERIES = (("var(--data)", "circle"), ("var(--needle)", "square"), ("var(--warn)", "diamond"), ("var(--live)", "cross"))
"""Colour and mark of each place that is compared: told apart without colour too."""


@dataclass(frozen=True, slots=True)
class Line:
    """A place of a typical day: by local hour its value, None where no camera was on to tell."""

    name: str
    values: Sequence[float | None]


def episodes_figure(
    episodes: Sequence[EpisodeBucket], camera: Sequence[EngagementBucket], *, now: dt.datetime, what: str
) -> Figure:
    """How many episodes began in a bucket; `what` names them, such as "visits"."""
    texts = [describe_episodes(each, seen, what) for each, seen in zip(episodes, camera, strict=True)]
    return time_series.counted_figure([len(each.seconds) for each in episodes], camera, texts, now=now)


def describe_episodes(episodes: EpisodeBucket, seen: EngagementBucket, what: str) -> str:
    """The episodes in words, lines parted by `<br>`."""
    if not episodes.is_known:
        return time_series.describe(seen)
    median = episodes.median_seconds
    length = f"<br>{readings.duration(median)} long (median)" if median is not None else ""
    return f"<b>{time_series.span(episodes)}</b><br>{len(episodes.seconds):,} {what}{length}"


def coverage_figure(camera: Sequence[EngagementBucket], *, now: dt.datetime) -> Figure:
    """The share of a bucket's minutes in which the camera was on, in per cent."""
    along = time_series.spans(camera)
    on = [placed for placed in zip(along, camera, strict=True) if placed[1].minutes_seen]
    heights = [round(100 * bucket.coverage) for _, bucket in on]
    shown = time_series.bars([span for span, _ in on], heights, "var(--line-strong)")
    texts = [time_series.describe(bucket) for bucket in camera]
    steps = {"tickvals": [0, 50, 100], "ticktext": ["0", "50 %", "100 %"]}
    return time_series.figure([shown], [], camera, texts, along=along, now=now, steps=steps, top=100)


def week_figure(week: Sequence[Sequence[WeekHour]]) -> Figure:
    """A typical week as a map: a row a weekday, a column an hour, the darker the more people on average."""
    hours = [hour for day in week for hour in day]
    top = max((hour.engagement.average_faces or 0.0 for hour in hours), default=0.0) or 1.0
    states = {state: [hour for hour in hours if _showing(hour) is state] for state in Showing}
    people = states[Showing.PEOPLE]
    strengths = [PALEST + (1 - PALEST) * (hour.engagement.average_faces or 0.0) / top for hour in people]
    colour = {"color": "var(--data)", "opacity": [round(strength, 3) for strength in strengths], "line": {"width": 0}}
    return {
        "data": [
            _cells(people, colour),
            _cells(states[Showing.OFF], HATCHED, share=1.0),
            _cells(states[Showing.NOBODY], {"color": "var(--data)", "line": {"width": 0}}, height=0.08),
            _cells(states[Showing.UNCOUNTED], {"color": "var(--line-strong)", "line": {"width": 0}}, height=0.08),
            {
                **_cells(hours, INVISIBLE, share=1.0),
                "hoverinfo": "text",
                "hovertext": [describe_hour(hour) for hour in hours],
            },
        ],
        "layout": layout(
            margin={"l": 40, "r": 6, "t": 8, "b": 28},
            xaxis=x_axis(
                [(hour, f"{hour:02}:00") for hour in range(0, 24, HOURS_PER_LABEL)], range=[0, 24], showline=False
            ),
            yaxis={
                **AXIS,
                "range": [7, 0],
                "tickvals": [day + 0.5 for day in range(7)],
                "ticktext": list(DAY_NAMES),
                "showgrid": False,
            },
        ),
    }


def describe_hour(hour: WeekHour) -> str:
    """The hour of a typical week in words, lines parted by `<br>`."""
    seen = hour.engagement
    words = {
        Showing.AHEAD: "not in this period",
        Showing.OFF: "camera off",
        Showing.UNCOUNTED: "camera on; it does not look for faces",
        Showing.NOBODY: "nobody there",
        Showing.PEOPLE: f"{seen.average_faces or 0:.2f} people on average, {seen.faces_peak} at most",
    }
    state = _showing(hour)
    visits = f"<br>{len(hour.visits.seconds):,} visits" if hour.visits.is_known else ""
    coverage = f"<br>camera on {seen.coverage:.0%} of the time" if state not in (Showing.AHEAD, Showing.OFF) else ""
    return (
        f"<b>{DAY_NAMES[hour.weekday]}, {hour.hour:02}:00–{hour.hour + 1:02}:00</b><br>{words[state]}{visits}{coverage}"
    )


def histogram_figure(days: Sequence[ConfidenceBucket]) -> Figure:
    """How many detections lie in each step of confidence, of these days together."""
    bins = [sum(day.bins[number] for day in days) for number in range(CONFIDENCE_BINS)]
    step = 100 / CONFIDENCE_BINS
    texts = [
        f"<b>{number * step:.0f}–{(number + 1) * step:.0f} %</b><br>{count:,} detections"
        for number, count in enumerate(bins)
    ]
    shown = {
        "type": "bar",
        "x": [(number + 0.5) * step for number in range(CONFIDENCE_BINS)],
        "y": bins,
        "width": step * BAR_SHARE,
        "marker": {"color": ["var(--data)"] * CONFIDENCE_BINS, "line": {"width": 0}},
        "hovertext": texts,
        "hoverinfo": "text",
    }
    ticks = [(float(percent), f"{percent} %") for percent in range(0, 101, 20)]
    return {
        "data": [shown],
        "layout": layout(
            margin={"l": 44, "r": 14, "t": 8, "b": 28},
            xaxis=x_axis(ticks, range=[0, 100]),
            yaxis=y_axis(max(bins), nticks=5),
        ),
    }


def typical_day_figure(lines: Sequence[Line]) -> Figure:
    """Average people by local hour, a line a place; a line is broken where no camera was on."""
    highest = max((value or 0.0 for line in lines for value in line.values), default=0.0)
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": line.name,
                "x": [hour + 0.5 for hour in range(24)],
                "y": [None if value is None else round(value, 3) for value in line.values],
                "line": {"color": colour, "width": 2},
                "marker": {"color": colour, "symbol": symbol, "size": 7},
                "connectgaps": False,
                "hoverinfo": "text",
                "hovertext": [_point(line.name, hour, value) for hour, value in enumerate(line.values)],
            }
            for line, (colour, symbol) in zip(lines, SERIES, strict=False)
        ],
        "layout": layout(
            margin={"l": 40, "r": 6, "t": 8, "b": 28},
            xaxis=x_axis([(hour, f"{hour:02}:00") for hour in range(0, 25, HOURS_PER_LABEL)], range=[0, 24]),
            yaxis=y_axis(highest, nticks=5),
        ),
    }


def _point(name: str, hour: int, value: float | None) -> str:
    words = "camera off" if value is None else f"{value:.2f} people on average"
    return f"<b>{name}, {hour:02}:00–{hour + 1:02}:00</b><br>{words}"


def _showing(hour: WeekHour) -> Showing:
    return time_series.showing(hour.engagement)


def _cells(
    hours: Sequence[WeekHour], marker: Figure, *, share: float = BAR_SHARE, height: float | None = None
) -> Figure:
    """The hours' cells, or lines of this height at their bottom."""
    inset = (1 - share) / 2
    top = share if height is None else height
    return {
        "type": "bar",
        "x": [hour.hour + 0.5 for hour in hours],
        "base": [hour.weekday + 1 - inset - top for hour in hours],
        "y": [top] * len(hours),
        "width": share,
        "marker": marker,
        "hoverinfo": "skip",
    }
