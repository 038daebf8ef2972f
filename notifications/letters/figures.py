"""Draws the figures of the pages as PNG, from the same data: mail runs no script.

It knows what the figures of a letter have: bars on two vertical axes, hatching, the ticks of both axes, and lines. The
background is clear and the ink is readable on white and on black, because a mail client may turn the page dark.
"""

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from analytics.plots.layout import INVISIBLE, Figure

SCALE = 2
"""Pixels for each unit of the page, so that the picture is sharp on a phone."""

WIDTH, HEIGHT = 480, 180
LEFT, RIGHT, TOP, BOTTOM = 40, 6, 10, 46

COLOURS = {
    "var(--data)": "#1f8aa8",
    "var(--data-soft)": "#8fbecb",
    "var(--off)": "#9aa8a299",
    "var(--line)": "#8a9a9433",
    "var(--line-strong)": "#8a9a94",
    "var(--ink-soft)": "#74827d",
    "var(--needle)": "#d2603a",
}
"""The colours of the style sheet, between those of its light and its dark theme."""

OTHER = "#74827d"
HATCH_STEP = 7
FONT_SIZE = 13
LEAST_TICK_GAP = 52
"""Ticks with text lie at least so far apart; those between are left out."""


def without_hidden(figure: Figure) -> Figure:
    """Return the figure without the bars that only react to the pointer, and with the parts that `draw` draws alone."""
    shown = [trace for trace in figure["data"] if trace["type"] == "bar" and trace["marker"] != INVISIBLE]
    keys = ("x", "y", "width", "offset", "base", "yaxis", "marker", "opacity")
    parts = figure["layout"]
    x, y = parts["xaxis"], parts["yaxis"]
    return {
        "data": [{key: trace[key] for key in keys if key in trace} for trace in shown if trace["x"]],
        "layout": {
            "xaxis": {key: x[key] for key in ("range", "tickvals", "ticktext")},
            "yaxis": {key: y[key] for key in ("range", "dtick", "nticks", "tickvals", "ticktext") if key in y},
        },
    }


def draw(figure: Figure, *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return the figure as a PNG of `SCALE` times this size, with a clear background."""
    image = Image.new("RGBA", (width * SCALE, height * SCALE), (0, 0, 0, 0))
    canvas = _Canvas(image, figure)
    canvas.grid()
    for trace in figure["data"]:
        canvas.bars(trace)
    canvas.axis()
    stored = io.BytesIO()
    image.save(stored, "PNG", optimize=True)
    return stored.getvalue()


class _Canvas:
    """The picture, and where the values of the axes lie on it."""

    def __init__(self, image: Image.Image, figure: Figure) -> None:
        self.image, self.draw = image, ImageDraw.Draw(image, "RGBA")
        self.font = ImageFont.load_default(FONT_SIZE * SCALE)
        self.left, self.right = LEFT * SCALE, image.width - RIGHT * SCALE
        self.top, self.bottom = TOP * SCALE, image.height - BOTTOM * SCALE
        self.x_axis, self.y_axis = figure["layout"]["xaxis"], figure["layout"]["yaxis"]

    def x(self, value: float) -> float:
        first, last = (float(end) for end in self.x_axis["range"])
        return self.left + (value - first) / max(1, last - first) * (self.right - self.left)

    def y(self, value: float, axis: str = "y") -> float:
        low, high = (0.0, 1.0) if axis == "y2" else (float(end) for end in self.y_axis["range"])
        return self.bottom - (value - low) / max(1e-9, high - low) * (self.bottom - self.top)

    def grid(self) -> None:
        for value, text in self._y_ticks():
            y = self.y(value)
            self.draw.line((self.left, y, self.right, y), COLOURS["var(--line)"], SCALE)
            self.draw.text((self.left - 6 * SCALE, y), text, COLOURS["var(--ink-soft)"], self.font, "rm")

    def bars(self, trace: Figure) -> None:
        bases = trace.get("base") or [0] * len(trace["x"])
        axis = trace.get("yaxis") or "y"
        for x, y, width, base in zip(trace["x"], trace["y"], trace["width"], bases, strict=True):
            left = x if "offset" in trace else x - width / 2
            box = (self.x(left), self.y(base + y, axis), self.x(left + width), self.y(base, axis))
            self._bar(box, trace["marker"])

    def _bar(self, box: tuple[float, float, float, float], marker: Figure) -> None:
        left, top, right, bottom = box
        right, top = max(right, left + SCALE), min(top, bottom - SCALE)
        if "pattern" in marker:
            self._hatch(round(left), round(right))
            return
        outline = marker.get("line", {}).get("color")
        self.draw.rectangle(
            (left, top, right, bottom), _colour(marker["color"]), _colour(outline) if outline else None, SCALE
        )

    def _hatch(self, left: int, right: int) -> None:
        """Fill the strip from the axis to the top with slanted lines, in step from one strip to the next."""
        step, height = HATCH_STEP * SCALE, self.bottom - self.top
        strip = Image.new("RGBA", (max(1, right - left), height), (0, 0, 0, 0))
        pen = ImageDraw.Draw(strip)
        for start in range(-height - left % step, strip.width + step, step):
            pen.line((start, height, start + height, 0), COLOURS["var(--off)"], SCALE)
        self.image.alpha_composite(strip, (left, self.top))

    def axis(self) -> None:
        self.draw.line((self.left, self.bottom, self.right, self.bottom), COLOURS["var(--line-strong)"], SCALE)
        latest = -math.inf
        for value, text in zip(self.x_axis["tickvals"], self.x_axis["ticktext"], strict=True):
            x = self.x(value)
            if x - latest < LEAST_TICK_GAP * SCALE:
                continue
            latest = x
            self.draw.line((x, self.bottom, x, self.bottom + 4 * SCALE), COLOURS["var(--line-strong)"], SCALE)
            lines = text.replace("<br>", "\n")
            place = (x, self.bottom + 7 * SCALE)
            ink, gap = COLOURS["var(--ink-soft)"], 3 * SCALE
            self.draw.multiline_text(place, lines, ink, self.font, "ma", spacing=gap, align="center")

    def _y_ticks(self) -> Iterator[tuple[float, str]]:
        if "tickvals" in self.y_axis:
            yield from zip(self.y_axis["tickvals"], self.y_axis["ticktext"], strict=True)
            return
        low, high = self.y_axis["range"]
        step = self.y_axis.get("dtick") or nice_step(high - low, self.y_axis.get("nticks", 5))
        for number in range(int((high - low) / step + 1e-9) + 1):
            value = low + number * step
            yield value, f"{value:,.10g}"


def nice_step(length: float, most: int) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that divides the length into at most so many parts."""
    least = max(length, 1e-9) / max(1, most)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _colour(name: Any) -> str:
    return COLOURS.get(name, OTHER)


def alt_text(plot: dict[str, Any]) -> str:
    """Return the plot in words."""
    parts: Sequence[str] = [f"{plot['title']}.", plot["summary"]]
    return " ".join(part for part in parts if part)
