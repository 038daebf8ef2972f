"""The clock of the tests: each test begins at `NOW`, and time runs on from there, whatever the day of the run.

The code under test and the test see the same time. A test that starts other programs (a browser, a broker, a server) is
marked `real_clock`, because those programs use the machine's clock. Such a test keeps the machine's time, computes
times from `now()`, and must pass on any day.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import time_machine

NOW = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
"""A Friday: 12:00 in Seattle, 14:00 in Chicago."""

REAL = "real_clock"
"""The pytest marker of tests that keep the machine's time."""

SetClock = Callable[[dt.datetime], None]


def now() -> dt.datetime:
    """Return the current time in UTC, as the code under test sees it."""
    return dt.datetime.now(dt.UTC)


def epoch_ms() -> int:
    """Return the current time in epoch milliseconds, as in the messages of devices."""
    return round(now().timestamp() * 1000)


@pytest.fixture(autouse=True)
def set_clock(request: pytest.FixtureRequest) -> Iterator[SetClock]:
    """Yield a function that stops this process's clock at a moment, until the test ends."""
    with ExitStack() as travels:
        if request.node.get_closest_marker(REAL) is None:
            travels.enter_context(time_machine.travel(NOW))

        def set_to(moment: dt.datetime) -> None:
            travels.enter_context(time_machine.travel(moment, tick=False))

        yield set_to
