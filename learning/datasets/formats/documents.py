"""Reads JSON documents of annotations within limits, and writes them always alike. Pure."""

import math
from typing import Any

import msgspec

from learning.datasets.formats.boxes import BadAnnotations


def parse(content: bytes) -> Any:
    """Return the document. Raises `BadAnnotations`."""
    try:
        return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnnotations(f"it is not JSON that can be read: {error}") from None


def render(document: Any, *, indent: int = 0) -> bytes:
    """Return the document with its keys in the order given, and a line end."""
    text = msgspec.json.encode(document)
    return (msgspec.json.format(text, indent=indent) if indent else text) + b"\n"


def dicts(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; whatever else stands in the list, or in its place, is left out."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Return a finite number, also where it is written as a text; otherwise None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def numbers(record: dict[str, Any], names: tuple[str, ...]) -> list[float] | None:
    """Return the numbers under these names; None where one is missing or no number."""
    found = [number(record.get(name)) for name in names]
    return None if None in found else [each for each in found if each is not None]


def size_in(record: dict[str, Any], width: str = "width", height: str = "height") -> tuple[int, int] | None:
    found = numbers(record, (width, height))
    return None if found is None or max(found) > 2**31 else (int(found[0]), int(found[1]))


def text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else str(value)
        if isinstance(value, int) and not isinstance(value, bool)
        else ""
    )
