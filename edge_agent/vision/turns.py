"""Chooses whose surroundings a look examines, so that many people cost no more than a few. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.messages import Box
from edge_agent.vision.search import Found

SAME_PERSON = 1.5
"""Heights of the face by which a face may have moved since the last look and still be the same person's. A walker
moves by as much in a fifth of a second."""

FORGOTTEN = 3.0
"""Seconds after which what was found around a person is not believed any more."""

LONGEST_WAIT = 2.0
"""Seconds whose examinations may be saved up; a slow cadence may thus examine everybody in each frame."""


@dataclass(slots=True)
class _Person:
    box: Box
    examined: float | None = None
    found: tuple[Found, ...] = ()
    """What was found around this person, in pixels from the middle of the face and at the size of the face then."""


class Turns:
    """Gives each person a turn, about `per_second` turns a second in all, and keeps what was found. Not thread-safe.

    `most` limits the turns of one look. `again` gives those a turn in each look around whom something was found last.
    """

    def __init__(self, per_second: float, most: int, *, again: bool = False) -> None:
        self._per_second, self._most, self._again = per_second, most, again
        self._people: list[_Person] = []
        self._allowance = float(most)
        self._at: float | None = None

    def choose(self, at: float, faces: Sequence[Box]) -> list[int]:
        """Return the indices of the faces whose surroundings this look should examine: who has waited longest is first.

        `at` is the look's time in seconds. Where that clock jumps, everybody has a turn soon.
        """
        passed = at - self._at if self._at is not None and at - self._at >= 0 else LONGEST_WAIT
        self._at = at
        self._allowance = min(self._allowance + self._per_second * min(passed, LONGEST_WAIT), float(self._most))
        self._people = _matched(self._people, faces)
        busy = [index for index, person in enumerate(self._people) if self._again and person.found]
        waiting = sorted(range(len(faces)), key=lambda index: (index not in busy, self._examined(index)))
        chosen = waiting[: max(math.floor(self._allowance + 1e-6), min(len(busy), self._most))]
        for index in chosen:
            self._people[index].examined = at
        self._allowance = max(self._allowance - len(chosen), 0.0)
        return chosen

    def keep(self, index: int, found: Sequence[Found]) -> None:
        """Keep what the look has found around the person with this face, until the person's next turn."""
        person = self._people[index]
        x, y = _middle(person.box)
        person.found = tuple(thing.moved(-x, -y).scaled(1 / max(person.box[3], 1)) for thing in found)

    def found(self, index: int) -> list[Found]:
        """Return what was last found around this person, where it must be now."""
        person = self._people[index]
        if person.examined is None or self._at is None or not 0 <= self._at - person.examined <= FORGOTTEN:
            return []
        return [thing.scaled(max(person.box[3], 1)).moved(*_middle(person.box)) for thing in person.found]

    def _examined(self, index: int) -> float:
        examined = self._people[index].examined
        return -math.inf if examined is None else examined


def _matched(people: Sequence[_Person], faces: Sequence[Box]) -> list[_Person]:
    """Return the people with these faces; who was near in the last look is the same, and the nearest come first."""
    distances = {
        (known, face): _distance(person.box, box)
        for known, person in enumerate(people)
        for face, box in enumerate(faces)
    }
    matched: dict[int, _Person] = {}
    taken: set[int] = set()
    for known, face in sorted(distances, key=distances.__getitem__):
        if distances[known, face] <= SAME_PERSON and known not in taken and face not in matched:
            taken.add(known)
            matched[face] = people[known]
    same = [matched.get(face, _Person(box)) for face, box in enumerate(faces)]
    return [_Person(box, person.examined, person.found) for box, person in zip(faces, same, strict=True)]


def _middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _distance(one: Box, other: Box) -> float:
    """Return the distance of two faces in heights of the larger one."""
    (x, y), (other_x, other_y) = _middle(one), _middle(other)
    return math.hypot(x - other_x, y - other_y) / max(one[3], other[3], 1)
