"""The bars in the SVG paths of sparklines."""

import re
from typing import NamedTuple

from analytics.plots.sparklines import HEIGHT

OUTLINE = re.compile(r"M(\S+) (\S+)V(\S+)H(\S+)V(\S+)z")


class Bar(NamedTuple):
    left: float
    right: float
    height: float


def bars(path: str) -> list[Bar]:
    """Return the bars of a path, which must consist of bars on the baseline."""
    assert not OUTLINE.sub("", path)
    found = [[float(number) for number in outline] for outline in OUTLINE.findall(path)]
    assert all(ground == end == HEIGHT for _, ground, _, _, end in found)
    return [Bar(left, right, HEIGHT - top) for left, _, top, right, _ in found]


def drawn_in(svg: str) -> dict[str, list[Bar]]:
    """Return the bars of a drawing by the class of their path."""
    states = "people|nobody|uncounted|off"
    return {state: bars(path) for state, path in re.findall(rf'<path class="({states})" d="([^"]+)"', svg)}
