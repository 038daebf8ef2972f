"""The rules for names and other lines of text that people enter, whichever way they enter them.

A line that keeps these rules spoils no output that it is part of: an XML document such as KML or SVG, a CSV file, a
metric, a log line, the payload of a message.
"""

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

JOINERS = "\u200c\u200d"
"""Characters without a look of their own that join or part letters of Persian and Indic scripts, and emoji."""

UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's categories of control characters, directions of writing, halves of pairs, private and other line ends."""

RESERVED_SLUGS = frozenset({"all", "t"})
"""Words that stand in addresses of walls where a site's slug stands in others."""


def clean_line(text: str) -> str:
    """Return the text in Unicode's composed form, with single spaces, and without spaces around it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_printable(character: str) -> bool:
    if character in JOINERS:
        return True
    return unicodedata.category(character) not in UNPRINTABLE and not _is_noncharacter(ord(character))


def validate_line(text: str) -> None:
    """Raise `ValidationError` for a text with characters that cannot be printed."""
    for character in text:
        if not is_printable(character):
            raise ValidationError(f"The character U+{ord(character):04X} cannot be printed; remove it.")


def validate_lines(text: str) -> None:
    """Raise `ValidationError` for a text of several lines with characters that cannot be printed."""
    for line in text.splitlines():
        validate_line(line.replace("\t", " "))


def printable(text: str) -> str:
    """Return the text with “�” for each character that `validate_line` refuses."""
    return "".join(character if is_printable(character) else "�" for character in text)


MOST = 2**63 - 1
"""The largest number that a database column holds."""


def whole_number(text: str, most: int = MOST) -> int | None:
    """Return the whole number from 0 to `most` that the text is, however long the text is; None for any other text."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MOST)):
        return None
    number = int(text)
    return number if number <= most else None


def validate_site_slug(slug: str) -> None:
    """Raise `ValidationError` for a slug that an address needs for another purpose."""
    if slug.lower() in RESERVED_SLUGS:
        raise ValidationError(f"“{slug}” is part of other addresses; choose another slug.")


class LineField(models.CharField[str, str]):
    """A column for a line of text, which is cleaned and validated wherever Django validates the model."""

    default_validators = [validate_line]

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return clean_line(value) if isinstance(value, str) else value

    def deconstruct(self) -> Any:
        """The column is that of a `CharField`, so that the rules may change without a migration."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


MAX_LINE_OF_LOG = 2_000
"""Characters of a line of a device's log that are stored."""


def storable(text: str) -> str:
    """Return at most `MAX_LINE_OF_LOG` characters of the text, with “�” for each one that cannot be printed.

    Line ends and tabs stay. PostgreSQL stores NUL in no text, and an escape character steers the terminal of a reader.
    """
    text = text[:MAX_LINE_OF_LOG].replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(character if character in "\n\t" or is_printable(character) else "�" for character in text)
