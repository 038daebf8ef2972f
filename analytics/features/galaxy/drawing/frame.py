"""The frame of every board: a title on the leftmost screen, readings on the others, a legend and the time. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing.canvas import EDGE, Canvas
from analytics.features.galaxy.drawing.layout import SCREEN_HEIGHT, SCREEN_WIDTH
from analytics.features.galaxy.time_slots import REFRESH_S

LEGEND_Y, TIME_Y = 1736, 1850
SWATCH = 44
PARAGRAPH_SIZES = (150, 128, 112, 96, 84, 72, 64, paint.SMALLEST_TEXT)
LINE_HEIGHT = 1.2
TITLE_SIZE, TITLE_HEIGHT = 140, 180
MESSAGE_HEIGHT = 600
"""The most room of a sentence in the place of a plot; pixels."""

SIDE_BY_SIDE_UP_TO = 4
"""On walls of at most this many screens, each screen has two readings; on larger walls one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A formatted number and its name."""

    name: str
    value: str


def counted(number: int, one: str, several: str) -> Reading:
    """Return the reading of a number of things, which is named `one` for a single thing and `several` otherwise."""
    return Reading(one if number == 1 else several, f"{number:,}")


def draw_frame(canvas: Canvas, title: str, subtitle: str, readings: Sequence[Reading], now: dt.datetime) -> None:
    """Draw the title, as many readings as there is room for, and last the time; `now` is local."""
    wall = canvas.wall
    canvas.rect(0, 0, wall.width, SCREEN_HEIGHT, paint.PAPER)
    canvas.rect(0, 0, wall.width, 36, "url(#scale)")
    canvas.rect(0, 36, wall.width, 2, paint.LINE_STRONG)
    _draw_mark(canvas, EDGE, 96)
    canvas.text(EDGE + 130, 176, "Headcount", size=64, fill=paint.INK_SOFT, weight=500)
    size, lines = fitted(title, SCREEN_WIDTH - 2 * EDGE, TITLE_HEIGHT, largest=TITLE_SIZE)
    for place, line in enumerate(reversed(lines)):
        canvas.text(EDGE, 372 - place * size * LINE_HEIGHT, line, size=size, weight=300, room=SCREEN_WIDTH - 2 * EDGE)
    canvas.text(EDGE, 468, subtitle, size=60, fill=paint.INK_SOFT)
    canvas.text(EDGE, TIME_Y, f"{_date(now)}, {now:%H:%M} {now.tzname()}", fill=paint.INK_SOFT)
    _draw_readings(canvas, [*readings], Reading(_date(now), f"{now:%H:%M}"))


def plot_top(canvas: Canvas) -> int:
    """Return the top of plots, in pixels; on a single screen it lies below the readings."""
    return 880 if canvas.wall.count == 1 else 650


def message(canvas: Canvas, words: str) -> None:
    """Draw a sentence in the place of a plot."""
    paragraph(canvas, words, plot_top(canvas) + 60, MESSAGE_HEIGHT, fill=paint.INK_SOFT)


def paragraph(canvas: Canvas, words: str, top: float, height: float, fill: str = paint.INK) -> None:
    """Draw a text on the leftmost screen, as large as the height allows; shortened where the smallest is too large."""
    room = SCREEN_WIDTH - 2 * EDGE
    size, lines = fitted(words, room, height)
    for place, line in enumerate(lines):
        canvas.text(EDGE, top + size + place * size * LINE_HEIGHT, line, size=size, fill=fill, room=room)


def fitted(words: str, room: float, height: float, largest: float = PARAGRAPH_SIZES[0]) -> tuple[float, list[str]]:
    """Return the largest size up to `largest` in which the words fit, and their lines.

    Where the smallest size is too large, the last line is shortened.
    """
    words = paint.printable(words)
    for size in (each for each in PARAGRAPH_SIZES if each <= max(largest, paint.SMALLEST_TEXT)):
        lines = paint.wrapped(words, size, room)
        if len(lines) * size * LINE_HEIGHT <= height and not _breaks_a_word(words, lines):
            return size, lines
    most = max(1, int(height // (size * LINE_HEIGHT)))
    if len(lines) > most:
        lines = [*lines[: most - 1], paint.shortened(" ".join(lines[most - 1 :]), size, room)]
    return size, lines


def _breaks_a_word(words: str, lines: Sequence[str]) -> bool:
    return " ".join(lines) != " ".join(words.split())


def footnote(canvas: Canvas, words: str) -> None:
    """Draw a sentence in the place of a legend."""
    canvas.text(EDGE, LEGEND_Y, words, fill=paint.INK_SOFT)


def legend(canvas: Canvas, entries: Sequence[tuple[str, str]]) -> None:
    """Draw swatches, each a fill and its meaning, at the foot of the leftmost screen."""
    x = float(EDGE)
    for fill, words in entries:
        canvas.rect(x, LEGEND_Y - SWATCH + 4, SWATCH, SWATCH, fill)
        if words:
            canvas.text(x + SWATCH + 16, LEGEND_Y, words, fill=paint.INK_SOFT, room=SCREEN_WIDTH - x - SWATCH - EDGE)
            x += SWATCH + 16 + paint.text_width(words, paint.SMALLEST_TEXT) + 16
        else:
            x += SWATCH + 6


def _draw_readings(canvas: Canvas, readings: list[Reading], clock: Reading) -> None:
    screens = canvas.wall.count
    if screens == 1:
        _draw_side_by_side(canvas, readings[:2], 0, 640, 130)
        return
    per_screen = 2 if screens <= SIDE_BY_SIDE_UP_TO else 1
    readings = [*readings[: per_screen * (screens - 1) - 1], clock]
    for position in range(1, screens):
        of_screen = readings[(position - 1) * per_screen : position * per_screen]
        _draw_side_by_side(canvas, of_screen, canvas.wall.left(position), 372, 190 if per_screen == 1 else 160)


def _draw_side_by_side(canvas: Canvas, readings: Sequence[Reading], left: int, y: int, size: int) -> None:
    room = (SCREEN_WIDTH - 2 * EDGE) / max(1, len(readings))
    for place, reading in enumerate(readings):
        x = left + EDGE + place * room
        canvas.text(x, y, reading.value, size=size, weight=300, room=room - 24, shrinks=True)
        for line, words in enumerate(_two_lines(reading.name, room - 24)):
            canvas.text(x, y + (84 if size > 140 else 70) + line * 64, words, fill=paint.INK_SOFT, room=room - 24)


def _two_lines(words: str, room: float) -> list[str]:
    """Split the words into two lines where they do not fit into one."""
    if paint.text_width(words, paint.SMALLEST_TEXT) <= room:
        return [words]
    first, rest = "", words.split()
    while rest and paint.text_width(f"{first} {rest[0]}", paint.SMALLEST_TEXT) <= room:
        first = f"{first} {rest.pop(0)}".strip()
    return [line for line in (first, " ".join(rest)) if line]


def _date(now: dt.datetime) -> str:
    return f"{now:%a} {now.day} {now:%b}"


def _draw_mark(canvas: Canvas, x: float, y: float) -> None:
    """Draw the product's mark, a gauge 96 pixels wide."""
    canvas.path(
        "M6.4 24.5a12.5 12.5 0 1 1 19.2 0M16 8.5v-1M9 11.5l-.8-.8M6.5 18h-1M25.5 18h1M23 11.5l.8-.8",
        fill="none",
        stroke=paint.INK_SOFT,
        stroke_width=2,
        stroke_linecap="round",
        transform=f"translate({x} {y}) scale(3)",
    )
    canvas.path(
        "M16 18.5l5.2-6.2",
        fill="none",
        stroke=paint.NEEDLE,
        stroke_width=2.25,
        stroke_linecap="round",
        transform=f"translate({x} {y}) scale(3)",
    )


def page_at(at: dt.datetime, pages: int) -> int:
    """Return the number of the page to show, from 0; it changes with each time slot."""
    return int(at.timestamp()) // REFRESH_S % pages
