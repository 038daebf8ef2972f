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
    """The body is not a list in JSON. The text says in one sentence what it must be."""

    def __init__(self) -> None:
        super().__init__("The body must be a list of messages in JSON.")


class TooMany(ValueError):
    """The body has more messages or values than one request may have. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Posted:
    """One item of the body, as it was sent."""

    is_object: bool
    values: dict[bytes, bytes]
    """The JSON of each value of an object by the JSON of its key; of a repeated key the first."""

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
    """Return the items of a body that is a list. Takes time in proportion to the body's length.

    Each item may be of any type, and the values of an object are not checked. Raises `NotMessages` or `TooMany`.
    """
    found: list[Posted] = []
    item: _Item | None = None
    depth, end = 0, 0
    for count, match in enumerate(_TOKEN.finditer(body)):
        if count >= MOST_TOKENS:
            raise TooMany(f"The body has more than {MOST_TOKENS:,} values.")
        token = match[0]
        if token in (b"]", b"}"):
            depth -= 1
        if depth == 0 and item is None:
            if token != b"[" or end or body[: match.start()].strip():
                raise NotMessages
            item = _Item(body, match.end())
        elif item is None or (depth == 0 and token != b"]"):
            raise NotMessages
        elif depth == 0 or (depth == 1 and token == b","):
            if not item.is_empty(match.start()) or found or depth:
                found.append(item.read(match.start()))
            if len(found) > MOST_MESSAGES:
                raise TooMany(f"A request has at most {MOST_MESSAGES:,} messages.")
            item, end = _Item(body, match.end()) if depth else None, match.end()
        elif depth <= 2:
            item.take(match, depth)
        if token in (b"[", b"{"):
            depth += 1
    if item is not None or not end or body[end:].strip():
        raise NotMessages
    return found


@dataclass(slots=True)
class _Item:
    """An item of the list while its tokens are read."""

    body: bytes
    start: int
    marks: int = 0
    """Tokens of the item that stand in the list itself: of an object, only its two braces."""
    values: dict[bytes, bytes] = field(default_factory=dict)
    key: bytes | None = None
    value: int = 0
    """Where the value of the key begins; 0 before its colon."""

    def take(self, match: re.Match[bytes], depth: int) -> None:
        token = match[0]
        self.marks += depth == 1
        if token == b"," or (depth == 1 and token == b"}"):
            if self.key is not None and self.value:
                self.values.setdefault(self.key, self.body[self.value : match.start()].strip())
            self.key, self.value = None, 0
        elif token == b":":
            self.value = self.value or match.end()
        elif depth == 2 and self.key is None:
            self.key = token

    def is_empty(self, end: int) -> bool:
        return not self.body[self.start : end].strip()

    def read(self, end: int) -> Posted:
        """Return the item, which ends here. Raises `NotMessages` if nothing stands between the list's commas."""
        text = self.body[self.start : end].strip()
        if not text:
            raise NotMessages
        is_object = self.marks == 2 and text.startswith(b"{") and text.endswith(b"}")
        return Posted(is_object, self.values if is_object else {})
