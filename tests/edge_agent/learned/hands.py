"""Hands that make a gesture: the landmarks of a photographed thumb, with fingers stretched, turned and shaken."""

import numpy as np
from numpy.typing import NDArray

from tests.edge_agent.vision.test_gestures import THUMB_UP, mirrored, turned, with_fingers_straight

STRETCHED = {"thumb": (), "one": (5,), "two": (5, 9), "three": (5, 9, 13), "palm": (5, 9, 13, 17)}
"""The knuckles of the stretched fingers by gesture."""

Landmarks = NDArray[np.float64]


def hand(gesture: str, number: int, *, recording: int = 0, shaken: float = 6.0) -> Landmarks:
    """Return a hand that makes this gesture; each number and recording is another hand. `shaken` is in pixels."""
    chance = np.random.default_rng([number, recording, len(gesture)])
    points = with_fingers_straight(THUMB_UP, STRETCHED[gesture])
    points = turned(points, 12 * np.sin(recording) + chance.normal(0, 5))
    points = points if chance.integers(2) else mirrored(points)
    points = points * chance.uniform(0.3, 2) + chance.normal(0, shaken * 0.3, points.shape)
    return np.asarray(points + np.array((500, 300, 0)))
