"""How walls and globes are answered: the same bytes to all in a slot, cheap when nothing is new, the latest when sick.

What is kept here is kept per process, bounded, and forgotten with it.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response

Value = TypeVar("Value")

ROOM = 512
"""Things kept of each kind: a few walls' worth of screens, some 20 KB each."""

_HERE = Path(__file__).parent
_CODE = [*sorted(_HERE.glob("*.py")), *sorted((_HERE.parent / "static" / "analytics" / "galaxy").iterdir())]
_PAGES = sorted((Path(settings.ROOT) / "templates" / "analytics" / "galaxy").iterdir())

VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in [*_CODE, *_PAGES])).hexdigest()[:12]
"""Of the program that draws; a page that was loaded from another one loads itself anew."""


class Latest(Generic[Value]):
    """The latest slot's value under each key; the keys that were not asked for longest go first."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[Hashable, tuple[int, Value]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._keeping = threading.Lock()

    def get(self, key: Hashable, slot: int, make: Callable[[], Value]) -> Value:
        """What was made for this slot, or is made now; while one thread makes it, the others wait for it."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == slot:
            return kept[1]
        with self._making.setdefault(key, threading.Lock()):
            kept = self._kept.get(key)
            if kept is None or kept[0] != slot:
                kept = (slot, make())
                self.keep(key, *kept)
            self._making.pop(key, None)
            return kept[1]

    def keep(self, key: Hashable, slot: int, value: Value) -> None:
        with self._keeping:
            self._kept[key] = (slot, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._room:
                self._kept.popitem(last=False)

    def of_any_slot(self, key: Hashable) -> Value | None:
        kept = self._kept.get(key)
        return None if kept is None else kept[1]

    def clear(self) -> None:
        self._kept.clear()


def respond(request: HttpRequest, body: bytes, content_type: str) -> HttpResponseBase:
    """The body with its ETag, or 304 for who has it; caches must ask each time.

    The header `Headcount-Time` is the server's clock in epoch milliseconds, so that screens can agree on an instant.
    """
    etag = _etag(body)
    whole = HttpResponse(body, content_type=content_type)
    whole["ETag"] = etag
    whole["Cache-Control"] = "private, no-cache"
    answer = get_conditional_response(request, etag=etag, response=whole) or whole
    answer["Headcount-Time"] = str(round(timezone.now().timestamp() * 1000))
    return answer


@lru_cache(maxsize=ROOM)
def _etag(body: bytes) -> str:
    """Kept, for the columns of many sites are megabytes, and most answers are the same bytes again."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
