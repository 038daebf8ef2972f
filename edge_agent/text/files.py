"""Reads text files as people's machines write them: UTF-8 with or without a byte order mark, or UTF-16 with one."""

import codecs
from collections.abc import Iterator
from pathlib import Path

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The first bytes of a text that Windows programs call “Unicode”."""


def read_text(path: Path) -> str:
    """Return the text of a file. Raises `OSError`, and `ValueError` with a clause that says what is wrong."""
    return decode_text(path.read_bytes())


def decode_text(data: bytes) -> str:
    """Return this text without its byte order mark. Raises `ValueError` with a clause that says what is wrong."""
    encoding = "utf-16" if data.startswith(UTF_16) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"byte {error.start + 1} is not {'UTF-16' if encoding == 'utf-16' else 'UTF-8'}; save the file as UTF-8"
        ) from None


def lines_of(path: Path) -> Iterator[str | ValueError]:
    """Yield the lines of a text file of any size, without their ends.

    In place of a line that cannot be decoded, yield the `ValueError` that says why. Raises `OSError`.
    """
    with path.open("rb") as file:
        is_utf_16 = file.read(2) in UTF_16
    if is_utf_16:
        with path.open(encoding="utf-16", errors="replace") as text:
            yield from (line.rstrip("\r\n") for line in text)
        return
    with path.open("rb") as file:
        yield from map(_decoded, file)


def lines_in(data: bytes) -> Iterator[str | ValueError]:
    """Yield the lines of these bytes as `lines_of` does."""
    if data.startswith(UTF_16):
        yield from (line.rstrip("\r") for line in data.decode("utf-16", "replace").split("\n"))
    else:
        yield from map(_decoded, data.split(b"\n"))


def _decoded(line: bytes) -> str | ValueError:
    try:
        return decode_text(line.rstrip(b"\r\n"))
    except ValueError as error:
        return error
