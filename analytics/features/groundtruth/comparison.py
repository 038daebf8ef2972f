"""Compare a person's counts with a camera's, minute by minute. Pure.

A minute is compared if the person counted during all of it and the camera has a frame in it. A minute without a frame
does not count as zero: it is left out of the comparison, and its number is reported separately.

Neighbouring minutes are correlated, because people stay, so that they carry less information than independent minutes.
Intervals are Student's t with the effective number of minutes n(1 - r)/(1 + r), where r is the correlation of
neighbours' residuals
(G. V. Bayley and J. M. Hammersley, “The ‘effective’ number of independent observations in an autocorrelated time
series”, Supplement to the Journal of the Royal Statistical Society 8 (1946), 184-197). The interval of the ratio uses
its linearisation (W. G. Cochran, Sampling Techniques, 3rd edition, 1977, chapter 6). The intervals cover the random
choice of the minutes, but not the person's own mistakes. Where no minute differs, nothing is known of the spread; then
the ends are those of the rule of three (B. D. Jovanovic and P. S. Levy, “A look at the rule of three”, The American
Statistician 51 (1997), 137-139): what was seen in none of n cases happens in at most 3 of n.
"""

import datetime as dt
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from analytics.numbers.intervals import CONFIDENCE, Interval

MINUTE = dt.timedelta(minutes=1)

NONE_OF_ALL = 3.0
"""The rule of three."""

ROUNDING = 1e-9
"""People by which computed sums may differ where nothing does."""

Count = tuple[dt.datetime, int | None]
"""A time, and the number of people from then on; None where nobody was counting."""

CameraMinutes = Mapping[dt.datetime, tuple[int, int]]
"""For the start of each minute: how many frames have a number of faces, and the sum of these numbers."""


@dataclass(frozen=True, slots=True)
class Minute:
    """A whole minute of the clock, such as 12:03:00 to 12:04:00, during which an observer counted people."""

    start: dt.datetime
    person: float
    """The average number of people by the observer's counts, weighted by time; of `arrivals()`, how many came."""
    frames: int
    faces: int
    """The faces in all frames; of `arrivals()`, the visits that began."""

    @property
    def camera(self) -> float | None:
        """Faces per frame, or visits; None where the camera was off."""
        return self.faces / self.frames if self.frames else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The numbers of a camera compared with those of an observer, over some minutes.

    The numbers are people. They are None if there is no minute to compare.
    """

    minutes: int
    """The number of compared minutes."""
    minutes_off: int
    """The number of counted minutes in which the camera was off."""
    person: float | None
    """The average of the person's minutes."""
    camera: float | None
    """The average of the camera's minutes."""
    absolute_error: float | None
    """The mean of the absolute differences of the minutes."""
    bias_interval: Interval | None
    """The 95 % interval of the bias; None with too few minutes."""
    share_interval: Interval | None
    """The 95 % interval of the share; None with too few minutes or where the person saw nobody."""

    @property
    def bias(self) -> float | None:
        """The camera's average minus the person's."""
        return None if self.person is None or self.camera is None else self.camera - self.person

    @property
    def share(self) -> float | None:
        """The camera's average divided by the person's; None where the person saw nobody."""
        return self.camera / self.person if self.person and self.camera is not None else None


def average(counts: Sequence[Count], until: dt.datetime) -> float | None:
    """Return the average of the counts up to `until`, weighted by time; None where nobody was counting."""
    spans = list(_spans(counts, until))
    total = sum((end - start for start, end, _ in spans), dt.timedelta())
    return sum((people * (end - start) for start, end, people in spans), dt.timedelta()) / total if total else None


def minutes(counts: Sequence[Count], until: dt.datetime, camera: CameraMinutes) -> list[Minute]:
    """Return the full minutes that were counted up to `until`, ascending. `counts` are ascending, all times UTC."""
    counted: dict[dt.datetime, dt.timedelta] = defaultdict(dt.timedelta)
    people: dict[dt.datetime, dt.timedelta] = defaultdict(dt.timedelta)
    for start, end, number in _spans(counts, until):
        minute = start.replace(second=0, microsecond=0)
        while minute < end:
            length = min(end, minute + MINUTE) - max(start, minute)
            counted[minute] += length
            people[minute] += number * length
            minute += MINUTE
    full = sorted(minute for minute, length in counted.items() if length == MINUTE)
    return [Minute(minute, people[minute] / MINUTE, *camera.get(minute, (0, 0))) for minute in full]


def arrivals(
    minutes: Sequence[Minute], came: Sequence[tuple[dt.datetime, int]], visits: Mapping[dt.datetime, int]
) -> list[Minute]:
    """Return these minutes with the people who came in each, by the person's count, and the camera's visits.

    `came` is ascending: a time, and how many have come since the session began. `visits` is by the start of the minute.
    A minute in which the camera was off has no frame.
    """
    times, totals = [at for at, _ in came], [0, *(total for _, total in came)]
    return [
        Minute(
            minute.start,
            totals[bisect_left(times, minute.start + MINUTE)] - totals[bisect_left(times, minute.start)],
            int(minute.frames > 0),
            visits.get(minute.start, 0),
        )
        for minute in minutes
    ]


def compare(sessions: Sequence[Sequence[Minute]]) -> Comparison:
    """Compare all minutes of these sessions of one camera; each minute has the same weight."""
    compared = [[minute for minute in session if minute.frames] for session in sessions]
    pairs = [(minute.person, minute.camera or 0.0) for session in compared for minute in session]
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
        absolute_error=math.fsum(abs(measured - counted) for counted, measured in pairs) / len(pairs),
        bias_interval=_interval(bias, _residuals(compared, 1.0, bias), 1.0),
        share_interval=None if share is None else _interval(share, _residuals(compared, share, 0.0), person),
    )


def _spans(counts: Sequence[Count], until: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime, int]]:
    """Yield start, end and number of people of each span in which somebody was counting."""
    for (start, people), (end, _) in pairwise([*counts, (until, None)]):
        if people is not None and start < min(end, until):
            yield start, min(end, until), people


def _residuals(sessions: Iterable[Sequence[Minute]], share: float, bias: float) -> list[list[float]]:
    """Return `camera - share * person - bias` of each minute: a list for each unbroken series of minutes."""
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
    """Return Student's interval around `value`; None with fewer than two effective minutes.

    `value` is a mean of minutes whose residuals are `runs`, divided by `scale`.
    """
    # SciPy is slow to import, and most pages do not need it.
    from scipy.special import stdtrit

    residuals = [residual for run in runs for residual in run]
    count = effective_count(runs)
    if count < 2:
        return None
    variance = math.fsum(residual * residual for residual in residuals) / (len(residuals) - 1)
    error = math.sqrt(variance / count) * float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    reach = (error if error > ROUNDING else NONE_OF_ALL / count) / scale
    return Interval(value - reach, value + reach)


def effective_count(runs: Sequence[Sequence[float]]) -> float:
    """Return the effective number of these residuals, given in runs of neighbours; at most their number."""
    residuals = [residual for run in runs for residual in run]
    neighbours = [(one, other) for run in runs for one, other in pairwise(run)]
    square = math.fsum(residual * residual for residual in residuals)
    if not square or not neighbours:
        return float(len(residuals))
    together = math.fsum(one * other for one, other in neighbours) / len(neighbours)
    correlation = min(1.0, max(0.0, together / (square / len(residuals))))
    return len(residuals) * (1 - correlation) / (1 + correlation)
