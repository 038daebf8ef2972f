"""Reads the archives that cameras have left: a folder, or a bucket of S3. Writes nothing."""

import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from faces import aws
from faces.sources.s3_events import StoredObject

S3_URL = re.compile(r"s3://(?P<bucket>[^/]+)/?(?P<prefix>.*)", re.DOTALL)
MD5 = re.compile(r"[0-9a-f]{32}")
"""The ETag of an object that was uploaded in one part, and is not encrypted by a key of its own."""


class UnreadableArchive(Exception):
    """The archive cannot be read. The text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """A file of an archive. `name` is its path inside the archive, with slashes; `at` is when it was written, UTC."""

    name: str
    size: int
    at: dt.datetime
    etag: str = ""


class Archive(Protocol):
    def objects(self) -> Iterator[ArchivedObject]:
        """Yield all objects in the order of their names. Raises `UnreadableArchive`."""

    def read(self, stored: ArchivedObject, most: int) -> bytes:
        """Return the object's content, cut off after `most` + 1 bytes. Raises `UnreadableArchive`."""

    def address(self, stored: ArchivedObject) -> StoredObject | None:
        """Return where S3 keeps the object; None for a file."""


def open_archive(text: str) -> Archive:
    """Return the archive that this text names: a folder's path, or `s3://bucket/prefix`. Raises `UnreadableArchive`."""
    match = S3_URL.fullmatch(text)
    if match:
        return BucketArchive(match["bucket"], match["prefix"])
    folder = Path(text)
    if not folder.is_dir():
        raise UnreadableArchive(f"{text} is neither a folder nor s3://bucket/prefix.")
    return FolderArchive(folder)


def content_hash(stored: ArchivedObject, content: bytes) -> str:
    """Return the MD5 of the content, which S3 tells of most objects without reading them."""
    return known_hash(stored) or hashlib.md5(content, usedforsecurity=False).hexdigest()


def known_hash(stored: ArchivedObject) -> str:
    """Return the MD5 of the content if S3 tells it, otherwise ""."""
    return stored.etag if MD5.fullmatch(stored.etag) else ""


class FolderArchive:
    """The files of a folder and of all folders in it. Links are not followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def objects(self) -> Iterator[ArchivedObject]:
        for folder, inside, files in os.walk(self._folder, onerror=_raise):
            inside.sort()
            for name in sorted(files):
                path = Path(folder, name)
                if path.is_symlink() or not path.is_file():
                    continue
                status = path.stat()
                at = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)
                yield ArchivedObject(path.relative_to(self._folder).as_posix(), status.st_size, at)

    def read(self, stored: ArchivedObject, most: int) -> bytes:
        try:
            with (self._folder / stored.name).open("rb") as file:
                return file.read(most + 1)
        except OSError as error:
            raise _unreadable(error) from None

    def address(self, stored: ArchivedObject) -> StoredObject | None:
        return None


class BucketArchive:
    """The objects of a bucket whose keys begin with a prefix."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix

    def objects(self) -> Iterator[ArchivedObject]:
        try:
            pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    # A key that ends with a slash is a folder that the console has made.
                    if not entry["Key"].endswith("/"):
                        yield self._object(entry)
        except (BotoCoreError, ClientError) as error:
            raise UnreadableArchive(f"s3://{self._bucket} cannot be listed: {error}") from None

    def _object(self, entry: dict[str, Any]) -> ArchivedObject:
        at = entry["LastModified"].astimezone(dt.UTC)
        name = entry["Key"].removeprefix(self._prefix).lstrip("/")
        return ArchivedObject(name, entry["Size"], at, entry["ETag"].strip('"'))

    def read(self, stored: ArchivedObject, most: int) -> bytes:
        try:
            response = aws.client("s3").get_object(Bucket=self._bucket, Key=self._key(stored))
            with response["Body"] as body:
                content: bytes = body.read(most + 1)
        except (BotoCoreError, ClientError) as error:
            raise UnreadableArchive(f"{stored.name} cannot be read: {error}") from None
        return content

    def address(self, stored: ArchivedObject) -> StoredObject | None:
        return StoredObject(self._bucket, self._key(stored), stored.etag, stored.size, stored.at)

    def _key(self, stored: ArchivedObject) -> str:
        separator = "/" if self._prefix and not self._prefix.endswith("/") else ""
        return f"{self._prefix}{separator}{stored.name}"


def _raise(error: OSError) -> None:
    raise _unreadable(error)


def _unreadable(error: OSError) -> UnreadableArchive:
    return UnreadableArchive(f"{error.filename} cannot be read: {error.strerror or error}.")
