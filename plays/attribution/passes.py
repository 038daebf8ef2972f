"""Passes over all days that have plays, in portions: each portion ends in time, and the next one goes on from there."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from plays.attribution.services import compute_if_changed, read_days

PORTION_S = 40.0
"""After so many seconds a portion begins no further day of a block of devices. A task may take two minutes, and such a
day takes about half a minute if a play of all 200 devices begins every ten seconds (docs/benchmarks.md)."""


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass that is repeated for ever."""

    name: str
    every: dt.timedelta
    """From its start to the start of the next one, if it does not take longer."""
    reach: dt.timedelta | None = None
    """How far back it goes; None: to the first play."""


RECENT = Pass("recent", dt.timedelta(), dt.timedelta(days=2))
"""Today and yesterday: what has changed is counted within the minute."""

LATE = Pass("late", dt.timedelta(hours=1))
"""All days, because plays and visits may come late."""


def compute_portion(which: Pass, *, now: dt.datetime, monotonic: Callable[[], float] = time.monotonic) -> int:
    """Go on with the pass, or begin it where that is due; return of how many days of devices tallies were computed.

    The place is kept before tallies are computed: a day at which the process dies is passed over until the next pass.
    A place that is lost begins the pass anew, which computes nothing twice.
    """
    key, ends_at = f"plays-pass-{which.name}", monotonic() + PORTION_S
    place: dict[str, Any] | None = cache.get(key)
    if place is None or place["is_over"]:
        if place is not None and now < place["began"] + which.every:
            return 0
        place = {"is_over": False, "began": now, "block": 0, "day": dt.date.min}
    since, count = dt.date.min if which.reach is None else (now - which.reach).date(), 0

    def keep() -> None:
        cache.set(key, place, timeout=None)

    for these in read_days(since=since, block=place["block"], resumed=place["day"]):
        place |= {"block": these.block, "day": these.day + dt.timedelta(days=1)}
        count += compute_if_changed(these, now=now, before=keep)
        if monotonic() >= ends_at:
            keep()
            return count
    place["is_over"] = True
    keep()
    return count
