"""Stores the pictures of captures in the default storage, under names that cannot be guessed."""

import datetime as dt
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction

from devices.faults.isolation import each
from devices.reading.buckets import is_own_object
from edge_agent.durable import flush
from faces import aws
from faces.models import Capture, picture_name

log = logging.getLogger(__name__)

TAKEN = "taken"
"""The folder to which `watch_folder` moves the pictures that it has taken in, inside each device's folder."""

LEFT_OVER_AFTER = dt.timedelta(hours=2)
"""A file of this age without a row belongs to a transaction that rolled back, as no transaction lasts so long."""

LOOK_BACK = dt.timedelta(hours=48)
"""The period before that which is searched for left-over files, so that a day without a sweep leaves none."""


def name_for(capture: Capture) -> str:
    return picture_name(capture, "")


def store(name: str, jpeg: bytes) -> None:
    """Write the picture. On a local disk it survives a power cut once this returns."""
    default_storage.save(name, ContentFile(jpeg))
    with suppress(NotImplementedError):  # a storage without paths, such as S3, is durable already
        path = Path(default_storage.path(name))
        flush(path)
        flush(path.parent)


def open_picture(capture: Capture) -> File[bytes]:
    """Open the capture's picture for reading. Raises `FileNotFoundError` if there is none."""
    if not capture.image:
        raise FileNotFoundError(f"{capture} has no picture.")
    return default_storage.open(str(capture.image))


def read(capture: Capture) -> bytes:
    """Return the capture's picture. Raises `FileNotFoundError` if there is none, and `OSError` if reading fails."""
    with open_picture(capture) as file:
        return bytes(file.read())


def remove(name: str) -> None:
    """Delete the file. A missing file is no error."""
    default_storage.delete(name)


def remove_original(capture: Capture) -> None:
    """Delete the original of a picture: in a bucket with all its versions, or in a watched folder.

    Another picture under the same key stays. Pictures that a device sent have no original here. Raises `OSError` and
    botocore's errors if the original cannot be deleted, and `PermissionError` if it is not the device's own: in the
    bucket and under the prefix that are set for the device, or where `watch_folder` moves the device's pictures.
    """
    parts = urlsplit(capture.source_url)
    if parts.scheme == "file":
        # A name that is not UTF-8 stays the same bytes.
        path = Path(os.fsdecode(unquote_to_bytes(parts.path)))
        if path.parent.name != TAKEN or path.parent.parent.name != capture.device.thing_name:
            raise PermissionError(f"{capture.source_url} is not in the device's folder “{TAKEN}”. Delete it by hand.")
        path.unlink(missing_ok=True)
    elif parts.scheme == "s3":
        if not is_own_object(capture.device.thing, parts.netloc, unquote(parts.path[1:])):
            raise PermissionError(
                f"{capture.source_url} is not in the bucket and under the prefix that are set for {capture.device}. "
                "Set them, or delete the object by hand."
            )
        s3, key = aws.client("s3"), unquote(parts.path[1:])
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=parts.netloc, Prefix=key):
            for version in page.get("Versions", []):
                # A bucket without versioning gives each object the version “null”.
                if version["Key"] == key and parts.fragment in ("", version["ETag"].strip('"')):
                    s3.delete_object(Bucket=parts.netloc, Key=key, VersionId=version["VersionId"])


def remove_after_commit(sender: type[Capture], instance: Capture, **_: Any) -> None:
    """Receive `post_delete`: delete the capture's picture after the commit."""
    name = str(instance.image)
    if name:
        transaction.on_commit(lambda: remove(name), robust=True)


def remove_left_over(*, now: dt.datetime) -> int:
    """Delete the files of the last two days that belong to no capture; return how many there were.

    A transaction that stores a capture writes the file before its commit, so that every committed capture has its
    file. If the transaction rolls back, the file is left over.
    """
    hours = int(LOOK_BACK / dt.timedelta(hours=1))
    oldest = now - LEFT_OVER_AFTER - LOOK_BACK
    starts = (oldest + dt.timedelta(hours=hour) for hour in range(hours))
    return sum(each(starts, _remove_left_over_of, what="removing the left-over pictures of the hour"))


def _remove_left_over_of(hour: dt.datetime) -> int:
    folder = picture_name(Capture(received_at=hour), "").rpartition("/")[0]
    try:
        _, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return 0
    names = {f"{folder}/{file}" for file in files}
    left_over = names - set(Capture.objects.filter(image__startswith=f"{folder}/").values_list("image", flat=True))
    removed = len(list(each(sorted(left_over), remove, what="removing")))
    if removed:
        log.info("Removed %d left-over pictures from %s.", removed, folder)
    return removed
