"""Pairs a screen with a wall: the screen shows a code, an operator enters it, and the screen opens the wall by itself.

The screen keeps a secret of its own, by which it fetches what it was paired with; whoever reads the code from the
screen gets nothing. Everything is in the cache that all servers share, and ends after `LASTS`.
"""

import datetime as dt
import secrets
from dataclasses import dataclass

from django.core.cache import cache

from devices.services import token_digest

LASTS = dt.timedelta(minutes=15)
"""How long a screen shows a code; then it gets another."""

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Letters and digits that look like no other."""

LENGTH = 6
"""31^6 codes, of which a few are open for minutes, and only operators can try them."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a waiting screen has."""

    code: str
    secret: str
    """Only the screen has it."""


def offer() -> Offer:
    """Return a new code with the screen's secret."""
    while True:
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        found = Offer(code, secrets.token_urlsafe(32))
        if cache.add(_code_key(code), token_digest(found.secret), LASTS.total_seconds()):
            return found


def pair(code: str, address: str) -> bool:
    """Let the screen that shows this code open this path; False where no screen shows it."""
    key = _code_key(clean(code))
    digest = cache.get(key)
    if digest is None:
        return False
    cache.set(_address_key(digest), address, LASTS.total_seconds())
    cache.delete(key)
    return True


def address_for(secret: str) -> str | None:
    """Return the path that the screen with this secret was paired with, once; None before."""
    key = _address_key(token_digest(secret))
    address: str | None = cache.get(key)
    if address is not None:
        cache.delete(key)
    return address


def is_open(code: str) -> bool:
    """Whether the code can still be entered."""
    return cache.get(_code_key(clean(code))) is not None


def clean(code: str) -> str:
    """Return the code as it was made, whatever spaces, hyphens and small letters it was typed with."""
    return "".join(letter for letter in code.upper() if letter in LETTERS)[: LENGTH + 1]


def _code_key(code: str) -> str:
    return f"wall-code-{token_digest(code)}"


def _address_key(digest: str) -> str:
    return f"wall-paired-{digest}"
