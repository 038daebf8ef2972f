"""What every board has: a title on the leftmost screen, readings on the others, a legend and the time. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.galaxy import canvas as paint
from analytics.galaxy.canvas import EDGE, Canvas
from analytics.galaxy.layout import SCREEN_HEIGHT, SCREEN_WIDTH
from analytics.galaxy.slots import REFRESH_S

LEGEND_Y, TIME_Y = 1736, 1850
SWATCH = 44
PARAGRAPH_SIZES = (150, 128, 112, 96, 84, 72, 64, paint.SMALLEST_TEXT)
LINE_HEIGHT = 1.2
SIDE_BY_SIDE_UP_TO = 4
"""On walls of more screens than this, each screen has one reading, else two."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A number as it is shown, and what it is."""

    name: str
    value: str


def draw_frame(canvas: Canvas, title: str, subtitle: str, readings: Sequence[Reading], now: dt.datetime) -> None:
    """Title, readings as far as there is room, and last of them the time; `now` is local."""
    wall = canvas.wall
    canvas.rect(0, 0, wall.width, SCREEN_HEIGHT, paint.PAPER)
    canvas.rect(0, 0, wall.width, 36, "url(#scale)")
    canvas.rect(0, 36, wall.width, 2, paint.LINE_STRONG)
    _mark(canvas, EDGE, 96)
    canvas.text(EDGE + 130, 176, "Headcount", size=64, fill=paint.INK_SOFT, weight=500)
    canvas.text(EDGE, 372, title, size=140, weight=300, room=SCREEN_WIDTH - 2 * EDGE, shrinks=True)
    canvas.text(EDGE, 468, subtitle, size=60, fill=paint.INK_SOFT)
    canvas.text(EDGE, TIME_Y, f"{_date(now)}, {now:%H:%M} {now.tzname()}", fill=paint.INK_SOFT)
    _readings(canvas, [*readings], Reading(_date(now), f"{now:%H:%M}"))


def plot_top(canvas: Canvas) -> int:
    """Where there is room for plots, in pixels from the top; a single screen has its readings above it."""
    return 880 if canvas.wall.count == 1 else 650


def message(canvas: Canvas, words: str) -> None:
    """A sentence in the place of a plot."""
    canvas.text(EDGE, SCREEN_HEIGHT / 2, words, size=72, fill=paint.INK_SOFT)


def paragraph(canvas: Canvas, words: str, top: float, height: float) -> None:
    """A text on the leftmost screen, as large as this height allows; shortened where even the smallest is too long."""
    room, words = SCREEN_WIDTH - 2 * EDGE, paint.printable(words)
    for size in PARAGRAPH_SIZES:
        lines = paint.wrapped(words, size, room)
        if len(lines) * size * LINE_HEIGHT <= height:
            break
    most = int(height // (size * LINE_HEIGHT))
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]}…"]
    for place, line in enumerate(lines):
        canvas.text(EDGE, top + size + place * size * LINE_HEIGHT, line, size=size, room=room)


def footnote(canvas: Canvas, words: str) -> None:
    """What is said in the place of a legend."""
    canvas.text(EDGE, LEGEND_Y, words, fill=paint.INK_SOFT)


def legend(canvas: Canvas, entries: Sequence[tuple[str, str]]) -> None:
    """Swatches with their meaning, at the foot of the leftmost screen."""
    x = float(EDGE)
    for fill, words in entries:
        canvas.rect(x, LEGEND_Y - SWATCH + 4, SWATCH, SWATCH, fill)
        if words:
            canvas.text(x + SWATCH + 16, LEGEND_Y, words, fill=paint.INK_SOFT, room=SCREEN_WIDTH - x - SWATCH - EDGE)
            x += SWATCH + 16 + paint.text_width(words, paint.SMALLEST_TEXT) + 16
        else:
            x += SWATCH + 6


def _readings(canvas: Canvas, readings: list[Reading], clock: Reading) -> None:
    screens = canvas.wall.count
    if screens == 1:
        _place(canvas, readings[:2], 0, 640, 130)
        return
    each = 2 if screens <= SIDE_BY_SIDE_UP_TO else 1
    shown = [*readings[: each * (screens - 1) - 1], clock]
    for position in range(1, screens):
        here = shown[(position - 1) * each : position * each]
        _place(canvas, here, canvas.wall.left(position), 372, 190 if each == 1 else 160)


def _place(canvas: Canvas, readings: Sequence[Reading], left: int, y: int, size: int) -> None:
    room = (SCREEN_WIDTH - 2 * EDGE) / max(1, len(readings))
    for place, reading in enumerate(readings):
        x = left + EDGE + place * room
        canvas.text(x, y, reading.value, size=size, weight=300, room=room - 24, shrinks=True)
        for line, words in enumerate(_two_lines(reading.name, room - 24)):
            canvas.text(x, y + (84 if size > 140 else 70) + line * 64, words, fill=paint.INK_SOFT, room=room - 24)


def _two_lines(words: str, room: float) -> list[str]:
    """The words in one line, or in two where one has no room for them."""
    if paint.text_width(words, paint.SMALLEST_TEXT) <= room:
        return [words]
    first, rest = "", words.split()
    while rest and paint.text_width(f"{first} {rest[0]}", paint.SMALLEST_TEXT) <= room:
        first = f"{first} {rest.pop(0)}".strip()
    return [line for line in (first, " ".join(rest)) if line]


def _date(now: dt.datetime) -> str:
    return f"{now:%a} {now.day} {now:%b}"


def _mark(canvas: Canvas, x: float, y: float) -> None:
    """The product's gauge, 96 pixels wide."""
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


def page_of(at: dt.datetime, pages: int) -> int:
    """Which of several pages is shown, from 0: the next one with each slot."""
    return int(at.timestamp()) // REFRESH_S % pages
