"""Draws the rooms of the simulated scenes: a wall with pictures, and a wooden counter before it."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.cameras.photographs import Picture, photograph

WIDTH, HEIGHT = 1280, 720
COUNTER_TOP = 560
"""Row of the frame at which the counter begins. People stand behind the counter."""

Layer = NDArray[np.float32]


@cache
def lobby() -> Picture:
    """A plastered wall with two framed photographs."""
    room = _lit(np.full((HEIGHT, WIDTH, 3), (206, 199, 186), np.float32), grain=1.6)
    _hang(room, photograph("rocket"), 500, 60, 300)
    _hang(room, photograph("hubble_deep_field")[:600, :600], 1000, 60, 150)
    return _with_counter(room)


@cache
def cafe() -> Picture:
    """A painted brick wall with two framed photographs."""
    upright = cv2.rotate(photograph("brick"), cv2.ROTATE_90_CLOCKWISE)[60:348].astype(np.float32)
    bricks = cv2.resize(upright, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    bricks = (bricks - bricks.mean()) * 0.45
    room = _lit(np.array((148, 158, 150), np.float32) + bricks, grain=1.2)
    _hang(room, photograph("hubble_deep_field")[:480, :800], 480, 60, 330)
    _hang(room, photograph("rocket")[60:, 250:430], 1080, 50, 120)
    return _with_counter(room)


ROOMS = {"lobby": lobby, "cafe": cafe}


def _lit(wall: Layer, grain: float) -> Layer:
    """Return the wall lit by a lamp at the upper left, with a camera's grain."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    away = np.hypot((columns - WIDTH * 0.42) / WIDTH, (rows - HEIGHT * 0.22) / HEIGHT)
    light = (1.08 - 0.42 * away**1.5)[..., None]
    noise = np.random.default_rng(0).normal(0, grain, wall.shape).astype(np.float32)
    return np.asarray(wall * light + cv2.GaussianBlur(noise, (3, 3), 0), np.float32)


# These positions were tried out: the face detector mistakes some pairs of dark squares on a pale wall for eyes.


def _hang(room: Layer, picture: Picture, left: int, top: int, width: int) -> None:
    """Draw the picture on the wall, with a white mount, a dark frame and a shadow."""
    height = round(picture.shape[0] * width / picture.shape[1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    shadow = np.zeros(room.shape[:2], np.float32)
    cv2.rectangle(shadow, (left - 16, top - 14), (left + width + 26, top + height + 30), 0.38, -1)
    room *= 1 - cv2.GaussianBlur(shadow, (0, 0), 9)[..., None]
    for margin, colour in ((22, (52.0, 44.0, 38.0)), (16, (235.0, 232.0, 224.0))):
        corners = (left - margin, top - margin), (left + width + margin - 1, top + height + margin - 1)
        cv2.rectangle(room, *corners, colour, -1)
    room[top : top + height, left : left + width] = small * 0.86 + 14


def _with_counter(room: Layer) -> Picture:
    """Return the finished room: the wall, slightly out of focus, and the counter before it."""
    room = cv2.GaussianBlur(room, (0, 0), 1.6).astype(np.float32)
    room[COUNTER_TOP:] = counter()
    room[COUNTER_TOP - 3 : COUNTER_TOP] *= 0.55
    return np.clip(room, 0, 255).astype(np.uint8)


@cache
def counter() -> Layer:
    """Return the counter's top: the table's wood from the coffee photograph, stretched along its grain."""
    table = photograph("coffee")
    height = HEIGHT - COUNTER_TOP
    across = cv2.getRotationMatrix2D(_WOOD_CENTRE, _GRAIN_DEGREES, 1)
    straight = cv2.warpAffine(table, across, table.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    left, top = (int(middle - size / 2) for middle, size in zip(_WOOD_CENTRE, _WOOD_SIZE, strict=True))
    wood = straight[top : top + _WOOD_SIZE[1], left : left + _WOOD_SIZE[0]]
    drawn_out = cv2.resize(wood, (WIDTH, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 26, (height, WIDTH // 8)).astype(np.float32)
    streaks = cv2.resize(cv2.GaussianBlur(noise, (0, 0), sigmaX=6, sigmaY=0.6), (WIDTH, height))
    light = np.linspace(0.78, 1.0, height, dtype=np.float32)[:, None] * np.linspace(1.0, 0.8, WIDTH, dtype=np.float32)
    return np.asarray((drawn_out * 0.8 + _PALE + streaks[..., None]) * light[..., None], np.float32)


_WOOD_CENTRE = (535.0, 235.0)
_WOOD_SIZE = (70, 84)
_GRAIN_DEGREES = -32.0
"""Centre and size of a part of the coffee photograph that shows only wood, and the slope of the wood's grain."""
_PALE = np.array((44, 40, 34), np.float32)
"""Added to the wood's colour, so that the cup from the same photograph stands out."""
