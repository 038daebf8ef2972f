"""Lists over the screens of a wall: a column per screen. Pure."""

from collections.abc import Sequence
from typing import TypeVar

from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.frame import plot_top

LIST_BOTTOM = 1670
"""The bottom of lists, in pixels from the top."""

T = TypeVar("T")


def split_columns(items: Sequence[T], screens: int, most: int) -> list[Sequence[T]]:
    """Split the items into columns from left to right, one per screen.

    The columns are as equal as possible, and none has more than `most` items: with more than `most` items per screen
    there are more columns than screens.
    """
    size = min(most, -(-len(items) // screens)) or 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def list_rows(canvas: Canvas, columns: Sequence[Sequence[T]], tallest: int) -> tuple[int, float]:
    """Return the top of the first row and the height of each, at most `tallest`; pixels."""
    top = plot_top(canvas) - 50
    return top, min(tallest, (LIST_BOTTOM - top) / max((len(column) for column in columns), default=1))
