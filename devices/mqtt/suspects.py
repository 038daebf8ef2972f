"""Remembers across restarts which messages an ingester was reading when it ended, to find the one that ends it.

While messages are decoded, a file names them; it is deleted right after. So a file that is left tells that the process
ended meanwhile: the watchdog ended it because something hung, or the system because memory ran out. After such an end
as many messages are read again, but one at a time. The message at which the process ends `MOST_ENDS` more times is the
culprit, and is quarantined without being decoded.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from devices.reading.arrivals import Arrival
from devices.reading.identity import content_hash

log = logging.getLogger(__name__)

MOST_ENDS = 2
"""Ends of the process while it read one message alone, after which the message is the culprit. One may be a chance."""

SLOW_AFTER_S = 20.0
"""Something hangs if one message has been read for so long. The largest picture takes some two seconds."""


class _Mark(msgspec.Struct):
    messages: int
    """How many messages were being read, and shall be read one at a time."""
    content: int | None = None
    """The content hash of the message that was read alone."""
    ends: dict[int, int] = {}
    """How often the process has ended while it read the message of this hash alone."""


class Suspects:
    """The messages that may end the process, of the ingester with this name.

    Processes with one name, such as the members of a group, share what they have found when they start. Only one
    thread may call `reading`.
    """

    def __init__(self, folder: Path, name: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._file = folder / f"{name}.{os.getpid()}.json"
        self._ends: Counter[int] = Counter()
        self.one_at_a_time = 0
        """The number of messages that are to be read one at a time."""
        self._alone_since: float | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in folder.glob(f"{name}.*.json"):
                if file == self._file or not _is_running(file):
                    self._learn(file)
        except OSError as error:
            log.warning("%s cannot be used (%s), so a message that ends the ingester is not found.", folder, error)
        self._found = self.one_at_a_time

    def is_culprit(self, arrival: Arrival) -> bool:
        """Whether the process has ended repeatedly while it read this message alone."""
        return bool(self._ends) and self._ends[content_hash(arrival)] >= MOST_ENDS

    @contextmanager
    def reading(self, arrivals: Sequence[Arrival]) -> Iterator[None]:
        """Note that these messages are being read, until the block ends, even if it ends with an error."""
        alone = content_hash(arrivals[0]) if self.one_at_a_time else None
        # All of them come again after an end, also those that were read before this one.
        messages = self._found if self.one_at_a_time else len(arrivals)
        mark = _Mark(messages, alone, dict(self._ends))
        with suppress(OSError):  # told at the start
            self._file.write_bytes(msgspec.json.encode(mark))
        self._alone_since = None if alone is None else self._monotonic()
        try:
            yield
        finally:
            self._alone_since = None
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            self.one_at_a_time = max(0, self.one_at_a_time - 1)
            if alone is not None and self._ends[alone] < MOST_ENDS:
                del self._ends[alone]

    def stalled(self) -> str | None:
        """Return a sentence if the one message that is being read alone takes too long; otherwise None."""
        since = self._alone_since
        if since is None or self._monotonic() - since <= SLOW_AFTER_S:
            return None
        return f"One message has been read for {self._monotonic() - since:.0f} s."

    def _learn(self, file: Path) -> None:
        with suppress(OSError, msgspec.DecodeError):
            mark = msgspec.json.decode(file.read_bytes(), type=_Mark)
            self.one_at_a_time = max(self.one_at_a_time, mark.messages)
            self._ends |= Counter(mark.ends)
            if mark.content is not None:
                self._ends[mark.content] += 1
            log.warning(
                "The ingester ended while it read %d messages; they are read one at a time now, to find the one.",
                mark.messages,
            )
        file.unlink(missing_ok=True)


def _is_running(file: Path) -> bool:
    """Whether the process that writes this file is still there."""
    number = file.name.split(".")[-2]
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
