"""Tells upper floors what a wall with a token shows, once for each time slot and process."""

import datetime as dt
import logging
from collections.abc import Callable
from functools import lru_cache

from django.db import Error

from analytics.features.galaxy.time_slots import REFRESH_S, slot_start
from devices.services import token_digest

log = logging.getLogger(__name__)

Told = Callable[[str, str, str, dt.datetime, dt.datetime], None]
"""Takes the digest of the wall's token, the name and the title of what is shown, its start and its end."""

_told: list[Told] = []

CACHED = 4_096
"""Walls and boards of the current slot that a process remembers."""


def register_shown(told: Told) -> None:
    """Have this function told what each wall shows. Several processes may tell the same; it must be idempotent."""
    if told not in _told:
        _told.append(told)


def tell_shown(token: str, name: str, title: str, slot: int, seconds: float = REFRESH_S) -> None:
    """Tell that the wall with this token shows something from this slot on, for so many seconds.

    A wall is answered although this fails.
    """
    if token and _told:
        _tell(token_digest(token), name, title, slot, seconds)


@lru_cache(CACHED)
def _tell(digest: str, name: str, title: str, slot: int, seconds: float) -> None:
    start = slot_start(slot)
    for told in _told:
        try:
            told(digest, name, title, start, start + dt.timedelta(seconds=seconds))
        except Error as error:
            log.warning("What a wall showed was not noted: %s", error)
