"""Which face holds which cup: pure geometry."""

import math
from collections.abc import Sequence

import numpy as np

from edge_agent.messages import Box

CHEST = 2.0
"""A cup in hand is looked for around the chest, this many face heights below the middle of the face.

Artists' canon of proportions: an adult is seven and a half heads tall, the chest's line lies one head below the chin.
"""

REACH = 3.5
"""How far from the chest a cup may be and still be held, in face sizes: an arm is three heads long, and a hand."""

_OUT_OF_REACH = 1e6
"""Costs more than any number of cups within reach, so that no pairing out of reach takes the place of one within."""


def holders(faces: Sequence[Box], cups: Sequence[Box | None]) -> list[int | None]:
    """For each cup the index of the face that holds it, or None.

    A face holds at most one cup, as two cups are still one coffee. As many cups as possible find a holder; among the
    ways to do so the one with the least distance in all is taken. Boxes are pixels, any scale. Where no cup has a box,
    the first cup belongs to the largest face.
    """
    held: list[int | None] = [None] * len(cups)
    if not faces or not cups:
        return held
    if all(cup is None for cup in cups):
        held[0] = max(range(len(faces)), key=lambda index: _size(faces[index]))
        return held
    # Imported on use: it takes as long to load as Django, and of all processes only the task workers pair anything.
    from scipy.optimize import linear_sum_assignment

    costs = np.array([[_cost(face, cup) for face in faces] for cup in cups])
    for cup, face in zip(*linear_sum_assignment(costs), strict=True):
        if costs[cup, face] < _OUT_OF_REACH:
            held[int(cup)] = int(face)
    return held


def _cost(face: Box, cup: Box | None) -> float:
    if cup is None:
        return _OUT_OF_REACH
    distance = _distance(face, cup)
    return distance if distance <= REACH else _OUT_OF_REACH


def _distance(face: Box, cup: Box) -> float:
    """From the chest below the face to the middle of the cup, in face sizes."""
    left, top, width, height = face
    across = cup[0] + cup[2] / 2 - (left + width / 2)
    down = cup[1] + cup[3] / 2 - (top + height / 2 + CHEST * height)
    return math.hypot(across, down) / _size(face)


def _size(box: Box) -> float:
    return math.sqrt(max(box[2], 1) * max(box[3], 1))
