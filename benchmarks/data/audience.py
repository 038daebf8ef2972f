"""Simulates an audience before a camera, and what a face detector finds of it: truth for measuring the tracker.

People walk past and glance, come closer, stop and look away now and then, stand in groups, and cross each other's way.
Each seed draws its own speeds, spells and faults, so that no run has the parameters of another. Nothing here is tuned
to the tracker, and the tracker knows nothing of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.messages import Box
from edge_agent.vision.search import TILE, Tile
from edge_agent.vision.search_plan import PERIOD, Schedule, parts_of

WIDTH, HEIGHT = 1280, 720
LENS = 70.0
"""Horizontal angle of view in degrees."""
FOCAL = WIDTH / 2 / math.tan(math.radians(LENS) / 2)
FACE_WIDTH, FACE_HEIGHT, EYE_LEVEL = 0.155, 0.19, 1.6
"""Metres; the camera hangs at eye level."""

MINUTES, PEOPLE = 30, 140
AT_ONCE = 98
"""Pixels of the shortest face that the quick look at the whole frame finds; smaller ones are found in a part of it."""
BODY_ABOVE, BODY_WIDTH, BODY_HEIGHT = 0.3, 3.0, 7.5
"""A person in the picture, in sizes of the face: what moves when somebody moves."""
FOLLOWED = 0.5
"""Face widths by which an expected face may be off for a detector that looks only there: its box must overlap."""
VISIBLE_YAW = 75.0
"""A face that is turned further away is not found by any detector of faces."""
FACING_YAW = 30.0
FARTHEST = 8.0
"""Metres up to which the detector finds faces."""

Random = np.random.Generator


@dataclass(frozen=True)
class Faults:
    """The detector's faults in one run."""

    misses: float
    """Share of visible faces that a look does not find."""
    noise: float
    """Standard deviation of a box's place and size, in widths of the face."""
    false_faces: float
    """Chance that a look finds a face where there is none."""
    wrong_facing: float = 0.05
    """Share of looks that are wrong about whether a face is turned to the display."""


@dataclass(frozen=True)
class Person:
    """The way of one person: at these times (seconds) she is at `x` and `z` (metres) with her face turned by `yaw`."""

    number: int
    times: "np.ndarray[tuple[int], np.dtype[np.float64]]"
    x: "np.ndarray[tuple[int], np.dtype[np.float64]]"
    z: "np.ndarray[tuple[int], np.dtype[np.float64]]"
    yaw: "np.ndarray[tuple[int], np.dtype[np.float64]]"
    tall: float


@dataclass(frozen=True)
class Sighting:
    """A face in a look: whose it is (None for a false one), its box in pixels, and whether it faces the display."""

    person: int | None
    left: float
    top: float
    width: float
    height: float
    facing: bool


@dataclass
class _Way:
    """A way that is being drawn: points in time with a place and where the face is turned."""

    rows: list[tuple[float, float, float, float]] = field(default_factory=list)

    def to(self, at: float, x: float, z: float, yaw: float) -> None:
        self.rows.append((at, x, z, yaw))


def faults(random: Random) -> Faults:
    return Faults(
        misses=random.uniform(0.08, 0.12), noise=random.uniform(0.02, 0.06), false_faces=random.uniform(0.001, 0.005)
    )


def audience(random: Random) -> list[Person]:
    """Return the ways of `PEOPLE` people who come within `MINUTES`."""
    speed, spell, away = random.uniform(1.1, 1.4), random.uniform(7.0, 14.0), random.uniform(0.4, 0.7)
    ways: list[_Way] = []
    while len(ways) < PEOPLE:
        at = random.uniform(0, MINUTES * 60 - 30)
        kind = random.random()
        pace = max(0.7, random.normal(speed, 0.15))
        if kind < 0.40:
            ways.append(_passing(random, at, random.choice((-1, 1)), random.uniform(1.6, 6.0), pace))
        elif kind < 0.50:
            near = random.uniform(1.6, 4.0)
            ways.append(_passing(random, at, -1, near, pace))
            ways.append(_passing(random, at + random.uniform(-1, 1), 1, near + random.uniform(0.3, 1.2), pace))
        elif kind < 0.60:
            ways.append(_approaching(random, at, pace))
        elif kind < 0.82:
            ways.append(_stopping(random, at, random.uniform(-1, 1), random.uniform(1.5, 4.0), pace, spell, away))
        else:
            number = int(random.integers(2, 6))
            middle, depth, side = random.uniform(-0.5, 0.5), random.uniform(2.0, 4.5), int(random.choice((-1, 1)))
            stay = float(random.lognormal(math.log(spell * 1.5), 0.5))
            for place in range(number):
                x = middle + (place - (number - 1) / 2) * random.uniform(0.5, 0.75)
                z = depth + random.uniform(-0.35, 0.35)
                start = at + random.uniform(0, 1.2)
                ways.append(_stopping(random, start, x, z, pace, spell, away, side=side, stay=stay))
    return [_person(number, way, random.normal(EYE_LEVEL, 0.07)) for number, way in enumerate(ways[:PEOPLE])]


def _person(number: int, way: _Way, tall: float) -> Person:
    times, x, z, yaw = np.array(way.rows).T
    return Person(number, times, x, z, yaw, tall)


class Detector:
    """Finds faces as the agent's detectors do: large ones in each look, small ones in the parts of the frame that are
    searched because something moves there, and where they are expected."""

    def __init__(self, random: Random, people: Sequence[Person], faults: Faults) -> None:
        self._random, self._people, self._faults = random, people, faults
        self._parts = parts_of(WIDTH, HEIGHT, TILE)
        self._schedule = Schedule(len(self._parts))
        self._looked_at: float | None = None

    def visible(self, at: float) -> list[Sighting]:
        """Return what a perfect detector finds at this time (seconds)."""
        return _visible(self._present(at), at)

    def find(self, at: float, visible: Sequence[Sighting], expected: Sequence[Box]) -> list[Sighting]:
        """Return what the simulated detector finds of the visible faces, where these boxes are expected."""
        bodies = [_body(person, at) for person in self._present(at)]
        passed = PERIOD if self._looked_at is None else at - self._looked_at
        self._looked_at = at
        moving = self._schedule.due(passed, lambda part: any(_share_area(self._parts[part], body) for body in bodies))
        parts = [self._parts[part] for part in moving]
        found = [
            _noisy(self._random, face, self._faults)
            for face in visible
            if (face.height >= AT_ONCE or _is_expected(face, expected) or any(_is_in(part, face) for part in parts))
            and self._random.random() >= self._faults.misses
        ]
        if self._random.random() < self._faults.false_faces:
            size = self._random.uniform(20, 90)
            left, top = self._random.uniform(0, WIDTH - size), self._random.uniform(0, HEIGHT - size)
            found.append(Sighting(None, left, top, size, size, facing=True))
        return found

    def _present(self, at: float) -> list[Person]:
        return [person for person in self._people if person.times[0] <= at <= person.times[-1]]


def _body(person: Person, at: float) -> Tile:
    face = _face(person, at)
    left = face.left + face.width / 2 - BODY_WIDTH * face.width / 2
    sides = left, face.top - BODY_ABOVE * face.height, BODY_WIDTH * face.width, BODY_HEIGHT * face.height
    return Tile(*map(round, sides))


def _share_area(one: Tile, other: Tile) -> bool:
    return (
        one.left < other.left + other.width
        and other.left < one.left + one.width
        and one.top < other.top + other.height
        and other.top < one.top + one.height
    )


def _is_in(part: Tile, face: Sighting) -> bool:
    return (
        part.left <= face.left
        and part.top <= face.top
        and face.left + face.width <= part.left + part.width
        and face.top + face.height <= part.top + part.height
    )


def _is_expected(face: Sighting, expected: Sequence[Box]) -> bool:
    x, y = face.left + face.width / 2, face.top + face.height / 2
    return any(
        math.hypot(left + width / 2 - x, top + height / 2 - y) <= FOLLOWED * face.width
        for left, top, width, height in expected
    )


def _passing(random: Random, at: float, side: int, z: float, pace: float) -> _Way:
    """Walk across the view, and glance at the display once or twice."""
    half = z * math.tan(math.radians(LENS / 2)) + 0.3
    seconds = 2 * half / pace
    way = _Way()
    first = random.uniform(0.1, max(0.2, seconds - 2.0))
    glances = [(first, first + random.uniform(0.8, 2.0))]
    if random.random() < 0.5:
        second = glances[0][1] + random.uniform(0.3, 1.8)
        glances.append((second, second + random.uniform(0.8, 2.0)))
    for step in range(int(seconds / 0.1) + 1):
        passed = step * 0.1
        looks = any(begin <= passed <= end for begin, end in glances)
        x = side * (half - pace * passed)
        way.to(at + passed, x, z, 25.0 if looks else 90.0)
    return way


def _approaching(random: Random, at: float, pace: float) -> _Way:
    """Walk towards the display and past it, with the face turned to it most of the time."""
    way, x, z = _Way(), random.uniform(-1.5, 1.5), FARTHEST - 0.5
    for step in range(int((z - 1.0) / pace / 0.1)):
        way.to(at + step * 0.1, x + 0.02 * step * 0.1, z - pace * step * 0.1, 15.0 if step % 40 < 30 else 45.0)
    return way


def _stopping(
    random: Random,
    at: float,
    x: float,
    z: float,
    pace: float,
    spell: float,
    away: float,
    *,
    side: int | None = None,
    stay: float | None = None,
) -> _Way:
    """Come from one side, stand and look, turn away now and then, and leave."""
    side = int(random.choice((-1, 1))) if side is None else side
    stay = float(random.lognormal(math.log(spell), 0.6)) if stay is None else stay
    half = z * math.tan(math.radians(LENS / 2)) + 0.3
    coming = (half - side * x) / pace
    out = int(random.choice((-1, 1)))
    leaving = (half - out * x) / pace
    way = _Way()
    turned_until, next_turn = -1.0, coming + random.exponential(5.0)
    sway, phase = random.uniform(0.02, 0.06), random.uniform(0, 6)
    step = 0
    while (passed := step * 0.1) < coming + stay + leaving:
        if passed < coming:
            place, yaw = side * (half - pace * passed), 90.0 if passed < coming - 1.2 else 40.0
        elif passed < coming + stay:
            place = x + sway * math.sin(0.9 * passed + phase)
            if passed >= next_turn:
                turned_until = passed + float(min(random.exponential(away) + 0.3, 3.0))
                next_turn = turned_until + random.exponential(5.0)
            yaw = (
                95.0 if passed < turned_until and turned_until % 0.2 < 0.1 else 50.0 if passed < turned_until else 10.0
            )
        else:
            place, yaw = x + out * pace * (passed - coming - stay), 100.0
        way.to(at + passed, place, z, yaw)
        step += 1
    return way


def _visible(people: Sequence[Person], at: float) -> list[Sighting]:
    """Return the faces in the picture that are turned far enough and that nobody nearer hides."""
    faces: list[tuple[float, float, Sighting]] = []
    for person in people:
        z, yaw = (float(np.interp(at, person.times, values)) for values in (person.z, person.yaw))
        faces.append((z, yaw, _face(person, at)))
    faces.sort(key=lambda face: face[0])
    return [
        face
        for number, (z, yaw, face) in enumerate(faces)
        if abs(yaw) <= VISIBLE_YAW
        and z <= FARTHEST
        and face.left >= 0
        and face.left + face.width <= WIDTH
        and not any(_hides(nearer, face) for _, _, nearer in faces[:number])
    ]


def _face(person: Person, at: float) -> Sighting:
    x, z, yaw = (float(np.interp(at, person.times, values)) for values in (person.x, person.z, person.yaw))
    width, height = FACE_WIDTH * FOCAL / z, FACE_HEIGHT * FOCAL / z
    left = WIDTH / 2 + FOCAL * x / z - width / 2
    top = HEIGHT / 2 + FOCAL * (EYE_LEVEL - person.tall) / z - height / 2
    return Sighting(person.number, left, top, width, height, abs(yaw) < FACING_YAW)


def _hides(nearer: Sighting, face: Sighting) -> bool:
    return (
        abs(nearer.left + nearer.width / 2 - face.left - face.width / 2) < 0.65 * nearer.width
        and abs(nearer.top + nearer.height / 2 - face.top - face.height / 2) < nearer.height
    )


def _noisy(random: Random, face: Sighting, faults: Faults) -> Sighting:
    grown = math.exp(random.normal(0, faults.noise))
    width, height = face.width * grown, face.height * grown
    x = face.left + face.width / 2 + random.normal(0, faults.noise) * face.width
    y = face.top + face.height / 2 + random.normal(0, faults.noise) * face.width
    facing = face.facing != (random.random() < faults.wrong_facing)
    return Sighting(face.person, x - width / 2, y - height / 2, width, height, facing)
