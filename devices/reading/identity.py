"""The identity of facts: what makes a message, a frame or a line of log the same one when its bytes come again.

An identity is made from the bytes that the device sent, and never from what this version reads in them. So a version
that reads one key more finds the frames of old messages again. The functions here must therefore keep their results
for ever; `tests/devices/reading/test_identity.py` has messages with their recorded keys.
"""

import datetime as dt
import hashlib
import json
import math
from collections.abc import Sequence
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from devices.models import FormerIdentity
from devices.reading.arrivals import Arrival

_MISREADING = dt.timedelta(hours=1)
"""The first version read a time stamp of the hour that comes twice always as that of the first hour."""

NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
"""A time before all facts."""

CACHED_TOPICS = 65_536
"""Topics whose hash or parts are cached, because the same devices publish again and again. Where more topics than this
take turns, none is found in the cache."""

FormerKey = tuple[dt.datetime, int]
"""Time (UTC) and key under which a former version stored a frame or a line of log."""


def digest(*parts: bytes | str) -> int:
    """Return a 64-bit signed BLAKE2b hash of these parts, which is the same in every process."""
    state = _EMPTY.copy()
    for part in parts:
        add_part(state, part.encode() if isinstance(part, str) else part)
    return _number(state)


def _number(state: "hashlib.blake2b") -> int:
    return int.from_bytes(state.digest(), signed=True)


# To copy a state takes half of the time of making one.
_EMPTY = hashlib.blake2b(digest_size=8)


def add_part(state: "hashlib.blake2b", part: bytes | msgspec.Raw) -> None:
    """Add this part with its length, so that no two different sequences of parts become the same bytes.

    In two steps, because to join a length and a part takes longer.
    """
    state.update(len(part).to_bytes(8))
    state.update(part)


def content_hash(arrival: Arrival) -> int:
    """Return the `digest` of topic and payload, which does not depend on when or how the message came."""
    state = _state_after(arrival.topic).copy()
    add_part(state, arrival.payload)
    return _number(state)


@lru_cache(CACHED_TOPICS)
def _state_after(first: str) -> hashlib.blake2b:
    """Return the state of `digest` after its first part."""
    state = _EMPTY.copy()
    add_part(state, first.encode())
    return state


class _Frames(msgspec.Struct):
    frames: tuple[msgspec.Raw, ...]


_frames_decoder = msgspec.json.Decoder(_Frames)


def frames_in(payload: bytes) -> tuple[msgspec.Raw, ...]:
    """Return the JSON of each frame in a valid message of the kind `frames`, as sent, but without white space.

    White space between the tokens is no content: programs that store or forward JSON add or remove it.
    """
    # `split` stops at the first white space. An agent sends none, and to look takes a quarter of the time to remove.
    if len(payload.split(None, 1)) > 1:
        payload = msgspec.json.format(payload, indent=-1)
    return _frames_decoder.decode(payload).frames


def frame_key(frame: msgspec.Raw) -> int:
    """Return the key of one of `frames_in` a message. The message's id is no part of it."""
    state = _EMPTY.copy()
    add_part(state, frame)
    return _number(state)


_json = json.JSONEncoder(separators=(",", ":")).encode
_encode = msgspec.json.Encoder().encode

PLAIN = 0.001
"""From here to 1, no program writes a number with an exponent."""


def _canonical(pairs: Sequence[tuple[str, Any]]) -> str:
    """Return the pairs as `_json` does, in half of the time: nearly all values are numbers."""
    return "[" + ",".join([_canonical_pair(key, value) for key, value in pairs]) + "]"


def _canonical_pair(key: str, value: Any) -> str:
    if type(value) is not float or not math.isfinite(value):
        return _json((key, value))
    # The shortest digits that mean this number, which msgspec finds in a fifth of the time. It writes exponents its
    # own way, but probabilities have none.
    number = _encode(value).decode() if PLAIN <= value <= 1 else repr(value)
    return f"[{encode_basestring_ascii(key)},{number}]"


def record_key(pairs: Sequence[tuple[str, Any]], packet: str) -> int:
    """Return the key of the frame in a record of a DeepLens.

    `pairs` are the record's keys and values in the order in which they were sent, repeated keys included, with each
    number as a `float`. No key has a meaning here. So a live message and its export from the AWS IoT console, which
    writes white space, numbers and escapes in its own way, have the same key. `packet` identifies the broker's packet
    of a record that has no time of its own; "" for any other record.
    """
    state = _state_after("record").copy()
    add_part(state, _canonical(pairs).encode())
    add_part(state, packet.encode())
    return _number(state)


def line_key(payload: bytes, arrival: str) -> int:
    """Return the key of a line of log that came without an id. `arrival` tells equal lines apart."""
    return digest("line", payload, arrival)


@cache
def former_until() -> dt.datetime | None:
    """Return the time before which facts were stored with their former identity; None where there are no such facts.

    The first call in a process makes a query.
    """
    former = FormerIdentity.objects.filter(version=1).first()
    return former.until if former else None


def former_before() -> dt.datetime:
    """Return the time before which a fact may be stored with its former identity, so that its `former_keys` are
    looked up; the earliest time where none is.

    None is when the retention has passed since the migration, because all such facts are deleted then.
    """
    until = former_until()
    if until is None or timezone.now() >= until + _kept():
        return NEVER
    return until + _MISREADING


def _kept() -> dt.timedelta:
    # Facts are deleted by whole days.
    return dt.timedelta(days=settings.FRAME_RETENTION_DAYS + 2)
