"""Lists over the screens of a wall, which fill it with any number of rows. Pure.

A few rows are one list over all screens: names on the leftmost, bars over the others, numbers on the rightmost. More
rows are a column per screen. Text grows with the height of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing.canvas import EDGE, TEXT_EDGE, Canvas
from analytics.features.galaxy.drawing.frame import LINE_HEIGHT, fitted, plot_top
from analytics.features.galaxy.drawing.layout import SCREEN_WIDTH

LIST_BOTTOM = 1670
"""The bottom of lists, in pixels from the top."""

MOST_WIDE = 4
"""So many rows are one list over all screens of a wall; also more, while there are fewer of them than screens."""

STACKED = 560
"""A row of at least this height has its number below its name; pixels."""

LARGEST_NUMBER = 420
CAPITALS = 0.72
"""The height of capitals and digits, in shares of the font's size."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list."""

    name: str
    value: str
    bar: Sequence[tuple[float, str]]
    """Parts of the bar from the longest to the shortest, each with its length as a share of the room and its fill."""
    rank: str = ""
    """Stands before the name."""
    is_first: bool = False
    """Whether the row is set apart from the others."""


def split_columns(items: Sequence[T], screens: int, most: int) -> list[Sequence[T]]:
    """Split the items into columns from left to right, one per screen.

    The columns are as equal as possible, and none has more than `most` items: with more than `most` items per screen
    there are more columns than screens.
    """
    size = min(most, -(-len(items) // screens)) or 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def list_rows(canvas: Canvas, rows: int) -> tuple[int, float]:
    """Return the top of the first of so many rows, and the height of each; pixels."""
    top = plot_top(canvas) - 50
    return top, (LIST_BOTTOM - top) / max(1, rows)


def draw_rows(canvas: Canvas, rows: Sequence[Row], most: int) -> None:
    """Draw the rows, at most `most` on each screen."""
    screens = canvas.wall.count
    if screens > 1 and len(rows) <= max(MOST_WIDE, screens - 1):
        _draw_wide(canvas, rows)
        return
    columns = split_columns(rows, screens, most)
    top, pitch = list_rows(canvas, max((len(column) for column in columns), default=1))
    draw = _draw_stacked if pitch >= STACKED else _draw_inline
    ranks = max((len(row.rank) for row in rows), default=0)
    for position, column in enumerate(columns):
        for place, row in enumerate(column):
            draw(canvas, row, canvas.wall.left(position) + EDGE, top + place * pitch, pitch, ranks)


def _draw_wide(canvas: Canvas, rows: Sequence[Row]) -> None:
    """Draw a list over all screens: bars are as long as several screens are wide."""
    top, pitch = list_rows(canvas, len(rows))
    size, thickness = _between(64, pitch * 0.4, 260), _between(48, pitch * 0.5, 260)
    numbers = max((paint.text_width(row.value, size) for row in rows), default=0.0)
    left, right = canvas.wall.left(1) + TEXT_EDGE, canvas.wall.width - EDGE - numbers - 60
    ranks = max((len(row.rank) for row in rows), default=0)
    for place, row in enumerate(rows):
        middle = top + (place + 0.5) * pitch
        baseline = middle + size * CAPITALS / 2
        _draw_name(canvas, row, EDGE, middle, SCREEN_WIDTH - EDGE - TEXT_EDGE, pitch * 0.85, size, ranks)
        _draw_bar(canvas, row, left, middle - thickness / 2, right - left, thickness)
        canvas.text(canvas.wall.width - EDGE, baseline, row.value, size=size, weight=300, anchor="end")


def _draw_stacked(canvas: Canvas, row: Row, left: float, y: float, pitch: float, ranks: int) -> None:
    """Draw a tall row: name, number, bar, one below the other."""
    width, size = SCREEN_WIDTH - 2 * EDGE, min(LARGEST_NUMBER, pitch * 0.38)
    _draw_name(canvas, row, left, y + pitch * 0.2, width, pitch * 0.34, size, ranks)
    canvas.text(left, y + pitch * 0.7, row.value, size=size, weight=300, room=width, shrinks=True)
    _draw_bar(canvas, row, left, y + pitch * 0.79, width, min(64, pitch * 0.09))


def _draw_inline(canvas: Canvas, row: Row, left: float, y: float, pitch: float, ranks: int) -> None:
    """Draw a row with its number beside its name."""
    width, size = SCREEN_WIDTH - 2 * EDGE, _between(64, pitch * 0.36, 104)
    room, middle = width - paint.text_width(row.value, size) - 30, y + pitch * 0.36
    _draw_name(canvas, row, left, middle, room, pitch * 0.62, size, ranks)
    baseline = middle + size * CAPITALS / 2
    canvas.text(left + width, baseline, row.value, size=size, weight=300, anchor="end")
    _draw_bar(canvas, row, left, y + pitch * 0.74, width, _between(12, pitch * 0.09, 28))


def _draw_name(
    canvas: Canvas, row: Row, left: float, middle: float, room: float, height: float, largest: float, ranks: int
) -> None:
    """Write rank and name in as many lines as the height has room for, around `middle`."""
    if row.rank:
        size = min(largest, 200)
        fill = paint.NEEDLE if row.is_first else paint.INK_SOFT
        canvas.text(left, middle + size * CAPITALS / 2, row.rank, size=size, fill=fill)
        indent = paint.text_width("0" * ranks, size) + size * 0.4
        left, room = left + indent, room - indent
    size, lines = fitted(row.name, room, height, largest)
    first = middle + size * CAPITALS / 2 - (len(lines) - 1) * size * LINE_HEIGHT / 2
    weight = 500 if row.is_first else 400
    for place, line in enumerate(lines):
        canvas.text(left, first + place * size * LINE_HEIGHT, line, size=size, weight=weight, room=room)


def _draw_bar(canvas: Canvas, row: Row, left: float, y: float, width: float, thickness: float) -> None:
    rounded = min(6, thickness / 2)
    canvas.rect(left, y, width, thickness, paint.SUNK, rx=rounded)
    for share, fill in row.bar:
        canvas.rect(left, y, width * share, thickness, fill, rx=rounded)


def _between(least: float, wanted: float, most: float) -> float:
    return max(least, min(most, wanted))
