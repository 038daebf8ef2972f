"""What becomes of something that was sent, or could not be: the same rule for notices and for letters."""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

from notifications.models import State
from notifications.sending import secret_texts
from notifications.sending.addresses import Failed, Refused

log = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=2)
"""How long something belongs to the process that sends it: longer than any channel takes. Then another one tries."""

FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=5), dt.timedelta(hours=1)
"""Waits between attempts double from the first to the longest."""

MOST_ATTEMPTS = 20
"""After so many attempts, over half a day, it is a dead letter."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended."""

    state: State
    next_try_at: dt.datetime | None
    problem: str
    """One sentence; empty if it was sent."""

    def fields(self, now: dt.datetime) -> dict[str, Any]:
        """Return the fields of the row of what was sent."""
        sent = {"sent_at": now} if self.state == State.SENT else {}
        return {"state": self.state, "next_try_at": self.next_try_at, "problem": self.problem, **sent}


def outcome(error: BaseException | None, *, attempts: int, now: dt.datetime) -> Outcome:
    """Return what becomes of something after this attempt, which was the n-th; `error` is None if it was taken."""
    if error is None:
        return Outcome(State.SENT, None, "")
    known = isinstance(error, (Failed, Refused, secret_texts.Unreadable))
    sentence = str(error) if known else f"Sending it failed unexpectedly: {error}."
    if not known:
        log.error("Something could not be sent.", exc_info=error)
    if isinstance(error, (Refused, secret_texts.Unreadable)) or attempts >= MOST_ATTEMPTS:
        return Outcome(State.DEAD, None, sentence)
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    if isinstance(error, Failed) and error.retry_after_s is not None:
        wait = max(wait, min(dt.timedelta(seconds=error.retry_after_s), LONGEST_WAIT))
    return Outcome(State.WAITING, now + wait, sentence)
