"""Waits of tests for what other threads and programs do."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0
"""Seconds within which another thread or program acts, on a machine with much other work. Only a test that fails waits
so long. A test of a promised time names that time itself."""


def eventually(holds: Callable[[], object], within: float = PATIENCE_S) -> bool:
    """Return whether the condition becomes true within these seconds."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
