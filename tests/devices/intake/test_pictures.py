"""Pictures from outside are limited before they are decoded, and keep nothing but what they show."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from devices.intake.pictures import MAX_BYTES, BadPicture, sanitised_jpeg


def photograph(format: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(data.astronaut()).save(out, format, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A small PNG whose header claims this many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000))


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_photograph_stays_what_it_shows(format: str) -> None:
    with Image.open(io.BytesIO(sanitised_jpeg(photograph(format)))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (512, 512))
        difference = np.abs(np.asarray(picture, dtype=int) - data.astronaut())
    assert difference.mean() < 4


def test_exif_is_dropped_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    exif[0x010F] = "a camera that tells where its owner lives"
    with Image.open(io.BytesIO(sanitised_jpeg(photograph(exif=exif)))) as picture:
        assert not picture.getexif()
        upright = np.rot90(data.astronaut(), k=-1)
        assert np.abs(np.asarray(picture, dtype=int) - upright).mean() < 4


def test_a_comment_is_dropped() -> None:
    assert b"the owner lives" not in sanitised_jpeg(photograph(comment=b"the owner lives here"))


@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(BadPicture, match="pixels"):
        sanitised_jpeg(bomb(*size))


@pytest.mark.parametrize("cut", [3, 20, 200, 5_000])
def test_a_truncated_jpeg_is_refused(cut: int) -> None:
    with pytest.raises(BadPicture):
        sanitised_jpeg(photograph()[:cut])


@pytest.mark.parametrize("junk", [b"", b"GIF89a" + b"\0" * 100, b"<svg/>", b"\xff\xd8\xff" + b"\0" * 1000])
def test_what_is_no_photograph_is_refused(junk: bytes) -> None:
    with pytest.raises(BadPicture):
        sanitised_jpeg(junk)


def test_too_many_bytes_are_refused_unseen() -> None:
    with pytest.raises(BadPicture, match="bytes"):
        sanitised_jpeg(b"\xff\xd8\xff" + bytes(MAX_BYTES))
