"""Files from which a data set is imported: an archive, a folder, or files that were uploaded one by one.

What an archive would take in memory and time is bounded before anything in it is unpacked.
"""

import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

MAX_FILES = 50_000
MAX_FILE_BYTES = 64 * 1024 * 1024
"""One file of annotations: COCO's JSON of 100,000 boxes has some 15 MB."""
MAX_UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
MAX_RATIO = 200
"""Unpacked bytes for each packed byte, in total. JSON and XML shrink to a twentieth; pictures do not shrink."""
SMALL_BYTES = 16 * 1024 * 1024
"""An archive that unpacks to less is harmless whatever its ratio."""

HIDDEN = ("__MACOSX/", ".")
"""How paths begin that systems add by themselves."""


class BadArchive(ValueError):
    """The archive cannot be used. The text says why, in one sentence."""


class UnreadableFile(ValueError):
    """One file cannot be read. The text says why, in one sentence."""


class Files(Protocol):
    """Files by path, with slashes."""

    @property
    def names(self) -> Sequence[str]: ...

    def read(self, name: str) -> bytes:
        """Return the content. Raises `UnreadableFile`."""


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """Files that are read by functions, such as uploaded ones."""

    readers: Mapping[str, Callable[[], bytes]]

    @property
    def names(self) -> Sequence[str]:
        return list(self.readers)

    def read(self, name: str) -> bytes:
        try:
            return self.readers[name]()
        except OSError as error:
            raise UnreadableFile(f"the file cannot be read: {error.strerror or error}") from None


class Archive:
    """A ZIP archive. Raises `BadArchive` where it is none, or would unpack to more than the limits."""

    def __init__(self, file: IO[bytes] | Path) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadArchive(f"The file is no ZIP archive that can be read: {error}.") from None
        wanted = [entry for entry in entries if not entry.is_dir() and not _is_hidden(entry.filename)]
        packed, unpacked = sum(each.compress_size for each in wanted), sum(each.file_size for each in wanted)
        if len(wanted) > MAX_FILES:
            raise BadArchive(f"The archive has {len(wanted):,} files; at most {MAX_FILES:,} are taken.")
        if unpacked > MAX_UNPACKED_BYTES:
            raise BadArchive(f"The archive unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED_BYTES:,} are taken.")
        if unpacked > SMALL_BYTES and unpacked > MAX_RATIO * max(packed, 1):
            raise BadArchive(f"The archive unpacks to {unpacked // max(packed, 1):,} times its size; that is a bomb.")
        self._entries = {each.filename: each for each in wanted}

    @property
    def names(self) -> Sequence[str]:
        return list(self._entries)

    def read(self, name: str) -> bytes:
        entry = self._entries[name]
        if entry.file_size > MAX_FILE_BYTES:
            raise UnreadableFile(f"the file has {entry.file_size:,} bytes; at most {MAX_FILE_BYTES:,} are taken")
        try:
            with self._zip.open(entry) as file:
                # The size that an entry claims may be a lie, so no more than that is unpacked.
                content = file.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as error:
            raise UnreadableFile(f"the file cannot be unpacked: {error}") from None
        if len(content) > entry.file_size:
            raise UnreadableFile("the file is larger than the archive says")
        return content


def folder_files(folder: Path) -> GivenFiles:
    """Return the files below a folder. Symbolic links are left out."""
    paths = sorted(
        Path(parent) / name for parent, _, names in os.walk(folder) for name in names if not name.startswith(".")
    )
    readers: dict[str, Callable[[], bytes]] = {
        path.relative_to(folder).as_posix(): path.read_bytes for path in paths if not path.is_symlink()
    }
    return GivenFiles(readers)


def uploaded_files(uploads: Sequence[Any]) -> GivenFiles:
    """Return uploaded files by name; of two with one name, the second gets a number."""
    readers: dict[str, Callable[[], bytes]] = {}
    for upload in uploads:
        name, number = str(upload.name), 2
        stem, dot, suffix = name.rpartition(".")
        while name in readers:
            name, number = f"{stem}-{number}{dot}{suffix}", number + 1
        readers[name] = upload.read
    return GivenFiles(readers)


def _is_hidden(path: str) -> bool:
    return path.startswith(HIDDEN) or "/." in path
