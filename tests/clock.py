"""The one clock of the tests: each begins at `NOW`, and time runs on from there, whatever the day of the run.

The code under test and the test see the same time. A test with which other programs take part (a browser, a broker, a
server of its own) is marked `real_clock`, because they have clocks of their own: it keeps the machine's time, counts
from `now()`, and must hold on any day.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import time_machine

NOW = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
"""Noon in Seattle, two in the afternoon in Chicago, on a Friday."""

REAL = "real_clock"
"""The marker of tests that keep the machine's time."""

SetClock = Callable[[dt.datetime], None]


def now() -> dt.datetime:
    """The present, in UTC, as the code under test sees it."""
    return dt.datetime.now(dt.UTC)


def epoch_ms() -> int:
    """The present in milliseconds since 1970, as devices write it."""
    return round(now().timestamp() * 1000)


@pytest.fixture(autouse=True)
def set_clock(request: pytest.FixtureRequest) -> Iterator[SetClock]:
    """Stop the clock of this process at a moment, until the test ends."""
    with ExitStack() as travels:
        if request.node.get_closest_marker(REAL) is None:
            travels.enter_context(time_machine.travel(NOW))

        def set_to(moment: dt.datetime) -> None:
            travels.enter_context(time_machine.travel(moment, tick=False))

        yield set_to
