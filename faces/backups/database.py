"""The whole database as a stream of bytes, and back: by PostgreSQL's own programs, or as SQLite's file."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import connection, transaction

CHUNK_BYTES = 16 * 2**20


class DatabaseTrouble(Exception):
    """The database cannot be read or written as a whole. The text is one sentence."""


@contextmanager
def consistent_dump() -> Iterator[Iterator[bytes]]:
    """Yield the pieces of the database as it is now. Django's queries inside the block see the same state.

    On PostgreSQL nobody waits for it; on SQLite, those who write. Raises `DatabaseTrouble`.
    """
    if connection.vendor == "sqlite":
        with tempfile.TemporaryDirectory(dir=_folder_of_sqlite()) as folder, transaction.atomic():
            copy = Path(folder) / "copy"
            # SQLite allows no VACUUM in a transaction, so that another connection copies; ours keeps writers out.
            with sqlite3.connect(connection.settings_dict["NAME"]) as other, sqlite3.connect(copy) as target:
                other.backup(target)
            with copy.open("rb") as file:
                yield iter(lambda: file.read(CHUNK_BYTES), b"")
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        command = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        yield _pieces([_program("pg_dump"), *command])


def _pieces(command: list[str]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, env=_libpq(), stdout=subprocess.PIPE, stderr=said) as process:  # noqa: S603
            assert process.stdout is not None  # noqa: S101  (for the types)
            yield from iter(lambda: process.stdout.read(CHUNK_BYTES), b"")  # type: ignore[union-attr]
        if process.returncode:
            said.seek(0)
            raise DatabaseTrouble(f"pg_dump failed: {_last_line(said.read())}")


def is_empty() -> bool:
    """Whether the database has no tables yet."""
    with connection.cursor() as cursor:
        return not connection.introspection.table_names(cursor)


def load(pieces: Iterable[bytes]) -> None:
    """Replace everything in the database by this dump. Raises `DatabaseTrouble`; then nothing is changed on SQLite, and
    the database is empty on PostgreSQL.

    No other process may use the database meanwhile.
    """
    if connection.vendor == "sqlite":
        _load_sqlite(pieces)
        return
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connection.close()
    command = [_program("pg_restore"), "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    name = connection.settings_dict["NAME"]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen([*command, "-d", name], env=_libpq(), stdin=subprocess.PIPE, stderr=said) as process:  # noqa: S603
            assert process.stdin is not None  # noqa: S101  (for the types)
            # If it fails it stops reading; what it says is the reason.
            with suppress(BrokenPipeError):
                for piece in pieces:
                    process.stdin.write(piece)
            with suppress(BrokenPipeError):
                process.stdin.close()
        if process.returncode:
            said.seek(0)
            raise DatabaseTrouble(f"pg_restore failed: {_last_line(said.read())}")


def _load_sqlite(pieces: Iterable[bytes]) -> None:
    path = Path(connection.settings_dict["NAME"])
    connection.close()
    incoming = path.with_name(f"{path.name}.incoming")
    with incoming.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    incoming.replace(path)


def _folder_of_sqlite() -> Path:
    return Path(connection.settings_dict["NAME"]).parent


def _libpq() -> dict[str, str]:
    """Return an environment in which PostgreSQL's programs reach the database; no password is in a command line."""
    settings = connection.settings_dict
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
    options = {
        f"PG{name.upper()}": str(value) for name, value in settings.get("OPTIONS", {}).items() if name.startswith("ssl")
    }
    return os.environ | {to: str(settings[name]) for name, to in names.items() if settings.get(name)} | options


def _program(name: str) -> str:
    """Return the newest of PostgreSQL's programs with this name: an older one refuses a newer server."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if not found:
        raise DatabaseTrouble(f"{name} is not installed: apt-get install postgresql-client.")
    return found


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it gave no reason."
