"""Draws boxes, labels, the countdown and the greeting into a picture of the stream.

OpenCV sets its own fonts letter by letter from left to right, which is wrong for Arabic, Hebrew and the scripts of
India. Letters of these scripts are left out of a greeting; a name without other letters is left out as a whole.
"""

import math
import unicodedata
from collections.abc import Iterable

import cv2
import numpy as np

from edge_agent.messages import Box, Frame, Greeting
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.photographer import PhotographerState

Colour = tuple[int, int, int]
"""Red, green, blue."""

FACE, OBJECT, GESTURE = (255, 196, 0), (64, 196, 255), (120, 230, 120)
INK, PAPER = (255, 255, 255), (24, 28, 36)
BOLD, REGULAR = 700, 500
"""Weights of the font."""

BORDER = 1 / 240
"""Width of a box's border, as a share of the picture's shorter side."""
SMALL, LARGE, HUGE = 1 / 30, 1 / 16, 1 / 9
"""Sizes of letters, as shares of the picture's shorter side."""
BANNER_TRANSPARENCY = 0.35
"""Share of the picture that shows through a banner."""

SMILE = "Say cheese!"

SCRIPTS = frozenset({"LATIN", "GREEK", "CYRILLIC", "CJK", "HANGUL", "HIRAGANA", "KATAKANA"})
"""First words of the Unicode names of letters that the fonts contain and that OpenCV sets correctly."""


def annotate(rgb: Picture, frame: Frame | None, state: PhotographerState, greeting: Greeting | None) -> Picture:
    """Return a copy of the picture (RGB, height × width × 3) with detections, the photographer's state and a greeting.

    The boxes of `frame` are in the picture's own pixels.
    """
    canvas = rgb.copy()
    if frame is not None:
        for box, label, colour in _detections(frame):
            _draw_detection(canvas, box, label, colour)
    if state.phase in ("countdown", "picture"):
        _draw_countdown(canvas, state.remaining)
    elif state.phase == "cooldown" and state.remaining:
        _banner(canvas, [(f"Next picture in {math.ceil(state.remaining)} s", SMALL)], top=True)
    if greeting is not None:
        _banner(canvas, _greeting_lines(greeting), top=False)
    return canvas


def _detections(frame: Frame) -> Iterable[tuple[Box, str, Colour]]:
    for face in frame.faces or ():
        if face.box is not None:
            yield face.box, f"face {face.confidence:.0%}", FACE
    for labelled, colour in ((frame.objects, OBJECT), (frame.gestures, GESTURE)):
        for detection in labelled:
            if detection.box is not None:
                yield detection.box, f"{detection.label} {detection.confidence:.0%}", colour


def _draw_detection(canvas: Picture, box: Box, label: str, colour: Colour) -> None:
    left, top, width, height = box
    border = max(round(BORDER * min(canvas.shape[:2])), 1)
    cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), colour, border)
    size = _font_size(canvas, SMALL)
    across = _text_width(canvas, label, size, REGULAR)
    left = max(min(left, canvas.shape[1] - across - size), 0)
    foot = top - border if top >= 2 * size else min(top + height + 2 * size, canvas.shape[0])
    cv2.rectangle(canvas, (left, foot - round(1.5 * size)), (left + across + size, foot), colour, cv2.FILLED)
    _write(canvas, label, (left + size // 2, foot - size // 2), size, PAPER, REGULAR)


def _draw_countdown(canvas: Picture, remaining: float) -> None:
    seconds = math.ceil(remaining)
    _banner(canvas, [(SMILE, LARGE), *([(str(seconds), HUGE)] if seconds else [])], top=True)


def _greeting_lines(greeting: Greeting) -> list[tuple[str, float]]:
    coffee = f"coffee number {greeting.coffees}" if greeting.coffees else ""
    small = " · ".join(part for part in (coffee, drawable(greeting.line)) if part)
    hello = " ".join(part for part in ("Hello", drawable(greeting.name)) if part)
    return [(f"{hello}!", LARGE), *([(small, SMALL)] if small else [])]


def drawable(text: str) -> str:
    """Return the text without the characters that would be drawn wrongly; "" where no letter or digit is left."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    shown = "".join(sign for sign in composed if sign.isprintable() and (sign.isascii() or _is_drawable(sign)))
    return " ".join(shown.split()) if any(sign.isalnum() for sign in shown) else ""


def _is_drawable(sign: str) -> bool:
    if unicodedata.category(sign)[0] in "PZ":
        return unicodedata.bidirectional(sign) not in ("R", "AL")
    return unicodedata.name(sign, "").partition(" ")[0].partition("-")[0] in SCRIPTS


def _banner(canvas: Picture, lines: list[tuple[str, float]], *, top: bool) -> None:
    """Draw centred lines on a dark strip along the upper or the lower edge. A line that is too wide is shrunk."""
    sizes = [_shrink_to_fit(canvas, text, _font_size(canvas, share)) for text, share in lines]
    height = min(round(sum(1.5 * size for size in sizes) + 0.5 * max(sizes)), canvas.shape[0])
    strip = canvas[:height] if top else canvas[-height:]
    strip[:] = (BANNER_TRANSPARENCY * strip + (1 - BANNER_TRANSPARENCY) * np.array(PAPER)).astype(np.uint8)
    foot = 0 if top else canvas.shape[0] - height
    for (text, _), size in zip(lines, sizes, strict=True):
        foot += round(1.5 * size)
        left = (canvas.shape[1] - _text_width(canvas, text, size, BOLD)) // 2
        _write(canvas, text, (left, foot), size, INK, BOLD)


def _font_size(canvas: Picture, share: float) -> int:
    height, width = canvas.shape[:2]
    return max(int(share * min(height, width) + 0.5), 8)


def _shrink_to_fit(canvas: Picture, text: str, size: int) -> int:
    most = 0.95 * canvas.shape[1]
    return max(min(size, int(size * most / max(_text_width(canvas, text, size, BOLD), 1))), 4)


def _text_width(canvas: Picture, text: str, size: int, weight: int) -> int:
    area = (canvas.shape[1], canvas.shape[0])
    _, _, width, _ = cv2.getTextSize(area, text, (0, 0), _font(), size, weight)
    return int(width)


def _write(canvas: Picture, text: str, foot: tuple[int, int], size: int, colour: Colour, weight: int) -> None:
    cv2.putText(canvas, text, foot, colour, _font(), size, weight)


def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")
