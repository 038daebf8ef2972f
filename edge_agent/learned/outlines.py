"""Outlines of a picture: histograms of oriented gradients, by which trained models find rigid things.

P. Felzenszwalb et al., “Object detection with discriminatively trained part-based models”, PAMI 2010: cells of 8
pixels, 18 directions of contrast, 9 without its sign, and 4 of texture. The numbers are close to those of dlib's
detector, so that what dlib has learned is found by NumPy and OpenCV alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.search import Picture

CELL = 8
DIRECTIONS = 18
CHANNELS = 31
MOST = 0.2
"""The largest share of a direction in its neighbourhood: a single strong edge does not outweigh a shape."""

TEXTURE = 0.2357
"""Weight of the four sums of all directions, as in the paper's code: 1 / √18."""

SHRUNK = 5 / 6
"""Side of a picture over that of the next larger one in which things are looked for."""

SMALLEST_SIDE = 64
"""Pixels of the shorter side of the smallest picture."""

MOST_PIXELS = 8_000_000
"""Pixels of the largest picture in which things are looked for, so that every look is bounded."""

HALF = 0.505
"""Half of a direction's range, and a little more than OpenCV's angles are imprecise."""

Numbers = NDArray[np.float32]


class Scaled(NamedTuple):
    """A picture at one of the sizes in which things are looked for."""

    rgb: Picture
    factor: float
    """Its size over that of the original."""


def scaled(rgb: Picture, doubled: int) -> Iterator[Scaled]:
    """Yield the picture, doubled so often where that is not too large, and ever smaller."""
    height, width = rgb.shape[:2]
    factor = min(float(2**doubled), (MOST_PIXELS / (width * height)) ** 0.5)
    across, down = int(factor * width), int(factor * height)
    is_first = True
    while min(across, down) >= (CELL if is_first else SMALLEST_SIDE):
        rgb = rgb if rgb.shape[:2] == (down, across) else _resized(rgb, across, down)
        yield Scaled(rgb, factor)
        across, down, factor, is_first = int(across * SHRUNK), int(down * SHRUNK), factor * SHRUNK, False


def _resized(rgb: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def outlines(rgb: Picture) -> Numbers:
    """Return the `CHANNELS` × rows × columns numbers of the cells of a picture, without those at its edge."""
    rows, columns = (int(side / CELL + 0.5) for side in rgb.shape[:2])
    if rows < 3 or columns < 3:
        return np.zeros((CHANNELS, 0, 0), np.float32)
    cells = _histograms(rgb, rows, columns)
    unsigned = cells[:9] + cells[9:]
    energy = (unsigned * unsigned).sum(axis=0)
    blocks = energy[:-1, :-1] + energy[:-1, 1:] + energy[1:, :-1] + energy[1:, 1:]
    scales = 1 / np.sqrt(blocks + np.float32(1e-4))
    around = (scales[1:, 1:], scales[:-1, 1:], scales[1:, :-1], scales[:-1, :-1])
    signed, unsigned = cells[:, 1:-1, 1:-1], unsigned[:, 1:-1, 1:-1]
    made = np.empty((CHANNELS, rows - 2, columns - 2), np.float32)
    made[:27] = 0
    for number, scale in enumerate(around):
        near = np.minimum(signed * scale, np.float32(MOST))
        made[:18] += near
        made[18:27] += np.minimum(unsigned * scale, np.float32(MOST))
        made[27 + number] = np.float32(TEXTURE) * near.sum(axis=0)
    made[:27] *= np.float32(0.5)
    return made


def _histograms(rgb: Picture, rows: int, columns: int) -> Numbers:
    """Return the strength of each direction in each cell (18 × rows × columns)."""
    height, width = min(rows * CELL, rgb.shape[0]), min(columns * CELL, rgb.shape[1])
    across, down = _gradients(rgb[:height, :width])
    strength, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    # An upright edge lies between two directions, and belongs to the first of them, as it did when dlib learned.
    direction = np.ceil(angle * np.float32(DIRECTIONS / 360) - np.float32(HALF)).astype(np.int32) % DIRECTIONS
    # Each pixel counts in the four nearest cells; a frame of cells takes what belongs to no cell.
    top, lower = _places(height)
    left, right = _places(width)
    wide, size = columns + 2, (rows + 2) * (columns + 2)
    place = direction * size + (top * wide)[:, np.newaxis] + left
    total = np.zeros(DIRECTIONS * size)
    for below in (0, 1):
        by_row = strength * (lower if below else 1 - lower)[:, np.newaxis]
        for beside in (0, 1):
            share = by_row * (right if beside else 1 - right)
            total += np.bincount(
                (place + (below * wide + beside)).ravel(), weights=share.ravel(), minlength=DIRECTIONS * size
            )
    cells = total.reshape(DIRECTIONS, rows + 2, wide)[:, 1:-1, 1:-1]
    return np.ascontiguousarray(cells, np.float32)


def _places(length: int) -> tuple[NDArray[np.int32], Numbers]:
    """Return for each inner pixel of a side the number of the cell before it, from 1, and the share of the next one."""
    exact = (np.arange(1, length - 1) + 0.5) / CELL - 0.5
    before = np.floor(exact)
    return before.astype(np.int32) + 1, (exact - before).astype(np.float32)


def _gradients(rgb: Picture) -> tuple[Numbers, Numbers]:
    """Return the differences of the neighbours of each inner pixel, in the colour in which they are strongest."""
    sides = [cv2.Sobel(rgb, cv2.CV_32F, *axis, ksize=1)[1:-1, 1:-1] for axis in ((1, 0), (0, 1))]
    colours = list(zip(*(cv2.split(np.ascontiguousarray(each)) for each in sides), strict=True))
    across, down = colours[0]
    most = cv2.magnitude(across, down)
    for x, y in colours[1:]:
        strength = cv2.magnitude(x, y)
        stronger = cv2.compare(strength, most, cv2.CMP_GT)
        for value, into in ((x, across), (y, down), (strength, most)):
            cv2.copyTo(value, stronger, into)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)
