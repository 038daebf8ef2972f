"""Looks for things: aside, no oftener than a share of a core allows, and told where that is less often than wanted."""

import numpy as np
import pytest

from edge_agent.learned.thing_watch import MOST_OF_CORE, MOST_PAUSE, Look, ThingWatch
from edge_agent.vision.search import Found, Picture

MUG = Found(0.9, 1, 2, 3, 4, "mug")
FRAME = np.zeros((8, 8, 3), np.uint8)


class Looks:
    """A watch whose looks take this many seconds of a core, and at which of the frames it looked."""

    def __init__(self, seconds: float) -> None:
        self.at: list[int] = []
        self._seconds = seconds
        self._watch = ThingWatch(self._look)

    def _look(self, rgb: Picture) -> Look:
        self.at.append(int(rgb[0, 0, 0]))
        return Look([MUG], self._seconds)

    def show(self, number: int, at: float) -> list[Found]:
        """Show a frame, and let its look end, if there is one."""
        found = self._watch.update(np.full_like(FRAME, number), at, 0.5)
        if self._watch._running is not None:
            self._watch._running.exception()
        return list(found)

    @property
    def told(self) -> str:
        return self._watch.lowered


def test_each_frame_is_looked_at_where_a_look_is_cheap_and_what_was_found_stays() -> None:
    looks = Looks(0.01)
    assert [looks.show(number, number / 2) for number in range(4)] == [[], [MUG], [MUG], [MUG]]
    assert looks.at == [0, 1, 2, 3]
    assert looks.told == ""


def test_expensive_looks_take_no_more_than_their_share_of_a_core_and_say_so() -> None:
    seconds = 0.6
    looks = Looks(seconds)
    for number in range(50):
        looks.show(number, number / 2)
    assert len(looks.at) * seconds <= MOST_OF_CORE * 25 + seconds
    assert looks.told.startswith(
        "The box looks for things every 2.4 s instead of every 0.5 s, because a look takes 0.60 s"
    )


def test_a_clock_that_was_set_back_and_a_look_that_took_very_long_keep_no_look_away() -> None:
    looks = Looks(1_000.0)
    looks.show(0, 100_000.0)
    looks.show(1, 50.0)
    looks.show(2, 51.0)
    looks.show(3, 51.0 + MOST_PAUSE)
    assert looks.at == [0, 1, 3]


def test_a_look_that_fails_is_told_and_the_next_frame_is_looked_at() -> None:
    def fail(rgb: Picture) -> Look:
        raise RuntimeError("no memory")

    watch = ThingWatch(fail)
    watch.update(FRAME, 0.0, 0.5)
    assert watch._running is not None
    watch._running.exception()
    with pytest.raises(RuntimeError, match="no memory"):
        watch.update(FRAME, 0.5, 0.5)
    watch.update(FRAME, 1.0, 0.5)
    assert watch._running is not None
