"""Generates the visitors before a simulated camera: a random process that is a pure function of seed and time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from demo.turns import Stay

CYCLE = 40.0
"""Seconds in which each place before the camera has at most one visitor; longer than the longest stay."""

LONGEST_VISIT = 34.0
SHORTEST_VISIT = 10.0
CHANCES = (0.7, 0.45, 0.3)
"""The probability that a visitor comes in one cycle, for each place in front of the camera: two near, one far away.

All places together have about two visitors a minute.
"""

MOST_PER_HOUR = 3600 / CYCLE * sum(CHANCES)
"""Visitors an hour, unless a `Footfall` says how many there are."""

CUP_CHANCE = 0.5
CUP_PLACES = (0, 1)
"""The places whose visitors may have a cup; on the counter before the far place it would be too large."""

Thumb = Literal["up", "down"]
Thumbs = tuple[float, float]
"""The shares of the visitors who hold up a thumb, and who turn one down."""

NO_THUMBS: Thumbs = (0.0, 0.0)

PASSING_CHANCE = 0.2
PASSING_SECONDS = 5.0
"""The share of visitors without a cup and a thumb who walk past without standing still, and how long they are in the
picture."""

SOON = 60.0
"""Seconds within which `seed_with_visitor_soon` has somebody come."""

MOST_SEEDS, SEED_STEP = 2_000, 10
"""How many seeds are tried, which takes a third of a second, and their distance, so that no two cameras share one."""

Footfall = Callable[[float], float]
"""Returns for a moment (epoch seconds) how many visitors an hour come; more than `MOST_PER_HOUR` do not fit."""


@dataclass(frozen=True)
class Visitor:
    """A person before the camera. Times are epoch seconds, UTC.

    `where`, `nearness`, `dress`, `identity` and `interest` are uniform random numbers from 0 to 1, by which the person
    is drawn and turns to the display and away.
    """

    place: int
    started: float
    ended: float
    has_cup: bool
    mirrored: bool
    where: float
    nearness: float
    dress: float
    identity: float
    interest: float
    passes: bool
    """Whether the person walks past without standing still."""
    thumb: Thumb | None
    """What the person does with a hand, if anything."""


def visitors_at(
    seed: int,
    now: float,
    footfall: Footfall | None = None,
    cups: float = CUP_CHANCE,
    thumbs: Thumbs = NO_THUMBS,
    stay: Stay | None = None,
) -> tuple[Visitor, ...]:
    """Return the visitors at this moment (epoch seconds), at most one per place, in the order of places."""
    around = visitors_between(seed, now, now, footfall, cups, thumbs, stay)
    return tuple(visitor for visitor in around if visitor.started <= now < visitor.ended)


def visitors_between(
    seed: int,
    start: float,
    end: float,
    footfall: Footfall | None = None,
    cups: float = CUP_CHANCE,
    thumbs: Thumbs = NO_THUMBS,
    stay: Stay | None = None,
) -> Iterator[Visitor]:
    """Yield the visitors of this span (epoch seconds, both ends included), place by place, in the order of time.

    There are no visitors before the epoch. `cups` is the share of the visitors at the near places with a cup;
    `stay` says by how much longer than usual somebody stays.
    """
    for place in range(len(CHANCES)):
        for cycle in range(max(_cycle(place, start), 0), _cycle(place, end) + 1):
            share = 1.0 if footfall is None else footfall(cycle * CYCLE) / MOST_PER_HOUR
            visitor = _visitor(seed, place, cycle, share, cups, thumbs, stay)
            if visitor is not None and visitor.started <= end and visitor.ended >= start:
                yield visitor


def seed_with_visitor_soon(seed: int, now: float, footfall: Footfall, cups: float) -> int:
    """Return a seed by which somebody comes within `SOON` seconds after this moment and stands still before the camera.

    So whoever has just started the demo soon sees a person, at night too. Tries this seed first, and then others. If
    nobody comes by any of them, such as when the site is closed, it returns this seed.
    """
    for tried in range(seed, seed + MOST_SEEDS * SEED_STEP, SEED_STEP):
        coming = visitors_between(tried, now, now + SOON, footfall, cups)
        if any(visitor.started >= now and visitor.place in CUP_PLACES and not visitor.passes for visitor in coming):
            return tried
    return seed


def _cycle(place: int, moment: float) -> int:
    return int((moment - _shift(place)) // CYCLE)


def _shift(place: int) -> float:
    return place * CYCLE / len(CHANCES)


def _visitor(
    seed: int, place: int, cycle: int, share: float, cups: float, thumbs: Thumbs, stay: Stay | None
) -> Visitor | None:
    random = np.random.default_rng((seed, place, cycle))
    if random.random() >= CHANCES[place] * share:
        return None
    seconds = random.uniform(SHORTEST_VISIT, LONGEST_VISIT) * (stay(cycle * CYCLE + _shift(place)) if stay else 1.0)
    started = cycle * CYCLE + _shift(place) + random.uniform(0, CYCLE - seconds)
    has_cup, mirrored = random.random() < cups and place in CUP_PLACES, random.random() < 0.5
    where, nearness, dress, identity, interest, passing, opinion = random.random(7).tolist()
    thumb: Thumb | None = "up" if opinion < thumbs[0] else "down" if opinion < sum(thumbs) else None
    passes = passing < PASSING_CHANCE and not has_cup and not thumb
    return Visitor(
        place=place,
        started=started,
        ended=started + (PASSING_SECONDS if passes else seconds),
        has_cup=bool(has_cup),
        mirrored=bool(mirrored),
        where=where,
        nearness=nearness,
        dress=dress,
        identity=identity,
        interest=interest,
        passes=passes,
        thumb=thumb,
    )
