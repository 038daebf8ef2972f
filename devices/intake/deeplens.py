"""What an AWS DeepLens says on its one topic, in any of its dialects, as one typed utterance.

One topic carries JSON, JSON that repeats a key once per face, records wrapped by the AWS IoT console's export, and
plain text. Pure: no database, no clock.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from edge_agent.messages import Face, Labelled
from edge_agent.vision.gestures import GESTURES

Level = Literal["info", "warning", "error"]

SIGN_OF_LIFE = "NO DETECTIONS MADE"
"""The device says this also when it was only waiting between uploads: no frame follows from it."""

FACE_KEYS = frozenset({"face", "prob"})
"""Keys that hold the probability of a face. A model whose labels are numbered says "1" for it."""

EMPTY_KEY = "null"
"""Stands for "nothing" with probability 0."""

TEXTS = ("link_to_img", "img", "image_string", "device_id", "topic")
TIMES = ("unix_time", "timestamp")
NOT_LABELS = frozenset({*TEXTS, *TIMES, "objects", "format", "qos"})

_STAMP = re.compile(r"(\d{8}-\d{6})")
_FAULT = re.compile(r"\b(error|fail(ed|ure)?|exception|traceback)\b", re.IGNORECASE)
_MILLISECONDS_FROM = 100_000_000_000
"""A number of seconds this large would lie in the year 5138; it is milliseconds."""


class Unreadable(ValueError):
    """The payload cannot be understood; the message says where."""


class BadValue(Unreadable):
    """The payload is understood, but a value in it cannot be true."""


class Utterance(msgspec.Struct, frozen=True):
    """What one message says. Times are epoch milliseconds, UTC; None where the message carries none.

    `text` is set for a line of log alone; otherwise `faces` tells a frame with known faces, and `saw_frame` whether the
    message speaks of a frame at all.
    """

    taken_at: int | None = None
    text: str | None = None
    level: Level = "info"
    saw_frame: bool = False
    faces: tuple[Face, ...] | None = None
    gestures: tuple[Labelled, ...] = ()
    objects: tuple[Labelled, ...] = ()
    image_string: str | None = None
    picture_url: str | None = None
    claims_device: str | None = None
    claims_topic: str | None = None


class _Frame(msgspec.Struct):
    faces: list[Face] | None = None
    gestures: list[Labelled] = []
    objects: list[Labelled] = []

    def add(self, label: str, confidence: float) -> None:
        if label == "face":
            self.knows_faces().append(Face(confidence))
        elif label in GESTURES:
            self.gestures.append(Labelled(label, confidence))
        else:
            self.objects.append(Labelled(label, confidence))

    def knows_faces(self) -> list[Face]:
        if self.faces is None:
            self.faces = []
        return self.faces


class _Object(list[tuple[str, Any]]):
    """A JSON object as its key-value pairs, repeated keys included."""

    def get(self, key: str) -> Any:
        """The first value under this key, or None."""
        for name, value in self:
            if name == key:
                return value
        return None


def read(payload: bytes, *, zone: dt.tzinfo = dt.UTC) -> Utterance:
    """The utterance of this payload. `zone` is that of the device's time stamps, UTC unless it was set otherwise.

    Raises `Unreadable` or `BadValue` with one sentence.
    """
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Unreadable(f"Not UTF-8 text: byte {error.start} is 0x{payload[error.start]:02X}.") from None
    if not text:
        raise Unreadable("The payload is empty.")
    if "\x00" in text:
        raise Unreadable("The text holds a NUL character.")
    if text[0] not in '{["':
        return _log_line(text)
    value = _parse(text)
    if isinstance(value, str):
        return _log_line(_keepable(value))
    if not isinstance(value, _Object):
        raise Unreadable("The JSON is not an object.")
    return _record(_unwrapped(value), zone)


def _log_line(text: str) -> Utterance:
    return Utterance(text=text, level="error" if _FAULT.search(text) else "info")


def _parse(text: str) -> Any:
    try:
        value, end = _decoder.raw_decode(text)
    except BadValue:
        raise
    except json.JSONDecodeError as error:
        raise Unreadable(f"Broken JSON: {error.msg} at character {error.pos}.") from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"JSON that no device writes: {error}.") from None
    if end < len(text):
        raise Unreadable(f"Broken JSON: something follows its end at character {end}.")
    return value


def _not_a_number(name: str) -> float:
    raise BadValue(f"{name} is not a probability.")


_decoder = json.JSONDecoder(object_pairs_hook=_Object, parse_constant=_not_a_number)


def _unwrapped(record: _Object) -> _Object:
    """The inner record of a console export, with the export's time and topic."""
    inner = record.get("payload")
    if inner is None or record.get("topic") is None:
        return record
    if isinstance(inner, str):
        inner = _parse(inner.strip())
    if not isinstance(inner, _Object):
        raise Unreadable("The exported message's payload is not an object.")
    own_time = any(inner.get(key) is not None for key in TIMES)
    kept = ("topic",) if own_time else ("topic", "timestamp")
    return _Object([*inner, *((key, value) for key, value in record if key in kept)])


def _record(record: _Object, zone: dt.tzinfo) -> Utterance:
    frame = _Frame()
    about: dict[str, Any] = {}
    for key, value in record:
        if key in NOT_LABELS:
            about.setdefault(key, value)
            if key == "objects":
                _add_objects(frame, value)
        elif _is_flag(value):
            # "face": "true" repeats what the probabilities beside it say; "false" says that there are none.
            frame.knows_faces()
        elif key != EMPTY_KEY:
            frame.add(_label(key), _probability(key, value))
    texts = {key: _text(key, about[key]) for key in TEXTS if key in about} if about else {}
    url = texts.get("link_to_img") or texts.get("img")
    image_string = texts.get("image_string")
    names_nothing = frame.faces is None and not (frame.gestures or frame.objects) and "objects" not in about
    only_a_picture = names_nothing and (url is not None or image_string is not None)
    if names_nothing and not only_a_picture:
        frame.knows_faces()
    return Utterance(
        taken_at=_taken_at(about, url, zone),
        saw_frame=not only_a_picture,
        faces=None if frame.faces is None else tuple(frame.faces),
        gestures=tuple(frame.gestures),
        objects=tuple(frame.objects),
        image_string=image_string,
        picture_url=url,
        claims_device=texts.get("device_id"),
        claims_topic=texts.get("topic"),
    )


def _add_objects(frame: _Frame, objects: Any) -> None:
    if not isinstance(objects, list):
        raise Unreadable("“objects” is not a list.")
    for found in objects:
        if not isinstance(found, _Object):
            raise Unreadable("An entry of “objects” is not an object.")
        label = found.get("object")
        if not isinstance(label, str):
            raise Unreadable("An entry of “objects” does not name its object.")
        frame.add(_label(label), _probability("confidence", found.get("confidence")))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value in ("true", "false", "True", "False"))


def _label(key: str) -> str:
    if key in FACE_KEYS or key.isdigit():
        return "face"
    label = key.strip().lower()
    if not 0 < len(label) <= 64 or not label.isprintable():
        raise Unreadable("A label is empty, longer than 64 characters or not printable.")
    return label


def _probability(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(f"“{key[:64]}” is neither a probability nor a known field.")
    if not 0 <= value <= 1:
        raise BadValue(f"“{key[:64]}” is {value!r:.20}, not a probability.")
    return float(value)


def _text(key: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"“{key}” is not a text.")
    return value if value is None else _keepable(value)


def _keepable(text: str) -> str:
    """The text, unless JSON's escapes have made something of it that can neither be stored nor sent."""
    try:
        if b"\x00" not in text.encode():
            return text
    except UnicodeEncodeError:
        raise Unreadable("A text holds half a surrogate pair.") from None
    raise Unreadable("A text holds a NUL character.")


def _taken_at(about: Mapping[str, Any], url: str | None, zone: dt.tzinfo) -> int | None:
    for key in TIMES:
        value = about.get(key)
        if value is not None:
            return _milliseconds(key, value, zone)
    stamp = _STAMP.search(url.rsplit("/", 1)[-1]) if url else None
    return _stamped(stamp[1], zone) if stamp else None


def _milliseconds(key: str, value: Any, zone: dt.tzinfo) -> int:
    if isinstance(value, str) and _STAMP.fullmatch(value):
        return _stamped(value, zone)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 253_402_300_800_000:
        raise BadValue(f"“{key}” is not a time.")
    return round(value if value >= _MILLISECONDS_FROM else value * 1000)


def _stamped(stamp: str, zone: dt.tzinfo) -> int:
    try:
        local = dt.datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=zone)
    except ValueError:
        raise BadValue(f"“{stamp}” is not a time (YYYYmmdd-HHMMSS).") from None
    if local.year < 1970:
        raise BadValue(f"“{stamp}” lies before 1970.")
    return round(local.timestamp() * 1000)
