"""Which gesture a hand makes, from its landmarks alone.

Landmarks are MediaPipe's 21 points of a hand: 0 the wrist, 1 to 4 the thumb from its root to its tip, and four
each for the index (5 to 8), middle (9 to 12), ring (13 to 16) and little finger (17 to 20), knuckle to tip.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

THUMBS_UP, THUMBS_DOWN, OPEN_PALM, FIST = "thumbs-up", "thumbs-down", "open-palm", "fist"

WRIST, THUMB_TIP, MIDDLE_KNUCKLE = 0, 4, 9
SECOND_JOINTS, TIPS = (6, 10, 14, 18), (8, 12, 16, 20)
FINGERS = slice(5, 21)

# Each pair is where a trait is certainly absent and where it is certainly there; half way it is an even bet.
CURLED = (1.15, 0.95)
"""Distance of a finger's tip from the wrist, over that of its second joint."""
STRAIGHT = (1.15, 1.35)
THUMB_OUT = (0.35, 0.65)
"""Distance of the thumb's tip from the nearest point of a finger, over the palm's length (wrist to knuckle)."""
THUMB_IN = (0.5, 0.3)
POINTING = (0.5, 0.92)
"""Cosine of the angle between the thumb and the vertical: 60° and 23°, so that 45° is an even bet."""

BORDER = 0.5
"""The least confidence of a gesture."""


class Gesture(NamedTuple):
    """A gesture's label, and how clearly the hand makes it, from 0.5 to 1."""

    label: str
    confidence: float


def gesture(landmarks: NDArray[np.floating]) -> Gesture | None:
    """The gesture of a hand, None where it makes none of the four.

    An open palm has its thumb apart: four straight fingers with the thumb along them are any hand at rest.

    `landmarks` is 21 × 2 or 21 × 3, in any unit that is the same along all axes (pixels, not fractions of a
    frame), x to the right and y down. Up and down are those of the picture; left and right hands are alike.
    Raises `ValueError` for another shape.
    """
    if landmarks.shape not in {(21, 2), (21, 3)}:
        raise ValueError(f"a hand has 21 landmarks of 2 or 3 coordinates, not {landmarks.shape}")
    best = max(_candidates(landmarks.astype(float)), key=lambda candidate: candidate.confidence)
    return best if best.confidence >= BORDER else None


def _candidates(points: NDArray[np.floating]) -> list[Gesture]:
    curled, straight = _fingers(points, CURLED), _fingers(points, STRAIGHT)
    out, up = _thumb_distance(points), _thumb_upward(points)
    return [
        Gesture(THUMBS_UP, min(curled, _ramp(out, THUMB_OUT), _ramp(up, POINTING))),
        Gesture(THUMBS_DOWN, min(curled, _ramp(out, THUMB_OUT), _ramp(-up, POINTING))),
        Gesture(FIST, min(curled, _ramp(out, THUMB_IN))),
        Gesture(OPEN_PALM, min(straight, _ramp(out, THUMB_OUT))),
    ]


def _fingers(points: NDArray[np.floating], trait: tuple[float, float]) -> float:
    """How clearly all four fingers have that trait."""
    pairs = zip(TIPS, SECOND_JOINTS, strict=True)
    return min(_ramp(_ratio(points, (WRIST, tip), (WRIST, joint)), trait) for tip, joint in pairs)


def _thumb_distance(points: NDArray[np.floating]) -> float:
    nearest = np.linalg.norm(points[FINGERS] - points[THUMB_TIP], axis=1).min()
    return float(nearest) / max(_distance(points, WRIST, MIDDLE_KNUCKLE), np.finfo(float).tiny)


def _thumb_upward(points: NDArray[np.floating]) -> float:
    """Cosine of the angle in the picture between straight up and the way from the fingers to the thumb's tip."""
    right, down = points[THUMB_TIP, :2] - points[FINGERS, :2].mean(axis=0)
    return float(-down / max(np.hypot(right, down), np.finfo(float).tiny))


def _ratio(points: NDArray[np.floating], way: tuple[int, int], unit: tuple[int, int]) -> float:
    return _distance(points, *way) / max(_distance(points, *unit), np.finfo(float).tiny)


def _distance(points: NDArray[np.floating], one: int, other: int) -> float:
    return float(np.linalg.norm(points[one] - points[other]))


def _ramp(value: float, trait: tuple[float, float]) -> float:
    absent, there = trait
    return min(max((value - absent) / (there - absent), 0.0), 1.0)
