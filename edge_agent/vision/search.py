"""Searches a frame for small things: the whole frame first, then overlapping square tiles of it.

The models see 128 to 300 pixels a side, whatever the frame has, so what is small in the frame is lost on them. Tiles
have a fixed side in pixels. A camera with more pixels therefore shows things that are further away.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Box

Picture = NDArray[np.uint8]
"""Height × width × 3, RGB."""

TILE = 288
"""Side in pixels of the smallest tile in which faces are searched; the models find faces of 22 pixels in it."""

PEOPLE_TILE = 480
"""Side in pixels of the smallest tile in which bodies are searched; the model finds bodies of 60 pixels in it."""

OVERLAP = 0.25
"""Each tile shares at least this part of its side with its neighbour: what one tile cuts, the next one shows whole."""

MARGIN = 0.03
"""A part of a tile's side. A box that comes this close to the tile's inner edge is taken to be cut by it."""

MOST_TILES_ALONG = 12
"""The most tiles along a side of a frame. Tiles of a larger frame grow, so that every search is bounded."""

LEVEL_STEP = 2.5
"""A tile's side over that of the next smaller tiles. The smaller tiles overlap by a quarter of their side and cut what
is larger; of a larger tile, that is a fourteenth of its side, which the models still see."""

SAME_UNION = 0.3
SAME_INSIDE = 0.6
"""Two boxes are of the same thing from this intersection on, over their union or over the smaller one."""


Point = tuple[float, float]
"""Pixels from the left and from the top."""


class Found(NamedTuple):
    """A thing in a picture: `left, top, width, height` in that picture's pixels."""

    confidence: float
    left: float
    top: float
    width: float
    height: float
    label: str = ""
    points: tuple[Point, ...] = ()
    """Key points of the thing, in the order of the model that found it."""

    def moved(self, left: float, top: float) -> "Found":
        points = tuple((x + left, y + top) for x, y in self.points)
        return self._replace(left=self.left + left, top=self.top + top, points=points)

    def scaled(self, factor: float) -> "Found":
        left, top, width, height = (factor * side for side in (self.left, self.top, self.width, self.height))
        points = tuple((factor * x, factor * y) for x, y in self.points)
        return Found(self.confidence, left, top, width, height, self.label, points)


class Tile(NamedTuple):
    """A part of a frame, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, rgb: Picture) -> Picture:
        """This part of the frame, as contiguous memory."""
        return np.ascontiguousarray(rgb[self.top : self.top + self.height, self.left : self.left + self.width])


def check_picture(rgb: Picture) -> None:
    """Raises `ValueError` where this is not a picture that the detectors can read."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise ValueError(f"a picture is height × width × 3 of uint8 (RGB), not {rgb.shape} of {rgb.dtype}")


def search(rgb: Picture, side: int, look: Callable[[Picture], Iterable[Found]]) -> list[Found]:
    """Everything that `look` finds in the frame and in its tiles, each thing once, the most certain first.

    `side` is a tile's side in pixels. Things that a tile's edge cuts are left to the other tiles.
    """
    return distinct(look_at_parts(rgb, tiles(rgb.shape[1], rgb.shape[0], side), look))


def look_at_parts(rgb: Picture, parts: Iterable[Tile], look: Callable[[Picture], Iterable[Found]]) -> Iterator[Found]:
    """Yield everything that `look` finds in these parts of the frame, and that the part's edge does not cut."""
    height, width = rgb.shape[:2]
    for part in parts:
        seen = (found.moved(part.left, part.top) for found in look(part.of(rgb)))
        yield from (found for found in seen if not _is_cut(found, part, width, height))


def tiles(width: int, height: int, side: int) -> Iterator[Tile]:
    """Yield the whole frame, then its tiles row by row, the larger tiles first."""
    yield Tile(0, 0, width, height)
    for level in _levels(max(width, height), side):
        across, down = min(level, width), min(level, height)
        if (across, down) != (width, height):
            yield from (Tile(x, y, across, down) for y in _starts(height, down) for x in _starts(width, across))


def _levels(longest: int, side: int) -> list[int]:
    """Return the sides of the tiles of a frame with this longest side, the largest first."""
    levels = [max(side, math.ceil(longest / (MOST_TILES_ALONG * (1 - OVERLAP))))]
    while levels[0] * LEVEL_STEP < longest:
        levels.insert(0, round(levels[0] * LEVEL_STEP))
    return levels


def distinct(found: Iterable[Found]) -> list[Found]:
    """Return the most certain box of each thing (non-maximum suppression), the most certain box first."""
    kept: list[Found] = []
    for candidate in sorted(found, reverse=True):
        if not is_among(candidate, kept):
            kept.append(candidate)
    return kept


def is_among(thing: Found, others: Iterable[Found]) -> bool:
    """Return whether one of these boxes is of the same thing."""
    return any(_is_same(thing, other) for other in others)


def overlap(one: Found, other: Found) -> float:
    """Intersection over union, 0 to 1."""
    shared = _shared_area(one, other)
    return shared / (one.width * one.height + other.width * other.height - shared) if shared else 0.0


def pixels(found: Found, rgb: Picture) -> Box:
    """The box in whole pixels, cut to the picture."""
    height, width = rgb.shape[:2]
    left, top = _within(found.left, width - 1), _within(found.top, height - 1)
    right, bottom = _within(found.left + found.width, width), _within(found.top + found.height, height)
    return left, top, max(1, right - left), max(1, bottom - top)


def _within(value: float, most: int) -> int:
    return min(max(round(value), 0), most)


def _starts(length: int, side: int) -> list[int]:
    steps = math.ceil((length - side) / (side * (1 - OVERLAP)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)] if steps else [0]


def _is_cut(found: Found, tile: Tile, width: int, height: int) -> bool:
    margin = MARGIN * max(tile.width, tile.height)
    right, bottom = tile.left + tile.width, tile.top + tile.height
    return (
        (tile.left > 0 and found.left < tile.left + margin)
        or (tile.top > 0 and found.top < tile.top + margin)
        or (right < width and found.left + found.width > right - margin)
        or (bottom < height and found.top + found.height > bottom - margin)
    )


def _is_same(one: Found, other: Found) -> bool:
    if one.label != other.label:
        return False
    smaller = min(one.width * one.height, other.width * other.height)
    return overlap(one, other) > SAME_UNION or _shared_area(one, other) > SAME_INSIDE * smaller


def _shared_area(one: Found, other: Found) -> float:
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(across, 0.0) * max(down, 0.0)
