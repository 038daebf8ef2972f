"""Generates a demo camera's history: when it was on, who came, and who held up a thumb.

A history is the ground truth; `messages` generates what the camera would have sent about it. Times are epoch
milliseconds, UTC; spans contain their start and not their end. A history is a pure function of the camera's profile, a
seed and a period.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demo.camera_profiles import PROFILES, SATURDAY, CameraProfile
from demo.turns import PastTurns
from edge_agent.messages import Box

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

FRAME_SIZE = (1280, 720)
"""Width and height of the cameras' frames in pixels."""


@dataclass(frozen=True)
class Span:
    started: int
    ended: int


@dataclass(frozen=True)
class Visit(Span):
    """The time that one person stood before the camera, whether it was on or not."""

    confidence: int
    """The detector's confidence in this face, in millionths."""
    box: Box
    has_cup: bool

    @property
    def id(self) -> str:
        """The name of the visit in an agent's messages."""
        return f"{self.started:x}-{self.confidence:x}"


@dataclass(frozen=True)
class Thumb(Span):
    """The time that a thumb, or two at once, was held up. No two thumbs of a camera begin in the same second."""

    confidences: tuple[int, ...]
    """One per hand, in millionths."""
    visit: str = ""
    """The id of the person's visit."""


@dataclass(frozen=True)
class History:
    """The events before one camera in a period. Visits and thumbs are in the order of their starts."""

    profile: CameraProfile
    seed: int
    period: Span
    on: tuple[Span, ...]
    """Spans in which the camera was on. They lie within the period, and begin and end at whole minutes or at the
    period's ends; none touches another."""
    outage: Span | None
    """The span in which the device was on and its camera failed."""
    visits: tuple[Visit, ...]
    thumbs: tuple[Thumb, ...]
    """Thumbs-up."""
    thumbs_down: tuple[Thumb, ...] = ()


def histories(seed: int, start: dt.datetime, end: dt.datetime) -> tuple[History, ...]:
    """Return the histories of all cameras from `start` to `end` (aware; whole milliseconds). `seed` is 0 or more."""
    return tuple(history(profile, seed, start, end) for profile in PROFILES)


def history(profile: CameraProfile, seed: int, start: dt.datetime, end: dt.datetime) -> History:
    """Return the history of one camera. Raises `ValueError` where `end` is not after `start`."""
    if end <= start:
        raise ValueError(f"the period must end after it starts; it goes from {start} to {end}")
    period = Span(epoch_ms(start), epoch_ms(end))
    source = (seed, *profile.thing.encode())
    outage, day_off = _bad_days(profile, source, period)
    visits: list[Visit] = []
    thumbs: list[Thumb] = []
    thumbs_down: list[Thumb] = []
    turns = PastTurns.between(start, end)
    for day in _dates(profile, period):
        random = np.random.default_rng((*source, day.toordinal()))
        displeased = np.random.default_rng((*source, day.toordinal(), 2))
        for visit in _visits(profile, day, random, turns):
            visits.append(visit)
            thumbs.extend(_thumbs(profile.thumbs, visit, random))
            thumbs_down.extend(_thumbs(profile.thumbs_down, visit, displeased))
    on = tuple(_switched_on(profile, source, period, outage, day_off))
    visits.sort(key=_arrival)
    up, down = _one_per_second(thumbs), _one_per_second(thumbs_down)
    return History(profile, seed, period, on, outage, tuple(visits), up, down)


def epoch_ms(at: dt.datetime) -> int:
    return round((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(milliseconds=1))


def moment(at: int) -> dt.datetime:
    """Return the time, in UTC, of these epoch milliseconds."""
    return dt.datetime.fromtimestamp(at / SECOND, dt.UTC)


def _local(profile: CameraProfile, day: dt.date, time: dt.time) -> int:
    return epoch_ms(dt.datetime.combine(day, time, profile.zone).astimezone(dt.UTC))


def _dates(profile: CameraProfile, period: Span) -> list[dt.date]:
    """Return the local days that the period touches, and the day before them, whose night reaches into the period."""
    first, last = (dt.datetime.fromtimestamp(at / SECOND, profile.zone).date() for at in (period.started, period.ended))
    return [first + dt.timedelta(days=number) for number in range(-1, (last - first).days + 1)]


# -- the camera ------------------------------------------------------------------------------------------------------

_FEWEST_WORKING_DAYS = 5
"""A period with fewer whole working days has neither an outage nor a day off."""

_OUTAGE_BEGINS_AFTER = dt.time(13, 0)
_OUTAGE_MINUTES = (60, 180)
"""Shortest and longest outage; it begins within an hour after `_OUTAGE_BEGINS_AFTER`."""


def _bad_days(profile: CameraProfile, source: tuple[int, ...], period: Span) -> tuple[Span | None, dt.date | None]:
    """Return an outage in one afternoon, and another day with the camera off; (None, None) in a short period."""
    days = [day for day in _dates(profile, period) if day.weekday() < SATURDAY and _is_whole(profile, day, period)]
    if len(days) < _FEWEST_WORKING_DAYS:
        return None, None
    random = np.random.default_rng(source)
    afternoon, off = (days[int(chosen)] for chosen in random.choice(len(days), size=2, replace=False))
    started = _local(profile, afternoon, _OUTAGE_BEGINS_AFTER) + int(random.integers(60)) * MINUTE
    return Span(started, started + int(random.integers(*_OUTAGE_MINUTES)) * MINUTE), off


def _is_whole(profile: CameraProfile, day: dt.date, period: Span) -> bool:
    following = day + dt.timedelta(days=1)
    return (
        period.started <= _local(profile, day, dt.time.min) and _local(profile, following, dt.time.min) <= period.ended
    )


def _switched_on(
    profile: CameraProfile, source: tuple[int, ...], period: Span, outage: Span | None, day_off: dt.date | None
) -> Iterator[Span]:
    for day in _dates(profile, period):
        if day == day_off or (profile.weekend == 0 and day.weekday() >= SATURDAY):
            continue
        following = day + dt.timedelta(days=1)
        opens, closes = _local(profile, day, profile.opens), _local(profile, day, profile.closes)
        random = np.random.default_rng((*source, day.toordinal(), 1))
        until = _local(profile, following, profile.opens) if random.random() < profile.night_on else closes
        for span in _without(Span(opens, until), outage):
            if clipped := overlap(span, period):
                yield clipped


def _without(span: Span, hole: Span | None) -> list[Span]:
    if hole is None or overlap(span, hole) is None:
        return [span]
    return [Span(span.started, hole.started), Span(hole.ended, span.ended)]


def overlap(one: Span, other: Span) -> Span | None:
    """Return the intersection of two spans; None where they do not overlap."""
    both = Span(max(one.started, other.started), min(one.ended, other.ended))
    return both if both.started < both.ended else None


# -- the people ------------------------------------------------------------------------------------------------------

_MEDIAN_SECONDS, _SPREAD, _LONGEST_SECONDS = 17.0, 0.6, 120.0
"""The log-normal distribution of the length of a visit, with the mean of the live rooms: some pass by, some read."""

_IN_COMPANY = 0.3
"""Share of the visitors with a companion, who arrives and leaves within `_COMPANY_SECONDS` of them."""

_COMPANY_SECONDS = 8.0
_CONFIDENCES = (563, 1_024)
"""Lowest confidence and upper bound (exclusive), in 1024ths."""

_FACE_WIDTHS = (60, 180)
"""Width in pixels of the faces that are farthest from and nearest to the camera."""


def _visits(profile: CameraProfile, day: dt.date, random: np.random.Generator, turns: PastTurns) -> list[Visit]:
    """Return the visits of this local day: a Poisson process, thinned to the profile's rate."""
    midnight = _local(profile, day, dt.time.min)
    hours = (_local(profile, day + dt.timedelta(days=1), dt.time.min) - midnight) / HOUR
    candidates = int(random.poisson(profile.most_visitors_per_hour * hours))
    visits: list[Visit] = []
    for started in (midnight + random.uniform(0, hours * HOUR, candidates)).astype(np.int64).tolist():
        at = dt.datetime.fromtimestamp(started / SECOND, profile.zone)
        if random.random() < profile.visitors_per_hour(at) / profile.most_visitors_per_hour:
            visits.extend(_group(profile, started, random, turns.stay(profile, started)))
    return visits


def _arrival(visit: Visit) -> tuple[int, int, int]:
    return visit.started, visit.ended, visit.confidence


def _group(profile: CameraProfile, started: int, random: np.random.Generator, stay: float) -> Iterator[Visit]:
    seconds = min(random.lognormal(np.log(_MEDIAN_SECONDS), _SPREAD), _LONGEST_SECONDS) * stay
    ended = started + round(seconds * SECOND)
    yield _visit(profile, started, ended, random)
    if random.random() < _IN_COMPANY:
        late, longer = (int(random.integers(round(_COMPANY_SECONDS * SECOND))) for _ in range(2))
        yield _visit(profile, started + late, ended + late + longer, random)


def _visit(profile: CameraProfile, started: int, ended: int, random: np.random.Generator) -> Visit:
    width = int(random.integers(*_FACE_WIDTHS))
    height = width * 6 // 5
    left, top = (int(random.integers(room)) for room in (FRAME_SIZE[0] - width, (FRAME_SIZE[1] - height) // 2))
    confidence = _confidence(random)
    has_cup = bool(random.random() < profile.cups)
    return Visit(started, ended, confidence, (left, top, width, height), has_cup)


def _confidence(random: np.random.Generator) -> int:
    """Return a random confidence in millionths. As an odd number of 2048ths it is exact in half precision."""
    return round((2 * int(random.integers(*_CONFIDENCES)) + 1) / 2048 * 1_000_000)


_THUMB_SECONDS = (5, 20)
_BOTH_HANDS = 0.15


def _thumbs(chance: float, visit: Visit, random: np.random.Generator) -> Iterator[Thumb]:
    if random.random() >= chance:
        return
    started = visit.started + int(random.integers(max((visit.ended - visit.started) // 2, 1)))
    ended = min(started + int(random.integers(*_THUMB_SECONDS)) * SECOND, visit.ended)
    hands = 2 if random.random() < _BOTH_HANDS else 1
    if started < ended:
        yield Thumb(started, ended, tuple(_confidence(random) for _ in range(hands)), visit.id)


def _one_per_second(thumbs: list[Thumb]) -> tuple[Thumb, ...]:
    by_second: dict[int, Thumb] = {}
    for thumb in sorted(thumbs, key=lambda thumb: (thumb.started, thumb.ended)):
        by_second.setdefault(thumb.started // SECOND, thumb)
    return tuple(by_second.values())
