"""Taking in again what was set aside or logged: by the same intake, so that nothing counts twice."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from django.db import transaction

from devices.intake import batches
from devices.intake.decoding import Arrival, SetAside
from devices.models import QuarantinedMessage


class BadLine(ValueError):
    """A line of a log that holds no message; the text says which line and why."""


_ways: dict[str, Callable[[Arrival], None]] = {"": batches.take_in}


def register_way(prefix: str, take_in: Callable[[Arrival], None]) -> None:
    """Have what stands in the quarantine under a topic that begins like this be taken in by this function.

    It raises `SetAside` where it cannot be still, and then has written nothing.
    """
    _ways[prefix] = take_in


@transaction.atomic
def replay_quarantined(*, message: QuarantinedMessage, now: dt.datetime) -> bool:
    """Take this message in, once its cause is mended; as if it had come in time, at its own time of arrival.

    False where it cannot be taken in still: then it says why now. A message that was replayed before stays as it is.
    """
    if not QuarantinedMessage.objects.filter(pk=message.pk, replayed_at=None).update(replayed_at=now):
        return True
    arrival = Arrival(message.topic, bytes(message.payload), message.received_at)
    try:
        way = max((prefix for prefix in _ways if arrival.topic.startswith(prefix)), key=len)
        _ways[way](arrival)
    except SetAside as reason:
        QuarantinedMessage.objects.filter(pk=message.pk).update(
            replayed_at=None, reason=reason.reason, detail=str(reason)
        )
        return False
    return True


def arrivals_of(lines: TextIO, *, written_at: dt.datetime) -> Iterator[Arrival | BadLine]:
    """The messages of a JSONL log, one a line: `topic`, `payload` (text or JSON) and `received_at` (ISO 8601).

    What has no `received_at` counts as received when the log was written, a microsecond later with each line: so the
    same log gives the same messages however often it is read, and equal lines stay apart. An empty line is passed
    over; any other that holds no message comes as a `BadLine`.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _arrival(json.loads(line), written_at + dt.timedelta(microseconds=number))
        except (ValueError, TypeError, KeyError) as error:
            yield BadLine(f"Line {number} holds no message: {_sentence(error)}")


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
