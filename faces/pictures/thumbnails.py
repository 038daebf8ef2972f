"""Cuts a face from a picture, to show it beside a name."""

import io

from PIL import Image

from edge_agent.messages import Box

AROUND = 1.9
"""The side of the square relative to the face: it includes hair and chin, and little else."""

SIDE = 256
"""The side of a thumbnail in pixels."""


def thumbnail(jpeg: bytes, face: Box) -> bytes:
    """Return the square around the face as a JPEG of `SIDE` pixels a side, moved inside the picture at its edges.

    `face` is in pixels of the picture. Raises `OSError` if the picture cannot be decoded.
    """
    left, top, width, height = face
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        side = max(1, round(min(AROUND * max(width, height), *picture.size)))
        x = min(max(round(left + width / 2 - side / 2), 0), picture.width - side)
        y = min(max(round(top + height / 2 - side / 2), 0), picture.height - side)
        cut = picture.crop((x, y, x + side, y + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    cut.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()
