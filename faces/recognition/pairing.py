"""Matches cups to the faces of those who hold them, by geometry alone."""

import math
from collections.abc import Sequence

import numpy as np

from edge_agent.messages import Box

CHEST = 2.0
"""The height of the chest, around which a held cup is expected: this many face heights below the face's middle.

By the artists' canon of proportions an adult is seven and a half heads tall, and the chest is one head below the chin.
"""

REACH = 3.5
"""The largest distance of a held cup from the chest, in face sizes: an arm of three heads, and a hand."""

_OUT_OF_REACH = 1e6
"""A cost above any sum of pairs within reach, so that no pair out of reach replaces a pair within reach."""


def match_cups(faces: Sequence[Box], cups: Sequence[Box | None]) -> list[int | None]:
    """Return for each cup the index of the face that holds it, or None.

    A face holds at most one cup, because two cups are still one coffee. The matching gives as many cups as possible a
    holder, with the least sum of distances. Boxes are in pixels of any scale. If no cup has a box, the first cup
    belongs to the largest face.
    """
    holders: list[int | None] = [None] * len(cups)
    if not faces or not cups:
        return holders
    if all(cup is None for cup in cups):
        holders[0] = max(range(len(faces)), key=lambda index: _size(faces[index]))
        return holders
    # Imported on use, because SciPy takes as long to load as Django, and only the task workers need it.
    from scipy.optimize import linear_sum_assignment

    costs = np.array([[_cost(face, cup) for face in faces] for cup in cups])
    for cup, face in zip(*linear_sum_assignment(costs), strict=True):
        if costs[cup, face] < _OUT_OF_REACH:
            holders[int(cup)] = int(face)
    return holders


def _cost(face: Box, cup: Box | None) -> float:
    if cup is None:
        return _OUT_OF_REACH
    distance = _distance(face, cup)
    return distance if distance <= REACH else _OUT_OF_REACH


def _distance(face: Box, cup: Box) -> float:
    """Return the distance from the chest below the face to the middle of the cup, in face sizes."""
    left, top, width, height = face
    across = cup[0] + cup[2] / 2 - (left + width / 2)
    down = cup[1] + cup[3] / 2 - (top + height / 2 + CHEST * height)
    return math.hypot(across, down) / _size(face)


def _size(box: Box) -> float:
    return math.sqrt(max(box[2], 1) * max(box[3], 1))
