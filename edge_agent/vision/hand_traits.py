"""Measures the traits of a hand, such as a curled finger, from its landmarks.

Landmarks are MediaPipe's 21 points of a hand: 0 is the wrist, 1 to 4 are the thumb from its root to its tip. Four
points each follow for the index (5 to 8), middle (9 to 12), ring (13 to 16) and little finger (17 to 20), from the
knuckle to the tip.
"""

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.gestures import Fingers, HandTraits

WRIST, THUMB_TIP, MIDDLE_KNUCKLE = 0, 4, 9
SECOND_JOINTS, TIPS = (6, 10, 14, 18), (8, 12, 16, 20)
FINGERS = slice(5, 21)

# The first value of each pair makes a trait certainly absent, the second certainly present; half way is an even bet.
CURLED = (1.15, 0.95)
"""Distance of a finger's tip from the wrist, divided by the distance of its second joint."""
STRAIGHT = (1.15, 1.35)
THUMB_APART = (0.35, 0.65)
"""Distance of the thumb's tip from the nearest point of a finger, divided by the palm's length (wrist to knuckle)."""
THUMB_AT_FINGERS = (0.5, 0.3)
THUMB_VERTICAL = (0.26, 0.74)
"""Cosine of the angle between the thumb and the vertical: 75° and 42°, so that 60° is an even bet. A thumb leans by ten
degrees against the fist, and the fist against the vertical by forty."""
POINTING = (0.2, 0.4)
"""How much longer the index finger reaches than the other three on average, each in shares of its bones' length."""


def measure_traits(landmarks: NDArray[np.floating]) -> HandTraits:
    """Return the traits of the hand with these landmarks.

    `landmarks` is 21 × 2 or 21 × 3, with x to the right and y down, in one unit for all axes: pixels, not fractions of
    a frame. Up and down are those of the picture. Left and right hands have the same traits.
    Raises `ValueError` for another shape.
    """
    if landmarks.shape not in {(21, 2), (21, 3)}:
        raise ValueError(f"a hand has 21 landmarks of 2 or 3 coordinates, not {landmarks.shape}")
    points = landmarks.astype(float)
    thumb_distance, upward = _thumb_distance(points), _thumb_upward(points)
    return HandTraits(
        curled=_fingers(points, CURLED),
        straight=_fingers(points, STRAIGHT),
        thumb_apart=_ramp(thumb_distance, THUMB_APART),
        thumb_at_fingers=_ramp(thumb_distance, THUMB_AT_FINGERS),
        thumb_up=_ramp(upward, THUMB_VERTICAL),
        thumb_down=_ramp(-upward, THUMB_VERTICAL),
        pointing=_ramp(_index_ahead(points), POINTING),
    )


def _fingers(points: NDArray[np.floating], limits: tuple[float, float]) -> Fingers:
    """Return how clearly each finger has the trait with these limits of its stretch."""
    index, middle, ring, little = (
        _ramp(_ratio(points, (WRIST, tip), (WRIST, joint)), limits)
        for tip, joint in zip(TIPS, SECOND_JOINTS, strict=True)
    )
    return index, middle, ring, little


def _thumb_distance(points: NDArray[np.floating]) -> float:
    """Return the distance of the thumb's tip from the fingers, in lengths of the palm."""
    nearest = np.linalg.norm(points[FINGERS] - points[THUMB_TIP], axis=1).min()
    return float(nearest) / max(_distance(points, WRIST, MIDDLE_KNUCKLE), np.finfo(float).tiny)


def _thumb_upward(points: NDArray[np.floating]) -> float:
    """Return the cosine of the angle between straight up and the line from the fingers to the thumb's tip."""
    right, down = points[THUMB_TIP, :2] - points[FINGERS, :2].mean(axis=0)
    return float(-down / max(np.hypot(right, down), np.finfo(float).tiny))


def _index_ahead(points: NDArray[np.floating]) -> float:
    """Return the index finger's reach, in lengths of its bones, less the mean reach of the other fingers."""
    fingers = points[FINGERS].reshape(4, 4, -1)
    bones = np.linalg.norm(np.diff(fingers, axis=1), axis=2).sum(axis=1)
    reach = np.linalg.norm(fingers[:, 3] - fingers[:, 0], axis=1) / np.maximum(bones, np.finfo(float).tiny)
    return float(reach[0] - reach[1:].mean())


def _ratio(points: NDArray[np.floating], line: tuple[int, int], unit: tuple[int, int]) -> float:
    return _distance(points, *line) / max(_distance(points, *unit), np.finfo(float).tiny)


def _distance(points: NDArray[np.floating], first: int, second: int) -> float:
    return float(np.linalg.norm(points[first] - points[second]))


def _ramp(value: float, limits: tuple[float, float]) -> float:
    """Return 0 at the first limit, 1 at the second, and between them a value on the straight line."""
    absent, present = limits
    return min(max((value - absent) / (present - absent), 0.0), 1.0)
