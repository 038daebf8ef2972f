"""Decides when a message that waits for its receipt is sent again, and how many may wait at once."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

WINDOW, LEAST_WINDOW = 400, 8
"""Most messages that wait for their receipts at once, where receipts are quick and where they are slow."""

QUICK, SLOW = 2.0, 5.0
"""Seconds from a message to its receipt. A quick receipt lets one message more be on its way, a slow one lets half as
many, so that a busy platform has seconds of messages before it, and not minutes. The rest waits in the outbox."""

FIRST_RETRY, LONGEST_RETRY = 30.0, 300.0
"""Seconds after which a message is overdue; doubled each time that the message is sent."""

JITTER = 0.5
"""Each wait is longer by a random share of at most so much, so that cameras do not all send again at once."""

QUIET_SECONDS = 5.0
"""Pause after the broker reported that a message had no subscribers."""


@dataclass(slots=True)
class _Sent:
    first_at: float
    at: float
    wait: float

    @property
    def retry_at(self) -> float:
        return self.at + self.wait


class Sendings:
    """The messages that wait for a receipt, and when each may be sent again. Pure: seconds are passed in.

    The platform confirms messages in the order of their arrival. So a message is overdue when a message is confirmed
    that was first sent after its wait, or when no receipt at all has come for its wait. While a busy platform confirms
    older messages, however late, nothing is sent again: that would make the platform busier.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        """`chance` returns a random number from 0 to 1."""
        self._chance = chance
        self._waiting: dict[str, _Sent] = {}
        self._quiet_until = float("-inf")
        self._window = LEAST_WINDOW
        self._confirmed_to = float("-inf")
        """When the newest confirmed message was sent for the first time."""
        self._last_receipt = float("-inf")
        self._none_due_before = float("inf")
        """Before this time no waiting message is overdue. It may be earlier than need be."""

    def room(self, now: float) -> int:
        """Return the number of messages that may be sent at `now`."""
        if now >= self._none_due_before:
            self._forget(now)
        return 0 if now < self._quiet_until else max(self._window - len(self.not_due(now)), 0)

    def _forget(self, now: float) -> None:
        """Remove messages that have long been overdue, so that weeks without receipts cost no memory."""
        forgotten = [id for id, sent in self._waiting.items() if now >= sent.retry_at + LONGEST_RETRY]
        for id in forgotten:
            if self._is_due(self._waiting[id], now):
                del self._waiting[id]
        self._none_due_before = min((sent.retry_at for sent in self._waiting.values()), default=float("inf"))

    def not_due(self, now: float) -> set[str]:
        """Return the ids of the messages whose receipts are not overdue at `now`."""
        # Nearly always none is, and each message asks.
        if max(now, self._confirmed_to) < self._none_due_before:
            return set(self._waiting)
        return {id for id, sent in self._waiting.items() if not self._is_due(sent, now)}

    def _is_due(self, sent: _Sent, now: float) -> bool:
        return self._confirmed_to >= sent.retry_at or now >= max(sent.at, self._last_receipt) + sent.wait

    def sent(self, id: str, now: float) -> None:
        """This message was sent at `now`: it may be sent again after a wait that doubles each time."""
        before = self._waiting.pop(id, None)
        if before is None:
            self._waiting[id] = _Sent(now, now, FIRST_RETRY * (1 + JITTER * self._chance()))
        else:
            self._waiting[id] = _Sent(before.first_at, now, min(before.wait * 2, LONGEST_RETRY))
        self._none_due_before = min(self._none_due_before, self._waiting[id].retry_at)

    def undelivered(self, id: str, now: float) -> None:
        """This message had no subscribers: it may be sent again after a pause that holds for all messages."""
        self._waiting.pop(id, None)
        self._quiet_until = now + QUIET_SECONDS

    def confirmed(self, ids: Iterable[str], now: float) -> None:
        """The receipts of these messages came at `now`."""
        waited = 0.0
        for id in ids:
            if (sent := self._waiting.pop(id, None)) is not None:
                self._last_receipt, self._confirmed_to = now, max(self._confirmed_to, sent.first_at)
                waited = max(waited, now - sent.at)
                if now - sent.at < QUICK:
                    self._window = min(self._window + 1, WINDOW)
        if waited > SLOW:
            self._window = max(self._window // 2, LEAST_WINDOW)

    def connected(self) -> None:
        """After a new connection all messages may be sent again at once: receipts may have been missed."""
        self._waiting.clear()
        self._quiet_until, self._window = float("-inf"), LEAST_WINDOW
