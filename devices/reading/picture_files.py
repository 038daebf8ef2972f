"""Reads how JPEG and PNG files are built, without decoding them, and bounds the work that decoding them would take.

A decoder's work is not bounded by the bytes and the pixels of a file: a JPEG may refine the same pixels in a thousand
scans, and a file may consist of a million empty parts. So a file is taken apart here, in one pass, and put together
again from the few parts that its pixels need.
"""

import re
import struct
import zlib
from typing import NamedTuple

MAX_PIXELS = 25_000_000

MAX_SIDE = 65_500
"""Pixels. libjpeg writes and reads no longer sides."""

MAX_SCANS = 40
"""Scans of one JPEG. Encoders that search for the smallest progressive file write up to some twenty."""

MAX_SCANNED_PIXELS = 10 * MAX_PIXELS
"""Pixels times scans of one JPEG. The usual progressive file has ten scans."""

MAX_PARTS = 20_000
"""Segments or chunks of one file. Encoders write a PNG of 5 MiB in at most some thousand chunks."""

JPEG_START, PNG_START = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"

HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
"""What files of ISO/IEC 23008-12 (HEIF) call themselves whose pictures are coded as HEVC."""

UPRIGHT = 1
"""EXIF's orientation of a picture that needs no turning."""


class BadPicture(ValueError):
    """The picture cannot be used. The text says why, in one sentence."""


class PictureFile(NamedTuple):
    """A file with only the parts that its pixels need, and what the removed parts said about showing it."""

    format: str
    """"JPEG" or "PNG"."""
    content: bytes
    orientation: int
    """EXIF's orientation, 1 to 8."""
    work: int
    """What decoding takes, in pixels of a baseline JPEG."""
    bits: int = 8
    """Bits of each sample."""
    has_transparent_colour: bool = False
    """Whether a PNG without an alpha channel names a colour that is transparent."""
    has_adobe_marker: bool = False
    """Whether a JPEG is marked as Adobe's, whose CMYK is stored inverted."""


def read(data: bytes) -> PictureFile:
    """Take the file apart. Raises `BadPicture` if it is no JPEG or PNG, is damaged, or would be too much work."""
    try:
        if data.startswith(JPEG_START):
            return _read_jpeg(data)
        if data.startswith(PNG_START):
            return _read_png(data)
    except (struct.error, IndexError):
        raise BadPicture("The picture is damaged: it ends in the middle of a part.") from None
    if is_heic(data):
        raise BadPicture("The picture is a HEIC, which is read from people's own photographs alone; send a JPEG.")
    raise BadPicture(_NEITHER)


_NEITHER = "The picture is neither a JPEG nor a PNG."


def is_heic(data: bytes) -> bool:
    """Whether the file says at its start that it is a HEIC."""
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS


_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The start of a JPEG's next segment. FF 00 and the restart markers D0 to D7 belong to a scan, and FF FF is filling."""

_SOS, _EOI, _DRI, _DQT, _DHT, _APP0, _APP1, _APP14 = 0xDA, 0xD9, 0xDD, 0xDB, 0xC4, 0xE0, 0xE1, 0xEE
_STANDALONE = {0x01, 0xD8}
_FRAMES = {*range(0xC0, 0xD0)} - {_DHT, 0xC8, 0xCC}
_NEEDED = {_DRI, _DQT, _DHT, _APP0, _APP14, _SOS} | _FRAMES
_READABLE_FRAMES = {0xC0, 0xC1, 0xC2}
"""Baseline, extended and progressive, each with Huffman codes. Cameras write no other."""


def _read_jpeg(data: bytes) -> PictureFile:
    parts, orientation, pixels, scans, place = [data[:2]], UPRIGHT, 0, 0, 2
    seen: set[int] = set()
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, place)
        if found is None:
            raise BadPicture("The picture is damaged: the file ends before the picture does." if pixels else _NEITHER)
        start, kind = found.start(), data[found.start() + 1]
        if kind == _EOI:
            parts.append(data[start : start + 2])
            # The scans after the first refine the picture, each with about half the work.
            work = pixels * (1 + scans) // 2
            return PictureFile("JPEG", b"".join(parts), orientation, work, has_adobe_marker=_APP14 in seen)
        place = start + 2
        if kind in _STANDALONE:
            continue
        (length,) = struct.unpack_from(">H", data, place)
        body, place = data[place + 2 : place + length], place + length
        if length < 2 or place > len(data):
            raise BadPicture("The picture is damaged: a segment is longer than the file." if pixels else _NEITHER)
        if kind in _FRAMES:
            if pixels:
                raise BadPicture("The picture is a JPEG of several frames, which is not taken.")
            pixels = _pixels_of_frame(kind, body)
        elif kind == _SOS:
            scans += 1
            if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
                raise BadPicture(f"The picture has too many scans: at most {MAX_SCANS}, or 10 of the largest pictures.")
            following = _MARKER.search(data, place)
            place = following.start() if following else len(data)
        elif kind == _APP1 and orientation == UPRIGHT and body.startswith(b"Exif\x00\x00"):
            orientation = _orientation(body[6:])
        # Of several segments APP0 or APP14, the first one decides.
        if kind in _NEEDED and not (kind in (_APP0, _APP14) and kind in seen):
            parts.append(data[start:place])
        seen.add(kind)
    raise BadPicture(f"The picture has more than {MAX_PARTS:,} segments.")


def _pixels_of_frame(kind: int, body: bytes) -> int:
    bits, height, width, channels = struct.unpack_from(">BHHB", body)
    if kind not in _READABLE_FRAMES or bits != 8 or channels not in (1, 3, 4):
        raise BadPicture("The picture is a kind of JPEG that is not taken; save it as a usual JPEG of 8 bits.")
    return _checked_pixels(width, height)


_PNG_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def _read_png(data: bytes) -> PictureFile:
    parts, pixels_data, orientation, bits, pixels, place = [data[:8]], [], UPRIGHT, 0, 0, 8
    has_transparent_colour = False
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, place + 8 + length)
        place += 12 + length
        if (bits == 0) != (kind == b"IHDR"):
            raise BadPicture("The picture is damaged: its first chunk, and only that, must be the header.")
        if kind not in _PNG_NEEDED:
            if kind == b"eXIf":
                orientation = _orientation(body)
            elif not kind[0] & 0x20:
                raise BadPicture(f"The picture has a part “{kind.decode('ascii', 'replace')}” that cannot be read.")
            continue
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise BadPicture("The picture is damaged: a checksum is wrong.")
        if kind == b"IHDR":
            width, height, bits, colour = struct.unpack_from(">IIBB", body)
            pixels = _checked_pixels(width, height)
        if kind == b"IDAT":
            pixels_data.append(body)
            continue
        has_transparent_colour |= kind == b"tRNS" and colour != _PALETTE
        if kind == b"IEND":
            parts += [_chunk(b"IDAT", b"".join(pixels_data)), _chunk(kind, b"")]
            return PictureFile("PNG", b"".join(parts), orientation, pixels, bits, has_transparent_colour)
        parts.append(_chunk(kind, body))
    raise BadPicture(f"The picture has more than {MAX_PARTS:,} chunks.")


_PALETTE = 3


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _checked_pixels(width: int, height: int) -> int:
    if not (width and height):
        raise BadPicture("The picture is damaged: it has no pixels.")
    if width * height > MAX_PIXELS:
        raise BadPicture(f"The picture is {width} by {height} pixels; at most {MAX_PIXELS:,} in all are taken.")
    if max(width, height) > MAX_SIDE:
        raise BadPicture(f"The picture is {width} by {height} pixels; at most {MAX_SIDE:,} a side are taken.")
    return width * height


_ORIENTATION = 0x0112
_ENTRY_BYTES = 12


def _orientation(tiff: bytes) -> int:
    """Return the orientation in the first directory of EXIF data; `UPRIGHT` where there is none that can be read."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (entries,) = struct.unpack_from(f"{order}H", tiff, start)
    last = min(start + 2 + entries * _ENTRY_BYTES, len(tiff) - _ENTRY_BYTES + 1)
    for entry in range(start + 2, last, _ENTRY_BYTES):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _ORIENTATION:
            return value if kind == 3 and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
