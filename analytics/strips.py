"""A device's day as a small drawing: a row of hours on a scale, with a hand at now. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from analytics import charts
from analytics.reads import EngagementBucket

WIDTH = 240.0
HEIGHT = 36.0
"""The view box; all lengths of a strip are in its units."""

DASH = 1.5
GAP = (1 - charts.BAR_SHARE) / 2
"""On either side of a bar, as a share of its hour."""
HOURS_PER_TICK = 6

HEIGHTS = {
    charts.Showing.AHEAD: 0.0,
    charts.Showing.UNCOUNTED: DASH,
    charts.Showing.NOBODY: DASH,
}


class StripBar(NamedTuple):
    """An hour of a strip, in units of its view box."""

    showing: charts.Showing
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Strip:
    """A site's day as a row of hours, with the hand at `now`."""

    hours: Sequence[EngagementBucket]
    bars: list[StripBar]
    ticks: list[tuple[float, str]]
    hand: float

    @property
    def text(self) -> str:
        """What is drawn, for those who cannot see it."""
        return charts.sentence(self.hours)

    @property
    def paths(self) -> list[tuple[charts.Showing, str]]:
        """The bars that are drawn alike as one SVG path each; a page of many devices is written faster with few."""
        drawn: dict[charts.Showing, list[str]] = {}
        for bar in self.bars:
            outline = f"M{bar.x:g} {bar.y:g}h{bar.width:g}v{bar.height:g}h{-bar.width:g}z"
            drawn.setdefault(bar.showing, []).append(outline)
        return [(showing, "".join(outlines)) for showing, outlines in drawn.items()]


def strip(hours: Sequence[EngagementBucket], *, now: dt.datetime, top: float) -> Strip:
    """The hours of one day; `top` is the average that fills the height, the same for all strips to be compared."""
    spans = charts.spans(hours)
    first, whole = spans[0][0], spans[-1][1] - spans[0][0]

    def at(ms: int) -> float:
        return round((ms - first) / whole * WIDTH, 2)

    hand = at(charts.ms(now))
    edges = [*(at(start) for start, _ in spans), WIDTH]
    bars = [
        _strip_bar(hour, left, right, top, hand) for hour, (left, right) in zip(hours, pairwise(edges), strict=True)
    ]
    ticks = [
        (left, str(hour.start.hour))
        for hour, left in zip(hours, edges, strict=False)
        if not hour.start.hour % HOURS_PER_TICK and not hour.start.fold
    ]
    return Strip(hours, [bar for bar in bars if bar.height], ticks, hand)


def _strip_bar(hour: EngagementBucket, left: float, right: float, top: float, hand: float) -> StripBar:
    state = charts.showing(hour)
    if state is charts.Showing.OFF:
        # Hatched hours adjoin without a gap: together they are one stretch without camera, up to now.
        return StripBar(state, left, 0.0, round(min(right, hand) - left, 2), HEIGHT)
    people = state is charts.Showing.PEOPLE
    height = round(max(DASH, (hour.average_faces or 0.0) / top * HEIGHT), 2) if people else HEIGHTS[state]
    gap = (right - left) * GAP
    return StripBar(state, round(left + gap, 2), round(HEIGHT - height, 2), round(right - left - 2 * gap, 2), height)
