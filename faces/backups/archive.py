"""A backup: one file, encrypted to a public key, with the database, the pictures and the key of the installation.

The file is an age file (https://age-encryption.org) around a tar file, so `age -d` and `tar` open it without Headcount.
Its members are `manifest.json`, `database/00000…` in order, and `pictures/<name>`.
"""

import datetime as dt
import io
import itertools
import json
import os
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import pyrage
from django.apps import apps
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from devices import pictures_folder
from devices.models import Heartbeat
from faces.backups import database
from faces.models import Erasure, Person

FORMAT = 1

Progress = Callable[[str, int], None]
"""Is told what is being done (“database”, “pictures”) and by how many bytes it has advanced."""


class Unusable(Exception):
    """The backup or the key cannot be used. The text is one sentence."""


@dataclass
class Made:
    """What a backup contains."""

    database_bytes: int = 0
    pictures: int = 0
    missing: list[str] = field(default_factory=list)
    """Names of pictures that the database knows and the storage had lost or deleted meanwhile."""


def new_key() -> tuple[str, str]:
    """Return the text of a new key file, and the public key in it, to which backups are encrypted."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    return f"# public key: {public}\n{identity}\n", public


def write(path: Path, *, public_key: str, now: dt.datetime, progress: Progress) -> Made:
    """Write a backup to this path, which appears once it is whole. Raises `Unusable` and `DatabaseTrouble`."""
    try:
        recipient = pyrage.x25519.Recipient.from_str(public_key)
    except pyrage.RecipientError:
        raise Unusable(f"“{public_key}” is no public key of age; it begins with age1.") from None
    made = Made()
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as target:
        reader, writer = os.pipe()
        trouble: list[BaseException] = []

        def fill() -> None:
            try:
                with os.fdopen(writer, "wb") as pipe, tarfile.open(fileobj=pipe, mode="w|") as archive:
                    _fill(archive, made, now, progress)
            except BaseException as error:
                trouble.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=fill, name="backup")
        thread.start()
        with os.fdopen(reader, "rb") as pipe:
            pyrage.encrypt_io(pipe, target, [recipient])
        thread.join()
        target.flush()
        os.fsync(target.fileno())
    if trouble:
        unfinished.unlink()
        raise trouble[0]
    unfinished.replace(path)
    return made


def _fill(archive: tarfile.TarFile, made: Made, now: dt.datetime, progress: Progress) -> None:
    with database.consistent_dump() as pieces:
        applied = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
        manifest = {
            "format": FORMAT,
            "version": settings.VERSION,
            "made_at": now.isoformat(),
            "engine": connection.vendor,
            "migrations": applied,
            "secret_key": settings.SECRET_KEY,
        }
        _add(archive, "manifest.json", json.dumps(manifest, indent=1).encode(), now)
        names = sorted(set(_file_names()))
        for number, piece in enumerate(pieces):
            _add(archive, f"database/{number:05}", piece, now)
            made.database_bytes += len(piece)
            progress("database", len(piece))
    for name in names:
        try:
            file = default_storage.open(name)
        except FileNotFoundError:
            made.missing.append(name)
            continue
        # A file of archived facts may have gigabytes, so that no file is read whole.
        with file:
            archive.addfile(_member(f"pictures/{name}", file.size, now), cast("IO[bytes]", file))
        made.pictures += 1
        progress("pictures", file.size)


def _file_names() -> Iterator[str]:
    """Yield the name in the storage of every file that a row of the database refers to."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, models.FileField):
                yield from model._base_manager.exclude(**{column.name: ""}).values_list(column.name, flat=True)


def _add(archive: tarfile.TarFile, name: str, content: bytes, now: dt.datetime) -> None:
    archive.addfile(_member(name, len(content), now), io.BytesIO(content))


def _member(name: str, size: int, now: dt.datetime) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(now.timestamp()), 0o600
    return member


def read(path: Path, *, key_file: Path, progress: Progress) -> dict[str, Any]:
    """Replace the database by that of the backup, and add its pictures. Return the manifest.

    The whole file is read and checked once before anything is changed. Raises `Unusable` and `DatabaseTrouble`.
    """
    identity = _identity(key_file)
    manifest = _check(path, identity)
    with _opened(path, identity) as archive:
        members = iter(archive)
        next(members)
        later: list[tarfile.TarInfo] = []
        database.load(_database_pieces(archive, members, later, progress))
        for member in itertools.chain(later, members):
            _restore_picture(member.name.removeprefix("pictures/"), _opened_member(archive, member))
            progress("pictures", member.size)
    # The processes and the folder of another machine are not those of this one.
    Heartbeat.objects.exclude(process="quarantine").delete()
    pictures_folder.problem()
    return manifest


def _check(path: Path, identity: Any) -> dict[str, Any]:
    """Read the whole backup and return its manifest. Raises `Unusable` for one that this program cannot restore."""
    try:
        with _opened(path, identity) as archive:
            members = iter(archive)
            first = next(members, None)
            if first is None or first.name != "manifest.json":
                raise Unusable(f"{path} is no backup of Headcount.")
            manifest: dict[str, Any] = json.loads(_content(archive, first))
            for member in members:
                if not member.isfile() or not member.name.startswith(("database/", "pictures/")):
                    raise Unusable(f"{path} contains “{member.name}”, which no backup of Headcount does.")
                _read_through(_opened_member(archive, member))
    except (pyrage.DecryptError, tarfile.TarError, EOFError) as error:
        raise Unusable(f"{path} cannot be read: {error}. It is damaged, or encrypted to another key.") from None
    known = {f"{app}.{name}" for app, name in _known_migrations()}
    if manifest["format"] != FORMAT or (unknown := sorted(set(manifest["migrations"]) - known)):
        raise Unusable(
            f"The backup is of version {manifest['version']}, which is newer than this one ({settings.VERSION}), or of"
            f" other apps: install that version first. Unknown here: {', '.join(unknown[:3]) or 'its format'}."
        )
    if manifest["engine"] != connection.vendor:
        raise Unusable(f"The backup is of {manifest['engine']}, and DATABASE_URL leads to {connection.vendor}.")
    return manifest


def _known_migrations() -> Iterable[tuple[str, str]]:
    from django.db.migrations.loader import MigrationLoader

    return MigrationLoader(None).disk_migrations


def _identity(key_file: Path) -> Any:
    lines = [line for line in key_file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    try:
        return pyrage.x25519.Identity.from_str(lines[0].strip() if lines else "")
    except pyrage.IdentityError:
        raise Unusable(f"{key_file} contains no key of age; its line begins with AGE-SECRET-KEY-1.") from None


class _opened:
    """The tar file in a backup, decrypted as it is read."""

    def __init__(self, path: Path, identity: Any) -> None:
        self._source = path.open("rb")
        reader, writer = os.pipe()
        self._trouble: list[BaseException] = []
        self._thread = threading.Thread(target=self._decrypt, args=(writer, identity), name="restore")
        self._thread.start()
        self._pipe: IO[bytes] = os.fdopen(reader, "rb")

    def _decrypt(self, writer: int, identity: Any) -> None:
        try:
            with os.fdopen(writer, "wb") as pipe:
                pyrage.decrypt_io(self._source, pipe, [identity])
        except BaseException as error:
            self._trouble.append(error)

    def __enter__(self) -> tarfile.TarFile:
        try:
            return tarfile.open(fileobj=self._pipe, mode="r|")
        except tarfile.TarError:
            self._end()
            raise

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._pipe.close()
        self._thread.join()
        self._source.close()
        broken = [error for error in self._trouble if not isinstance(error, BrokenPipeError)]
        if broken:
            raise broken[0]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = _opened_member(archive, member).read()
    if len(content) != member.size:
        raise tarfile.ReadError("it ends too early")
    return content


def _opened_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    if file is None:
        raise Unusable(f"“{member.name}” in the backup is no file.")
    return file


def _read_through(file: IO[bytes]) -> None:
    """Read the file to its end. Raises `tarfile.ReadError` if it ends too early."""
    while file.read(database.CHUNK_BYTES):
        pass


def _database_pieces(
    archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], later: list[tarfile.TarInfo], progress: Progress
) -> Iterator[bytes]:
    """Yield the pieces of the database. The first member behind them is put into `later`, unread."""
    for member in members:
        if not member.name.startswith("database/"):
            later.append(member)
            return
        content = _content(archive, member)
        progress("database", len(content))
        yield content


def _restore_picture(name: str, file: IO[bytes]) -> None:
    default_storage.delete(name)
    default_storage.save(name, File(file))


def erased_numbers() -> list[int]:
    """Return the numbers of all persons whose erasure was begun here; [] in a database without tables."""
    if database.is_empty():
        return []
    return list(Erasure.objects.order_by("person_number").values_list("person_number", flat=True))


def to_erase_again(numbers: Iterable[int]) -> list[Person]:
    """Return the persons with these numbers whom a restored backup has brought back."""
    return list(Person.objects.filter(pk__in=list(numbers)).select_related("site").order_by("pk"))
