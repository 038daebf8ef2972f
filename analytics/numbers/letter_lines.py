"""Sentences of upper floors about a site's week or month, for its letter."""

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Protocol

from django.db import transaction

from devices.models import Site

log = logging.getLogger(__name__)


class Line(Protocol):
    """Returns a sentence about the site from `start` to before `end`, true in words; "" where nothing is to be said."""

    def __call__(self, site: Site, *, start: dt.datetime, end: dt.datetime) -> str: ...


_lines: dict[str, Line] = {}
"""By the title of the letter's part."""


def register_line(title: str, line: Line) -> None:
    """Have letters say this sentence under the title."""
    _lines[title] = line


def read_lines(site: Site, *, start: dt.datetime, end: dt.datetime) -> Iterator[tuple[str, str]]:
    """Yield each title with its sentence. A sentence that cannot be made is logged and left out: the letter comes."""
    for title, line in _lines.items():
        try:
            with transaction.atomic():
                sentence = line(site, start=start, end=end)
        except Exception:
            log.exception("The letter of %s lacks the part “%s”.", site, title)
            continue
        if sentence:
            yield title, sentence
