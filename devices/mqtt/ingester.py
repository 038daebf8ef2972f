"""The loop that carries messages from the broker into the intake: small steps that each say what they did."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from devices import health
from devices.intake import batches, quarantine
from devices.intake.decoding import Arrival, things_of
from devices.intake.deliveries import UNACKNOWLEDGED
from devices.mqtt.broker import Delivered, Subscription
from edge_agent import messages

log = logging.getLogger(__name__)

BATCH = UNACKNOWLEDGED // 2
"""Most messages in one transaction: while it commits, the broker can send as many again, and they are drafted."""

SWITCH_INTERVAL_S = 0.0005
"""How long one of our threads may go on while another wants to run; with Python's 5 ms, each answer of the database
would wait that long."""

PATIENCE_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts while the database is away; the last one repeats."""

STALLED_AFTER_S = 120.0
"""Messages that are in hand for so long without a commit mean that something here hangs."""


class _Hand(msgspec.Struct):
    """What one take brought: all of it is to be acknowledged, the arrivals are ours to take in."""

    since: float
    delivered: list[Delivered]
    arrivals: list[Arrival] = []
    draft: batches.Draft | None = None


class Ingester:
    """Takes in what one subscription delivers. `step` and `run` belong to one thread; `stalled` may be asked by any.

    While `run` commits one batch, a thread of its own takes the next and works out what to write of it.
    """

    def __init__(
        self, subscription: Subscription, stop: threading.Event, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._subscription = subscription
        self._stop = stop
        self._monotonic = monotonic
        self._committed = 0
        self._quarantined = 0
        self._bounded_at = 0
        self._last_commit = monotonic()
        self._hands: deque[_Hand] = deque()
        self._devices: batches.Devices = {}
        self._next_beat = monotonic()

    def run(self) -> None:
        """Take in messages until told to stop, then leave; what was not committed stays with the broker."""
        # Without them the first drafts would not hold; where the database is away now, that is all that happens.
        with suppress(DatabaseError, InterfaceError):
            self._devices = batches.registered()
        with ThreadPoolExecutor(1, "draft") as ahead:
            following = ahead.submit(self._take)
            while not self._stop.is_set():
                hand, following = following.result(), ahead.submit(self._take)
                self._commit(hand)
                if self._monotonic() >= self._next_beat:
                    self._beat()

    def step(self) -> int:
        """Take in the messages that are there, acknowledge them and send their receipts; answers how many they were."""
        return self._commit(self._take())

    def _take(self) -> _Hand:
        """What is there; waits a moment for the first message. Asks no database."""
        delivered = self._subscription.take(BATCH, timeout_s=0.5)
        hand = _Hand(self._monotonic(), delivered)
        if delivered:
            self._hands.append(hand)
            hand.arrivals = [each.arrival for each in delivered if self._subscription.takes(each.arrival)]
            # What goes wrong here will do so again in the intake, which knows what to do then.
            with suppress(Exception):
                hand.draft = batches.draft(hand.arrivals, self._devices)
        return hand

    def _commit(self, hand: _Hand) -> int:
        accepted = self._accepted(hand) if hand.delivered else None
        if accepted is None:
            return 0
        self._last_commit = self._monotonic()
        self._hands.popleft()
        self._subscription.ack(hand.delivered)
        self._send_receipts(accepted)
        self._committed += accepted.committed
        self._quarantined += accepted.quarantined
        self._learn(things_of(hand.arrivals), accepted.devices)
        return len(hand.delivered)

    def _learn(self, things: Collection[str], devices: batches.Devices) -> None:
        """What is known of the devices with these thing names is what the database said now."""
        others = {thing: device for thing, device in self._devices.items() if thing not in things}
        # A new mapping, since the other thread may be reading the old one.
        self._devices = {**others, **devices}

    def stalled(self) -> str | None:
        """What hangs, in a sentence; None while all is well."""
        oldest = next(iter(tuple(self._hands)), None)
        if oldest is not None and self._monotonic() - max(oldest.since, self._last_commit) > STALLED_AFTER_S:
            return f"No commit for {self._monotonic() - self._last_commit:.0f} s while messages arrive."
        if not self._subscription.is_alive():
            return "The thread that talks to the broker has died."
        return None

    def _accepted(self, hand: _Hand) -> batches.Accepted | None:
        """The intake's answer; tries again while the database is away. None where told to stop before that."""
        attempt = 0
        while True:
            close_old_connections()
            try:
                return batches.accept(hand.arrivals, hand.draft)
            except (OperationalError, InterfaceError) as error:
                log.error("The database is away (%s); %d messages wait.", str(error).strip(), len(hand.delivered))
            self._stop.wait(PATIENCE_S[min(attempt, len(PATIENCE_S) - 1)])
            attempt += 1
            if self._stop.is_set():
                return None

    def _send_receipts(self, accepted: batches.Accepted) -> None:
        for thing, ids in accepted.receipts.items():
            receipt = messages.encode(messages.Receipt(ids=tuple(ids)))
            self._subscription.publish(messages.topic_to_device(thing, "receipt"), receipt)
        if accepted.quarantined:
            log.warning("%d messages were set aside; the admin shows them with their reasons.", accepted.quarantined)

    def _beat(self) -> None:
        now = self._monotonic()
        self._next_beat = now + health.BEAT_EVERY.total_seconds()
        numbers = {
            "commit_age_seconds": now - self._last_commit,
            "committed_messages_total": self._committed,
            "quarantined_messages_total": self._quarantined,
            "lost_qos0_messages_total": self._subscription.overflowed,
            "waiting": self._subscription.waiting(),
        }
        try:
            health.beat(f"ingest {self._subscription.client_id}", at=timezone.now(), numbers=numbers)
            if self._quarantined > self._bounded_at:
                quarantine.bound_quarantine()
                self._bounded_at = self._quarantined
        except DatabaseError as error:
            log.error("The heartbeat could not be written: %s", str(error).strip())


def watch(ingester: Ingester, stop: threading.Event) -> threading.Thread:
    """A thread that ends the process with an error when the ingester hangs, so that its supervisor restarts it."""

    def run() -> None:
        while not stop.wait(1):
            if hangs := ingester.stalled():
                log.critical("%s Leaving, to be started again; the broker keeps what is not committed.", hangs)
                # The thread that hangs cannot be asked to leave.
                os._exit(70)

    thread = threading.Thread(target=run, name="watchdog", daemon=True)
    thread.start()
    return thread
