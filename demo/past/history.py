"""The past of a demo camera: when it was on, who came, who held up a thumb. This is the truth; no message is made here.

Times are epoch milliseconds, UTC; spans contain their start and not their end. Everything is a pure function of the
camera's habits, a seed and a period.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demo.habits import DEMO, SATURDAY, Habits
from edge_agent.messages import Box

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

FRAME_SIZE = (1280, 720)
"""Pixels of the cameras' frames."""


@dataclass(frozen=True)
class Span:
    started: int
    ended: int


@dataclass(frozen=True)
class Visit(Span):
    """Somebody who stood before the camera, whether it was on or not."""

    confidence: int
    """How sure the detector is of this face, in millionths."""
    box: Box
    has_cup: bool


@dataclass(frozen=True)
class Thumb(Span):
    """A thumb held up, or two at once. No two of a camera begin in the same second."""

    confidences: tuple[int, ...]
    """One per hand, in millionths."""


@dataclass(frozen=True)
class History:
    """What happened before one camera in a period. What it lists is in order of their starts."""

    habits: Habits
    seed: int
    period: Span
    on: tuple[Span, ...]
    """When the camera was on; within the period, on whole minutes or at the period's ends, apart from each other."""
    outage: Span | None
    """When the device was on and its camera was not."""
    visits: tuple[Visit, ...]
    thumbs: tuple[Thumb, ...]
    """Thumbs-up."""
    thumbs_down: tuple[Thumb, ...] = ()


def histories(seed: int, start: dt.datetime, end: dt.datetime) -> tuple[History, ...]:
    """The histories of the demo's cameras from `start` to `end` (aware; whole milliseconds). `seed` is 0 or more."""
    return tuple(history(habits, seed, start, end) for habits in DEMO)


def history(habits: Habits, seed: int, start: dt.datetime, end: dt.datetime) -> History:
    """The history of one camera. Raises `ValueError` where the period has no end after its start."""
    if end <= start:
        raise ValueError(f"the period must end after it starts; it goes from {start} to {end}")
    period = Span(epoch_ms(start), epoch_ms(end))
    source = (seed, *habits.thing.encode())
    outage, day_off = _bad_days(habits, source, period)
    visits: list[Visit] = []
    thumbs: list[Thumb] = []
    thumbs_down: list[Thumb] = []
    for day in _dates(habits, period):
        random = np.random.default_rng((*source, day.toordinal()))
        displeased = np.random.default_rng((*source, day.toordinal(), 2))
        for visit in _visits(habits, day, random):
            visits.append(visit)
            thumbs.extend(_thumbs(habits.thumbs, visit, random))
            thumbs_down.extend(_thumbs(habits.thumbs_down, visit, displeased))
    on = tuple(_switched_on(habits, source, period, outage, day_off))
    visits.sort(key=_arrival)
    up, down = _one_per_second(thumbs), _one_per_second(thumbs_down)
    return History(habits, seed, period, on, outage, tuple(visits), up, down)


def epoch_ms(at: dt.datetime) -> int:
    return round((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(milliseconds=1))


def _local(habits: Habits, day: dt.date, time: dt.time) -> int:
    return epoch_ms(dt.datetime.combine(day, time, habits.zone).astimezone(dt.UTC))


def _dates(habits: Habits, period: Span) -> list[dt.date]:
    """The local days that the period touches, and the one before: its night and its last visits reach into them."""
    first, last = (dt.datetime.fromtimestamp(at / SECOND, habits.zone).date() for at in (period.started, period.ended))
    return [first + dt.timedelta(days=number) for number in range(-1, (last - first).days + 1)]


# -- the camera ------------------------------------------------------------------------------------------------------

_FEWEST_WORKING_DAYS = 5
"""A period with fewer whole working days has no room for a day without camera."""

_OUTAGE_BEGINS_AFTER = dt.time(13, 0)
_OUTAGE_MINUTES = (60, 180)
"""Shortest and longest outage; it begins within an hour after `_OUTAGE_BEGINS_AFTER`."""


def _bad_days(habits: Habits, source: tuple[int, ...], period: Span) -> tuple[Span | None, dt.date | None]:
    """One afternoon on which the camera failed, and another day on which it was off; none in a short period."""
    days = [day for day in _dates(habits, period) if day.weekday() < SATURDAY and _is_whole(habits, day, period)]
    if len(days) < _FEWEST_WORKING_DAYS:
        return None, None
    random = np.random.default_rng(source)
    afternoon, off = (days[int(chosen)] for chosen in random.choice(len(days), size=2, replace=False))
    started = _local(habits, afternoon, _OUTAGE_BEGINS_AFTER) + int(random.integers(60)) * MINUTE
    return Span(started, started + int(random.integers(*_OUTAGE_MINUTES)) * MINUTE), off


def _is_whole(habits: Habits, day: dt.date, period: Span) -> bool:
    following = day + dt.timedelta(days=1)
    return period.started <= _local(habits, day, dt.time.min) and _local(habits, following, dt.time.min) <= period.ended


def _switched_on(
    habits: Habits, source: tuple[int, ...], period: Span, outage: Span | None, day_off: dt.date | None
) -> Iterator[Span]:
    for day in _dates(habits, period):
        if day == day_off or (habits.weekend == 0 and day.weekday() >= SATURDAY):
            continue
        following = day + dt.timedelta(days=1)
        opens, closes = _local(habits, day, habits.opens), _local(habits, day, habits.closes)
        random = np.random.default_rng((*source, day.toordinal(), 1))
        until = _local(habits, following, habits.opens) if random.random() < habits.night_on else closes
        for span in _without(Span(opens, until), outage):
            if clipped := overlap(span, period):
                yield clipped


def _without(span: Span, hole: Span | None) -> list[Span]:
    if hole is None or overlap(span, hole) is None:
        return [span]
    return [Span(span.started, hole.started), Span(hole.ended, span.ended)]


def overlap(one: Span, other: Span) -> Span | None:
    """What the two have in common, if anything."""
    both = Span(max(one.started, other.started), min(one.ended, other.ended))
    return both if both.started < both.ended else None


# -- the people ------------------------------------------------------------------------------------------------------

_MEDIAN_SECONDS, _SPREAD, _LONGEST_SECONDS = 28.0, 0.8, 600.0
"""How long people stay: log-normal. Most pass by, some read, a few talk for minutes."""

_IN_COMPANY = 0.3
"""Part of the visitors that come with somebody, who arrives and leaves within `_COMPANY_SECONDS` of them."""

_COMPANY_SECONDS = 8.0
_CONFIDENCES = (563, 1_024)
"""From and to before, in 1024ths."""

_FACE_WIDTHS = (60, 180)
"""Pixels, for the people farthest from and nearest to the camera."""


def _visits(habits: Habits, day: dt.date, random: np.random.Generator) -> list[Visit]:
    """Who came on this local day: a Poisson process thinned to the habits' rate."""
    midnight = _local(habits, day, dt.time.min)
    hours = (_local(habits, day + dt.timedelta(days=1), dt.time.min) - midnight) / HOUR
    candidates = int(random.poisson(habits.most_visitors_per_hour * hours))
    visits: list[Visit] = []
    for started in (midnight + random.uniform(0, hours * HOUR, candidates)).astype(np.int64).tolist():
        at = dt.datetime.fromtimestamp(started / SECOND, habits.zone)
        if random.random() < habits.visitors_per_hour(at) / habits.most_visitors_per_hour:
            visits.extend(_group(habits, started, random))
    return visits


def _arrival(visit: Visit) -> tuple[int, int, int]:
    return visit.started, visit.ended, visit.confidence


def _group(habits: Habits, started: int, random: np.random.Generator) -> Iterator[Visit]:
    seconds = min(random.lognormal(np.log(_MEDIAN_SECONDS), _SPREAD), _LONGEST_SECONDS)
    ended = started + round(seconds * SECOND)
    yield _visit(habits, started, ended, random)
    if random.random() < _IN_COMPANY:
        late, longer = (int(random.integers(round(_COMPANY_SECONDS * SECOND))) for _ in range(2))
        yield _visit(habits, started + late, ended + late + longer, random)


def _visit(habits: Habits, started: int, ended: int, random: np.random.Generator) -> Visit:
    width = int(random.integers(*_FACE_WIDTHS))
    height = width * 6 // 5
    left, top = (int(random.integers(room)) for room in (FRAME_SIZE[0] - width, (FRAME_SIZE[1] - height) // 2))
    confidence = _confidence(random)
    has_cup = bool(random.random() < habits.cups)
    return Visit(started, ended, confidence, (left, top, width, height), has_cup)


def _confidence(random: np.random.Generator) -> int:
    """Millionths of an odd number of 2048ths: a DeepLens' half precision holds it, and it rounds one way only."""
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
        yield Thumb(started, ended, tuple(_confidence(random) for _ in range(hands)))


def _one_per_second(thumbs: list[Thumb]) -> tuple[Thumb, ...]:
    by_second: dict[int, Thumb] = {}
    for thumb in sorted(thumbs, key=lambda thumb: (thumb.started, thumb.ended)):
        by_second.setdefault(thumb.started // SECOND, thumb)
    return tuple(by_second.values())
