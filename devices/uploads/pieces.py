"""Where the bytes of unfinished uploads lie: in the storage of the pictures, which is a folder of ours or a bucket."""

import base64
import datetime as dt
import fcntl
from io import SEEK_END, FileIO
from pathlib import Path
from typing import Protocol

from django.core.files.storage import default_storage

from devices.models import Upload

CHUNK = 64 * 1024

PRESIGNED_FOR = dt.timedelta(minutes=10)
"""How long a bucket takes a picture under one address; a device that was slower asks again."""

CONTENT_TYPE = "image/jpeg"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class CannotAppend(Exception):
    """One sentence: why these bytes cannot follow. `arrived` is how many are there."""

    def __init__(self, sentence: str, arrived: int) -> None:
        super().__init__(sentence)
        self.arrived = arrived


def takes_pieces() -> bool:
    """Whether pictures come through us, piece by piece; otherwise devices put them into the bucket themselves."""
    return not hasattr(default_storage, "bucket_name")


def arrived(upload: Upload) -> int:
    """Bytes that are there."""
    try:
        return int(default_storage.size(upload.name))
    except FileNotFoundError:
        return 0


def content(upload: Upload) -> bytes:
    """All bytes that are there. Raises `OSError`."""
    with default_storage.open(upload.name) as file:
        return bytes(file.read())


def remove(upload: Upload) -> None:
    """Delete the bytes; that there are none is no error."""
    default_storage.delete(upload.name)


def append(upload: Upload, piece: Readable, *, offset: int, length: int) -> int:
    """Write `length` bytes of the stream behind the first `offset`; how many are there now.

    What arrives is kept as it comes, so that a connection that breaks loses nothing of it. Raises `CannotAppend`.
    """
    path = Path(default_storage.path(upload.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        _write(file, b"", offset)
        while length and (chunk := piece.read(min(CHUNK, length))):
            _write(file, chunk, offset)
            offset, length = offset + len(chunk), length - len(chunk)
        return offset


def _write(file: FileIO, chunk: bytes, offset: int) -> None:
    """Append the chunk where it belongs. The lock is held for this chunk only.

    A connection may be dead for long before anybody notices: the device goes on over a new one meanwhile, and what the
    old one still holds must not follow.
    """
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        here = file.seek(0, SEEK_END)
        if here != offset:
            raise CannotAppend(f"{here:,} bytes are here; go on from there.", here)
        file.write(chunk)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def presigned(upload: Upload) -> tuple[str, dict[str, str]]:
    """An address that takes this one picture by PUT for `PRESIGNED_FOR`, and the headers that must come with it.

    Its length, its type and its SHA-256 are part of the signature, so the bucket takes nothing else there.
    """
    digest = base64.b64encode(bytes.fromhex(upload.sha256)).decode()
    url = default_storage.connection.meta.client.generate_presigned_url(  # type: ignore[attr-defined]
        "put_object",
        Params={
            "Bucket": default_storage.bucket_name,  # type: ignore[attr-defined]
            "Key": upload.name,
            "ContentType": CONTENT_TYPE,
            "ContentLength": upload.size,
            "ChecksumSHA256": digest,
        },
        ExpiresIn=int(PRESIGNED_FOR.total_seconds()),
    )
    return url, {"Content-Type": CONTENT_TYPE, "x-amz-checksum-sha256": digest}
