"""Bounds what a browser or a program may upload at once, and reads it."""

import io
from pathlib import PurePosixPath
from typing import Any

from devices.pages.bodies import BodyLimit
from learning.datasets.archives import Archive, BadArchive, Files, uploaded_files

MAX_UPLOAD_BYTES = 256 * 1024 * 1024
"""Bytes of one upload; `manage.py data_set import` takes more. A picture has some 100 KB."""

LIMIT = BodyLimit(MAX_UPLOAD_BYTES, "Split the upload, or run `manage.py data_set import` on the server.")


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
