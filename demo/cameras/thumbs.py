"""Draws a raised hand with its thumb up or down before a visitor.

The hands are rendered pictures of Fluent Emoji (copyright Microsoft Corporation, MIT licence; `fluent/LICENSE`), in
three tones of skin. The real detectors read their gestures.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.cameras import people
from demo.cameras.photographs import FACE_IN_PORTRAIT, Cutout

HANDS = Path(__file__).with_name("fluent")
TONES = ("light", "medium", "dark")

HEIGHT = 88
"""Height of a hand with its thumb in pixels of a portrait: three quarters of a face."""

_AT = (-85, 101)
"""Middle of the hand, right of and below the middle of the face."""

_ELBOW, _WRIST = (-145, 261), (-101, 131)
"""Ends of the sleeve, likewise."""

_SLEEVE = (34.0, 22.0)
"""Half the sleeve's width at the elbow and at the wrist."""

_LARGEST = 225
"""Height of the hand in its picture."""


def with_thumb(portrait: Cutout, number: int, colour: tuple[int, int, int], *, up: bool, to_the_right: bool) -> Cutout:
    """Return this portrait of the person `number` with a raised hand on one side, in a sleeve of this colour (RGB)."""
    middle = np.array(people.CENTRE, float)
    side = np.array((-1 if to_the_right else 1, 1))
    rgb, opacity = portrait.rgb.astype(np.float32), portrait.opacity.copy()
    sleeve, covered = _sleeve(middle + side * _ELBOW, middle + side * _WRIST, colour)
    _lay(rgb, opacity, sleeve, covered, (0, 0))
    hand = _hand(_tone(number))
    if not up:
        hand = Cutout(hand.rgb[::-1], hand.opacity[::-1])
    if to_the_right:
        hand = hand.mirrored()
    rows, columns = hand.opacity.shape
    x, y = middle + side * _AT
    _lay(rgb, opacity, hand.rgb.astype(np.float32), hand.opacity, (round(x - columns / 2), round(y - rows / 2)))
    return Cutout(np.asarray(rgb, np.uint8), opacity)


def _lay(
    rgb: NDArray[np.float32],
    opacity: NDArray[np.float32],
    above: NDArray[np.float32],
    covered: NDArray[np.float32],
    at: tuple[int, int],
) -> None:
    """Lay a picture above another one, with its corner at this column and row."""
    rows, columns = covered.shape
    place = np.s_[at[1] : at[1] + rows, at[0] : at[0] + columns]
    share = covered[..., None]
    rgb[place] = rgb[place] * (1 - share) + above * share
    opacity[place] = np.maximum(opacity[place], covered)


def _sleeve(
    elbow: NDArray[np.float64], wrist: NDArray[np.float64], colour: tuple[int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw a forearm's sleeve: its colours and its opacity, as large as a portrait."""
    rows, columns = np.mgrid[0 : people.SIZE, 0 : people.SIZE].astype(np.float32)
    length = float(np.hypot(*(wrist - elbow)))
    ahead = (wrist - elbow) / length
    x, y = columns - elbow[0], rows - elbow[1]
    along = np.clip(x * ahead[0] + y * ahead[1], 0, length)
    off = np.hypot(x - along * ahead[0], y - along * ahead[1])
    half = _SLEEVE[0] + (_SLEEVE[1] - _SLEEVE[0]) * along / length
    light = 1.08 - 0.45 * (off / half) ** 2.2
    cloth = np.clip(np.array(colour, np.float32) * light[..., None], 0, 255)
    return np.asarray(cloth, np.float32), np.asarray(np.clip((half - off) / 2 + 0.5, 0, 1), np.float32)


@cache
def _hand(tone: str) -> Cutout:
    drawn = cv2.imread(str(HANDS / f"thumb-{tone}.webp"), cv2.IMREAD_UNCHANGED)
    if drawn is None:
        raise RuntimeError(f"the picture of a thumb is missing in {HANDS}: fetch Headcount's files again")
    opacity = np.asarray(drawn[..., 3], np.float32) / np.float32(255)
    return Cutout(np.ascontiguousarray(drawn[..., 2::-1], np.uint8), opacity).resized(HEIGHT / _LARGEST)


def _tone(number: int) -> str:
    """Return the tone of skin that is as bright as this person's cheeks."""
    left, top, width, height = FACE_IN_PORTRAIT
    rgb = people.heads()[number % len(people.heads())].rgb
    cheeks = rgb[top + height * 4 // 10 : top + height * 3 // 4, left + width // 5 : left + width * 4 // 5]
    bright = float(np.median(cheeks.sum(axis=2)))
    return min(TONES, key=lambda tone: abs(_brightness(tone) - bright))


@cache
def _brightness(tone: str) -> float:
    hand = _hand(tone)
    return float(np.median(hand.rgb[hand.opacity > 0.9].sum(axis=1)))
