"""Takes in quarantined messages by the same intake, so that nothing counts twice."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from django.db import models, transaction

from devices.faults.isolation import each
from devices.intake import batches
from devices.models import QuarantinedMessage
from devices.reading.decoding import Arrival, Rejection

_take_in: dict[str, Callable[[Arrival], None]] = {"": batches.take_in}


def register_way(prefix: str, take_in: Callable[[Arrival], None]) -> None:
    """Replay quarantined messages whose topic begins with `prefix` by calling `take_in`.

    `take_in` raises `Rejection` if the message still cannot be taken in, and then must have written nothing.
    """
    _take_in[prefix] = take_in


@transaction.atomic
def replay_quarantined(*, message: QuarantinedMessage, now: dt.datetime) -> bool:
    """Take this message in as if it had been accepted when it arrived; return whether that succeeded.

    If it is rejected again, its reason and detail are replaced by the new ones. A message that was replayed before is
    left alone, and counts as a success.
    """
    if not QuarantinedMessage.objects.filter(pk=message.pk, replayed_at=None).update(replayed_at=now):
        return True
    arrival = Arrival(message.topic, bytes(message.payload), message.received_at, is_replayed=True)
    try:
        longest = max((prefix for prefix in _take_in if arrival.topic.startswith(prefix)), key=len)
        _take_in[longest](arrival)
    except Rejection as rejection:
        QuarantinedMessage.objects.filter(pk=message.pk).update(
            replayed_at=None, reason=rejection.reason, detail=str(rejection)
        )
        return False
    return True


def replay_stored(pk: int, *, now: dt.datetime) -> bool:
    """Replay the message with this key, and return whether it was taken in. So one at a time is in memory."""
    message = QuarantinedMessage.objects.filter(pk=pk).first()
    return message is not None and replay_quarantined(message=message, now=now)


MOST_REPLAYED = 1_000
"""Messages that one request replays, the oldest first; `manage.py replay_quarantine` replays all."""


class Replayed(NamedTuple):
    """What became of the messages that a request has replayed."""

    taken_in: int
    left: int
    """Those that were rejected again, or were more than one request replays."""

    def __str__(self) -> str:
        return f"{self.taken_in:,} messages were taken in, {self.left:,} stay in quarantine."


def replay_all(*, messages: "models.QuerySet[Any]", now: dt.datetime) -> Replayed:
    """Replay these messages, at most `MOST_REPLAYED`. One that fails costs itself only."""
    waiting = messages.filter(replayed_at=None).order_by("received_at", "pk")
    count = waiting.count()
    pks = list(waiting.values_list("pk", flat=True)[:MOST_REPLAYED])
    taken_in = sum(each(pks, partial(replay_stored, now=now), what="the replay of quarantined message"))
    return Replayed(taken_in, count - taken_in)
