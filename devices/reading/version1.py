"""The first version of the identity of facts, frozen: the keys that facts got before the migration `devices.0011`.

The first version made keys from what it read in a message. This module is a copy of that reading, reduced to what the
keys depend on. It must never change, and must not import code that reads messages today. A message that the first
version refused has no key, or one that no fact has.

Rows with these keys remain until the retention has deleted them; `identity.former_until` says for how long the keys
are looked up. The module can be deleted in a release that no installation with such rows can upgrade to.
"""

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from devices.reading.identity import FormerKey, digest

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_GESTURES = frozenset({"thumbs-up", "thumbs-down", "open-palm", "fist"})
_TEXTS = ("link_to_img", "img", "image_string", "device_id", "topic")
_TIMES = ("unix_time", "timestamp")
_NOT_LABELS = frozenset({*_TEXTS, *_TIMES, "objects", "format", "qos"})
_STAMP = re.compile(r"(\d{8}-\d{6})")
_MILLISECONDS_FROM = 100_000_000_000
_MOST_TEXT = 2_000

_Box = tuple[int, int, int, int]


class _Face(msgspec.Struct, frozen=True, omit_defaults=True):
    confidence: float
    box: _Box | None = None


class _Labelled(msgspec.Struct, frozen=True, omit_defaults=True):
    label: str
    confidence: float
    box: _Box | None = None


class _Frame(msgspec.Struct, frozen=True, omit_defaults=True):
    taken_at: int
    faces: tuple[_Face, ...] | None = None
    objects: tuple[_Labelled, ...] = ()
    gestures: tuple[_Labelled, ...] = ()
    size: tuple[int, int] | None = None


_frame_decoder = msgspec.json.Decoder(_Frame)


def frame_keys(frame: msgspec.Raw) -> list[FormerKey]:
    """Return the key of a frame of an agent, as `identity.frames_in` returns it; none where it cannot be read."""
    try:
        read = _frame_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [(_EPOCH + dt.timedelta(milliseconds=read.taken_at), digest(msgspec.json.encode(read)))]


def line_keys(source: tuple[bytes, dt.datetime, str]) -> list[FormerKey]:
    """Return the key of a DeepLens' line of log, from its payload, its arrival and the broker's packet."""
    payload, received_at, packet = source
    try:
        text = payload.decode().strip()
        line = json.loads(text) if text.startswith('"') else text
        key = digest(line.replace("\x00", "�")[:_MOST_TEXT], f"{received_at.isoformat()} {packet}")
    except ValueError:
        return []
    return [(received_at, key)]


def record_keys(source: tuple[bytes, dt.datetime, str, str]) -> list[FormerKey]:
    """Return the key of the frame in a DeepLens' record: its payload, its arrival, the packet, and the clock's zone.

    There are two where the record repeats a key: a log of messages that was replayed kept the last value only.
    """
    payload, received_at, packet, clock_timezone = source
    keys = []
    for pairs_of in (_Pairs, lambda pairs: _Pairs(dict(pairs).items())):
        try:
            keys.append(_record_key(payload, received_at, packet, zoneinfo.ZoneInfo(clock_timezone), pairs_of))
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            continue
    return list(dict.fromkeys(keys))


class _Pairs(list[tuple[str, Any]]):
    def get(self, key: str) -> Any:
        return next((value for name, value in self if name == key), None)


def _record_key(
    payload: bytes,
    received_at: dt.datetime,
    packet: str,
    zone: dt.tzinfo,
    pairs_of: Callable[[Sequence[tuple[str, Any]]], _Pairs],
) -> FormerKey:
    record = _unwrapped(json.loads(payload.decode().strip(), object_pairs_hook=pairs_of), pairs_of)
    about: dict[str, Any] = {}
    faces: list[_Face] | None = None
    objects: list[_Labelled] = []
    gestures: list[_Labelled] = []

    def add(key: str, confidence: float) -> None:
        nonlocal faces
        if key in ("face", "prob") or key.isdigit() or key.strip().lower() == "face":
            faces = [*(faces or ()), _Face(float(confidence))]
        else:
            label = key.strip().lower()
            (gestures if label in _GESTURES else objects).append(_Labelled(label, float(confidence)))

    for key, value in record:
        if key in _NOT_LABELS:
            about.setdefault(key, value)
            if key == "objects":
                for entry in value:
                    add(entry.get("object"), entry.get("confidence"))
        elif isinstance(value, bool) or value in ("true", "false", "True", "False"):
            faces = faces or []
        elif key != "null":
            add(key, value)
    url = about.get("link_to_img") or about.get("img")
    if faces is None and not (gestures or objects) and "objects" not in about:
        faces = []
    milliseconds = _taken_at(about, url, zone)
    taken_at = received_at if milliseconds is None else _EPOCH + dt.timedelta(milliseconds=milliseconds)
    frame = _Frame(
        round(taken_at.timestamp() * 1000),
        None if faces is None else tuple(faces),
        tuple(objects),
        tuple(gestures),
    )
    return taken_at, digest(msgspec.json.encode(frame), packet if milliseconds is None else "")


def _unwrapped(record: _Pairs, pairs_of: Callable[[Sequence[tuple[str, Any]]], _Pairs]) -> _Pairs:
    inner = record.get("payload")
    if inner is None or record.get("topic") is None:
        return record
    if isinstance(inner, str):
        inner = json.loads(inner.strip(), object_pairs_hook=pairs_of)
    has_time = any(inner.get(key) is not None for key in _TIMES)
    added = ("topic",) if has_time else ("topic", "timestamp")
    return _Pairs([*inner, *((key, value) for key, value in record if key in added)])


def _taken_at(about: dict[str, Any], url: str | None, zone: dt.tzinfo) -> int | None:
    for key in _TIMES:
        if (value := about.get(key)) is not None:
            return _milliseconds(value, zone)
    stamp = _STAMP.search(url.rsplit("/", 1)[-1]) if url else None
    return _stamped(stamp[1], zone) if stamp else None


def _milliseconds(value: Any, zone: dt.tzinfo) -> int:
    if isinstance(value, str) and _STAMP.fullmatch(value):
        return _stamped(value, zone)
    number = int(value) if isinstance(value, str) else value
    return round(number if number >= _MILLISECONDS_FROM else number * 1000)


def _stamped(stamp: str, zone: dt.tzinfo) -> int:
    return round(dt.datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=zone).timestamp() * 1000)
