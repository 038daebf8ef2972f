"""Tells from a file's name whether cameras, people or their machines have put a picture there."""

import os
from collections.abc import Collection
from pathlib import PurePath

SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"})
"""What macOS and Windows write into folders that somebody has opened, in lower case."""

UNFINISHED = frozenset({".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".upload"})
"""How programs end the name of a file that is still being transferred; they rename it afterwards."""

OTHER_PICTURES = frozenset(
    {".heic", ".heif", ".avif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jp2", ".jxl", ".dng", ".raw", ".svg"}
)


def why_passed_over(name: str, suffixes: Collection[str]) -> str:
    """Return why a file of this name is not read as a picture, as the rest of a sentence; "" if it is.

    `suffixes` are the ends of the names that are read, in lower case; case makes no difference.
    """
    suffix = PurePath(name).suffix.lower()
    if name.startswith("._"):
        return "it is a note of macOS about another file"
    if name.lower() in SYSTEM_FILES:
        return "the system has made it"
    if name.startswith("~$"):
        return "it is a lock file of an open document"
    if name.startswith("."):
        return "its name makes it a hidden file"
    if suffix in suffixes:
        return ""
    if suffix in UNFINISHED:
        return "its transfer is not finished"
    *others, last = sorted({_format(end) for end in suffixes})
    read = f"{', '.join(others)} and {last}"
    if suffix in OTHER_PICTURES:
        return f"{_format(suffix)} is not read, only {read}; have the camera or phone save pictures as JPEG"
    return f"its name does not end like that of a picture ({read})"


def is_other_picture(name: str, suffixes: Collection[str]) -> bool:
    """Whether the name is that of a picture in a format that is not read."""
    suffix = PurePath(name).suffix.lower()
    return suffix in OTHER_PICTURES and suffix not in suffixes and not name.startswith((".", "~$"))


def printable(path: PurePath | str) -> str:
    """Return the path for a message. A byte of a name that is not UTF-8 is shown as an escape."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _format(suffix: str) -> str:
    return suffix[1:].upper().replace("JPG", "JPEG").replace("HEIF", "HEIC")
