"""Pictures from outside, made safe before anything else looks at them."""

import io
import struct

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 5 * 1024 * 1024
"""Amazon Rekognition takes at most 5 MB as bytes."""

MAX_PIXELS = 25_000_000
JPEG_QUALITY = 90
FORMATS = ("JPEG", "PNG")


class BadPicture(ValueError):
    """The picture cannot be used; the message says why in one sentence."""


def sanitised_jpeg(data: bytes) -> bytes:
    """The picture as a JPEG of our own making: upright, RGB, without EXIF or anything else that came along.

    Takes JPEG and PNG by content, whatever the name says. Bytes and pixels are limited before they are decoded.
    Raises `BadPicture`.
    """
    if len(data) > MAX_BYTES:
        raise BadPicture(f"The picture has {len(data):,} bytes; at most {MAX_BYTES:,} are taken.")
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
    # Pillow would write a JPEG's comment back.
    upright.info.clear()
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise BadPicture(f"The picture is {width} by {height} pixels; at most {MAX_PIXELS:,} in all are taken.")
