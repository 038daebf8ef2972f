"""Hours as a small drawing: a row of bars on a scale, with a hand at now. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from analytics.numbers.reads import EngagementBucket
from analytics.plots import time_series
from analytics.plots.time_series import Showing

WIDTH = 240.0
HEIGHT = 36.0
"""The view box; all lengths of a strip are in its units."""

DASH = 1.5
GAP = (1 - time_series.BAR_SHARE) / 2
"""On either side of a bar, as a share of its hour."""
HOURS_PER_TICK = 6
BAR = f"M%g {HEIGHT:g}V%gH%gV{HEIGHT:g}z"
"""An SVG path of a bar on the ground, from its left to its top and its right. A format, for a page has many of them."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A row of hours, with the hand at `now`, which may lie after them."""

    hours: Sequence[EngagementBucket]
    edges: Sequence[float]
    """Where each hour begins, and where the last one ends."""
    paths: Sequence[tuple[Showing, str]]
    """What is drawn alike as one SVG path each: a page of many hours or devices is written faster with few."""
    hand: float

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return [
            (left, str(hour.start.hour))
            for hour, left in zip(self.hours, self.edges, strict=False)
            if not hour.start.hour % HOURS_PER_TICK and not hour.start.fold
        ]

    @property
    def text(self) -> str:
        """What is drawn, for those who cannot see it."""
        return time_series.sentence(self.hours)


def strip(hours: Sequence[EngagementBucket], *, now: dt.datetime, top: float) -> Strip:
    """These adjoining hours; `top` is the average that fills the height, the same for all strips to be compared."""
    first, last = hours[0].start.timestamp(), hours[-1].end.timestamp()
    scale = WIDTH / (last - first)
    edges = [round((hour.start.timestamp() - first) * scale, 2) for hour in hours]
    edges.append(WIDTH)
    hand = round((now.timestamp() - first) * scale, 2)
    return Strip(hours, edges, _paths(hours, edges, hand, top), hand)


def _paths(
    hours: Sequence[EngagementBucket], edges: Sequence[float], hand: float, top: float
) -> list[tuple[Showing, str]]:
    drawn: dict[Showing, list[str]] = defaultdict(list)
    off: list[tuple[float, float]] = []
    for hour, (left, right) in zip(hours, pairwise(edges), strict=True):
        state = time_series.showing(hour)
        if state is Showing.OFF:
            # Hatched hours adjoin without a gap: together they are one stretch without camera, up to now.
            begin = off.pop()[0] if off and off[-1][1] == left else left
            off.append((begin, min(right, hand)))
        elif state is not Showing.AHEAD:
            gap = (right - left) * GAP
            height = (hour.average_faces or 0.0) / top * HEIGHT
            drawn[state].append(_outline(left + gap, right - gap, height if height > DASH else DASH))
    drawn[Showing.OFF] = [_outline(begin, end, HEIGHT) for begin, end in off]
    return [(state, "".join(outlines)) for state, outlines in drawn.items() if outlines]


def _outline(left: float, right: float, height: float) -> str:
    return BAR % (left, HEIGHT - height, right)
