"""Records in the data folder how much of the demo's history has been loaded."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import msgspec

from demo.running.environment import DemoError

FILE = "demo-past.json"


class Progress(msgspec.Struct, frozen=True):
    """The history that is being loaded, and how much of it is committed. Times are UTC."""

    seed: int
    start: dt.datetime
    end: dt.datetime
    done: int = 0
    """Messages that are committed."""
    complete: bool = False


@dataclass(frozen=True)
class Loaded:
    """The result of loading a history, in numbers of messages."""

    messages: int
    quarantined: int
    """Messages that the intake quarantined; there should be none."""


def new_progress(*, days: int, seed: int, now: dt.datetime) -> Progress:
    """Return the progress of a history of so many days before this minute, of which nothing is loaded."""
    end = now.replace(second=0, microsecond=0)
    return Progress(seed, end - dt.timedelta(days=days), end)


def read(data: Path) -> Progress | None:
    """Return the progress in this data folder; None without one. Raises `DemoError` where it cannot be read."""
    path = data / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise DemoError(f"{path} cannot be read ({error}). Delete it, and the history is loaded again.") from None


def write(data: Path, progress: Progress) -> None:
    """Replace the progress in this data folder."""
    fresh = data / f"{FILE}.new"
    fresh.write_bytes(msgspec.json.encode(progress))
    fresh.replace(data / FILE)
