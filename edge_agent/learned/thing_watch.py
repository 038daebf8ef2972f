"""Looks for learned things in frames, aside, and no oftener than a share of a core allows."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median
from typing import NamedTuple

import numpy as np

from edge_agent.vision.search import Found, Picture

MOST_OF_CORE = 0.25
"""The share of one core that looks for things may take, all models together."""

LOOKS_KEPT = 5
"""Looks whose median time decides how often the next ones are."""

LOWERED = 1.25
"""A period that is longer than wanted by this factor is told; the clocks of looks are not exact."""

MOST_PAUSE = 60.0
"""Seconds to the next look at most, also after one that took long by chance."""


class Look(NamedTuple):
    """What was found in a frame."""

    found: Sequence[Found]
    seconds: float
    """The look took so many seconds of a core."""


class ThingWatch:
    """Looks at frames in a thread of its own, so that people are followed meanwhile. One thread calls it.

    What was found stays until the next look has ended, as a cup does.
    """

    def __init__(self, look: Callable[[Picture], Look]) -> None:
        self._look = look
        self._aside = ThreadPoolExecutor(1, "things")
        self._running: Future[Look] | None = None
        self._found: Sequence[Found] = ()
        self._took: deque[float] = deque(maxlen=LOOKS_KEPT)
        self._began = -np.inf
        self._wanted = 0.0

    def update(self, rgb: Picture, at: float, wanted: float) -> Sequence[Found]:
        """Return what the latest look has found, and look at this frame when the next one is due.

        `at` is the frame's time in seconds, `wanted` the period of looks where a core's share allows it. Raises what a
        look has raised.
        """
        self._wanted = wanted
        if self._running is not None and self._running.done():
            finished, self._running = self._running, None
            look = finished.result()
            self._found = look.found
            self._took.append(look.seconds)
        # Frames may come a little early; where the clock jumps, the next frame is due.
        early = wanted / 2 if self.period <= wanted else 0.0
        is_due = not 0 <= at - self._began < self.period - early
        if self._running is None and is_due:
            self._began = at
            self._running = self._aside.submit(self._look, rgb.copy())
        return self._found

    @property
    def period(self) -> float:
        """Seconds between two looks."""
        took = median(self._took) if self._took else 0.0
        return max(self._wanted, min(took / MOST_OF_CORE, MOST_PAUSE))

    @property
    def lowered(self) -> str:
        """One sentence where looks are less frequent than frames; "" otherwise."""
        if not self._took or self.period < LOWERED * self._wanted:
            return ""
        return (
            f"The box looks for things every {self.period:.1f} s instead of every {self._wanted:.1f} s, because a look "
            f"takes {median(self._took):.2f} s of a core, of which things may have {MOST_OF_CORE:.0%}."
        )
