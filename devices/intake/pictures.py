"""Checks and re-encodes pictures from outside, before any other code reads them."""

import io
import struct

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 5 * 1024 * 1024
"""Amazon Rekognition accepts at most 5 MB in a request."""

MAX_PIXELS = 25_000_000
JPEG_QUALITY = 90
FORMATS = ("JPEG", "PNG")
SUFFIXES = {".jpg", ".jpeg", ".png"}
"""How the names of picture files end, in lower case."""


class BadPicture(ValueError):
    """The picture cannot be used. The text says why, in one sentence."""


def sanitised_jpeg(data: bytes) -> bytes:
    """Return the picture as a newly encoded JPEG: upright, RGB, without EXIF or any other metadata.

    Reads JPEG and PNG, recognised by their content. Bytes and pixels are checked before the picture is decoded.
    Raises `BadPicture`.
    """
    check_bytes(len(data))
    try:
        # Opening reads the header only; `load` decodes.
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check_size(picture)
            picture.load()
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except BadPicture:
        raise
    except UnidentifiedImageError:
        raise BadPicture("The picture is neither a JPEG nor a PNG.") from None
    except Image.DecompressionBombError:
        raise BadPicture(f"The picture claims more than {MAX_PIXELS:,} pixels.") from None
    except (OSError, SyntaxError, TypeError, ValueError, struct.error) as error:
        raise BadPicture(f"The picture is damaged: {error}.") from None
    # Otherwise Pillow would write a JPEG's comment into the new file.
    upright.info.clear()
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def check_bytes(count: int) -> None:
    """Raise `BadPicture` if a picture of so many bytes is too large."""
    if count > MAX_BYTES:
        raise BadPicture(f"The picture has {count:,} bytes; at most {MAX_BYTES:,} are taken.")


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise BadPicture(f"The picture is {width} by {height} pixels; at most {MAX_PIXELS:,} in all are taken.")
