"""What a person counted beside what the camera saw, minute by minute. Pure.

Only whole minutes of the clock count in which somebody was counting all the time. A minute in which the camera took no
frame is no zero: it is left out of the comparison and told apart.

Neighbouring minutes are alike, for people stay, and so tell less than as many independent ones. Intervals are Student's
t over the minutes with their effective number n(1 - r)/(1 + r), where r is the correlation of neighbours' residuals
(G. V. Bayley and J. M. Hammersley, “The ‘effective’ number of independent observations in an autocorrelated time
series”, Supplement to the Journal of the Royal Statistical Society 8 (1946), 184-197); that of the ratio by its
linearisation (W. G. Cochran, Sampling Techniques, 3rd edition, 1977, chapter 6). They tell the chance of the minutes
that were looked at, and nothing of the person's own mistakes.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from analytics.numbers.intervals import CONFIDENCE, Interval

MINUTE = dt.timedelta(minutes=1)

Count = tuple[dt.datetime, int | None]
"""From this moment on there were so many people; None: nobody was counting."""

Seen = Mapping[dt.datetime, tuple[int, int]]
"""By the minute of the clock: frames whose number of faces is known, and their faces together."""


@dataclass(frozen=True, slots=True)
class Minute:
    """A whole minute of the clock in which somebody counted."""

    start: dt.datetime
    person: float
    """How many people there were on average, as the person counted, each number weighted by how long it stood."""
    frames: int
    faces: int

    @property
    def camera(self) -> float | None:
        """Faces per frame; None where the camera was off."""
        return self.faces / self.frames if self.frames else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A camera beside a person, over the minutes in which both looked. Numbers are people; None where none did."""

    minutes: int
    minutes_off: int
    """Minutes that were counted while the camera was off."""
    person: float | None
    """People on average, as the person counted; `camera`: as the camera did, each minute weighing the same."""
    camera: float | None
    absolute_error: float | None
    """Mean of the minutes' differences, whichever way they go."""
    bias_interval: Interval | None
    """95 % of the bias; None where there are too few minutes to tell."""
    share_interval: Interval | None
    """95 % of the share."""

    @property
    def bias(self) -> float | None:
        """How many people more (or, below zero, fewer) the camera sees than a person does."""
        return None if self.person is None or self.camera is None else self.camera - self.person

    @property
    def share(self) -> float | None:
        """How much of what a person sees the camera measures; 1 is all. None where the person saw nobody."""
        return self.camera / self.person if self.person and self.camera is not None else None


def average(counts: Sequence[Count], until: dt.datetime) -> float | None:
    """People on average from the first count up to `until`, weighted by time; None where nobody was counting."""
    spans = list(_spans(counts, until))
    whole = sum((end - start for start, end, _ in spans), dt.timedelta())
    return sum((people * (end - start) for start, end, people in spans), dt.timedelta()) / whole if whole else None


def minutes(counts: Sequence[Count], until: dt.datetime, seen: Seen) -> list[Minute]:
    """The whole minutes that were counted up to `until`, ascending. `counts` are ascending, all times UTC."""
    counted: dict[dt.datetime, dt.timedelta] = defaultdict(dt.timedelta)
    people: dict[dt.datetime, dt.timedelta] = defaultdict(dt.timedelta)
    for start, end, number in _spans(counts, until):
        minute = start.replace(second=0, microsecond=0)
        while minute < end:
            length = min(end, minute + MINUTE) - max(start, minute)
            counted[minute] += length
            people[minute] += number * length
            minute += MINUTE
    whole = sorted(minute for minute, length in counted.items() if length == MINUTE)
    return [Minute(minute, people[minute] / MINUTE, *seen.get(minute, (0, 0))) for minute in whole]


def compare(sessions: Sequence[Sequence[Minute]]) -> Comparison:
    """All these sessions of one camera together; each minute weighs the same."""
    both = [[minute for minute in session if minute.frames] for session in sessions]
    pairs = [(minute.person, minute.camera or 0.0) for session in both for minute in session]
    off = sum(len(session) for session in sessions) - len(pairs)
    if not pairs:
        return Comparison(0, off, None, None, None, None, None)
    person, camera = (math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    bias, share = camera - person, camera / person if person else None
    return Comparison(
        minutes=len(pairs),
        minutes_off=off,
        person=person,
        camera=camera,
        absolute_error=math.fsum(abs(seen - counted) for counted, seen in pairs) / len(pairs),
        bias_interval=_interval(bias, _residuals(both, 1.0, bias), 1.0),
        share_interval=None if share is None else _interval(share, _residuals(both, share, 0.0), person),
    )


def _spans(counts: Sequence[Count], until: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime, int]]:
    """From, to and how many people, where somebody was counting."""
    for (start, people), (end, _) in pairwise([*counts, (until, None)]):
        if people is not None and start < min(end, until):
            yield start, min(end, until), people


def _residuals(sessions: Iterable[Sequence[Minute]], share: float, bias: float) -> list[list[float]]:
    """What is left of the camera's minutes without this share of the person's and this bias, in runs of neighbours."""
    runs: list[list[float]] = []
    for session in sessions:
        before = None
        for minute in session:
            if before is None or minute.start != before + MINUTE:
                runs.append([])
            runs[-1].append((minute.camera or 0.0) - share * minute.person - bias)
            before = minute.start
    return runs


def _interval(value: float, runs: Sequence[Sequence[float]], scale: float) -> Interval | None:
    """Student's, around a mean of residuals over `scale`; None where too few minutes tell something of their own."""
    # SciPy takes its time to load, and most pages do without.
    from scipy.special import stdtrit

    residuals = [residual for run in runs for residual in run]
    count = effective_count(runs)
    if count < 2:
        return None
    variance = math.fsum(residual * residual for residual in residuals) / (len(residuals) - 1)
    reach = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance / count) / scale
    return Interval(value - reach, value + reach)


def effective_count(runs: Sequence[Sequence[float]]) -> float:
    """How many independent values these residuals are worth; runs are of neighbours. Never more than there are."""
    residuals = [residual for run in runs for residual in run]
    neighbours = [(one, other) for run in runs for one, other in pairwise(run)]
    square = math.fsum(residual * residual for residual in residuals)
    if not square or not neighbours:
        return float(len(residuals))
    together = math.fsum(one * other for one, other in neighbours) / len(neighbours)
    correlation = min(1.0, max(0.0, together / (square / len(residuals))))
    return len(residuals) * (1 - correlation) / (1 + correlation)
