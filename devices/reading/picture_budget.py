"""Bounds what one device's pictures cost: processor time by the pixels that are decoded, disk by the bytes stored.

Each process counts by itself, in memory, so a picture costs no query. A device that floods the platform with pictures
does not delay the others, because its pictures wait: an agent gets no receipt and sends the picture again later, an
upload gets the response 429, an event of a bucket stays in its queue, and a watched file stays in its folder. A
DeepLens sends each picture once, so that its pictures are quarantined instead.
"""

import datetime as dt
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from devices.reading.picture_files import MAX_PIXELS

log = logging.getLogger(__name__)

PIXELS_PER_SECOND = 4_000_000
"""A core decodes and encodes about 100 million pixels a second; so a device gets a twenty-fifth of one for long.

These are four pictures of 1280 by 720 a second, or two hundred face crops.
"""

MOST_PIXELS = 2 * MAX_PIXELS
"""What a device may send at once after a pause: two of the largest pictures, or fifty of 1280 by 720."""

DAY_S = 86_400.0

TOLD_EVERY = dt.timedelta(minutes=10)
"""The log says at most once in this time that a device sends too much."""


class OverBudget(Exception):
    """The device has sent too many pictures lately. The text is one sentence."""

    def __init__(self, thing: str, wait_s: float) -> None:
        super().__init__(
            f"“{thing}” has sent more pictures than one device may. At most {PIXELS_PER_SECOND:,} pixels a second are "
            f"taken for long, and {settings.DEVICE_PICTURE_MB_PER_DAY:,} MB a day."
        )
        self.wait_s = wait_s
        """Seconds after which such a picture is taken."""


@dataclass(slots=True)
class _Account:
    """What a device may still send, and since when that holds."""

    at: dt.datetime
    pixels: float
    size: float
    """Bytes."""
    told_at: dt.datetime | None = None


_accounts: dict[str, _Account] = {}
"""By thing name. Only registered things get an entry."""
_lock = threading.Lock()
_refused: dict[str, dt.datetime] = {}
"""When pictures of a thing were refused first since `take_refused` was called last."""


def budget_of(thing: str, now: dt.datetime, *, may_refuse: bool = True) -> Callable[[int], None]:
    """Return a function that takes so many pixels out of the budget of the thing, or raises `OverBudget` if it may.

    A picture that is larger than what is left is taken as long as anything is left, so that the largest is taken too.
    """

    def spend(pixels: int) -> None:
        with _lock:
            account = _current(thing, now)
            if not may_refuse or (account.pixels > 0 and account.size > 0):
                account.pixels -= pixels
                return
            wait_s = max(-account.pixels / PIXELS_PER_SECOND, -account.size / _bytes_per_day() * DAY_S, 1.0)
            error = OverBudget(thing, wait_s)
            _refused.setdefault(thing, now)
            is_told = account.told_at is not None and now - account.told_at < TOLD_EVERY
            if not is_told:
                account.told_at = now
        if not is_told:
            log.warning("%s Its further pictures wait, or are quarantined.", error)
        raise error

    return spend


def note_stored(thing: str, size: int, now: dt.datetime) -> None:
    """Take a picture of so many bytes, which is about to be stored, out of the budget of the thing."""
    with _lock:
        _current(thing, now).size -= size


def take_refused() -> dict[str, dt.datetime]:
    """Return the things whose pictures this process has refused since the last call, with the time of the first."""
    with _lock:
        refused = dict(_refused)
        _refused.clear()
    return refused


def forget() -> None:
    """Give every device its whole budget again."""
    with _lock:
        _accounts.clear()
        _refused.clear()


def _current(thing: str, now: dt.datetime) -> _Account:
    account = _accounts.get(thing)
    if account is None:
        account = _accounts[thing] = _Account(now, MOST_PIXELS, _bytes_per_day())
    seconds = max(0.0, (now - account.at).total_seconds())
    account.pixels = min(MOST_PIXELS, account.pixels + seconds * PIXELS_PER_SECOND)
    account.size = min(_bytes_per_day(), account.size + seconds * _bytes_per_day() / DAY_S)
    account.at = max(account.at, now)
    return account


def _bytes_per_day() -> float:
    return float(settings.DEVICE_PICTURE_MB_PER_DAY) * 1e6
