"""The loop that carries messages from the broker into the intake: small steps that each say what they did."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from devices import health, intake, services
from devices.broker import Delivered, Subscription
from edge_agent import messages

log = logging.getLogger(__name__)

BATCH = 500
"""Most messages in one transaction: large enough that its cost is shared, small enough that readers don't wait."""

PATIENCE_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts while the database is away; the last one repeats."""

STALLED_AFTER_S = 120.0
"""Messages that are in hand for so long without a commit mean that something here hangs."""


class Ingester:
    """Takes in what one subscription delivers. `step` and `run` belong to one thread; `stalled` may be asked by any."""

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
        self._in_hand_since: float | None = None
        self._next_beat = monotonic()

    def run(self) -> None:
        """Take in messages until told to stop, then leave; what was not committed stays with the broker."""
        while not self._stop.is_set():
            self.step()
            if self._monotonic() >= self._next_beat:
                self._beat()

    def step(self) -> int:
        """Take in the messages that are there, acknowledge them and send their receipts; answers how many they were."""
        delivered = self._subscription.take(BATCH, timeout_s=0.5)
        if not delivered:
            return 0
        self._in_hand_since = self._monotonic()
        accepted = self._accepted(delivered)
        if accepted is None:
            return 0
        self._last_commit, self._in_hand_since = self._monotonic(), None
        self._subscription.ack(delivered)
        self._send_receipts(accepted)
        self._committed += accepted.committed
        self._quarantined += accepted.quarantined
        return len(delivered)

    def stalled(self) -> str | None:
        """What hangs, in a sentence; None while all is well."""
        since = self._in_hand_since
        if since is not None and self._monotonic() - since > STALLED_AFTER_S:
            return f"No commit for {self._monotonic() - self._last_commit:.0f} s while messages arrive."
        if not self._subscription.is_alive():
            return "The thread that talks to the broker has died."
        return None

    def _accepted(self, delivered: Sequence[Delivered]) -> intake.Accepted | None:
        """The intake's answer; tries again while the database is away. None where told to stop before that."""
        attempt = 0
        while True:
            close_old_connections()
            try:
                return intake.accept([each.arrival for each in delivered if self._subscription.takes(each.arrival)])
            except (OperationalError, InterfaceError) as error:
                log.error("The database is away (%s); %d messages wait.", str(error).strip(), len(delivered))
            self._stop.wait(PATIENCE_S[min(attempt, len(PATIENCE_S) - 1)])
            attempt += 1
            if self._stop.is_set():
                return None

    def _send_receipts(self, accepted: intake.Accepted) -> None:
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
                services.bound_quarantine()
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
