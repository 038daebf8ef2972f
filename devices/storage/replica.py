"""Lets pages and the API read facts from a copy of the database, `DATABASE_REPLICA_URL`.

Only requests that change nothing read the copy, and only facts: what belongs to a device. People, rights, sessions and
tokens always come from the primary, and so does everything in commands and tasks. Whoever has just changed something
reads the primary for a while, and so does everybody while the copy cannot be reached or is too old.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import cache as cached
from http import HTTPStatus
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, models
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.connection import ConnectionDoesNotExist

log = logging.getLogger(__name__)

ALIAS = "replica"

MOST_LAG_S = 10.0
"""The copy may be this many seconds old."""

LOOK_EVERY_S = 5.0
"""How often each process looks how old the copy is."""

OWN_WRITES_S = 30
"""Who has changed something reads the primary for this many seconds: longer than it takes to notice a copy that is too
old (heartbeats come every five seconds)."""

_may_read: ContextVar[bool] = ContextVar("may_read", default=False)


class Router:
    """Says which database a query goes to. Listed in `DATABASE_ROUTERS` where there is a replica."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        is_due = _may_read.get() and is_of_a_device(model) and not connections[DEFAULT_DB_ALIAS].in_atomic_block
        return ALIAS if is_due else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        # The rest of the request must see what it has written.
        _may_read.set(False)
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool:
        return True

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool:
        return alias == DEFAULT_DB_ALIAS


@cached
def is_of_a_device(model: type[models.Model]) -> bool:
    """Return whether the rows of this model are facts of a device."""
    try:
        return model._meta.app_label == "analytics" and bool(model._meta.get_field("device"))
    except FieldDoesNotExist:
        return False


def read_replica(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, after the sessions': let a request that changes nothing read the copy."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not has_replica():
            return get_response(request)
        is_safe = request.method in ("GET", "HEAD", "OPTIONS")
        may = is_safe and not any(cache.get(key) for key in _keys(request)) and _state.is_fresh()
        token = _may_read.set(may)
        try:
            response = get_response(request)
        finally:
            _may_read.reset(token)
        if may and response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            _state.look_again()
        if may and isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = _from_replica(cast("Iterable[bytes]", response.streaming_content))
        if not is_safe:
            # Signing in changes the key of the session: both count.
            for key in _keys(request):
                cache.set(key, True, OWN_WRITES_S)
        return response

    return middleware


def _from_replica(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks of an export, whose queries run after the middleware has returned."""
    remaining = iter(chunks)
    while True:
        token = _may_read.set(True)
        try:
            chunk = next(remaining, None)
        finally:
            _may_read.reset(token)
        if chunk is None:
            return
        yield chunk


def has_replica() -> bool:
    return ALIAS in settings.DATABASES


def lag() -> float | None:
    """Return by how many seconds the copy is behind the primary, judged by the processes' heartbeats.

    None where no process has ever sent one. Raises `DatabaseError` if either cannot be reached.
    """
    heartbeats = apps.get_model("devices", "Heartbeat")._default_manager
    here, there = (heartbeats.using(alias).aggregate(latest=Max("at"))["latest"] for alias in (DEFAULT_DB_ALIAS, ALIAS))
    if here is None:
        return None
    return float("inf") if there is None else max(0.0, (here - there).total_seconds())


def _keys(request: HttpRequest) -> set[str]:
    """Return the cache keys under which it is noted that the caller has changed something."""
    callers = {
        request.headers.get("Authorization", ""),
        request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""),
        request.session.session_key or "",
    }
    return {f"wrote:{hashlib.sha256(caller.encode()).hexdigest()}" for caller in callers if caller}


class _State:
    """Whether the copy can be used, as this process last saw it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fresh, self._next_look = False, float("-inf")

    def is_fresh(self) -> bool:
        with self._lock:
            if time.monotonic() < self._next_look:
                return self._fresh
            self._next_look = time.monotonic() + LOOK_EVERY_S
        fresh = self._look()
        if fresh != self._fresh:
            log.warning("Pages read %s from now on.", "the replica" if fresh else "the primary")
        self._fresh = fresh
        return fresh

    def look_again(self) -> None:
        """Look at the next request, because something did not respond."""
        self._next_look = float("-inf")

    def _look(self) -> bool:
        try:
            found = lag()
        except DatabaseError:
            with suppress(ConnectionDoesNotExist, DatabaseError):
                connections[ALIAS].close()
            return False
        return found is None or found <= MOST_LAG_S


_state = _State()
