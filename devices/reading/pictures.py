"""Checks and re-encodes pictures from outside, before any other code reads them."""

import io
import struct
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops

from devices.reading import heic, picture_files
from devices.reading.picture_files import MAX_PIXELS, BadPicture, PictureFile

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "PHOTOGRAPHS",
    "SUFFIXES",
    "BadPicture",
    "check_bytes",
    "photograph_jpeg",
    "sanitised_jpeg",
]

MAX_BYTES = 5 * 1024 * 1024
"""Amazon Rekognition accepts at most 5 MB in a request."""

JPEG_QUALITY = 90
SUFFIXES = {".jpg", ".jpeg", ".png"}
"""How the names of picture files end, in lower case."""

PHOTOGRAPHS = SUFFIXES | {".heic", ".heif"}
"""How the names of photographs end that people bring themselves, in lower case."""

_UPRIGHT_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def sanitised_jpeg(data: bytes, spend: Callable[[int], None] | None = None) -> bytes:
    """Return the picture as a newly encoded JPEG: upright, RGB, without EXIF or any other metadata.

    Reads JPEG and PNG of every colour type and depth, recognised by their content. Transparent parts become white. The
    work of decoding is bounded before the picture is decoded. `spend` is called with it, in pixels, and may raise an
    exception of its own. Raises `BadPicture`.
    """
    check_bytes(len(data))
    file = picture_files.read(data)
    if spend is not None:
        spend(file.work)
    try:
        with Image.open(io.BytesIO(file.content), formats=[file.format]) as picture:
            picture.load()
            rgb = _as_rgb(picture, file)
    except BadPicture:
        raise
    except Image.DecompressionBombError:
        raise BadPicture(f"The picture claims more than {MAX_PIXELS:,} pixels.") from None
    except (OSError, SyntaxError, TypeError, ValueError, struct.error) as error:
        raise BadPicture(f"The picture is damaged: {error}.") from None
    if file.orientation in _UPRIGHT_BY_ORIENTATION:
        rgb = rgb.transpose(_UPRIGHT_BY_ORIENTATION[file.orientation])
    out = io.BytesIO()
    rgb.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def photograph_jpeg(data: bytes, spend: Callable[[int], None] | None = None) -> bytes:
    """Return a photograph that somebody brings as `sanitised_jpeg` does. It may also be a HEIC, as iPhones save them.

    A HEIC is made smaller first; see `heic.py`. What that takes is spent too. Raises `BadPicture`.
    """
    check_bytes(len(data))
    if not picture_files.is_heic(data):
        return sanitised_jpeg(data, spend)
    if spend is not None:
        spend(heic.WORK)
    return sanitised_jpeg(heic.as_jpeg(data), spend)


def check_bytes(count: int) -> None:
    """Raise `BadPicture` if a picture of so many bytes is too large."""
    if count > MAX_BYTES:
        raise BadPicture(f"The picture has {count:,} bytes; at most {MAX_BYTES:,} are taken.")


def _as_rgb(picture: Image.Image, file: PictureFile) -> Image.Image:
    """Return the picture as a browser shows it on a white page. Raises `BadPicture` where that is not known."""
    if file.has_transparent_colour and file.bits == 16:
        raise BadPicture("A PNG of 16 bits with a transparent colour cannot be converted; save it with 8 bits.")
    if file.has_transparent_colour and file.bits < 8:
        # Pillow stretches the samples to 8 bits, but not the number of the transparent colour.
        picture.info["transparency"] *= 255 // (2**file.bits - 1)
    match picture.mode:
        case "I;16":
            return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
        case "CMYK" if not file.has_adobe_marker:
            # Pillow takes every CMYK for Adobe's, which is inverted.
            return ImageChops.invert(picture).convert("RGB")
        case "RGB" | "CMYK" | "L" | "1" | "P" | "LA" | "RGBA":
            return _on_white(picture) if picture.has_transparency_data else _without_metadata(picture.convert("RGB"))
    raise BadPicture(f"The picture's colours ({picture.mode}) cannot be converted; save it as RGB.")


def _on_white(picture: Image.Image) -> Image.Image:
    rgba = picture.convert("RGBA")
    page = Image.new("RGB", picture.size, "white")
    page.paste(rgba, mask=rgba.getchannel("A"))
    return page


def _without_metadata(rgb: Image.Image) -> Image.Image:
    """Return the picture without its notes, which Pillow would write into the new file."""
    rgb.info.clear()
    return rgb
