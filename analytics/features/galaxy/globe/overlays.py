"""The pictures over the screens of a globe: the legend of its colours, and the number of people. Pure."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from analytics.features.galaxy.drawing.canvas import INK, INK_SOFT, LINE_STRONG, OFF, PANEL
from analytics.features.galaxy.drawing.plots import RAMP
from analytics.features.galaxy.snapshots import EngagementSnapshot

WIDTH = 720
MARGIN, LINE_HEIGHT = 40, 84
SIZE, LARGE = 56, 76

Row = tuple[str | None, str]
"""The colour of a swatch, None for a line without one, and its words."""


def legend() -> bytes:
    """Return the legend of the columns' colours as a PNG."""
    names = ["few people", "", "", "", "", "many people"]
    rows: list[Row] = list(zip(RAMP, names, strict=True))
    return _draw("Last 24 hours", [*rows, (OFF, "camera off")], "A dial: midnight north")


def totals(snapshot: EngagementSnapshot) -> bytes:
    """Return the number of people at all sites together in this hour as a PNG."""
    hours = [hour for site in snapshot.sites if (hour := site.hour_at(snapshot.at))]
    people = sum(hour.average_faces or 0.0 for hour in hours)
    live, cameras = sum(site.live for site in snapshot.sites), sum(site.cameras for site in snapshot.sites)
    rows: list[Row] = [
        (None, f"{people:.1f} people"),
        (None, f"at {len(snapshot.sites):,} sites"),
        (None, f"{live:,} of {cameras:,} live"),
    ]
    return _draw("This hour", rows, f"{snapshot.at:%d %b %Y, %H:%M} UTC")


def _draw(title: str, rows: Sequence[Row], foot: str) -> bytes:
    picture = Image.new("RGB", (WIDTH, 2 * MARGIN + LINE_HEIGHT * (len(rows) + 2)), PANEL)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, WIDTH - 1, picture.height - 1), outline=LINE_STRONG, width=3)
    draw.text((MARGIN, MARGIN), title, fill=INK, font=ImageFont.load_default(LARGE))
    for number, (colour, words) in enumerate(rows, start=1):
        y = MARGIN + number * LINE_HEIGHT + 12
        if colour is not None:
            draw.rectangle((MARGIN, y, MARGIN + 88, y + LINE_HEIGHT - 16), fill=colour)
        draw.text((MARGIN + (120 if colour else 0), y), words, fill=INK, font=ImageFont.load_default(SIZE))
    y = picture.height - MARGIN - SIZE
    draw.text((MARGIN, y), foot, fill=INK_SOFT, font=ImageFont.load_default(SIZE - 12))
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
