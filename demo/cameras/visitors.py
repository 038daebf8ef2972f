"""Generates the visitors before a simulated camera: a random process that is a pure function of seed and time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CYCLE = 40.0
"""Seconds in which each place before the camera has at most one visitor."""

LONGEST_VISIT = 34.0
SHORTEST_VISIT = 10.0
CHANCES = (0.95, 0.5)
"""The probability that a visitor comes in one cycle, for each place in front of the camera.

Both places together have about two visitors a minute.
"""

CUP_CHANCE = 0.5


@dataclass(frozen=True)
class Visitor:
    """A person before the camera. Times are epoch seconds, UTC.

    `where`, `nearness` and `dress` are uniform random numbers from 0 to 1, by which the person is drawn.
    """

    place: int
    started: float
    ended: float
    has_cup: bool
    mirrored: bool
    where: float
    nearness: float
    dress: float


def visitors_at(seed: int, now: float) -> tuple[Visitor, ...]:
    """Return the visitors at this moment (epoch seconds), at most one per place, in the order of places."""
    return tuple(visitor for visitor in visitors_between(seed, now, now) if visitor.started <= now < visitor.ended)


def visitors_between(seed: int, start: float, end: float) -> Iterator[Visitor]:
    """Yield the visitors of this span (epoch seconds, both ends included), place by place, in the order of time.

    There are no visitors before the epoch.
    """
    for place in range(len(CHANCES)):
        for cycle in range(max(_cycle(place, start), 0), _cycle(place, end) + 1):
            visitor = _visitor(seed, place, cycle)
            if visitor is not None and visitor.started <= end and visitor.ended >= start:
                yield visitor


def _cycle(place: int, moment: float) -> int:
    return int((moment - _shift(place)) // CYCLE)


def _shift(place: int) -> float:
    return place * CYCLE / len(CHANCES)


def _visitor(seed: int, place: int, cycle: int) -> Visitor | None:
    random = np.random.default_rng((seed, place, cycle))
    if random.random() >= CHANCES[place]:
        return None
    seconds = random.uniform(SHORTEST_VISIT, LONGEST_VISIT)
    started = cycle * CYCLE + _shift(place) + random.uniform(0, CYCLE - seconds)
    return Visitor(
        place=place,
        started=started,
        ended=started + seconds,
        has_cup=bool(random.random() < CUP_CHANCE),
        mirrored=bool(random.random() < 0.5),
        where=random.random(),
        nearness=random.random(),
        dress=random.random(),
    )
