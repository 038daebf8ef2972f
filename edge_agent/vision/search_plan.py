"""Plans which parts of a camera's frames are searched: what has changed first, and the rest in turn."""

import math
from collections.abc import Callable
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.search import Picture, Tile, tiles

PERIOD = 0.5
"""Seconds within which every part that has changed is searched. So the whole frame is searched twice a second at
most, whatever moves in it; a part of it in each look."""

UNCHANGED = 2.0
"""Seconds after which a part is searched again although it has not changed, because a search may miss somebody."""

SHRUNK = 4
"""Factor by which pictures are scaled down before they are compared. The smallest face, of 22 pixels, is then 5."""

CHANGED = 14
"""Grey levels, of 255, by which a pixel of the smaller picture must differ. The noise of a camera is a tenth of it."""

LEAST_PIXELS = 6
"""Pixels of the smaller picture that must differ for a part to have changed: a quarter of the smallest face."""


class Schedule:
    """Says which of a number of parts are due: those that have changed, and those not searched for `unchanged` seconds.

    The parts that have waited longest are first, and all of them have a turn within `period` seconds. `at_once` has all
    that are due in one look, when that time is over. Pure; not thread-safe.
    """

    def __init__(
        self, parts: int, *, period: float = PERIOD, unchanged: float = UNCHANGED, at_once: bool = False
    ) -> None:
        self._period, self._unchanged, self._at_once = period, unchanged, at_once
        self._ages = np.full(parts, unchanged)
        self._allowance = 1.0

    def due(self, passed: float, has_changed: Callable[[int], bool]) -> list[int]:
        """Return the numbers of the parts to search now, `passed` seconds after the last call."""
        self._ages += passed
        self._allowance = min(self._allowance + passed / self._period, 1.0)
        allowed = math.floor(self._allowance * len(self._ages) + 1e-6)
        if self._at_once and allowed < len(self._ages):
            return []
        oldest = np.argsort(-self._ages, kind="stable").tolist()
        due = (part for part in oldest if self._ages[part] >= self._unchanged or has_changed(part))
        chosen = list(islice(due, allowed))
        self._ages[chosen] = 0.0
        self._allowance -= 1.0 if self._at_once else len(chosen) / max(len(self._ages), 1)
        return chosen


class SearchPlan:
    """Says at each look which parts of the frame to search. One plan for each camera; not thread-safe.

    A part is a tile of `side` pixels, or a larger one for larger things. `together` joins the parts that are due to
    one, for a detector that looks at a large part as well as at a small one. `whole` makes the whole frame a part too.
    `period`, `unchanged` and `at_once` are those of `Schedule`; parts that are joined are due at once.
    """

    def __init__(
        self,
        side: int,
        *,
        together: bool = False,
        whole: bool = False,
        period: float = PERIOD,
        unchanged: float = UNCHANGED,
        at_once: bool = False,
    ) -> None:
        self._side, self._together, self._whole = side, together, whole
        self._period, self._unchanged, self._at_once = period, unchanged, at_once or together
        self._size: tuple[int, int] | None = None
        self._at = 0.0

    def due(self, rgb: Picture, at: float) -> list[Tile]:
        """Return the parts of this frame to search now; all of them at the first look and where the size has changed.

        `at` is the look's time in seconds. Where that clock jumps, the search goes on.
        """
        grey = _shrunk(rgb)
        passed = at - self._at if 0 <= at - self._at <= self._unchanged else PERIOD
        self._at = at
        if self._size != rgb.shape[:2]:
            self._begin(rgb, grey)
        chosen = self._schedule.due(passed, lambda part: self._has_changed(part, grey))
        for part in chosen:
            self._searched[part] = _of(grey, self._parts[part])
        due = [self._parts[part] for part in chosen]
        return [_joined(due)] if self._together and due else due

    def _begin(self, rgb: Picture, grey: NDArray[np.uint8]) -> None:
        self._size = rgb.shape[:2]
        self._parts = parts_of(rgb.shape[1], rgb.shape[0], self._side, together=self._together)
        if self._whole:
            self._parts = list(tiles(rgb.shape[1], rgb.shape[0], self._side))
        self._searched = [_of(grey, part) for part in self._parts]
        self._schedule = Schedule(
            len(self._parts), period=self._period, unchanged=self._unchanged, at_once=self._at_once
        )

    def _has_changed(self, part: int, grey: NDArray[np.uint8]) -> bool:
        difference = cv2.absdiff(_of(grey, self._parts[part]), self._searched[part])
        return cv2.countNonZero(cv2.threshold(difference, CHANGED, 1, cv2.THRESH_BINARY)[1]) >= LEAST_PIXELS


def parts_of(width: int, height: int, side: int, *, together: bool = False) -> list[Tile]:
    """Return the parts of a frame of this size: its tiles without the whole frame, which every look sees anyway.

    Where parts are searched `together`, these are the smallest tiles alone; of a small frame, the whole.
    """
    whole, *parts = tiles(width, height, side)
    if not together:
        return parts
    return [part for part in parts if (part.width, part.height) == (parts[-1].width, parts[-1].height)] or [whole]


def _shrunk(rgb: Picture) -> NDArray[np.uint8]:
    size = (max(rgb.shape[1] // SHRUNK, 1), max(rgb.shape[0] // SHRUNK, 1))
    return np.asarray(cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), np.uint8)


def _of(grey: NDArray[np.uint8], tile: Tile) -> NDArray[np.uint8]:
    """Return what the smaller picture shows of the tile, at least a pixel."""
    left, top = min(tile.left // SHRUNK, grey.shape[1] - 1), min(tile.top // SHRUNK, grey.shape[0] - 1)
    right, bottom = (tile.left + tile.width) // SHRUNK, (tile.top + tile.height) // SHRUNK
    return grey[top : max(bottom, top + 1), left : max(right, left + 1)]


def _joined(parts: list[Tile]) -> Tile:
    left, top = min(part.left for part in parts), min(part.top for part in parts)
    right, bottom = max(part.left + part.width for part in parts), max(part.top + part.height for part in parts)
    return Tile(left, top, right - left, bottom - top)
