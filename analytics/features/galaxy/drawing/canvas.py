"""Draw on a wall as SVG. Pure. Text can be read from five metres and never lies across a seam between screens.

Units are pixels of the wall. Text widths are upper bounds, for fonts as wide as DejaVu Sans; text that does not fit
into its room is shortened with an ellipsis.
"""

import unicodedata
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from analytics.features.galaxy.drawing.layout import SCREEN_HEIGHT, SCREEN_WIDTH, Wall

SMALLEST_TEXT = 56
"""Size of the smallest text: its capitals, 0.72 of the font's size, are 25 mm tall, 1/200 of five metres.

A portrait screen of 55 inches has 1,920 pixels on 1,218 mm."""

EDGE = 72
"""Margin of lists and titles at both sides of each screen."""

TEXT_EDGE = 16
"""Margin of all text at both sides of each screen."""

PAPER, PANEL, SUNK = "#0d1211", "#151c1a", "#1a2320"
INK, INK_SOFT = "#e7edea", "#9fb1ab"
LINE, LINE_STRONG = "#28332f", "#566761"
DATA, DATA_SOFT = "#5dbdd6", "#2c6577"
NEEDLE, OFF, LIVE = "#ff7c55", "#4c5e57", "#58cf8d"
"""The dark colours of the pages' style sheet."""

FONT = "Roboto, Ubuntu, 'Segoe UI', 'Noto Sans', 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif"

_WIDTHS = {
    **dict.fromkeys("iljI.,:;'|!() ·", 0.4),
    **dict.fromkeys("rtf-/[]", 0.45),
    **dict.fromkeys("mMwW%@…—&", 1.02),
    **dict.fromkeys("CDGHNOQU", 0.8),
}
"""Advance widths in shares of the font's size, rounded up; `_advance` returns that of any character."""

_CAPITAL, _OTHER, _IDEOGRAPH = 0.72, 0.65, 1.35


def text_width(words: str, size: float) -> float:
    """Return an upper bound of the width of the words in any common sans-serif font."""
    return size * sum(_advance(character) for character in words)


def shortened(words: str, size: float, room: float) -> str:
    """Return the text. If it is too wide, its end is cut off and replaced by an ellipsis."""
    if text_width(words, size) <= room:
        return words
    while words and text_width(words + "…", size) > room:
        words = words[:-1]
    return words.rstrip() + "…"


def wrapped(words: str, size: float, room: float) -> list[str]:
    """Split the words into lines that fit; a word that is longer than a line continues in the next line."""
    lines = [""]
    for word in words.split():
        for piece in _pieces(word, size, room):
            longer = f"{lines[-1]} {piece}".strip()
            if text_width(longer, size) <= room:
                lines[-1] = longer
            else:
                lines.append(piece)
    return [line for line in lines if line]


def _pieces(word: str, size: float, room: float) -> list[str]:
    """Split the word into as few parts as fit; a character that is wider than the room is its own part."""
    pieces = [""]
    for character in word:
        if pieces[-1] and text_width(pieces[-1] + character, size) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces


def printable(words: str) -> str:
    """Return the words without control characters, which XML does not allow."""
    return "".join(character for character in words if unicodedata.category(character)[0] != "C")


def _advance(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0x2FFF:
        return _IDEOGRAPH
    return _WIDTHS.get(character, _CAPITAL if character.isupper() else _OTHER)


@dataclass(slots=True)
class Canvas:
    """A picture of shapes and words; `svg` returns that of the wall or of one of its screens."""

    wall: Wall
    parts: list[str] = field(default_factory=list)
    """The SVG elements in the order of drawing."""

    def rect(self, x: float, y: float, width: float, height: float, fill: str, **more: object) -> None:
        """Draw a rectangle; `more` are further attributes, and negative lengths count as 0."""
        self.shape("rect", x=x, y=y, width=max(0.0, width), height=max(0.0, height), fill=fill, **more)

    def path(self, d: str, **more: object) -> None:
        """Draw a path; `more` are further attributes."""
        self.shape("path", d=d, **more)

    def shape(self, name: str, **attributes: object) -> None:
        """Draw an SVG element; "_" in the name of an attribute stands for "-"."""
        self.parts.append(f"<{name}{_attributes(attributes)}/>")

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = SMALLEST_TEXT,
        fill: str = INK,
        anchor: str = "start",
        weight: int = 400,
        room: float = SCREEN_WIDTH,
        shrinks: bool = False,
    ) -> None:
        """Write words with their baseline at `y` on the screen that shows `x`, moved or shortened to stay within it.

        With `shrinks`, words that do not fit are written smaller before they are shortened. Raises `ValueError` where
        `size` is below `SMALLEST_TEXT`.
        """
        if size < SMALLEST_TEXT:
            raise ValueError(f"Text of {size} pixels cannot be read from five metres; {SMALLEST_TEXT} can.")
        left, right = self._text_bounds(x)
        words, room = printable(words), min(room, right - left)
        if shrinks and words:
            size = max(SMALLEST_TEXT, min(size, size * room / text_width(words, size)))
        words = shortened(words, size, room)
        width = text_width(words, size)
        start = x - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        x += max(left, min(start, right - width)) - start
        attributes = {"x": x, "y": y, "font-size": size, "fill": fill}
        attributes |= {"text-anchor": anchor} if anchor != "start" else {}
        attributes |= {"font-weight": weight} if weight != 400 else {}
        self.parts.append(f"<text{_attributes(attributes)}>{escape(words)}</text>")

    def fits(self, x: float, words: str, size: float = SMALLEST_TEXT) -> bool:
        """Return whether words centred on `x` lie on one screen without being moved."""
        left, right = self._text_bounds(x)
        half = text_width(words, size) / 2
        return left <= x - half and x + half <= right

    def _text_bounds(self, x: float) -> tuple[float, float]:
        """Return the left and right bounds of text on the screen that shows `x`."""
        left = self.wall.left(self.wall.position_at(x))
        return left + TEXT_EDGE, left + SCREEN_WIDTH - TEXT_EDGE

    def svg(self, position: int | None, **root: object) -> str:
        """Return the SVG of the screen at this position, or of the whole wall; `root` are attributes of its root."""
        left = 0 if position is None else self.wall.left(position)
        width = self.wall.width if position is None else SCREEN_WIDTH
        view = {"viewBox": f"{left} 0 {width} {SCREEN_HEIGHT}", "font-family": FONT}
        opening = f'<svg xmlns="http://www.w3.org/2000/svg"{_attributes(view | root)}>'
        return f"{opening}{_DEFINITIONS}{''.join(self.parts)}</svg>"


_DEFINITIONS = (
    '<defs><pattern id="off" width="18" height="18" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<path d="M0 0V18" stroke="{OFF}" stroke-width="5"/></pattern>'
    '<pattern id="scale" width="120" height="36" patternUnits="userSpaceOnUse">'
    f'<path d="M1 36V0M25 36V20M49 36V20M73 36V20M97 36V20" stroke="{LINE_STRONG}" stroke-width="2"/></pattern></defs>'
)


def _attributes(values: dict[str, object]) -> str:
    return "".join(f" {name.replace('_', '-')}={_quote(value)}" for name, value in values.items())


def _quote(value: object) -> str:
    return quoteattr(f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value))
