"""What an S3 notification means: which pictures were put where. Pure: asks neither S3 nor the database."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

CREATED = "ObjectCreated:"
STAMP = re.compile(r"(?<!\d)\d{8}-\d{6}(?!\d)")
"""How a DeepLens writes the time into the name of a picture: YYYYmmdd-HHMMSS."""


class UnreadableNotification(ValueError):
    """The notification is none of S3's; one sentence says why."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was put into a bucket. `at` is UTC, by S3's clock."""

    bucket: str
    key: str
    etag: str
    size: int
    at: dt.datetime

    @property
    def source(self) -> str:
        """Its address with the hash of its content, which tells a picture from the next one under the same key."""
        return f"s3://{self.bucket}/{quote(self.key)}#{self.etag}"

    @property
    def addresses(self) -> list[str]:
        """How devices spell where they put it."""
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
        """The time in its name, as its device wrote it."""
        found = STAMP.search(self.key.rsplit("/", 1)[-1])
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which objects are pictures to take in: those whose key begins and ends like this."""

    prefix: str = ""
    suffix: str = ""

    def matches(self, created: StoredObject) -> bool:
        return created.key.startswith(self.prefix) and created.key.endswith(self.suffix)


def parse_records(body: bytes) -> list[dict[str, Any]]:
    """The records in the body of a message, which S3 has put into the queue itself or by way of SNS.

    Empty for what tells of no object, as the test event that S3 sends once. Raises `UnreadableNotification`.
    """
    told = _json(body)
    if told.get("Type") == "Notification" and isinstance(told.get("Message"), str):
        told = _json(told["Message"].encode())
    if told.get("Event") == "s3:TestEvent":
        return []
    found = told.get("Records")
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise UnreadableNotification("It has no list of records, as a notification of S3 has.")
    return found


def stored_object(record: dict[str, Any]) -> StoredObject | None:
    """The object that the record tells of; None where it was not put there but removed or the like.

    Raises `UnreadableNotification`.
    """
    try:
        told = msgspec.convert(record, _Record)
    except msgspec.ValidationError as error:
        raise UnreadableNotification(f"It is no record of S3's: {error}.") from None
    if not told.name.startswith(CREATED):
        return None
    # In the notification a key is written as in a form: “+” is a space.
    thing = told.s3.object
    return StoredObject(told.s3.bucket.name, unquote_plus(thing.key), thing.etag, thing.size, told.at)


def _json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableNotification(f"It is no JSON object: {error}.") from None


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
