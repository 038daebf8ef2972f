"""Pictures as strangers may send them: of every colour type, and made to be too much work."""

import functools
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from devices.reading.pictures import MAX_BYTES

PNG_START = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
SIDE = 64

HELD: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""How an upright picture is stored under each of EXIF's orientations."""


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_claims(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_START + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


def png(colour: int, bits: int, *, transparent: bool) -> tuple[bytes, NDArray[np.int64]]:
    """Return a PNG of two halves, dark and bright, and the 8-bit RGB that a browser shows on a white page.

    Where the PNG is `transparent`, its dark half is.
    """
    most = 2**bits - 1
    dark, bright = (0, 1) if bits == 1 else (round(0.25 * most), round(0.75 * most))
    samples = np.zeros((SIDE, SIDE, CHANNELS[colour]), dtype=np.uint16)
    samples[:, : SIDE // 2], samples[:, SIDE // 2 :] = dark, bright
    if colour in (GREY_ALPHA, RGBA):
        samples[..., -1] = most
        if transparent:
            samples[:, : SIDE // 2, -1] = 0
    palette = np.arange(2**bits)[:, None] * [1, 1, 1] * (255 // most) if colour == PALETTE else None
    extra = b"" if palette is None else chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparent and colour == PALETTE:
        extra += chunk(b"tRNS", bytes(0 if number == dark else 255 for number in range(2**bits)))
    elif transparent and colour in (GREY, RGB):
        extra += chunk(b"tRNS", struct.pack(">H", dark) * CHANNELS[colour])
    header = struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour, 0, 0, 0)
    rows = b"".join(b"\0" + _packed(row.reshape(-1), bits) for row in samples)
    expected = np.zeros((SIDE, SIDE, 3), dtype=int)
    expected[:, : SIDE // 2], expected[:, SIDE // 2 :] = round(255 * dark / most), round(255 * bright / most)
    if transparent:
        expected[:, : SIDE // 2] = 255
    return PNG_START + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(
        b"IEND", b""
    ), expected


def _packed(samples: NDArray[np.uint16], bits: int) -> bytes:
    if bits == 16:
        return samples.astype(">u2").tobytes()
    planes = (samples[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(planes.astype(np.uint8).reshape(-1)).tobytes()


@functools.cache
def jpeg_of_many_scans(scans: int, *, side: int = 5_000) -> bytes:
    """Return a small progressive JPEG whose last scan is repeated so often that the file has this many scans.

    With 1,166 scans of 25 megapixels, libjpeg decodes it for 19 seconds.
    """
    out = io.BytesIO()
    Image.new("L", (side, side), 90).save(out, "JPEG", progressive=True)
    jpeg = out.getvalue()
    last, had = jpeg.rindex(b"\xff\xda"), jpeg.count(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * (scans - had + 1) + jpeg[-2:]


@functools.cache
def jpeg_of_many_segments() -> bytes:
    """Return a JPEG of almost `MAX_BYTES` in which a million empty segments stand before the picture."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "JPEG")
    jpeg = out.getvalue()
    return jpeg[:2] + b"\xff\xe5\x00\x02" * ((MAX_BYTES - len(jpeg)) // 4) + jpeg[2:]


@functools.cache
def png_of_many_chunks() -> bytes:
    """Return a PNG of almost `MAX_BYTES` in which 400,000 empty chunks stand before the picture."""
    usual, _ = png(RGB, 8, transparent=False)
    header = len(PNG_START) + 25
    return usual[:header] + chunk(b"teXt", b"") * ((MAX_BYTES - len(usual)) // 12) + usual[header:]
