"""Finds the messages in the body of a request, each byte for byte, without decoding them.

A payload that was decoded and encoded again would have lost its repeated keys, and its frames would have other keys
than those of the same message by MQTT. A payload that cannot be decoded harms no other message of the body.
"""

import re
from dataclasses import dataclass, field

import msgspec

MOST_MESSAGES = 1_000
"""Messages in one request."""

MOST_TOKENS = 2_000_000
"""Texts, brackets, commas and colons in one body. A body of 8 MiB with nothing but small frames has somewhat fewer."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)
"""A text, also one that the body's end cuts off, or a mark of JSON's structure. Numbers and names lie between."""


class NotMessages(ValueError):
    """The body is not a list of objects in JSON. The text says in one sentence what is wrong."""


class TooMany(ValueError):
    """The body has more messages or values than one request may have. The text is one sentence."""


@dataclass(slots=True)
class Posted:
    """One object of the body, as it was sent."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    """The JSON of each value by the JSON of its key; of a repeated key the first."""

    @property
    def kind(self) -> str | None:
        """The text under `kind`; None where there is none that can be read."""
        try:
            return msgspec.json.decode(self.values[b'"kind"'], type=str)
        except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def payload(self) -> bytes | None:
        return self.values.get(b'"payload"')


def messages_in(body: bytes) -> list[Posted]:
    """Return the objects of a body that is a list of objects. Takes time in proportion to the body's length.

    The values of the objects are not checked. Raises `NotMessages` or `TooMany`.
    """
    found: list[Posted] = []
    depth = after = start = 0
    key: bytes | None = None
    for count, match in enumerate(_TOKEN.finditer(body)):
        if count >= MOST_TOKENS:
            raise TooMany(f"The body has more than {MOST_TOKENS:,} values.")
        token = match[0]
        if depth < 2:
            _check_outside(token, depth, body[after : match.start()], is_over=depth == 0 and after > 0)
            after = match.end()
        if token in (b"[", b"{"):
            depth += 1
            if depth == 2:
                found.append(Posted())
                key = None
                if len(found) > MOST_MESSAGES:
                    raise TooMany(f"A request has at most {MOST_MESSAGES:,} messages.")
        elif depth == 2 and token == b":" and key is not None:
            start = match.end()
        elif depth == 2 and token in (b",", b"}", b"]"):
            if key is not None and start:
                found[-1].values.setdefault(key, body[start : match.start()].strip())
            key, start = None, 0
        elif depth == 2 and key is None:
            key = token
        if token in (b"]", b"}"):
            depth -= 1
            after = match.end()
    if depth or not after or body[after:].strip():
        raise NotMessages("The body is not a list of messages.")
    return found


def _check_outside(token: bytes, depth: int, before: bytes, *, is_over: bool) -> None:
    """Raise `NotMessages` unless this token may stand outside of the list's objects, with `before` before it."""
    allowed = (b"[",) if depth == 0 else (b"{", b",", b"]")
    if token not in allowed or before.strip() or is_over:
        raise NotMessages("The body is not a list of objects.")
