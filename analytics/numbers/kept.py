"""Keeps what a page makes from many weeks of hours, for some minutes in the process that made it.

The hours are those that are over, so that the value changes little while it is kept. It is made again in a new hour.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.core.cache import caches

from devices.models import Device

KEPT_S = 600

_T = TypeVar("_T")


def keep(name: object, devices: Sequence[Device], *, now: dt.datetime, make: Callable[[], _T]) -> _T:
    """Return the value of this name for these devices; `make` makes it, and must not return None.

    Names are the same if their `repr` is.
    """
    kept, hour = caches["process"], int(now.timestamp() // 3600)
    parts = repr((name, sorted(device.pk for device in devices), hour))
    key = f"kept-{hashlib.sha256(parts.encode()).hexdigest()}"
    found: _T | None = kept.get(key)
    if found is None:
        found = make()
        kept.set(key, found, KEPT_S)
    return found
