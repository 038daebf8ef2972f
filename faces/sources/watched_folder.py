"""Pictures that cameras put into a folder, such as by FTP: one folder for each device, named as its thing is.

FOLDER/<thing>/1.jpg            is taken in once it is all there
FOLDER/<thing>/taken/1.jpg      where it is then, until it has been kept long enough
FOLDER/<thing>/refused/1.jpg    or there, with the reason beside it in 1.jpg.txt
"""

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devices.intake import batches, decoding
from devices.intake.decoding import Rejection, TakenPicture
from devices.intake.pictures import MAX_BYTES
from devices.models import Device

log = logging.getLogger(__name__)

SETTLED_AFTER = dt.timedelta(seconds=2)
"""A file that ends as a picture does and has not changed for so long is all there."""

GIVEN_UP_AFTER = dt.timedelta(minutes=5)
"""A file that does not end as a picture does and has not changed for so long never will: it is taken as it is."""

TAKEN_KEPT_FOR = dt.timedelta(hours=24)
"""How long an original is kept after it was taken in; it shows people, and may say more than our own copy."""

SUFFIXES = {".jpg", ".jpeg", ".png"}
ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND\xaeB`\x82"}
"""How a JPEG and a PNG end, by how they begin."""

TAKEN, REFUSED = "taken", "refused"


@dataclass(slots=True)
class Counts:
    taken: int = 0
    refused: int = 0


class Watcher:
    """Takes in what is put into one folder. What is committed is moved after; a file that an interruption left behind
    is taken again, which changes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._strangers: set[str] = set()

    def step(self, now: dt.datetime) -> Counts:
        """Look once, at this time (UTC). Raises `OSError` where the folder cannot be read or written, and
        `OperationalError` where the database is away."""
        counts = Counts()
        devices = Device.objects.by_thing(self._things())
        for thing in sorted(self._things()):
            if thing in devices:
                self._look_at(devices[thing], now, counts)
            elif thing not in self._strangers:
                self._strangers.add(thing)
                log.warning("No device is registered as “%s”; what is in its folder waits until one is.", thing)
        return counts

    def _things(self) -> set[str]:
        return {path.name for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")}

    def _look_at(self, device: Device, now: dt.datetime, counts: Counts) -> None:
        folder = self._folder / device.thing_name
        for path in _pictures(folder):
            if not _is_complete(path, now):
                continue
            try:
                _take_in(device, path, folder / TAKEN / path.name, now)
                _move(path, folder / TAKEN)
                counts.taken += 1
            except Rejection as reason:
                moved = _move(path, folder / REFUSED)
                moved.with_name(f"{moved.name}.txt").write_text(f"{reason}\n", encoding="utf-8")
                log.warning("%s was refused: %s", path, reason)
                counts.refused += 1
        _clear(folder / TAKEN, now)


def _pictures(folder: Path) -> Iterator[Path]:
    found = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file())
    return (path for path in found if not path.name.startswith(".") and not path.is_symlink())


def _is_complete(path: Path, now: dt.datetime) -> bool:
    quiet_for = now - _changed_at(path)
    if quiet_for < SETTLED_AFTER:
        return False
    return quiet_for >= GIVEN_UP_AFTER or _ends_as_a_picture(path)


def _changed_at(path: Path) -> dt.datetime:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)


def _ends_as_a_picture(path: Path) -> bool:
    with path.open("rb") as file:
        end = ENDS.get(file.read(2))
        if end is None or path.stat().st_size < 2 + len(end):
            return False
        file.seek(-len(end), 2)
        return file.read() == end


def _take_in(device: Device, path: Path, goes_to: Path, now: dt.datetime) -> None:
    """Raises `Rejection`."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    taken_at = _changed_at(path)
    decoding.check_time(taken_at, now, decoding.retention())
    key = decoding.digest("file", path.name, data)
    picture = TakenPicture(device, taken_at, now, key, decoding.safe_jpeg(data), source_url=goes_to.resolve().as_uri())
    batches.take_in_picture(picture)


def _move(path: Path, folder: Path) -> Path:
    """Into that folder, in place of a file of the same name that is there since before."""
    folder.mkdir(exist_ok=True)
    return path.replace(folder / path.name)


def _clear(folder: Path, now: dt.datetime) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            if now - dt.datetime.fromtimestamp(path.stat().st_ctime, dt.UTC) >= TAKEN_KEPT_FOR:
                path.unlink()
