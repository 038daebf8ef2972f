"""How walls and globes are answered: the same bytes to all in a slot, cheap when nothing is new, the latest when sick.

What all processes must agree on lies in Django's default cache. What a process has drawn itself lies in its own memory,
the cache `process`.
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

from analytics.galaxy.slots import REFRESH_S

Value = TypeVar("Value")

_HERE = Path(__file__).parent
_CODE = [*sorted(_HERE.glob("*.py")), *sorted((_HERE.parent / "static" / "analytics" / "galaxy").iterdir())]
_PAGES = sorted((Path(settings.ROOT) / "templates" / "analytics" / "galaxy").iterdir())

VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in [*_CODE, *_PAGES])).hexdigest()[:12]
"""Of the program that draws; a page that was loaded from another one loads itself anew."""


class Body(NamedTuple):
    """An answer's bytes and their ETag, which is kept beside them: the columns of many sites are megabytes."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        return cls(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


_making: dict[str, threading.Lock] = {}


def shared(what: Hashable, slot: int, read: Callable[[], Value]) -> Value:
    """What everybody is shown in this slot: read by whoever needs it first, and the same for every process then."""
    key, before = _key(what, slot), _key(what, slot - 2 * REFRESH_S)
    with _alone(key):
        found: Value | None = cache.get(key)
        if found is None:
            found = read()
            if not cache.add(key, found, 2 * REFRESH_S):
                found = cache.get(key, found)  # another process was faster
            cache.delete(before)
    return found


def latest(what: Hashable, slot: int, make: Callable[[], Value]) -> Value:
    """What this process made for the slot, or makes now; while one thread makes it, the others wait for it."""
    own, key = caches["process"], _key(what)
    kept = own.get(key)
    if kept is None or kept[0] != slot:
        with _alone(key):
            kept = own.get(key)
            if kept is None or kept[0] != slot:
                kept = (slot, make())
                own.set(key, kept, None)
    value: Value = kept[1]
    return value


def latest_of_any_slot(what: Hashable) -> Any | None:
    """What this process made last, for whichever slot; None where it made nothing."""
    kept = caches["process"].get(_key(what))
    return None if kept is None else kept[1]


def forget_own(what: Hashable) -> None:
    """Keep nothing of it in this process."""
    caches["process"].delete(_key(what))


def forget_shared(**_: object) -> None:
    """Keep nothing of what the walls were shown; what they are shown next is read anew. A signal's receiver."""
    cache.clear()
    transaction.on_commit(cache.clear, robust=True)  # what was read before the commit may have been written since


def respond(request: HttpRequest, body: Body, content_type: str) -> HttpResponseBase:
    """The body with its ETag, or 304 for who has it; caches must ask each time.

    The header `Headcount-Time` is the server's clock in epoch milliseconds, so that screens can agree on an instant.
    """
    whole = HttpResponse(body.content, content_type=content_type)
    whole["ETag"] = body.etag
    whole["Cache-Control"] = "private, no-cache"
    answer = get_conditional_response(request, etag=body.etag, response=whole) or whole
    answer["Headcount-Time"] = str(round(timezone.now().timestamp() * 1000))
    return answer


def _key(*parts: Hashable) -> str:
    """A cache takes no long keys, and another version of the program nothing that this one keeps."""
    return f"wall:{hashlib.sha256(repr((VERSION, *parts)).encode()).hexdigest()}"


@contextmanager
def _alone(key: str) -> Iterator[None]:
    """One thread of this process at a time, for each key."""
    with _making.setdefault(key, threading.Lock()):
        try:
            yield
        finally:
            _making.pop(key, None)
