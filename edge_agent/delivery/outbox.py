"""What the device has said and the platform has not yet confirmed, kept on disk."""

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

OVERHEAD_BYTES = 256
"""What a message is counted as besides its payload: its row, its id and its part of the indexes."""

RESERVE_BYTES = 4 * 1024 * 1024
"""Kept beside the outbox for a full disk, where even deleting takes room: as much as SQLite writes before it folds its
log into the database (1,000 pages of 4 KiB)."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS pictures_first ON messages (kind IN ('image', 'upload') DESC, number);
CREATE INDEX IF NOT EXISTS uploads ON messages (number) WHERE kind = 'upload';
CREATE TABLE IF NOT EXISTS dropped (kind TEXT PRIMARY KEY, messages INTEGER NOT NULL);
"""

_IS_PICTURE = "kind IN ('image', 'upload')"
_COUNT_DROPPED = "INSERT INTO dropped VALUES (?, ?) ON CONFLICT DO UPDATE SET messages = messages + excluded.messages"


class OutboxError(RuntimeError):
    """One sentence: the outbox cannot be opened, and what to do."""


UPLOAD = "upload"
"""Kind of a picture that goes over HTTP, because it is larger than a message may be; its payload is the request's."""


@dataclass(frozen=True)
class Message:
    """A message as it goes out: the last level of its topic (or `UPLOAD`), and its payload."""

    id: str
    kind: str
    payload: bytes


class Outbox:
    """Messages in a SQLite file, at most `max_bytes` of them (payloads and `OVERHEAD_BYTES` each).

    When `put` returns True, the message is on the disk (WAL, synchronous=FULL) and survives a crash of the process or
    the machine; each loss afterwards is counted. Any thread may call any method: one lock, one connection.
    A file of `RESERVE_BYTES` beside it is given up while the disk is full, so that it can still be emptied; without it
    nothing is taken.
    A file that is no SQLite database any more is set aside beside the new one, and logged.

    Raises `OutboxError` where the file cannot be made.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._lost_unwritten: dict[str, int] = {}
        self._is_full = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
            self._db = _open_or_set_aside(path)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(f"the outbox {path} cannot be opened: {error}; choose another with outbox.") from error
        self._messages: int
        self._bytes: int
        self._messages, self._bytes = self._db.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM messages"
        ).fetchone()

    def put(self, message: Message) -> bool:
        """Keep this message; a full outbox drops pictures before all else, and old before new.

        False where the message itself was lost: it did not fit, or the disk did not take it. That is counted.
        """
        size = len(message.payload) + OVERHEAD_BYTES
        with self._lock:
            try:
                return self._though_full(partial(self._put, message, size))
            except sqlite3.Error as error:
                self._lose(message.kind, error)
                return False

    def pending(self, limit: int, *, skip: Collection[str] = (), uploads: bool = False) -> list[Message]:
        """The newest messages, newest first, at most `limit`, without those whose ids are in `skip`.

        Those of kind `UPLOAD` where `uploads`, otherwise all others.
        """
        # Written out, since an index of some of the rows is not used for what is only known later.
        kinds = "kind = 'upload'" if uploads else "kind <> 'upload'"
        with self._lock:
            rows = self._db.execute(
                f"SELECT id, kind, payload FROM messages WHERE {kinds}"  # noqa: S608
                " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?",
                (_json_list(skip), limit),
            )
            return [Message(*row) for row in rows]

    def forget(self, ids: Iterable[str]) -> int:
        """Delete the messages with these ids; how many there were. Unknown ids are no error."""
        with self._lock:
            try:
                return self._though_full(partial(self._forget, _json_list(ids)))
            except sqlite3.Error as error:
                # The message stays and is sent again; the platform knows it by its key.
                log.error("the outbox could not delete confirmed messages: %s", error)
                return 0

    def drop(self, message: Message) -> None:
        """Delete this message though nobody has it, because nobody will ever take it; it is counted as dropped."""
        with self._lock:
            try:
                self._though_full(partial(self._forget, _json_list([message.id]), lost=[message.kind]))
            except sqlite3.Error as error:
                log.error("the outbox could not delete a message that nobody takes: %s", error)

    @property
    def messages(self) -> int:
        return self._messages

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def dropped(self) -> int:
        """Messages lost since the outbox was created, to a full outbox or a full disk."""
        with self._lock:
            written = self._db.execute("SELECT coalesce(sum(messages), 0) FROM dropped").fetchone()[0]
            return int(written) + sum(self._lost_unwritten.values())

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _put(self, message: Message, size: int) -> bool:
        if not self._reserve.keep():
            raise sqlite3.OperationalError(f"the disk has less than {RESERVE_BYTES:,} bytes free")
        missing = self._bytes + size - self._max_bytes
        victims, freed = (
            self._victims(missing, pictures_only=message.kind in ("image", UPLOAD)) if missing > 0 else ([], 0)
        )
        fits = freed >= missing
        if fits:
            self._db.executemany("DELETE FROM messages WHERE number = ?", [(number,) for number, _ in victims])
            self._db.execute(
                "INSERT INTO messages (id, kind, bytes, payload) VALUES (?, ?, ?, ?)",
                (message.id, message.kind, size, message.payload),
            )
        lost = [kind for _, kind in victims] if fits else [message.kind]
        self._write_down(lost)
        self._db.commit()
        self._lost_unwritten.clear()
        self._say_full(bool(lost))
        if fits:
            self._messages += 1 - len(victims)
            self._bytes += size - freed
        return fits

    def _write_down(self, lost: list[str]) -> None:
        """Count these kinds of lost messages, and those that the disk could not take before, in the transaction."""
        self._db.executemany(
            _COUNT_DROPPED,
            [*((kind, 1) for kind in lost), *self._lost_unwritten.items()],
        )

    def _victims(self, missing: int, *, pictures_only: bool) -> tuple[list[tuple[int, str]], int]:
        """The messages to drop so that `missing` bytes get free, as (number, kind), and what they really free."""
        kinds = f"WHERE {_IS_PICTURE}" if pictures_only else ""
        victims: list[tuple[int, str]] = []
        freed = 0
        cursor = self._db.execute(
            f"SELECT number, kind, bytes FROM messages {kinds} ORDER BY {_IS_PICTURE} DESC, number"  # noqa: S608
        )
        for number, kind, size in cursor:
            victims.append((number, kind))
            freed += size
            if freed >= missing:
                break
        cursor.close()
        return victims, freed

    def _forget(self, ids: str, lost: Sequence[str] = ()) -> int:
        count, size = self._delete("WHERE id IN (SELECT value FROM json_each(?))", (ids,))
        self._db.executemany(_COUNT_DROPPED, [(kind, 1) for kind in lost])
        self._db.commit()
        self._messages, self._bytes = self._messages - count, self._bytes - size
        return count

    def _though_full(self, change: Callable[[], T]) -> T:
        """Make this change; where the disk does not take it, once more with what room can be made."""
        try:
            return self._change(change)
        except sqlite3.Error:
            self._reserve.give_up()
            self._shrink()
            return self._change(change)

    def _shrink(self) -> None:
        """Fold SQLite's log into the database, and give the disk back what forgotten messages took there."""
        with suppress(sqlite3.Error):
            for step in ("wal_checkpoint(TRUNCATE)", "incremental_vacuum", "wal_checkpoint(TRUNCATE)"):
                self._db.execute(f"PRAGMA {step}").fetchall()

    def _change(self, change: Callable[[], T]) -> T:
        try:
            return change()
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._db.rollback()
            raise

    def _delete(self, where: str, parameters: tuple[str, ...]) -> tuple[int, int]:
        """Delete these messages in the open transaction; how many there were, and their bytes."""
        deleted = self._db.execute(f"DELETE FROM messages {where} RETURNING bytes", parameters).fetchall()  # noqa: S608
        return len(deleted), sum(size for (size,) in deleted)

    def _lose(self, kind: str, error: sqlite3.Error) -> None:
        """Remember a loss that the disk could not take; the next message that it takes writes it down."""
        # Said once: whoever stores the log's lines here would make more losses of each.
        if not self._lost_unwritten:
            log.error("the outbox loses messages, because they cannot be written: %s", error)
        self._lost_unwritten[kind] = self._lost_unwritten.get(kind, 0) + 1

    def _say_full(self, full: bool) -> None:
        if full and not self._is_full:
            log.warning("the outbox is full: messages are dropped, pictures first, then the oldest")
        self._is_full = full


class Reserve:
    """A file that only takes up room, to be given up when there is no other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_kept = False

    def keep(self) -> bool:
        """Take up the room, where that is not done; whether it is there."""
        if not self._is_kept:
            try:
                with self._path.open("ab") as file:
                    os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                self._is_kept = True
            except OSError:
                self.give_up()
        return self._is_kept

    def give_up(self) -> None:
        self._path.unlink(missing_ok=True)
        self._is_kept = False


def _open_or_set_aside(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        broken = path.with_name(f"{path.name}.broken")
        log.error("the outbox %s is damaged (%s); it is set aside as %s, and a new one begins", path, error, broken)
        path.rename(broken)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False)
    # Before anything is written, or it has no effect.
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # Otherwise deleting a message first writes zeros of its size into the log: room that a full disk has not.
    db.execute("PRAGMA secure_delete = FAST")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db


def _json_list(ids: Iterable[str]) -> str:
    return json.dumps(list(ids))
