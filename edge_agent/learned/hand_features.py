"""Numbers that describe a hand, by which trained models tell gestures. Training and camera box use this function."""

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 21
TIPS = (4, 8, 12, 16, 20)
WRIST, MIDDLE_KNUCKLE = 0, 9
CHAINS = ((0, 1, 2, 3, 4), (0, 5, 6, 7, 8), (0, 9, 10, 11, 12), (0, 13, 14, 15, 16), (0, 17, 18, 19, 20))
"""The landmarks from the wrist along each finger to its tip."""

PAIRS = tuple((one, other) for index, one in enumerate((WRIST, *TIPS)) for other in TIPS[index:])
JOINTS = tuple(chain[place - 1 : place + 2] for chain in CHAINS for place in range(1, 4))

_FROM, _TO = (np.array(each) for each in zip(*PAIRS, strict=True))
_BEFORE, _AT, _AFTER = (np.array(each) for each in zip(*JOINTS, strict=True))

COUNT = 2 * LANDMARKS + 2 * (len(PAIRS) + len(JOINTS))
"""How many numbers describe a hand."""


def describe(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the `COUNT` numbers of a hand: places of its landmarks in the picture, and distances of its tips and bends
    of its joints, both as they look and in space.

    `landmarks` is 21 × 3 in one unit for all axes, x to the right and y down. Place and size of the hand in the picture
    change nothing; its direction does, because a thumb that points down says something else than one that points up.
    Raises `ValueError` for another shape or what is no number.
    """
    if landmarks.shape != (LANDMARKS, 3) or not np.isfinite(landmarks).all():
        raise ValueError(f"a hand has 21 landmarks of 3 coordinates, not {landmarks.shape}")
    flat, solid = _normal(landmarks[:, :2]), _normal(landmarks)
    return np.concatenate([flat.ravel(), *(_shape(points) for points in (flat, solid))])


def _normal(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the points around their middle, at a distance of 1 on average."""
    centred = points.astype(np.float64) - points.mean(axis=0)
    return np.asarray(centred / max(float(np.linalg.norm(centred, axis=1).mean()), np.finfo(float).tiny))


def _shape(points: NDArray[np.float64]) -> NDArray[np.float64]:
    distances = np.linalg.norm(points[_FROM] - points[_TO], axis=1)
    one, other = points[_BEFORE] - points[_AT], points[_AFTER] - points[_AT]
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    bends = (one * other).sum(axis=1) / np.maximum(lengths, np.finfo(float).tiny)
    return np.concatenate([distances, bends])


def mirrored(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the other hand that makes the same gesture."""
    other = np.array(landmarks, copy=True)
    other[:, 0] = -other[:, 0]
    return other


def turned(landmarks: NDArray[np.floating], degrees: float) -> NDArray[np.float64]:
    """Return the hand turned in the picture by this angle, clockwise."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray(landmarks @ turn)
