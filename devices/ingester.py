"""The loop that carries messages from the broker into the intake: small steps that each say what they did."""

import logging
import threading
from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError, close_old_connections

from devices import intake
from devices.broker import Delivered, Subscription
from edge_agent import messages

log = logging.getLogger(__name__)

BATCH = 500
"""Most messages in one transaction: large enough that its cost is shared, small enough that readers don't wait."""

PATIENCE_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts while the database is away; the last one repeats."""


def run(subscription: Subscription, stop: threading.Event, *, wait: Callable[[float], object] | None = None) -> None:
    """Take in messages until `stop` is set, then leave; what was not committed stays with the broker.

    `wait` sleeps for some seconds; by default it ends early when `stop` is set.
    """
    while not stop.is_set():
        step(subscription, stop, wait=wait or stop.wait)


def step(subscription: Subscription, stop: threading.Event, *, wait: Callable[[float], object]) -> int:
    """Take in the messages that are there, acknowledge them and send their receipts; answers how many they were."""
    delivered = subscription.take(BATCH, timeout_s=0.5)
    accepted = _committed(delivered, stop, wait) if delivered else None
    if accepted is None:
        return 0
    subscription.ack(delivered)
    for thing, ids in accepted.receipts.items():
        subscription.publish(
            messages.topic_to_device(thing, "receipt"), messages.encode(messages.Receipt(ids=tuple(ids)))
        )
    if accepted.quarantined:
        log.warning("%d messages were set aside; the admin shows them with their reasons.", accepted.quarantined)
    return len(delivered)


def _committed(
    delivered: Sequence[Delivered], stop: threading.Event, wait: Callable[[float], object]
) -> intake.Accepted | None:
    """The intake's answer; tries again while the database is away. None where `stop` came first."""
    attempt = 0
    while True:
        close_old_connections()
        try:
            return intake.accept([each.arrival for each in delivered])
        except (OperationalError, InterfaceError) as error:
            log.error("The database is away (%s); %d messages wait.", str(error).strip(), len(delivered))
        wait(PATIENCE_S[min(attempt, len(PATIENCE_S) - 1)])
        attempt += 1
        if stop.is_set():
            return None
