"""Responses to walls and globes: the same bytes for all in a time slot, and a 304 where nothing has changed.

Snapshots, on which all processes must agree, are in Django's default cache. Documents that a process has made from them
are in its own memory, the cache `process`.
"""

import hashlib
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from django.conf import settings
from django.core.cache import cache, caches
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response

from analytics.features.galaxy.time_slots import REFRESH_S

Value = TypeVar("Value")

_CODE = sorted(Path(__file__).parents[1].rglob("*.py"))
_SCRIPTS = sorted((Path(settings.ROOT) / "analytics" / "static" / "analytics" / "galaxy").iterdir())
_PAGES = sorted((Path(settings.ROOT) / "templates" / "analytics" / "galaxy").iterdir())

VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in [*_CODE, *_SCRIPTS, *_PAGES])).hexdigest()[:12]
"""The version of the program that draws; a page that another version has made reloads itself."""


class Body(NamedTuple):
    """The bytes of a response with their ETag, which is cached too: a document of many sites has megabytes to hash."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return these bytes with their ETag."""
        return cls(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


_locks: dict[str, threading.Lock] = {}


def get_shared(name: Hashable, slot: int, read: Callable[[], Value]) -> Value:
    """Return the value of this slot from the cache of all processes; the first process that needs it calls `read`.

    `read` must not return None.
    """
    key, key_before = _cache_key(name, slot), _cache_key(name, slot - 2 * REFRESH_S)
    with _lock(key):
        value: Value | None = cache.get(key)
        if value is None:
            value = read()
            if not cache.add(key, value, 2 * REFRESH_S):
                value = cache.get(key, value)  # another process was faster
            cache.delete(key_before)
    return value


def get_own(name: Hashable, slot: int, make: Callable[[], Value]) -> Value:
    """Return the value that this process made for the slot; one thread makes it, and the others wait for it."""
    own, key = caches["process"], _cache_key(name)
    entry = own.get(key)
    if entry is None or entry[0] != slot:
        with _lock(key):
            entry = own.get(key)
            if entry is None or entry[0] != slot:
                entry = (slot, make())
                own.set(key, entry, None)
    value: Value = entry[1]
    return value


def get_own_of_any_slot(name: Hashable) -> Any | None:
    """Return the value that this process made last, for any slot; None where it made none."""
    entry = caches["process"].get(_cache_key(name))
    return None if entry is None else entry[1]


def delete_own(name: Hashable) -> None:
    """Delete the value that this process made last."""
    caches["process"].delete(_cache_key(name))


def clear_shared(**_: object) -> None:
    """Delete all snapshots, so that the next requests read the tallies again. A receiver of signals."""
    cache.clear()
    # Another process may have cached a snapshot of the time before the commit.
    transaction.on_commit(cache.clear, robust=True)


def respond(request: HttpRequest, body: Body, content_type: str) -> HttpResponseBase:
    """Return the body with its ETag, or 304 where the client has it; caches must revalidate each time.

    The header `Headcount-Time` is the server's clock in epoch milliseconds, so that all screens swap at one instant.
    """
    full = HttpResponse(body.content, content_type=content_type)
    full["ETag"] = body.etag
    full["Cache-Control"] = "private, no-cache"
    response = get_conditional_response(request, etag=body.etag, response=full) or full
    response["Headcount-Time"] = str(round(timezone.now().timestamp() * 1000))
    return response


def _cache_key(*parts: Hashable) -> str:
    """Return a short key, as caches require; another version of the program has other keys."""
    return f"wall:{hashlib.sha256(repr((VERSION, *parts)).encode()).hexdigest()}"


@contextmanager
def _lock(key: str) -> Iterator[None]:
    """Hold the lock of this key, so that only one thread of this process computes its value."""
    with _locks.setdefault(key, threading.Lock()):
        try:
            yield
        finally:
            _locks.pop(key, None)
