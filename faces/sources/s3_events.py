"""Parses S3's event notifications. Uses neither S3 nor the database."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

from edge_agent.text.plain_words import sentence

CREATED = "ObjectCreated:"
STAMP = re.compile(r"(?<!\d)\d{8}-\d{6}(?!\d)")
"""The time in the names of a DeepLens's pictures: YYYYmmdd-HHMMSS."""


class UnreadableNotification(ValueError):
    """The message is not a notification of S3. The text is one sentence with the reason."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was put into a bucket. `at` is in UTC, by S3's clock."""

    bucket: str
    key: str
    etag: str
    size: int
    at: dt.datetime

    @property
    def source(self) -> str:
        """The object's URL with its ETag, which differs for the next picture under the same key."""
        return f"s3://{self.bucket}/{quote(self.key)}#{self.etag}"

    @property
    def addresses(self) -> list[str]:
        """The URLs of the object as devices may write them."""
        path = quote(self.key)
        return [
            f"s3://{self.bucket}/{path}",
            f"https://s3.amazonaws.com/{self.bucket}/{path}",
            f"https://{self.bucket}.s3.amazonaws.com/{path}",
        ]

    @property
    def folders(self) -> list[str]:
        return self.key.split("/")[:-1]

    @property
    def stamp(self) -> str | None:
        """The time in the object's name, as the device wrote it; None if the name has no time."""
        match = STAMP.search(self.key.rsplit("/", 1)[-1])
        return match[0] if match else None


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Selects objects by the beginning and the end of their keys."""

    prefix: str = ""
    suffix: str = ""

    def matches(self, stored: StoredObject) -> bool:
        return stored.key.startswith(self.prefix) and stored.key.endswith(self.suffix)


def parse_records(body: bytes) -> list[dict[str, Any]]:
    """Return the records in the body of a message, which S3 has sent to the queue directly or through SNS.

    Returns an empty list for S3's test event. Raises `UnreadableNotification`.
    """
    message = _json(body)
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        message = _json(message["Message"].encode())
    if message.get("Event") == "s3:TestEvent":
        return []
    records = message.get("Records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnreadableNotification("The message has no list “Records”, as a notification of S3 has.")
    return records


def stored_object(record: dict[str, Any]) -> StoredObject | None:
    """Return the created object of the record; None for another event, such as a deletion.

    Raises `UnreadableNotification`.
    """
    try:
        event = msgspec.convert(record, _Record)
    except msgspec.ValidationError as error:
        raise UnreadableNotification(f"The message is not a record of S3. {sentence(error)}") from None
    if not event.name.startswith(CREATED):
        return None
    # Keys are form-encoded in notifications: “+” is a space.
    thing = event.s3.object
    return StoredObject(event.s3.bucket.name, unquote_plus(thing.key), thing.etag, thing.size, event.at)


def _json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableNotification(f"The message is not a JSON object: {error}.") from None


class _Object(msgspec.Struct, frozen=True):
    key: str
    etag: str = msgspec.field(name="eTag", default="")
    size: int = 0


class _Bucket(msgspec.Struct, frozen=True):
    name: str


class _S3(msgspec.Struct, frozen=True):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="eventName")
    at: dt.datetime = msgspec.field(name="eventTime")
    s3: _S3
