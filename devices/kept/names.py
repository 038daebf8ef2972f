"""Finds a person's name in text, however it is spelled: case, accents, umlauts, order, initials and separators."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

ERASED = "[erased]"
"""The text that takes the place of an erased name."""

_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
"""Letters that Unicode does not take apart, as they are commonly written without their stroke."""

_PIECE = re.compile(r"\\u([0-9a-fA-F]{4})|((?:%[0-9a-fA-F]{2})+)|(.)", re.DOTALL)
"""One letter, as JSON escapes it, as an address escapes it, or as it is."""

_BETWEEN = r"[\W_]{0,5}"
_INITIAL = r"[\W_]{1,5}"
_PLAIN_ASCII = re.compile(r"[^%\\\x80-\U0010ffff]*\Z")


class Spellings:
    """The spellings of one name.

    Of “José Müller” these are found: jose mueller, MULLER, José, J. Müller, jose_muller, josemuller, Jos%C3%A9+Muller.
    A first name alone is not found, as other people have it.
    """

    def __init__(self, name: str) -> None:
        """Raises `ValueError` for a name without a letter or digit."""
        parts = re.findall(r"[^\W_]+", "".join(folded for folded, _, _ in _fold(name)))
        if not parts:
            raise ValueError("A name needs at least one letter or digit.")
        shapes = [_BETWEEN.join(map(_pattern, parts))]
        if len(parts) > 1:
            first, last = _pattern(parts[0]), _pattern(parts[-1])
            shapes += [
                _BETWEEN.join(map(_pattern, [parts[-1], *parts[:-1]])),
                f"{_pattern(parts[0][0])}{_INITIAL}{last}",
                f"{last}{_INITIAL}{_pattern(parts[0][0])}",
                f"{first}{_BETWEEN}{last}",
            ]
        self._found = re.compile("|".join(f"{_edge(parts, '<')}(?:{shape}){_edge(parts, '')}" for shape in shapes))

    def are_in(self, value: Any) -> bool:
        """Whether the name is in this text, these bytes, or anywhere in this value of JSON."""
        return any(next(self._spans(text), None) is not None for text in _texts(value))

    def erased_from(self, value: Any) -> Any:
        """Return the text, or the value of JSON, with `ERASED` in the place of the name."""
        if isinstance(value, str):
            for start, end in reversed(list(self._spans(value))):
                value = value[:start] + ERASED + value[end:]
            return value
        if isinstance(value, list):
            return [self.erased_from(item) for item in value]
        if isinstance(value, dict):
            return {self.erased_from(key): self.erased_from(item) for key, item in value.items()}
        return value

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the name begins and ends in the text."""
        if _PLAIN_ASCII.match(text):  # most texts by far
            yield from (found.span() for found in self._found.finditer(text.lower()))
            return
        pieces = list(_fold(text))
        at = [(start, end) for folded, start, end in pieces for _ in folded]
        for found in self._found.finditer("".join(folded for folded, _, _ in pieces)):
            yield at[found.start()][0], at[found.end() - 1][1]


def _fold(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each letter without case and accents, with where it begins and ends in the text."""
    for piece in _PIECE.finditer(text):
        escaped, address, plain = piece.groups()
        if escaped:
            letters = chr(int(escaped, 16))
        elif address:
            letters = bytes.fromhex(address.replace("%", "")).decode(errors="replace")
        else:
            letters = plain
        bare = (c for c in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(c))
        folded = "".join(_LETTERS.get(letter, letter) for letter in "".join(bare).casefold())
        yield folded, *piece.span()


def _pattern(part: str) -> str:
    """Return a pattern of this folded part of a name. “ae”, “oe” and “ue” stand for umlauts, which fold to a letter."""
    return re.sub(r"([aou])e?", r"\1e?", re.escape(part))


def _edge(parts: list[str], side: str) -> str:
    """Return the pattern of a word's beginning (“<”) or end; scripts without spaces between words have none."""
    letters = (parts[0][0], parts[-1][-1])
    if any(unicodedata.category(letter) == "Lo" for letter in letters):
        return ""
    return rf"(?{side}![^\W_])"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield bytes(value).decode(errors="replace")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, (bool, int, float)):
        yield str(value)
