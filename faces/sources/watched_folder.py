"""Takes in pictures that cameras put into a folder, for example by FTP. Each device has a folder with its thing name.

FOLDER/<thing>/1.jpg            is taken in once it is complete
FOLDER/<thing>/taken/1.jpg      is where it is moved, and kept for `TAKEN_KEPT_FOR`
FOLDER/<thing>/refused/1.jpg    is where it is moved if it is refused, and kept as long, or until somebody is erased
                                at the site; 1.jpg.txt contains the reason
"""

import datetime as dt
import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import InterfaceError, OperationalError
from django.db.models import Max

from devices.intake import batches
from devices.intake.placing import device_at
from devices.reading import decoding, identity
from devices.reading.decoding import Rejection, TakenPicture
from devices.reading.picture_budget import OverBudget
from devices.reading.pictures import MAX_BYTES, SUFFIXES
from devices.reading.places import Whereabouts, read_whereabouts
from edge_agent.messages import THING_NAME_RULE, is_thing_name
from edge_agent.text.file_names import printable, why_passed_over
from faces.models import Erasure
from faces.pictures.storage import TAKEN

log = logging.getLogger(__name__)

SETTLED_AFTER = dt.timedelta(seconds=2)
"""A file with the end of a picture that has not changed for so long is complete."""

GIVEN_UP_AFTER = dt.timedelta(minutes=5)
"""A file without the end of a picture that has not changed for so long is processed as it is."""

TAKEN_KEPT_FOR = dt.timedelta(hours=24)
"""How long an original is kept after its intake; it shows people, and its metadata may contain more than the copy."""

TRIED_AGAIN_AFTER = dt.timedelta(minutes=1)
"""The pause before a picture or a device's folder that could not be processed is tried again."""

AT_ONCE = 50
"""Pictures of one device that are taken in before the next device's turn: some seconds of work at most."""

ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND\xaeB`\x82"}
"""The last bytes of a JPEG and a PNG, by their first bytes."""

REFUSED = "refused"


@dataclass(slots=True)
class Counts:
    """How many pictures one step has taken in and refused."""

    taken: int = 0
    refused: int = 0


class Watcher:
    """Takes in the pictures of one folder.

    A picture is moved after its commit. If an interruption leaves it behind, it is taken in again, which is idempotent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unknown_things: set[str] = set()
        self._told: set[tuple[Path, str]] = set()
        """The folders, each with a reason for which some of its files are passed over, that the log has told of."""
        self._ahead: dict[Path, tuple[os.stat_result, dt.datetime]] = {}
        """The files that are dated in the future, as they were found first, and when."""
        self._put_off: dict[Path, dt.datetime] = {}
        """The files and folders that could not be processed, and when they are tried again."""

    def step(self, now: dt.datetime) -> Counts:
        """Take in the complete pictures once; `now` is in UTC.

        A picture or a device's folder that cannot be processed is told of and tried again later, while the others are
        taken in. Of one device at most `AT_ONCE` pictures are taken in before the next device's turn.
        Raises `OSError` if the watched folder itself cannot be read, and `OperationalError` if the database is away.
        """
        counts = Counts()
        things = self._things()
        known = read_whereabouts(things)
        self._put_off = {path: until for path, until in self._put_off.items() if until > now}
        for thing in sorted(things):
            if thing in known:
                with self._apart(self._folder / thing, now):
                    self._take_in_folder(known[thing], now, counts)
            elif thing not in self._unknown_things:
                self._unknown_things.add(thing)
                log.warning("No device is registered as “%s”; the pictures in its folder wait until one is.", thing)
        return counts

    def _things(self) -> set[str]:
        """Return the thing names that folders have. Other names cannot be those of things."""
        things = set()
        for path in self._folder.iterdir():
            if not path.is_dir():
                self._pass_over(path, "files belong into the folder of a device")
            elif path.name.startswith("."):
                self._pass_over(path, "its name makes it a hidden folder")
            elif not is_thing_name(path.name):
                self._pass_over(path, f"its name cannot be a thing name; {THING_NAME_RULE}")
            else:
                things.add(path.name)
        return things

    def _pass_over(self, path: Path, why: str) -> None:
        """Log that the file or folder is passed over, once for each reason and folder."""
        if (path.parent, why) not in self._told:
            self._told.add((path.parent, why))
            log.warning("%s is passed over, as others like it will be: %s.", printable(path), why)

    def _take_in_folder(self, where: Whereabouts, now: dt.datetime, counts: Counts) -> None:
        folder = self._folder / where.thing.name
        if folder in self._put_off:
            return
        before = counts.taken + counts.refused
        for path in self._pictures(folder):
            if counts.taken + counts.refused - before >= AT_ONCE:
                break
            try:
                with self._apart(path, now):
                    if path not in self._put_off and self._is_complete(path, now):
                        self._take_in_picture(where, path, now, counts)
            except OverBudget as error:
                self._put_off[folder] = now + dt.timedelta(seconds=error.wait_s)
                break
        for kept in (folder / TAKEN, folder / REFUSED):
            if kept.is_dir():
                # A refused picture may show anybody who was erased at the site since.
                latest = _latest_erasure(where.thing.name) if kept.name == REFUSED and any(kept.iterdir()) else None
                for path in kept.iterdir():
                    with self._apart(path, now):
                        _remove_if_old(path, max(now - TAKEN_KEPT_FOR, latest or now - TAKEN_KEPT_FOR))

    def _take_in_picture(self, where: Whereabouts, path: Path, now: dt.datetime, counts: Counts) -> None:
        try:
            _make(path.parent / TAKEN)
            _take_in(where, path, path.parent / TAKEN / path.name, now)
            _move(path, path.parent / TAKEN)
            counts.taken += 1
        except Rejection as reason:
            moved = _move(path, path.parent / REFUSED)
            moved.with_name(f"{moved.name}.txt").write_text(f"{reason}\n", encoding="utf-8")
            log.warning("%s was refused: %s", printable(path), reason)
            counts.refused += 1
        self._ahead.pop(path, None)

    @contextmanager
    def _apart(self, path: Path, now: dt.datetime) -> Iterator[None]:
        """Keep a fault in the work on this file or folder from the others: tell it, and put the file or folder off."""
        try:
            yield
        except (OperationalError, InterfaceError, OverBudget):
            raise
        except Exception as error:
            self._put_off[path] = now + TRIED_AGAIN_AFTER
            what = (
                error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
            )
            again = round(TRIED_AGAIN_AFTER.total_seconds())
            log.error("%s cannot be processed and is tried again in %d s: %s.", printable(path), again, what)

    def _pictures(self, folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name in (TAKEN, REFUSED):
                continue
            if path.is_symlink():
                self._pass_over(path, "it is a link")
            elif path.is_dir():
                self._pass_over(path, "pictures belong directly into the device's folder, not into one inside it")
            elif why := why_passed_over(path.name, SUFFIXES):
                self._pass_over(path, why)
            elif path.is_file():
                yield path
            else:
                self._pass_over(path, "it is no file but a pipe, a socket or a device of the system")

    def _is_complete(self, path: Path, now: dt.datetime) -> bool:
        quiet_for = now - self._changed_at(path, now)
        if quiet_for < SETTLED_AFTER:
            return False
        return quiet_for >= GIVEN_UP_AFTER or _has_end_of_picture(path)

    def _changed_at(self, path: Path, now: dt.datetime) -> dt.datetime:
        """Return when the file was changed; of a file that is dated in the future, when its change was noticed."""
        if _changed_at(path) <= now:
            self._ahead.pop(path, None)
            return _changed_at(path)
        status, noticed = path.stat(), now
        before = self._ahead.get(path)
        if before and (before[0].st_mtime, before[0].st_size) == (status.st_mtime, status.st_size):
            noticed = before[1]
        self._ahead[path] = (status, noticed)
        return noticed


def _changed_at(path: Path) -> dt.datetime:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)


def _has_end_of_picture(path: Path) -> bool:
    with path.open("rb") as file:
        end = ENDS.get(file.read(2))
        if end is None or path.stat().st_size < 2 + len(end):
            return False
        file.seek(-len(end), 2)
        return file.read() == end


def _take_in(where: Whereabouts, path: Path, destination: Path, now: dt.datetime) -> None:
    """Take in one picture, whose original will be moved to `destination`. Raises `Rejection`."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    taken_at = _changed_at(path)
    decoding.check_time(taken_at, now, decoding.retention())
    device = device_at(where, taken_at, now)
    key = identity.digest("file", os.fsencode(path.name), data)
    source = destination.resolve().as_uri()
    picture = TakenPicture(
        device, taken_at, now, key, decoding.safe_jpeg(data, where.thing.name, now), source_url=source
    )
    batches.take_in_picture(picture)


def _move(path: Path, folder: Path) -> Path:
    """Move the file into the folder, replacing a file of the same name; return its new path."""
    _make(folder)
    return path.replace(folder / path.name)


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(errno.EEXIST, f"“{folder.name}” beside it must be a folder, but is a file; rename that")
    folder.mkdir(exist_ok=True)


def _latest_erasure(thing: str) -> dt.datetime | None:
    """Return when somebody asked last to be erased at a site at which this thing is or was."""
    of_thing = Erasure.objects.filter(site__devices__thing__name=thing)
    return of_thing.aggregate(latest=Max("requested_at"))["latest"]  # type: ignore[no-any-return]


def _remove_if_old(path: Path, until: dt.datetime) -> None:
    """Delete the file if it came here until this time."""
    if path.is_file() and dt.datetime.fromtimestamp(path.stat().st_ctime, dt.UTC) <= until:
        path.unlink()
