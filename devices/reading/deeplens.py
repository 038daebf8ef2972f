"""Reads the messages of an AWS DeepLens, whatever program runs on it, into one typed class.

A DeepLens publishes everything on one topic: JSON, JSON that repeats a key once per face, records that the AWS IoT
console exported, and plain text. Needs no database and no clock.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec

from devices.reading import labels, wrapped_text
from edge_agent.messages import Face, Labelled
from edge_agent.vision.gestures import GESTURES

Level = Literal["info", "warning", "error"]

SIGN_OF_LIFE = "NO DETECTIONS MADE"
"""Some programs also publish this text while they wait between uploads, so the text stands for no frame."""

FACE_KEYS = frozenset({"face", "prob"})
"""Keys that hold the probability of a face. A model with numbered labels uses "1" instead."""

EMPTY_KEY = "null"
"""The key of an entry without a detection; its probability is 0. Alone it means that a model of faces found none."""

TEXTS = ("link_to_img", "img", "image_string", "device_id", "topic")
TIMES = ("unix_time", "timestamp")
BYTE_ORDER_MARK = "\ufeff"
NOT_LABELS = frozenset({*TEXTS, *TIMES, "objects", "format", "qos"})

LEAD = dt.timedelta(minutes=5)
"""How far a device's clock may be ahead without its stamps being placed into the wrong one of two equal hours."""

_STAMP = re.compile(r"(\d{8}-\d{6})")
_AFTER_WAIT = re.compile(r"/image_(?!at_)[^/]+_\d{8}-\d{6}\.jpe?g\Z")
"""AWS' sample that waits between uploads names its pictures after the device; the one that does not wait, image_at_…"""
_NUMBERED = re.compile(r"\d+(\.0*)?", re.ASCII)
_MILLISECONDS_FROM = 100_000_000_000
"""A number this large is milliseconds: as seconds it would lie in the year 5138."""


class Unreadable(ValueError):
    """The payload cannot be read. The text is one sentence that says what is wrong in it."""


class BadValue(Unreadable):
    """The payload can be read, but a value in it is out of its range."""


class DeepLensMessage(msgspec.Struct, frozen=True, gc=False):
    """The content of one message: a line of log, or a frame and a picture, or only one of these two."""

    taken_at: int | None = None
    """Epoch milliseconds, UTC; None where the message contains no time."""
    text: str | None = None
    """The line of log; None for any other message."""
    level: Level = "info"
    has_frame: bool = False
    """Whether the message reports a frame. `faces`, `gestures` and `objects` were found in it."""
    faces: tuple[Face, ...] | None = None
    """None where the message does not tell whether the device looks for faces."""
    is_empty: bool = False
    """Whether the frame's message names nothing at all, which means “no faces” from a device that looks for faces."""
    gestures: tuple[Labelled, ...] = ()
    objects: tuple[Labelled, ...] = ()
    image_string: str | None = None
    picture_url: str | None = None
    claimed_device: str | None = None
    """The device that the payload names as its sender."""
    claimed_topic: str | None = None
    """The topic that an exported record was published on."""
    record: Sequence[tuple[str, Any]] = ()
    """The keys and values of the record as the device sent them, repeated keys included; numbers are floats."""
    is_face_crop: bool = False
    """Whether the message tells of one face and has its picture: the frame's other faces have other messages."""
    waits: bool = False
    """Whether the message is of a program that waits between uploads, as the name of its picture shows."""
    is_stamped: bool = False
    """Whether `taken_at` is a stamp, which the device writes without a time zone."""
    placed_by_arrival: bool = False
    """Whether the time of arrival was needed to tell which of two equal hours `taken_at` is in."""


class _Frame(msgspec.Struct):
    faces: list[Face] | None = None
    gestures: list[Labelled] = []
    objects: list[Labelled] = []

    def add(self, label: str, confidence: float) -> None:
        if label == "face":
            self.add_face_list().append(Face(confidence))
        elif label in GESTURES:
            self.gestures.append(Labelled(label, confidence))
        else:
            self.objects.append(Labelled(label, confidence))

    def add_face_list(self) -> list[Face]:
        if self.faces is None:
            self.faces = []
        return self.faces


class _Object(list[tuple[str, Any]]):
    """A JSON object as a list of its pairs of key and value, because keys may repeat."""

    def get(self, key: str) -> Any:
        """The first value under this key, or None."""
        for name, value in self:
            if name == key:
                return value
        return None


def read(payload: bytes, *, zone: dt.tzinfo = dt.UTC, arrived_at: dt.datetime | None = None) -> DeepLensMessage:
    """Return the content of this payload.

    `zone` is the time zone in which the device writes its time stamps. When that zone's clocks are set back, an hour
    comes twice; `arrived_at`, the time of arrival (None: unknown), then says which of both hours a stamp is of.
    Raises `Unreadable` or `BadValue`.
    """
    text = _text_of(payload)
    if not wrapped_text.is_structure(text):
        text = _unwrapped_text(text)
        if not wrapped_text.is_structure(text):
            return _log_line(text)
    value = _parse(text)
    if not isinstance(value, _Object):
        raise Unreadable("The payload is JSON, but not a JSON object.")
    record, added = _exported(value)
    return _record(record, added, _Clock(zone, arrived_at))


def _text_of(payload: bytes) -> str:
    try:
        text = payload.decode("utf-8").strip().removeprefix(BYTE_ORDER_MARK).strip()
    except UnicodeDecodeError as error:
        raise Unreadable(f"Not UTF-8 text: byte {error.start} is 0x{payload[error.start]:02X}.") from None
    if not text:
        raise Unreadable("The payload is empty.")
    return _without_nul(text)


def _unwrapped_text(text: str) -> str:
    try:
        inner = wrapped_text.unwrapped(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The wrapped payload cannot be read: {error}") from None
    if not inner:
        raise Unreadable("The payload is empty.")
    return _checked_text(inner)


def _log_line(text: str) -> DeepLensMessage:
    if wrapped_text.looks_like_data(text):
        raise Unreadable("The payload looks like data, not like a line of log, and is no JSON object.")
    return DeepLensMessage(text=text, level="error" if wrapped_text.FAULT.search(text) else "info")


def _parse(text: str) -> Any:
    """Return the value of JSON, or of a Python literal, which old programs published instead. Raises `Unreadable`."""
    try:
        return _parse_json(text)
    except BadValue:
        raise
    except Unreadable as unreadable:
        if "'" not in text:
            raise
        try:
            return _parse_json(wrapped_text.python_as_json(text))
        except BadValue:
            raise
        except ValueError:
            raise unreadable from None


def _parse_json(text: str) -> Any:
    try:
        value, end = _decoder.raw_decode(text)
    except BadValue:
        raise
    except json.JSONDecodeError as error:
        raise Unreadable(f"Broken JSON: {error.msg.removesuffix(' starting at')} at character {error.pos}.") from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"The JSON cannot be read: {error}.") from None
    if end < len(text):
        raise Unreadable(f"Broken JSON: there is more text after its end at character {end}.")
    return value


def _not_a_number(name: str) -> float:
    raise BadValue(f"{name} is not a probability.")


# All numbers are floats: a record's identity must not depend on whether a program writes 1 or 1.0.
_decoder = json.JSONDecoder(object_pairs_hook=_Object, parse_constant=_not_a_number, parse_int=float)


def _exported(record: _Object) -> tuple[_Object, list[tuple[str, Any]]]:
    """Return the record inside one that the AWS IoT console exported, and the export's time and topic."""
    inner = record.get("payload")
    if inner is None or record.get("topic") is None:
        return record, []
    if isinstance(inner, str):
        inner = _parse(inner.strip())
    if not isinstance(inner, _Object):
        raise Unreadable("The exported message's payload is not an object.")
    own_time = any(inner.get(key) is not None for key in TIMES)
    added = ("topic",) if own_time else ("topic", "timestamp")
    return inner, [(key, value) for key, value in record if key in added]


def _record(record: _Object, added: Sequence[tuple[str, Any]], clock: "_Clock") -> DeepLensMessage:
    frame = _Frame()
    about: dict[str, Any] = {}
    says_face = False
    for key, value in (*record, *added):
        if key in NOT_LABELS:
            about.setdefault(key, value)
            if key == "objects":
                _add_objects(frame, value)
        elif type(value) is not float and _is_flag(value) and _label(key) == "face":
            # "face": "true" only repeats the probabilities beside it; "face": "false" means that there are none.
            frame.add_face_list()
            says_face |= value in (True, "true", "True")
        elif key != EMPTY_KEY:
            frame.add(_label(key), _probability(key, value))
    if says_face and not frame.faces:
        raise BadValue("The message says that it shows faces, but no probability tells how many.")
    texts = {key: _text(key, about[key]) for key in TEXTS if key in about} if about else {}
    url = texts.get("link_to_img") or texts.get("img")
    image_string = texts.get("image_string")
    names_nothing = frame.faces is None and not (frame.gestures or frame.objects) and "objects" not in about
    names_one_face = frame.faces is not None and len(frame.faces) == 1 and not (frame.gestures or frame.objects)
    only_a_picture = names_nothing and (url is not None or image_string is not None)
    if names_nothing and record.get(EMPTY_KEY) is not None:
        frame.add_face_list()
    return DeepLensMessage(
        taken_at=_taken_at(about, url, clock) if about else None,
        has_frame=not only_a_picture,
        is_empty=frame.faces is None and names_nothing and not only_a_picture,
        faces=None if frame.faces is None else tuple(frame.faces),
        gestures=tuple(frame.gestures),
        objects=tuple(frame.objects),
        image_string=image_string,
        picture_url=url,
        claimed_device=texts.get("device_id"),
        claimed_topic=texts.get("topic"),
        record=record,
        is_face_crop=image_string is not None and names_one_face,
        waits=url is not None and _AFTER_WAIT.search(url) is not None,
        is_stamped=clock.was_read,
        placed_by_arrival=clock.asked_arrival,
    )


def _add_objects(frame: _Frame, objects: Any) -> None:
    if not isinstance(objects, list):
        raise Unreadable("“objects” is not a list.")
    for entry in objects:
        if not isinstance(entry, _Object):
            raise Unreadable("An entry of “objects” is not an object.")
        label = entry.get("object")
        if not isinstance(label, str):
            raise Unreadable("An entry of “objects” has no text under “object”.")
        frame.add(_label(label), _probability("confidence", entry.get("confidence")))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value in ("true", "false", "True", "False"))


@lru_cache(labels.CACHED_LABELS)
def _label(key: str) -> str:
    try:
        label = labels.normalised(key)
    except labels.BadLabel as error:
        raise Unreadable(str(error)) from None
    return "face" if label in FACE_KEYS or (label[0].isdigit() and _NUMBERED.fullmatch(label)) else label


def _probability(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(f"“{key[:64]}” is neither a probability nor a known field.")
    if not 0 <= value <= 1:
        raise BadValue(f"“{key[:64]}” is {value!r:.20}, not a probability.")
    return float(value)


def _text(key: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"“{key}” is not a text.")
    return value if value is None else _checked_text(value)


def _checked_text(text: str) -> str:
    """Return the text. Raises `Unreadable` where JSON's escapes made a text that cannot be stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable("A text in the JSON contains half of a surrogate pair.") from None
    return _without_nul(text)


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise Unreadable("The text contains a NUL character.")
    return text


def _taken_at(about: Mapping[str, Any], url: str | None, clock: "_Clock") -> int | None:
    for key in TIMES:
        value = about.get(key)
        if value is not None:
            return _milliseconds(key, value, clock)
    stamp = _STAMP.search(url.rsplit("/", 1)[-1]) if url else None
    return clock.read(stamp[1]) if stamp else None


def milliseconds(key: str, value: Any, zone: dt.tzinfo) -> int:
    """Return a time in epoch milliseconds, from seconds, milliseconds or a stamp in `zone`. Raises `BadValue`."""
    return _milliseconds(key, value, _Clock(zone, None))


def stamp_time(stamp: str, *, zone: dt.tzinfo, arrived_at: dt.datetime | None) -> int:
    """Return the time of a stamp, such as 20180816-183152, in epoch milliseconds, as `read` does. Raises `BadValue`."""
    return _Clock(zone, arrived_at).read(stamp)


def _milliseconds(key: str, value: Any, clock: "_Clock") -> int:
    if isinstance(value, str) and _STAMP.fullmatch(value):
        return clock.read(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 253_402_300_800_000:
        raise BadValue(f"“{key}” is not a time.")
    return round(value if value >= _MILLISECONDS_FROM else value * 1000)


class _Clock:
    """The clock of a device, which writes stamps without a time zone."""

    def __init__(self, zone: dt.tzinfo, arrived_at: dt.datetime | None) -> None:
        self._zone, self._arrived_at = zone, arrived_at
        self.asked_arrival = self.was_read = False

    def read(self, stamp: str) -> int:
        """Return the time of a stamp in epoch milliseconds. Raises `BadValue`."""
        self.was_read = True
        try:
            local = dt.datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=self._zone)
        except ValueError:
            raise BadValue(f"“{stamp}” is not a time (YYYYmmdd-HHMMSS).") from None
        if local.year < 1970:
            raise BadValue(f"“{stamp}” lies before 1970.")
        return round(self._placed(local).timestamp() * 1000)

    def _placed(self, local: dt.datetime) -> dt.datetime:
        """Return the later one of two equal times, unless that had not come yet when the message arrived."""
        later = local.replace(fold=1)
        if self._arrived_at is None or local.utcoffset() <= later.utcoffset():  # type: ignore[operator]
            return local  # the time comes once, or not at all
        self.asked_arrival = True
        return later if later.timestamp() <= (self._arrived_at + LEAD).timestamp() else local
