"""Takes in quarantined messages, and logs of messages, by the same intake, so that nothing counts twice."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from django.db import transaction

from devices.intake import batches
from devices.intake.decoding import Arrival, Rejection
from devices.models import QuarantinedMessage


class BadLine(ValueError):
    """A line of a log that contains no message. The text says which line, and what is wrong with it."""


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
    arrival = Arrival(message.topic, bytes(message.payload), message.received_at)
    try:
        longest = max((prefix for prefix in _take_in if arrival.topic.startswith(prefix)), key=len)
        _take_in[longest](arrival)
    except Rejection as rejection:
        QuarantinedMessage.objects.filter(pk=message.pk).update(
            replayed_at=None, reason=rejection.reason, detail=str(rejection)
        )
        return False
    return True


def arrivals_of(lines: TextIO, *, written_at: dt.datetime) -> Iterator[Arrival | BadLine]:
    """Yield the message of each line of a JSONL log: `topic`, `payload` (text or JSON) and `received_at` (ISO 8601).

    A message without `received_at` counts as received at `written_at`, plus a microsecond for each line. So the same
    log always yields the same messages, and equal lines stay apart. Empty lines are passed over; any other line
    without a message yields a `BadLine`.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _arrival(json.loads(line), written_at + dt.timedelta(microseconds=number))
        except (ValueError, TypeError, KeyError) as error:
            yield BadLine(f"Line {number} contains no message: {_sentence(error)}")


def _arrival(record: dict[str, Any], otherwise: dt.datetime) -> Arrival:
    topic, payload = record["topic"], record["payload"]
    if not isinstance(topic, str):
        raise TypeError("“topic” is not a text")
    received_at = dt.datetime.fromisoformat(record["received_at"]) if record.get("received_at") else otherwise
    if received_at.tzinfo is None:
        raise ValueError("“received_at” has no offset from UTC")
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return Arrival(topic, text.encode(), received_at.astimezone(dt.UTC))


def _sentence(error: Exception) -> str:
    return f"“{error.args[0]}” is missing." if isinstance(error, KeyError) else f"{error}."
