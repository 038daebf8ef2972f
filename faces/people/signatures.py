"""Drawn signatures: strokes on a pad, which are stored as numbers and shown as a path of SVG. Uses no database."""

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError

WIDTH, HEIGHT = 600, 200
"""The pad, in its own units."""

MOST_POINTS = 4_000
"""Points of all strokes together. A long signature drawn slowly has some 1,500."""

SHORTEST = 60
"""The least length of a signature, in units of the pad: a dot or a slip of the finger is none."""


def parse(text: str) -> list[list[int]]:
    """Return the strokes that the pad has sent as JSON; none for an empty text. Raises `ValidationError`."""
    if not text.strip():
        return []
    try:
        return checked(json.loads(text))
    except (ValueError, RecursionError):
        raise ValidationError("The signature cannot be read; draw it again.") from None


def checked(strokes: Any) -> list[list[int]]:
    """Return the strokes as plain lists. Raises `ValidationError` unless each is a list of x, y, x, y … on the pad."""
    if not isinstance(strokes, Sequence) or not all(_is_stroke(stroke) for stroke in strokes):
        raise ValidationError("The signature cannot be read; draw it again.")
    if sum(len(stroke) for stroke in strokes) > 2 * MOST_POINTS:
        raise ValidationError("The signature is too long; draw a shorter one.")
    return [list(stroke) for stroke in strokes]


def is_empty(strokes: Sequence[Sequence[int]]) -> bool:
    """Whether the strokes are too short to be a signature."""
    length = 0.0
    for stroke in strokes:
        points = list(zip(stroke[::2], stroke[1::2], strict=True))
        length += sum(math.dist(before, after) for before, after in pairwise(points))
    return length < SHORTEST


def path(strokes: Sequence[Sequence[int]]) -> str:
    """Return the `d` of an SVG path that draws the strokes."""
    parts = []
    for stroke in strokes:
        points = [f"{x} {y}" for x, y in zip(stroke[::2], stroke[1::2], strict=True)]
        parts.append(f"M{points[0]}L{' '.join(points)}")
    return "".join(parts)


def _is_stroke(stroke: Any) -> bool:
    return (
        isinstance(stroke, Sequence)
        and not isinstance(stroke, str)
        and len(stroke) >= 2
        and len(stroke) % 2 == 0
        and all(type(number) is int for number in stroke)
        and all(0 <= x <= WIDTH for x in stroke[::2])
        and all(0 <= y <= HEIGHT for y in stroke[1::2])
    )
