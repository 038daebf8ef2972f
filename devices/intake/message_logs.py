"""Reads logs of messages: JSON lines, and what the AWS IoT console exports. Writes nothing.

A log is a sequence of JSON objects, each with `topic` and `payload`. Line breaks, commas and square brackets between
the objects are passed over, so that an array is read like lines, on one line or on many.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator

import msgspec

from devices.reading.decoding import MAX_LEAD, Arrival
from devices.reading.deeplens import milliseconds
from edge_agent.messages import MAX_MESSAGE_BYTES
from edge_agent.text import plain_words

BETWEEN = " \t\r\n,[]"
"""The characters that may stand between two objects."""

LONGEST = 4 * MAX_MESSAGE_BYTES
"""Characters of the longest object. It contains a message, as text with escapes, and little more."""

TIMES = ("received_at", "timestamp")
"""Keys for the time at which a message was received; the AWS IoT console writes the latter."""


class BadLine(ValueError):
    """A part of a log that contains no message. The text is one sentence with the line's number and the reason."""


class _Record(msgspec.Struct):
    topic: str
    # Kept as it is written: a decoded object would have lost its repeated keys.
    payload: msgspec.Raw
    received_at: str | int | float | None = None
    timestamp: str | int | float | None = None


_decoder = msgspec.json.Decoder(_Record)
_finder = json.JSONDecoder()


def read_log(
    lines: Iterable[str | ValueError], *, written_at: dt.datetime, now: dt.datetime
) -> Iterator[Arrival | BadLine]:
    """Yield the messages of a log that is read at `now`, and a `BadLine` for each line that belongs to none.

    A message without a time counts as received at `written_at`, plus a microsecond for each line. So the same log
    always yields the same messages, and equal messages stay apart.
    """
    place = 0
    for number, text in _objects(lines):
        place = max(place + 1, number)  # one line may hold several messages
        try:
            if isinstance(text, ValueError):
                raise text
            yield _message(_decoder.decode(text), written_at + dt.timedelta(microseconds=place), now)
        except (ValueError, OverflowError, RecursionError) as error:
            yield BadLine(f"Line {number} contains no message: {_reason(error)}.")


def _message(record: _Record, otherwise: dt.datetime, now: dt.datetime) -> Arrival:
    given = [(key, value) for key in TIMES if (value := getattr(record, key)) is not None]
    received_at = _time(*given[0]) if given else otherwise
    if received_at > now + MAX_LEAD:
        source = f"its {given[0][0]}" if given else "it has no time, and the file's"
        raise ValueError(f"{source}, {received_at.isoformat()}, lies in the future")
    payload = bytes(record.payload)
    if payload.startswith(b'"'):
        payload = msgspec.json.decode(payload, type=str).encode()
    return Arrival(record.topic, payload, received_at, read_at=now, arrival_known=bool(given))


def _time(key: str, value: str | float) -> dt.datetime:
    """Return the time in UTC. Numbers are seconds or milliseconds since the epoch. Raises `ValueError`."""
    if isinstance(value, str) and not value.isdigit():
        at = dt.datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError(f"“{key}” has no offset from UTC")
        return at.astimezone(dt.UTC)
    return dt.datetime.fromtimestamp(milliseconds(key, value, dt.UTC) / 1000, dt.UTC)


def _objects(lines: Iterable[str | ValueError]) -> Iterator[tuple[int, str | ValueError]]:
    """Yield the text of each object with the number of its first line, and an error for a line that has no object."""
    reader = _Reader(lines)
    while (line := reader.next()) is not None:
        if isinstance(line, ValueError):
            yield reader.number, line
            continue
        rest = line.strip(BETWEEN)
        while rest:
            reader.forget()
            number = reader.number
            try:
                found, rest = _first_object(rest, reader)
            except ValueError as error:
                # A line that begins no object costs itself alone, whatever was read to find that out.
                reader.return_to(number)
                yield number, error
                break
            yield number, found
            rest = rest.strip(BETWEEN)


def _first_object(text: str, reader: "_Reader") -> tuple[str, str]:
    """Return the object at the start of the text, with further lines if it needs them, and the text after it.

    Raises `ValueError` if there is no object.
    """
    if text[0] != "{":
        raise ValueError("it is not a JSON object")
    while True:
        try:
            end = _finder.raw_decode(text)[1]
            return text[:end], text[end:]
        except json.JSONDecodeError as error:
            is_cut = not text[error.pos :].strip() and len(text) < LONGEST
            following = reader.next() if is_cut else None
            if not isinstance(following, str):
                raise ValueError(
                    f"broken JSON, {error.msg[:1].lower()}{error.msg[1:].removesuffix(' starting at')}"
                ) from None
            text = f"{text}\n{following}"
        except RecursionError:
            raise ValueError("its JSON is nested too deeply") from None


class _Reader:
    """Reads lines, and can return to a line that was read since the last call of `forget`."""

    def __init__(self, lines: Iterable[str | ValueError]) -> None:
        self._lines = iter(lines)
        self._read: list[str | ValueError] = []
        self._again: list[str | ValueError] = []
        self.number = 0
        """The number of the line that `next` has returned last, from 1."""

    def next(self) -> str | ValueError | None:
        line = self._again.pop() if self._again else next(self._lines, None)
        if line is not None:
            self._read.append(line)
            self.number += 1
        return line

    def return_to(self, number: int) -> None:
        """Make the line after this number the next one."""
        while self.number > number:
            self._again.append(self._read.pop())
            self.number -= 1

    def forget(self) -> None:
        self._read.clear()


def _reason(error: Exception) -> str:
    """Return what is wrong as a clause, in the words of a log."""
    if isinstance(error, msgspec.ValidationError):
        words = plain_words.sentence(error).rstrip(".")
        return words[:1].lower() + words[1:]
    return str(error).rstrip(".")
