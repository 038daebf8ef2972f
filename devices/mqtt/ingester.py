"""The loop that takes messages from the broker, gives them to the intake, and acknowledges them."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from devices import health
from devices.intake import batches
from devices.intake.redelivery import RECEIVE_MAXIMUM
from devices.models import Reason
from devices.mqtt.broker import Subscription, Unacknowledged
from devices.mqtt.suspects import Suspects
from devices.reading.decoding import Arrival, Rejection
from devices.reading.places import KnownThings, read_whereabouts
from edge_agent import messages

log = logging.getLogger(__name__)

BATCH = RECEIVE_MAXIMUM // 2
"""Most messages in one transaction. While it commits, the broker can send as many again, and they are drafted."""

SWITCH_INTERVAL_S = 0.0005
"""How long one thread may run while another waits for the interpreter. With Python's 5 ms, each response of the
database would wait that long."""

RETRY_AFTER_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts while the database cannot be reached; the last one repeats."""

STALLED_AFTER_S = 120.0
"""Something hangs if messages have waited for so long without a commit."""


class _Take(msgspec.Struct):
    """The messages of one take. All of them are acknowledged; those that are ours (`arrivals`) are taken in first."""

    since: float
    messages: list[Unacknowledged]
    arrivals: list[Arrival] = []
    parts: list["_Part"] = []
    """What goes into one transaction each: all arrivals, or one at a time if one of them may end the process."""
    accepted: int = 0
    """How many of the parts are accepted."""


class _Part(msgspec.Struct):
    arrivals: list[Arrival]
    draft: batches.Draft | None = None
    is_culprit: bool = False
    """Whether its only message has ended the process, so that it must not be decoded."""


class Ingester:
    """Takes in the messages of one subscription.

    `step` and `run` belong to one thread; `stalled` and `is_behind` may be called from any. While `run` commits one
    batch, a thread of its own takes and drafts the next.
    """

    def __init__(
        self,
        subscription: Subscription,
        stop: threading.Event,
        *,
        suspects: Suspects,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._subscription = subscription
        self._stop = stop
        self._suspects = suspects
        self._monotonic = monotonic
        self._committed = 0
        self._quarantined = 0
        self._last_commit = monotonic()
        self._takes: deque[_Take] = deque()
        self._done: deque[_Take] = deque()
        """What is committed. To free its many objects takes a tenth of a commit's time, so the other thread does it."""
        self._things: KnownThings = {}
        self._next_beat = monotonic()

    def run(self) -> None:
        """Take in messages until `stop` is set, disconnect, and commit what has arrived.

        The broker keeps the messages that come later.
        """
        # Without the things the first drafts would not hold, and would be made again: no harm without a database.
        with suppress(DatabaseError, InterfaceError):
            self._things = read_whereabouts()
        with ThreadPoolExecutor(1, "draft") as ahead:
            following = ahead.submit(self._take)
            while not self._stop.is_set():
                take, following = following.result(), ahead.submit(self._take)
                self._commit(take)
                del take  # As `_done` says.
                if self._monotonic() >= self._next_beat:
                    self._beat()
            # From now on the broker keeps what comes. What a DeepLens sent is here alone, so it is committed first.
            self._subscription.stop()
            self._commit(following.result())
            while self.step():
                pass

    def step(self) -> int:
        """Take in the waiting messages, acknowledge them and send their receipts. Return the number of messages."""
        return self._commit(self._take())

    def _take(self) -> _Take:
        """Take and draft the waiting messages; wait up to half a second for the first. Makes no query."""
        self._done.clear()
        received = self._subscription.take(BATCH, timeout_s=0.5)
        take = _Take(self._monotonic(), received)
        if received:
            self._takes.append(take)
            take.arrivals = [message.arrival for message in received if self._subscription.is_ours(message.arrival)]
            take.parts = self._parts(take.arrivals)
        return take

    def _parts(self, arrivals: list[Arrival]) -> list[_Part]:
        """Draft these messages together, or one at a time while the messages are read that ended the process."""
        parts: list[_Part] = []
        while arrivals and self._suspects.one_at_a_time:
            first, *arrivals = arrivals
            parts.append(self._draft([first]))
        return [*parts, self._draft(arrivals)] if arrivals else parts

    def _draft(self, arrivals: list[Arrival]) -> _Part:
        part = _Part(arrivals, is_culprit=len(arrivals) == 1 and self._suspects.is_culprit(arrivals[0]))
        # An error here occurs again in the intake, which handles it.
        with suppress(Exception), self._suspects.reading(arrivals):
            part.draft = None if part.is_culprit else batches.draft(arrivals, self._things)
        return part

    def _commit(self, take: _Take) -> int:
        accepted = self._accept(take) if take.messages else None
        if accepted is None:
            return 0
        if take.arrivals:
            self._last_commit = self._monotonic()
        self._done.append(self._takes.popleft())
        self._subscription.ack(take.messages)
        self._send_receipts(accepted)
        self._committed += accepted.committed
        self._quarantined += accepted.quarantined
        self._update_things(accepted)
        return len(take.messages)

    def _update_things(self, accepted: batches.Accepted) -> None:
        """Replace the cached things of the messages by what the database contained at the commit."""
        known = self._things
        changed = {name: where for name, where in accepted.things.items() if known.get(name) is not where}
        if changed or not known.keys().isdisjoint(accepted.unknown):
            # A new mapping, since the other thread may be reading the old one.
            kept = {name: where for name, where in known.items() if name not in accepted.unknown}
            self._things = {**kept, **changed}

    def is_behind(self) -> bool:
        """Whether messages have arrived that are not committed yet."""
        return bool(self._takes) or self._subscription.waiting() > 0

    def stalled(self) -> str | None:
        """Return a sentence that says what hangs; None if nothing does."""
        oldest = next(iter(tuple(self._takes)), None)
        if oldest is not None and self._monotonic() - max(oldest.since, self._last_commit) > STALLED_AFTER_S:
            return f"No commit for {self._monotonic() - self._last_commit:.0f} s while messages arrive."
        if not self._subscription.is_alive():
            return "The thread that talks to the broker has died."
        return self._suspects.stalled()

    def _accept(self, take: _Take) -> batches.Accepted | None:
        """Give the messages to the intake; retry while the database cannot be reached. None if `stop` is set first."""
        attempt = 0
        accepted = batches.Accepted()
        while True:
            close_old_connections()
            try:
                for part in take.parts[take.accepted :]:
                    accepted.add(_accepted(part))
                    take.accepted += 1
                return accepted
            except (OperationalError, InterfaceError) as error:
                # The log shows one line for an outage, however often it is tried (config/reports.py).
                log.error("%d messages could not be committed.", len(take.messages), exc_info=error)
            self._stop.wait(RETRY_AFTER_S[min(attempt, len(RETRY_AFTER_S) - 1)])
            attempt += 1
            if self._stop.is_set():
                return None

    def _send_receipts(self, accepted: batches.Accepted) -> None:
        self._subscription.publish(
            (messages.topic_to_device(thing, "receipt"), messages.encode(messages.Receipt(ids=tuple(ids))))
            for thing, ids in accepted.receipts.items()
        )
        if accepted.quarantined:
            log.warning("%d messages were quarantined; the admin shows them with the reasons.", accepted.quarantined)

    def _beat(self) -> None:
        now = self._monotonic()
        self._next_beat = now + health.BEAT_EVERY.total_seconds()
        numbers = {
            "commit_age_seconds": now - self._last_commit,
            "committed_messages_total": self._committed,
            "quarantined_messages_total": self._quarantined,
            "lost_qos0_messages_total": self._subscription.overflowed,
            "waiting": self._subscription.waiting(),
            "broker_connected": self._subscription.is_connected(),
            "subscribed": self._subscription.subscribed.is_set(),
        }
        if self._subscription.delivers is not None:
            numbers["delivers"] = self._subscription.delivers
        left = self._subscription.certificate_seconds()
        if left is not None:
            numbers["certificate_seconds"] = left
        try:
            health.beat(f"ingest {self._subscription.client_id}", at=timezone.now(), numbers=numbers)
        except DatabaseError as error:
            log.error("The heartbeat could not be written.", exc_info=error)


def _accepted(part: _Part) -> batches.Accepted:
    if part.is_culprit:
        detail = "Reading the message ended the ingester several times."
        return batches.refuse(part.arrivals[0], Rejection(Reason.REFUSED, detail))
    return batches.accept(part.arrivals, part.draft)


def watch(ingester: Ingester, stop: threading.Event) -> threading.Thread:
    """Start a thread that ends the process with exit code 70 when the ingester hangs, so that it is restarted."""

    def run() -> None:
        while not stop.wait(1):
            if hangs := ingester.stalled():
                log.critical("%s This process ends, to be restarted; the broker keeps uncommitted messages.", hangs)
                # A thread that hangs cannot be told to stop.
                os._exit(70)

    thread = threading.Thread(target=run, name="watchdog", daemon=True)
    thread.start()
    return thread
