"""Figures without a time axis: the typical week, the typical day of several places, and confidences. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.models.quarters import CONFIDENCE_BINS
from analytics.numbers.measures import HOURS, WEEKDAYS, BucketState, ConfidenceBucket, WeekHour
from analytics.plots import texts
from analytics.plots.layout import AXIS, BAR_SHARE, HATCHED, INVISIBLE, Figure, layout, x_axis, y_axis

HOURS_PER_LABEL = 3
MIN_OPACITY = 0.12
"""The opacity of an hour with hardly anybody in it; still unlike that of an hour with nobody."""

MARK_HEIGHT = 0.08
"""The height of a mark at the bottom of a heat map's cell, as a share of the cell."""

PLACE_STYLES = (
    ("var(--data)", "circle"),
    ("var(--needle)", "square"),
    ("var(--warn)", "diamond"),
    ("var(--live)", "cross"),
)
"""The colour and marker of each compared place: the markers tell them apart without colour."""


@dataclass(frozen=True, slots=True)
class TypicalDay:
    """The average people at a place by local hour."""

    name: str
    averages: Sequence[float | None]
    """For each hour from 0; None where no camera was on."""


def week_figure(week: Sequence[Sequence[WeekHour]]) -> Figure:
    """Draw a typical week as a heat map: a row for each weekday, a column for each hour, darker for more people."""
    hours = [hour for day in week for hour in day]
    in_state = {state: [hour for hour in hours if hour.engagement.state is state] for state in BucketState}
    highest = max((hour.engagement.average_faces or 0.0 for hour in hours), default=0.0) or 1.0
    people = in_state[BucketState.PEOPLE]
    opacities = [MIN_OPACITY + (1 - MIN_OPACITY) * (hour.engagement.average_faces or 0.0) / highest for hour in people]
    shade = {"color": "var(--data)", "opacity": [round(opacity, 3) for opacity in opacities], "line": {"width": 0}}
    nobody = {"color": "var(--data)", "line": {"width": 0}}
    uncounted = {"color": "var(--line-strong)", "line": {"width": 0}}
    return {
        "data": [
            _cells(people, shade),
            _cells(in_state[BucketState.OFF], HATCHED, share=1.0),
            _cells(in_state[BucketState.NOBODY], nobody, height=MARK_HEIGHT),
            _cells(in_state[BucketState.UNCOUNTED], uncounted, height=MARK_HEIGHT),
            {
                **_cells(hours, INVISIBLE, share=1.0),
                "hoverinfo": "text",
                "hovertext": [texts.describe_week_hour(hour) for hour in hours],
            },
        ],
        "layout": layout(
            margin={"l": 40, "r": 6, "t": 8, "b": 28},
            xaxis=x_axis(_hour_ticks(HOURS), range=[0, HOURS], showline=False),
            yaxis={
                **AXIS,
                "range": [WEEKDAYS, 0],
                "tickvals": [day + 0.5 for day in range(WEEKDAYS)],
                "ticktext": list(texts.DAY_NAMES),
                "showgrid": False,
            },
        ),
    }


def confidence_figure(buckets: Sequence[ConfidenceBucket]) -> Figure:
    """Draw a histogram of the confidences of all these buckets together."""
    counts = [sum(bucket.bins[number] for bucket in buckets) for number in range(CONFIDENCE_BINS)]
    width = 100 / CONFIDENCE_BINS
    hover_texts = [
        f"<b>{number * width:.0f}–{(number + 1) * width:.0f} %</b><br>{count:,} detections"
        for number, count in enumerate(counts)
    ]
    bars = {
        "type": "bar",
        "x": [(number + 0.5) * width for number in range(CONFIDENCE_BINS)],
        "y": counts,
        "width": width * BAR_SHARE,
        "marker": {"color": ["var(--data)"] * CONFIDENCE_BINS, "line": {"width": 0}},
        "hovertext": hover_texts,
        "hoverinfo": "text",
    }
    ticks = [(float(percent), f"{percent} %") for percent in range(0, 101, 20)]
    return {
        "data": [bars],
        "layout": layout(
            margin={"l": 44, "r": 14, "t": 8, "b": 28},
            xaxis=x_axis(ticks, range=[0, 100]),
            yaxis=y_axis(max(counts), nticks=5),
        ),
    }


def typical_day_figure(days: Sequence[TypicalDay]) -> Figure:
    """Draw the average people by local hour, a line for each place, broken where no camera was on."""
    highest = max((average or 0.0 for day in days for average in day.averages), default=0.0)
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": day.name,
                "x": [hour + 0.5 for hour in range(HOURS)],
                "y": [None if average is None else round(average, 3) for average in day.averages],
                "line": {"color": colour, "width": 2},
                "marker": {"color": colour, "symbol": symbol, "size": 7},
                "connectgaps": False,
                "hoverinfo": "text",
                "hovertext": [_describe_hour(day.name, hour, average) for hour, average in enumerate(day.averages)],
            }
            for day, (colour, symbol) in zip(days, PLACE_STYLES, strict=False)
        ],
        "layout": layout(
            margin={"l": 40, "r": 6, "t": 8, "b": 28},
            xaxis=x_axis(_hour_ticks(HOURS + 1), range=[0, HOURS]),
            yaxis=y_axis(highest, nticks=5),
        ),
    }


def _hour_ticks(end: int) -> list[tuple[float, str]]:
    return [(hour, f"{hour:02}:00") for hour in range(0, end, HOURS_PER_LABEL)]


def _describe_hour(name: str, hour: int, average: float | None) -> str:
    people = "camera off" if average is None else f"{average:.2f} people on average"
    return f"<b>{name}, {hour:02}:00–{hour + 1:02}:00</b><br>{people}"


def _cells(
    hours: Sequence[WeekHour], marker: Figure, *, share: float = BAR_SHARE, height: float | None = None
) -> Figure:
    """Return a trace of the hours' cells, or of marks of this height at the bottom of the cells."""
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
