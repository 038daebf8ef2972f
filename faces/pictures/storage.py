"""Where the pictures of captures lie: in the storage that the settings name, under names nobody can guess."""

import datetime as dt
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction

from faces import aws
from faces.models import Capture, picture_name

log = logging.getLogger(__name__)

LEFT_OVER_AFTER = dt.timedelta(hours=2)
"""A file this old whose row is not there belongs to a transaction that was rolled back; none lasts nearly as long."""

LOOK_BACK = dt.timedelta(hours=48)
"""How far back left-over files are looked for, so that a day without the sweep leaves none behind."""


def name_for(capture: Capture) -> str:
    return picture_name(capture, "")


def store(name: str, jpeg: bytes) -> None:
    """Write the picture, so that on a disk of ours it survives a power cut once this returns."""
    default_storage.save(name, ContentFile(jpeg))
    with suppress(NotImplementedError):  # a storage that has no paths, as S3, has kept it already
        path = Path(default_storage.path(name))
        for each in (path, path.parent):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def open_picture(capture: Capture) -> File[bytes]:
    """The capture's picture, open for reading. Raises `FileNotFoundError` where it is not there."""
    if not capture.image:
        raise FileNotFoundError(f"{capture} has no picture.")
    return default_storage.open(str(capture.image))


def read(capture: Capture) -> bytes:
    """The capture's picture. Raises `FileNotFoundError` as `open_picture`, and `OSError` where it cannot be read."""
    with open_picture(capture) as file:
        return bytes(file.read())


def remove(name: str) -> None:
    """Delete the file; one that is not there is no error."""
    default_storage.delete(name)


def remove_original(source_url: str) -> None:
    """Delete what the picture was made from, in a bucket with all its versions, or in a watched folder.

    Another picture that was put under the same key stays. Nothing to do for a picture that was sent. Raises `OSError`
    and botocore's errors where it may not be deleted.
    """
    parts = urlsplit(source_url)
    if parts.scheme == "file":
        Path(unquote(parts.path)).unlink(missing_ok=True)
    elif parts.scheme == "s3":
        s3, key = aws.client("s3"), unquote(parts.path[1:])
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=parts.netloc, Prefix=key):
            for version in page.get("Versions", []):
                # Without versions a bucket gives each object the version “null”.
                if version["Key"] == key and parts.fragment in ("", version["ETag"].strip('"')):
                    s3.delete_object(Bucket=parts.netloc, Key=key, VersionId=version["VersionId"])


def remove_after_commit(sender: type[Capture], instance: Capture, **_: Any) -> None:
    """Deleting a capture's row deletes its picture."""
    name = str(instance.image)
    if name:
        transaction.on_commit(lambda: remove(name), robust=True)


def remove_left_over(*, now: dt.datetime) -> int:
    """Delete the files of the last two days that no capture owns; returns how many.

    A transaction that takes a picture in writes the file before it commits, so that no committed capture is ever
    without; where it rolls back instead, the file stays until this finds it.
    """
    hours = int(LOOK_BACK / dt.timedelta(hours=1))
    oldest = now - LEFT_OVER_AFTER - LOOK_BACK
    return sum(_remove_left_over_of(oldest + dt.timedelta(hours=hour)) for hour in range(hours))


def _remove_left_over_of(hour: dt.datetime) -> int:
    folder = picture_name(Capture(received_at=hour), "").rpartition("/")[0]
    try:
        _, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return 0
    names = {f"{folder}/{file}" for file in files}
    left_over = names - set(Capture.objects.filter(image__startswith=f"{folder}/").values_list("image", flat=True))
    for name in left_over:
        remove(name)
    if left_over:
        log.info("Removed %d left-over pictures from %s.", len(left_over), folder)
    return len(left_over)
