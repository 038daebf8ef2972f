"""Who is in front of a simulated camera, and when: a random process that is a pure function of seed and time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CYCLE = 40.0
"""Seconds; each place in front of the camera is visited at most once in a cycle."""

LONGEST_VISIT = 34.0
SHORTEST_VISIT = 10.0
CHANCES = (0.95, 0.5)
"""Per place in front of the camera: the chance that somebody comes in a cycle. About two visits a minute in all."""

CUP_CHANCE = 0.5


@dataclass(frozen=True)
class Visit:
    """Somebody in front of the camera. Times are epoch seconds, UTC.

    The fractions are even random numbers from 0 to 1, for whoever draws the visit: where the person stands, how near,
    and how she is dressed.
    """

    place: int
    started: float
    ended: float
    has_cup: bool
    mirrored: bool
    where: float
    nearness: float
    dress: float


def visits_at(seed: int, now: float) -> tuple[Visit, ...]:
    """The visits that go on at this moment (epoch seconds), one per place at most, by place."""
    return tuple(visit for visit in visits_between(seed, now, now) if visit.started <= now < visit.ended)


def visits_between(seed: int, start: float, end: float) -> Iterator[Visit]:
    """Every visit that touches this span (epoch seconds, both ends included), place by place, in order of time.

    Before the epoch nobody came.
    """
    for place in range(len(CHANCES)):
        for cycle in range(max(_cycle(place, start), 0), _cycle(place, end) + 1):
            visit = _visit(seed, place, cycle)
            if visit is not None and visit.started <= end and visit.ended >= start:
                yield visit


def _cycle(place: int, moment: float) -> int:
    return int((moment - _shift(place)) // CYCLE)


def _shift(place: int) -> float:
    return place * CYCLE / len(CHANCES)


def _visit(seed: int, place: int, cycle: int) -> Visit | None:
    random = np.random.default_rng((seed, place, cycle))
    if random.random() >= CHANCES[place]:
        return None
    seconds = random.uniform(SHORTEST_VISIT, LONGEST_VISIT)
    started = cycle * CYCLE + _shift(place) + random.uniform(0, CYCLE - seconds)
    return Visit(
        place=place,
        started=started,
        ended=started + seconds,
        has_cup=bool(random.random() < CUP_CHANCE),
        mirrored=bool(random.random() < 0.5),
        where=random.random(),
        nearness=random.random(),
        dress=random.random(),
    )
