"""How far the demo's past has been loaded, kept in the data folder."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import msgspec

from demo.running.surroundings import DemoError

FILE = "demo-past.json"


class Progress(msgspec.Struct, frozen=True):
    """Which past is being loaded, and how far that is. Times are UTC."""

    seed: int
    start: dt.datetime
    end: dt.datetime
    done: int = 0
    """Messages that are committed."""
    complete: bool = False


@dataclass(frozen=True)
class Loaded:
    """What became of the past, in messages."""

    messages: int
    quarantined: int
    """Messages that were set aside; there should be none."""


def first(*, days: int, seed: int, now: dt.datetime) -> Progress:
    """The beginning of a past of so many days up to the start of this minute."""
    end = now.replace(second=0, microsecond=0)
    return Progress(seed, end - dt.timedelta(days=days), end)


def read(data: Path) -> Progress | None:
    """What this data folder says; None where no past was begun. Raises `DemoError` where it cannot be read."""
    path = data / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise DemoError(f"{path} cannot be read ({error}). Delete it, and the past is loaded again.") from None


def write(data: Path, progress: Progress) -> None:
    fresh = data / f"{FILE}.new"
    fresh.write_bytes(msgspec.json.encode(progress))
    fresh.replace(data / FILE)
