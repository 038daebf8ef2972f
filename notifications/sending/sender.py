"""Sends what is due: each place by itself, so that a slow or dead one delays no other."""

import datetime as dt
import logging
from collections.abc import Callable, Collection, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from notifications.sending import due_letters, due_notices

log = logging.getLogger(__name__)

THREADS = 64
"""Each waits for one channel; sixteen sites whose channels are all slow still delay no other."""


class Parcel(Protocol):
    """Something for one place, such as a channel."""

    @property
    def place(self) -> Hashable:
        """At most one parcel of each place is under way."""

    def send(self) -> None:
        """Send it, in a thread and without the database. Raises `Failed`, `Refused` or `Unreadable`."""

    def record(self, error: BaseException | None, *, now: dt.datetime) -> None:
        """Store how the sending ended."""


class Source(Protocol):
    """Takes the parcels that are due from the database, except those of busy places."""

    def __call__(self, *, now: dt.datetime, busy: Collection[Hashable]) -> Iterable[Parcel]: ...


SOURCES: tuple[Source, ...] = (due_notices.take, due_letters.take)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    parcel: Parcel
    future: "Future[None]"


class Sender:
    """Sends in threads, at most one parcel of each place at a time. Only the caller's thread uses the database."""

    def __init__(self, *, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, "notify")
        self._busy: dict[Hashable, _UnderWay] = {}

    def step(self) -> int:
        """Record what was sent, begin to send what is due, and return how many parcels were begun."""
        self._collect()
        begun = 0
        for take in SOURCES:
            for parcel in take(now=self._clock(), busy=self._busy.keys()):
                self._busy[parcel.place] = _UnderWay(parcel, self._threads.submit(parcel.send))
                begun += 1
        return begun

    def finish(self) -> None:
        """Wait for what is under way, and record it."""
        self._threads.shutdown(wait=True)
        self._collect()

    def _collect(self) -> None:
        for place, each in [*self._busy.items()]:
            if each.future.done():
                del self._busy[place]
                each.parcel.record(each.future.exception(), now=self._clock())
