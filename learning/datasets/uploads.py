"""Bounds what a browser or a program may upload at once, and reads it."""

import io
from pathlib import PurePosixPath
from typing import Any

from learning.datasets.archives import Archive, BadArchive, Files, uploaded_files

MAX_UPLOAD_BYTES = 256 * 1024 * 1024
"""Bytes of one upload; `manage.py data_set import` takes more. A picture has some 100 KB."""

TOO_LARGE = (
    f"An upload has at most {MAX_UPLOAD_BYTES // 1024**2} MB. Split it, or run `manage.py data_set import` on the "
    "server."
)


def body_bytes(request: Any) -> int:
    """Return the length that the request tells of its body; servers read no more than that."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def files_in(uploads: list[Any]) -> Files:
    """Return the files of an upload: those of the archive if it is a single one, or else the files themselves.

    Raises `BadArchive`.
    """
    archives = [each for each in uploads if PurePosixPath(str(each.name)).suffix.lower() == ".zip"]
    if not archives:
        return uploaded_files(uploads)
    if len(uploads) > 1:
        raise BadArchive("Upload one ZIP archive alone, or files without an archive.")
    upload = archives[0]
    return Archive(upload.file if hasattr(upload, "file") else io.BytesIO(upload.read()))
