"""Sparklines: adjoining hours as a row of bars in an SVG drawing, with a line at now. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from analytics.numbers.measures import BucketState, EngagementBucket
from analytics.plots import texts
from analytics.plots.layout import BAR_SHARE

WIDTH = 240.0
HEIGHT = 36.0
"""The size of the view box; all lengths of a sparkline are in its units."""

MIN_BAR_HEIGHT = 1.5
"""The height of "nobody there", and the least height of any bar."""

GAP = (1 - BAR_SHARE) / 2
"""The gap on either side of a bar, as a share of its hour."""

HOURS_PER_TICK = 6
MOST_HOURS_WITH_TICKS = 50
"""Two days; the labels of more would run into each other."""
BAR = f"M%g {HEIGHT:g}V%gH%gV{HEIGHT:g}z"
"""The SVG path of a bar, a format of its left end, top and right end; a page has many bars, and formatting is fast."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A row of hours."""

    hours: Sequence[EngagementBucket]
    edges: Sequence[float]
    """The x of the start of each hour, and of the end of the last one."""
    paths: Sequence[tuple[BucketState, str]]
    """One SVG path for all bars of a state: few paths make a page of many hours or devices smaller and faster."""
    now_x: float
    """The x of the line at now; it may lie outside of the hours."""

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The x and the text of each hour that is labelled; longer buckets and many hours have no labels."""
        if len(self.hours) > MOST_HOURS_WITH_TICKS or texts.is_day(self.hours[0]):
            return []
        return [
            (left, str(hour.start.hour))
            for hour, left in zip(self.hours, self.edges, strict=False)
            if not hour.start.hour % HOURS_PER_TICK and not hour.start.fold
        ]

    @property
    def summary(self) -> str:
        """The sparkline in words, for readers who cannot see it."""
        return texts.summarise(self.hours)


def sparkline(hours: Sequence[EngagementBucket], *, now: dt.datetime, top: float) -> Sparkline:
    """Draw these adjoining hours. An hour with `top` people on average fills the height.

    Raises `IndexError` without an hour.
    """
    first, last = hours[0].start.timestamp(), hours[-1].end.timestamp()
    scale = WIDTH / (last - first)
    edges = [round((hour.start.timestamp() - first) * scale, 2) for hour in hours]
    edges.append(WIDTH)
    now_x = round((now.timestamp() - first) * scale, 2)
    return Sparkline(hours, edges, _paths(hours, edges, now_x, top), now_x)


def _paths(
    hours: Sequence[EngagementBucket], edges: Sequence[float], now_x: float, top: float
) -> list[tuple[BucketState, str]]:
    bars: dict[BucketState, list[str]] = defaultdict(list)
    off: list[tuple[float, float]] = []
    for hour, (left, right) in zip(hours, pairwise(edges), strict=True):
        state = hour.state
        if state is BucketState.OFF:
            # Adjoining hours without a camera are hatched as one stretch, without gaps and up to now.
            start = off.pop()[0] if off and off[-1][1] == left else left
            off.append((start, min(right, now_x)))
        elif state not in (BucketState.AHEAD, BucketState.CLOSED):
            gap = (right - left) * GAP
            height = (hour.average_faces or 0.0) / top * HEIGHT
            bars[state].append(_bar(left + gap, right - gap, max(height, MIN_BAR_HEIGHT)))
    bars[BucketState.OFF] = [_bar(start, end, HEIGHT) for start, end in off]
    return [(state, "".join(paths)) for state, paths in bars.items() if paths]


def _bar(left: float, right: float, height: float) -> str:
    return BAR % (left, HEIGHT - height, right)
