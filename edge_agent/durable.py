"""Writes files so that a power cut leaves none of them half written."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Give the file this content. After a power cut the file has either the former content or this one, whole.

    Only the owner can read a private file. Raises `OSError` if the file cannot be written.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Wait until the disk has this file, or the names of the files in this folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
