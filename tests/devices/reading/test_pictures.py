"""Pictures from outside are limited before they are decoded, and keep nothing but what they show."""

import io
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms
from skimage import data

from devices.reading.picture_files import MAX_SCANS
from devices.reading.pictures import MAX_BYTES, BadPicture, sanitised_jpeg
from tests.world import pictures


def photograph(format: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(data.astronaut()).save(out, format, **options)
    return out.getvalue()


def shown(jpeg: bytes) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")
        return np.asarray(picture, dtype=int)


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
        sanitised_jpeg(pictures.png_that_claims(*size))


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


GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
"""The depths of each colour type of PNG, by the PNG specification (table 11.1)."""

KINDS = [(colour, bits) for colour, depths in DEPTHS.items() for bits in depths]


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize(("colour", "bits"), KINDS)
def test_a_png_of_every_colour_type_and_depth_still_shows_what_it_showed(
    colour: int, bits: int, transparent: bool
) -> None:
    png, expected = pictures.png(colour, bits, transparent=transparent)
    if transparent and bits == 16 and colour in (GREY, RGB):
        with pytest.raises(BadPicture, match="transparent colour"):
            sanitised_jpeg(png)
        return
    assert np.abs(shown(sanitised_jpeg(png)) - expected).max() <= 6


@pytest.mark.parametrize("adobe", [False, True])
def test_a_jpeg_of_printing_colours_is_no_negative(adobe: bool) -> None:
    cyan = Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    out = io.BytesIO()
    cyan.save(out, "JPEG", quality=95)
    jpeg = out.getvalue()
    if not adobe:
        # Pillow marks its file as Adobe's, and stores it inverted. Without the mark, the same file shows the negative.
        start = jpeg.index(b"\xff\xee")
        jpeg = jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4]) :]
    expected = (0, 255, 255) if adobe else (0, 0, 0)
    assert np.abs(shown(sanitised_jpeg(jpeg))[32, 32] - expected).max() < 12


@pytest.mark.parametrize("mode", ["L", "1"])
def test_a_grey_jpeg_stays_grey(mode: str) -> None:
    grey = Image.fromarray(data.astronaut()).convert(mode)
    out = io.BytesIO()
    grey.save(out, "JPEG", quality=95)
    expected = np.asarray(grey.convert("RGB"), dtype=int)
    assert np.abs(shown(sanitised_jpeg(out.getvalue())) - expected).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_picture_stands_upright_however_the_camera_was_held(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = pictures.HELD[orientation]
    stored = Image.fromarray(turn(np.asarray(data.astronaut()[:200, :300])))
    out = io.BytesIO()
    stored.save(out, format, exif=exif)
    difference = np.abs(shown(sanitised_jpeg(out.getvalue())) - data.astronaut()[:200, :300])
    assert difference.mean() < 5


def test_a_progressive_jpeg_and_one_with_a_colour_profile_are_taken() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for options in ({"progressive": True}, {"icc_profile": profile}, {"restart_marker_rows": 1}):
        clean = sanitised_jpeg(photograph(**options))
        assert np.abs(shown(clean) - data.astronaut()).mean() < 4
        assert b"ICC_PROFILE" not in clean


def test_a_jpeg_that_ends_with_another_picture_is_the_first_picture() -> None:
    assert sanitised_jpeg(photograph() + b"\0" * 9 + photograph("PNG")) == sanitised_jpeg(photograph())


BOMBS = {
    "a thousand scans": pictures.jpeg_of_many_scans(1_166),
    "one scan too many": pictures.jpeg_of_many_scans(MAX_SCANS + 1, side=64),
    "a million segments": pictures.jpeg_of_many_segments(),
    "four hundred thousand chunks": pictures.png_of_many_chunks(),
    "a picture as thin as a thread": pictures.png_that_claims(65_501, 1),
    "no pixels": pictures.png_that_claims(0, 100),
    "pixels that never end": pictures.png_that_claims(5_000, 5_001),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_next_to_nothing(bomb: str) -> None:
    assert len(BOMBS[bomb]) <= MAX_BYTES
    began = time.process_time()
    with pytest.raises(BadPicture):
        sanitised_jpeg(BOMBS[bomb])
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("name", ["arithmetic", "lossless", "12 bits"])
def test_a_jpeg_of_a_rare_kind_is_refused_and_not_guessed(name: str) -> None:
    jpeg = photograph()
    start = jpeg.index(b"\xff\xc0")
    rare = {"arithmetic": b"\xff\xc9", "lossless": b"\xff\xc3", "12 bits": b"\xff\xc1"}[name]
    bits = b"\x0c" if name == "12 bits" else b"\x08"
    with pytest.raises(BadPicture, match="kind of JPEG"):
        sanitised_jpeg(jpeg[:start] + rare + jpeg[start + 2 : start + 4] + bits + jpeg[start + 5 :])


SEEDS = [photograph(quality=30), photograph("PNG")[:20_000], pictures.png(PALETTE, 4, transparent=True)[0]]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 19_999), st.binary(min_size=1, max_size=4)), max_size=6)
)
def test_whatever_the_bytes_are_a_picture_is_clean_or_refused(seed: bytes, changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(seed)
    for place, put in changes:
        start = place % len(damaged)
        damaged[start : start + len(put)] = put
    with suppress(BadPicture):
        shown(sanitised_jpeg(bytes(damaged)))
