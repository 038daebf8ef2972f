"""Keeps the device's messages on disk until the platform has confirmed them."""

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
"""Size of a message besides its payload: its row, its id and its share of the indexes."""

RESERVE_BYTES = 4 * 1024 * 1024
"""Disk space that is reserved beside the outbox, since on a full disk even a deletion needs space. It is as much as
SQLite writes before it checkpoints its write-ahead log (1,000 pages of 4 KiB)."""

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
    """The outbox cannot be opened; the message is one sentence that also says what to do."""


UPLOAD = "upload"
"""Kind of a picture that is too large for a message and goes over HTTP; `uploads` defines its payload."""


@dataclass(frozen=True)
class Message:
    """A message to send: its kind is the last level of its topic, or `UPLOAD`."""

    id: str
    kind: str
    payload: bytes


class Outbox:
    """A queue of messages in a SQLite file of at most `max_bytes` (each message's payload and `OVERHEAD_BYTES`).

    When `put` returns True, the message is on the disk (WAL, synchronous=FULL) and survives a crash of the process or
    the machine; each later loss is counted. Any thread may call any method: one lock, one connection.
    A reserve file of `RESERVE_BYTES` lies beside the outbox. When the disk is full, the outbox deletes it,
    because deleting messages needs free space too. No message is accepted until the reserve file is back.
    A file that is no longer a SQLite database is renamed, logged, and replaced by an empty outbox.

    Raises `OutboxError` where the file cannot be created.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._uncounted_losses: dict[str, int] = {}
        self._is_full = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
            self._db = _open_or_replace(path)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(f"the outbox {path} cannot be opened: {error}; change the setting outbox.") from error
        self._messages: int
        self._bytes: int
        self._messages, self._bytes = self._db.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM messages"
        ).fetchone()

    def put(self, message: Message) -> bool:
        """Store this message. A full outbox drops pictures before other messages, and old messages before new ones.

        Returns False where this message itself was lost and counted: it did not fit, or could not be written.
        """
        size = len(message.payload) + OVERHEAD_BYTES
        with self._lock:
            try:
                return self._retry_with_space(partial(self._put, message, size))
            except sqlite3.Error as error:
                self._record_loss(message.kind, error)
                return False

    def pending(self, limit: int, *, skip: Collection[str] = (), uploads: bool = False) -> list[Message]:
        """Return at most `limit` messages, newest first, without the messages whose ids are in `skip`.

        Where `uploads` is set, only messages of kind `UPLOAD` are returned, otherwise only messages of other kinds.
        """
        # Literals, not parameters: SQLite uses a partial index only for a condition that is known when it prepares.
        kinds = "kind = 'upload'" if uploads else "kind <> 'upload'"
        with self._lock:
            rows = self._db.execute(
                f"SELECT id, kind, payload FROM messages WHERE {kinds}"  # noqa: S608
                " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY number DESC LIMIT ?",
                (_json_list(skip), limit),
            )
            return [Message(*row) for row in rows]

    def forget(self, ids: Iterable[str]) -> int:
        """Delete the messages with these ids and return how many there were. Unknown ids are ignored."""
        with self._lock:
            try:
                return self._retry_with_space(partial(self._forget, _json_list(ids)))
            except sqlite3.Error as error:
                # The message stays and is sent again; the platform recognises it by its id.
                log.error("the outbox could not delete confirmed messages: %s", error)
                return 0

    def drop(self, message: Message) -> None:
        """Delete this message because the platform refused it for good; it is counted as dropped."""
        with self._lock:
            try:
                self._retry_with_space(partial(self._forget, _json_list([message.id]), lost=[message.kind]))
            except sqlite3.Error as error:
                log.error("the outbox could not delete a message that the platform refused: %s", error)

    @property
    def messages(self) -> int:
        return self._messages

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def dropped(self) -> int:
        """Messages that were lost to a full outbox or a full disk since the outbox was created."""
        with self._lock:
            written = self._db.execute("SELECT coalesce(sum(messages), 0) FROM dropped").fetchone()[0]
            return int(written) + sum(self._uncounted_losses.values())

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _put(self, message: Message, size: int) -> bool:
        if not self._reserve.allocate():
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
        self._count_losses(lost)
        self._db.commit()
        self._uncounted_losses.clear()
        self._log_full(bool(lost))
        if fits:
            self._messages += 1 - len(victims)
            self._bytes += size - freed
        return fits

    def _count_losses(self, lost: list[str]) -> None:
        """Count these lost messages, and the earlier losses that could not be written, in the open transaction."""
        self._db.executemany(
            _COUNT_DROPPED,
            [*((kind, 1) for kind in lost), *self._uncounted_losses.items()],
        )

    def _victims(self, missing: int, *, pictures_only: bool) -> tuple[list[tuple[int, str]], int]:
        """Return the messages to drop for `missing` bytes, as (number, kind), and the bytes that they free."""
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

    def _retry_with_space(self, change: Callable[[], T]) -> T:
        """Make this change; where it cannot be written, free the reserve and try once more."""
        try:
            return self._apply(change)
        except sqlite3.Error:
            self._reserve.free()
            self._shrink()
            return self._apply(change)

    def _shrink(self) -> None:
        """Checkpoint SQLite's write-ahead log, and return the space of deleted messages to the disk."""
        with suppress(sqlite3.Error):
            for step in ("wal_checkpoint(TRUNCATE)", "incremental_vacuum", "wal_checkpoint(TRUNCATE)"):
                self._db.execute(f"PRAGMA {step}").fetchall()

    def _apply(self, change: Callable[[], T]) -> T:
        try:
            return change()
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._db.rollback()
            raise

    def _delete(self, where: str, parameters: tuple[str, ...]) -> tuple[int, int]:
        """Delete these messages in the open transaction and return their number and bytes."""
        deleted = self._db.execute(f"DELETE FROM messages {where} RETURNING bytes", parameters).fetchall()  # noqa: S608
        return len(deleted), sum(size for (size,) in deleted)

    def _record_loss(self, kind: str, error: sqlite3.Error) -> None:
        """Count a loss in memory until the next message that can be written."""
        # Logged once: the line is itself put into the outbox, and would be another loss.
        if not self._uncounted_losses:
            log.error("the outbox loses messages, because they cannot be written: %s", error)
        self._uncounted_losses[kind] = self._uncounted_losses.get(kind, 0) + 1

    def _log_full(self, full: bool) -> None:
        if full and not self._is_full:
            log.warning("the outbox is full: messages are dropped, pictures first, then the oldest")
        self._is_full = full


class Reserve:
    """A file that reserves disk space, to be freed while the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_allocated = False

    def allocate(self) -> bool:
        """Reserve the space unless it is reserved already; returns False where the disk is too full."""
        if not self._is_allocated:
            try:
                with self._path.open("ab") as file:
                    os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                self._is_allocated = True
            except OSError:
                self.free()
        return self._is_allocated

    def free(self) -> None:
        self._path.unlink(missing_ok=True)
        self._is_allocated = False


def _open_or_replace(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        broken = path.with_name(f"{path.name}.broken")
        log.error(
            "the outbox %s is damaged (%s); it was renamed to %s, and an empty outbox replaces it", path, error, broken
        )
        path.rename(broken)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False)
    # This has an effect only before the first write.
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # Without this, a deletion first writes zeros of the message's size into the log. A full disk has no room for them.
    db.execute("PRAGMA secure_delete = FAST")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db


def _json_list(ids: Iterable[str]) -> str:
    return json.dumps(list(ids))
