"""What is to be expected of a day and of a week: a band for each hour, and a forecast for what is still to come. Pure.

All of it is learned from the days before. The expectation of an hour is the mean of the same local hour of the week of
each camera. How far an hour lies from its expectation is pooled over all past hours with a similar expectation, each
beside the mean of the other weeks (leave one out): a band of eight Fridays alone would hold far less than it promises.
The band is made of quantiles of these residuals, so that it is as wide as the place's own hours are overdispersed.
Where counts by eye corrected past hours, their uncertainty widens bands and forecasts.

A forecast is the expectation of the hours to come, times how busy the day (or week) has been so far. How much of that
goes on is learned too: on past days, the rest is regressed on the part before the same hour. A forecast shows how often
it has held: it is made again for past days, each from the days before that day alone.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from analytics.numbers.intervals import Interval
from analytics.numbers.measures import HOURS, WEEKDAYS
from analytics.verdicts.matched import BAND, FEWEST_WEEKS, Booleans, Corrections, Floats, band_reach, fold_weeks

_T = TypeVar("_T", bound=np.generic)

SIMILAR_HOURS = 200
"""A band is made from so many past hours, those with the most similar expectation: a tenth of them is 20 hours."""

FEWEST_HOURS = 60
"""With fewer past hours, the tenths at both ends would be a handful."""

FEWEST_UNITS = 4
"""A forecast needs so many past days, or weeks, that it can be made again for."""

TRIED_DAYS = 14
TRIED_WEEKS = 4
"""For how many past days and weeks a forecast is made again to tell how often it held."""

DAY_UNITS = 20
"""With so many past days, their quantiles make the band; fewer (weeks) take Student's distribution."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of the whole of a day or week that is under way."""

    so_far: float
    """In the hours that are over and were seen."""
    expected: float
    """Of the whole, if the cameras stay on: what was seen so far, and what is to come."""
    band: Interval
    """Holds the whole in 80 of 100 cases."""
    held: int
    """How many of the `tried` past days or weeks lay in the band that was made for them at the same hour."""
    tried: int


def usual_hours(rates: Floats, day: int, corrected: Corrections = ()) -> list[Interval | None]:
    """Return the band of each hour of the day with this index, from the days before it; 24 entries.

    `rates` are [camera, day, hour], NaN where nothing is known. An hour is None where it is too early to tell: fewer
    than `FEWEST_WEEKS` earlier weeks saw that weekday, or hardly any hour has been seen. The band is for the cameras
    that have seen the hour before, all of them on for the whole hour.
    """
    past = _Past.of(rates, day)
    if past.weeks_known < FEWEST_WEEKS:
        return [None] * HOURS
    expected, observed = past.each_hour()
    if expected.size < FEWEST_HOURS:
        return [None] * HOURS
    order = np.argsort(expected, kind="stable")
    expected, residuals = expected[order], (observed[order] - expected[order]) / _spread(expected[order])
    count = min(SIMILAR_HOURS, expected.size)
    found: list[Interval | None] = []
    for mean, unsure in zip(past.of_day(), past.unsureness(corrected, day), strict=True):
        if math.isnan(mean):
            found.append(None)
            continue
        first = int(np.clip(np.searchsorted(expected, mean) - count // 2, 0, expected.size - count))
        low, high = _quantiles(residuals[first : first + count])
        reach = float(_spread(np.array(mean)))
        found.append(_band(mean, low * reach, high * reach, mean * unsure))
    return found


def _band(middle: float, low: float, high: float, unsure: float) -> Interval:
    """Return the band with these ends beside its middle, none below 0.

    `unsure` is how far the middle itself may be wrong in 80 of 100 cases; independent of the ends.
    """
    below, above = (math.hypot(end, unsure) - abs(end) for end in (low, high))
    return Interval(max(0.0, middle + low - below), max(0.0, middle + high + above))


def forecast_day(
    rates: Floats, day: int, over: Booleans, to_come: Booleans, corrected: Corrections = ()
) -> Forecast | None:
    """Forecast a day under way. `over` and `to_come` are its hours, [hour], that are over and that will be open.

    None where it is too early to tell, or where nothing is to come.
    """
    unit = _Unit(rates, day, over[None], to_come[None], corrected)
    made = unit.forecast()
    if made is None or _Past.of(rates, day).weeks_known < FEWEST_WEEKS:
        return None
    tries = range(max(WEEKDAYS * FEWEST_UNITS, day - TRIED_DAYS), day)
    return _with_tries(made, (replace(unit, first=each).held() for each in tries))


def forecast_week(
    rates: Floats, monday: int, over: Booleans, to_come: Booleans, corrected: Corrections = ()
) -> Forecast | None:
    """Forecast the week that begins on the day `monday`; `over` and `to_come` are [day of the week, hour].

    None where it is too early to tell, or where nothing is to come.
    """
    unit = _Unit(rates, monday, over, to_come, corrected)
    made = unit.forecast()
    if made is None or unit.past.size < FEWEST_WEEKS:
        return None
    tries = range(max(unit.past[0] + WEEKDAYS * FEWEST_UNITS, monday - WEEKDAYS * TRIED_WEEKS), monday, WEEKDAYS)
    return _with_tries(made, (replace(unit, first=each).held() for each in tries))


@dataclass(frozen=True, slots=True, eq=False)
class _Past:
    """The days before a day, folded into weeks that end with the day before: [camera, week, day of the week, hour].

    The last day of the week is the weekday before the day's own; the day's own weekday is number 0.
    """

    values: Floats
    known: Booleans

    @classmethod
    def of(cls, rates: Floats, day: int) -> "_Past":
        folded = _weeks_before(rates, day, np.nan)
        known = ~np.isnan(folded)
        return cls(np.where(known, folded, 0.0), known)

    @property
    def weeks_known(self) -> int:
        """In how many weeks the day's own weekday was seen."""
        return int(self.known[:, :, 0].any(axis=(0, 2)).sum())

    def of_day(self) -> Floats:
        """Return the expectation of each hour of the day, all cameras together; NaN where no camera knows it."""
        count = self.known[:, :, 0].sum(axis=1)
        means = np.divide(self.values[:, :, 0].sum(axis=1), count, out=np.zeros(count.shape), where=count > 0)
        return np.where((count > 0).any(axis=0), means.sum(axis=0), np.nan)

    def unsureness(self, corrected: Corrections, day: int) -> Floats:
        """Return how far the calibrations may make the expectation of each hour of the day wrong, as a part of it."""
        if not corrected:
            return np.zeros(HOURS)
        count = np.maximum(1, self.known[:, :, 0].sum(axis=1, keepdims=True))
        means = self.values[:, :, 0] / count
        shares = means / np.maximum(means.sum(axis=(0, 1)), np.finfo(float).tiny)
        moved = [
            ((_weeks_before(hours, day, False)[:, :, 0] * shares).sum(axis=(0, 1)), each) for hours, each in corrected
        ]
        return np.array(
            [
                band_reach([(float(part[hour]) ** 2 * each.log_variance, each.freedom) for part, each in moved])
                for hour in range(HOURS)
            ]
        )

    def each_hour(self) -> tuple[Floats, Floats]:
        """Return the expectation of each past hour from the other weeks, and what was seen in it; flat."""
        mean, usable = self._others()
        is_known = usable.any(axis=0)
        expected = np.where(usable, mean, 0.0).sum(axis=0)[is_known]
        return expected, np.where(usable, self.values, 0.0).sum(axis=0)[is_known]

    def _others(self) -> tuple[Floats, Booleans]:
        total, count = self.values.sum(axis=1, keepdims=True), self.known.sum(axis=1, keepdims=True)
        usable = self.known & (count > 1)
        mean = np.divide(total - self.values, count - 1, out=np.zeros(self.values.shape), where=usable)
        return mean, usable


def _weeks_before(values: npt.NDArray[_T], day: int, fill: float) -> npt.NDArray[_T]:
    """Fold the days before a day into weeks that end with the day before."""
    return fold_weeks(values[:, :day], -day % WEEKDAYS, fill)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A forecast of what is to come."""

    so_far: float
    rest: float
    band: Interval


@dataclass(frozen=True, slots=True, eq=False)
class _Unit:
    """A day or a week, which is forecast from the units of the same length before it."""

    rates: Floats
    """[camera, day, hour], NaN where nothing is known."""
    first: int
    """The index of the unit's first day."""
    over: Booleans
    """Which hours of the unit are over, [day, hour]."""
    to_come: Booleans
    """Which hours of the unit will be open: [day, hour], or [camera, day, hour]."""
    corrected: Corrections

    @property
    def length(self) -> int:
        """How many days the unit has."""
        return len(self.over)

    @property
    def past(self) -> npt.NDArray[np.int64]:
        """The index of the first day of each past unit."""
        return np.arange(self.first % self.length, self.first, self.length)

    def forecast(self) -> _Made | None:
        """Forecast the rest of the unit; None where there are too few past units, or nothing is to come."""
        units = self.past
        if units.size < FEWEST_UNITS:
            return None
        past, mine = self._apart(self.rates, np.nan)
        # Units of the same weekday tell each other's expectation.
        kind = (units - self.first) % max(self.length, WEEKDAYS)
        known = ~np.isnan(past)
        values = np.where(known, past, 0.0)
        same = (kind[:, None] == kind[None, :]).astype(float)
        count, total = (_add_up(same, amounts) - amounts for amounts in (known.astype(float), values))
        expected = np.divide(total, count, out=np.zeros(values.shape), where=count > 0)
        usable = known & (count > 0)
        own = kind == 0
        own_count = known[:, own].sum(axis=1)
        own_expected = np.divide(values[:, own].sum(axis=1), own_count, out=np.zeros(mine.shape), where=own_count > 0)
        rest_expected = float(_sums(own_expected, own_count > 0, self.to_come))
        course = _Course.of(
            *(_sums(amounts, usable, hours) for hours in (self.over, self.to_come) for amounts in (values, expected))
        )
        if course is None or not rest_expected > 0:
            return None
        seen = ~np.isnan(mine) & (own_count > 0)
        so_far = float((np.where(np.isnan(mine), 0.0, mine) * self.over).sum())
        now_expected = float(_sums(own_expected, seen, self.over))
        now_seen = float(_sums(np.where(seen, mine, 0.0), seen, self.over))
        now_busy = now_seen / now_expected - 1 if now_expected > 0 else 0.0
        rest = max(0.0, (1 + course.goes_on * now_busy) * rest_expected)
        low, high = course.ends(rest_expected, now_busy)
        parts = []
        for hours, each in self.corrected:
            past_hours, my_hours = self._apart(hours, False)
            of_past = (values * past_hours)[:, own].sum(axis=1) / np.maximum(1, own_count)
            moved = float(_sums(of_past - own_expected * my_hours, own_count > 0, self.to_come)) * (1 - course.goes_on)
            parts.append((moved**2 * each.log_variance, each.freedom))
        band = _band(rest, low, high, band_reach(parts))
        return _Made(so_far, rest, Interval(so_far + band.low, so_far + band.high))

    def held(self) -> bool | None:
        """Return whether the forecast that would have been made for this past unit held; None if none could be made.

        Only the hours that each camera then saw are forecast.
        """
        mine = self.rates[:, self.first : self.first + self.length]
        made = replace(self, to_come=self.to_come & ~np.isnan(mine)).forecast()
        if made is None:
            return None
        whole = made.so_far + float((np.where(np.isnan(mine), 0.0, mine) * self.to_come).sum())
        return made.band.low <= whole <= made.band.high

    def _apart(self, values: npt.NDArray[_T], fill: float) -> tuple[npt.NDArray[_T], npt.NDArray[_T]]:
        """Return the values of the past units, [camera, unit, day, hour], and the unit's own, [camera, day, hour].

        Days of the unit that the values lack are filled.
        """
        past = values[:, self.past[:, None] + np.arange(self.length)]
        mine = values[:, self.first : self.first + self.length]
        if missing := self.length - mine.shape[1]:
            mine = np.pad(mine, ((0, 0), (0, missing), (0, 0)), constant_values=fill)
        return past, mine


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """How past units went on after the hour that it is now."""

    goes_on: float
    """The part of how busy a unit was before that goes on after: 0 to 1."""
    busy_squares: float
    """The sum of the squares of how busy the past units were before; 0 is as expected."""
    missed: Floats
    """How far the rest of each past unit lay from its forecast, in units of `scale()`."""
    overdispersion: float
    """By how much the rest varies more than counts with its mean would, in units of the mean's square."""

    @classmethod
    def of(cls, before: Floats, before_expected: Floats, after: Floats, after_expected: Floats) -> "_Course | None":
        """Learn from what was seen and expected in each past unit, before and after; None from too few units."""
        can = after_expected > 0
        if can.sum() < FEWEST_UNITS:
            return None
        means = after_expected[can]
        busy = np.divide(before, before_expected, out=np.ones(before.shape), where=before_expected > 0)[can] - 1
        squares = float((busy**2).sum())
        goes_on = min(1.0, max(0.0, float((busy * (after[can] / means - 1)).sum()) / squares)) if squares else 0.0
        missed = after[can] - (1 + goes_on * busy) * means
        more = max(0.0, float((missed**2 - means).sum() / (means**2).sum()))
        return cls(goes_on, squares, missed / cls.scale(means, more), more)

    @staticmethod
    def scale(mean: float | Floats, overdispersion: float) -> Floats:
        """Return the scale of the residuals of a rest with this mean."""
        return np.sqrt(mean + overdispersion * np.square(mean))

    def ends(self, rest_expected: float, now_busy: float) -> tuple[float, float]:
        """Return both ends of the band of the rest, from its middle, if the unit has been so busy until now."""
        # Where `goes_on` was learned from few units, it is unsure itself: the prediction interval of a regression.
        unsure = now_busy**2 / self.busy_squares if 0 < self.goes_on < 1 else 0.0
        reach = float(self.scale(rest_expected, self.overdispersion)) * math.sqrt(1 + unsure)
        low, high = _ends(self.missed)
        return low * reach, high * reach


def _sums(amounts: Floats, where: Booleans, hours: Booleans) -> Floats:
    """Add up the amounts of these hours over cameras, days and hours; one sum for each past unit, if there are any."""
    # Hours of single cameras are [camera, day, hour]; past units lie between.
    mask = hours[:, None] if hours.ndim == 3 and amounts.ndim == 4 else hours
    found: Floats = (amounts * (where & mask)).sum(axis=(0, -1, -2))
    return found


def _add_up(same: Floats, amounts: Floats) -> Floats:
    """Add up [camera, unit, day, hour] over the units that `same`, [unit, unit], tells to be alike."""
    cameras, units, *rest = amounts.shape
    found: Floats = (same @ amounts.reshape(cameras, units, math.prod(rest))).reshape(amounts.shape)
    return found


def _ends(residuals: Floats) -> tuple[float, float]:
    if residuals.size >= DAY_UNITS:
        return _quantiles(residuals)
    from scipy.special import stdtrit

    spread = math.sqrt(float((residuals**2).sum()) / max(1, residuals.size - 1))
    reach = float(stdtrit(residuals.size - 1, (1 + BAND) / 2)) * spread
    return -reach, reach


def _quantiles(residuals: Floats) -> tuple[float, float]:
    """Return the ends between which a further residual lies with the probability `BAND`, if it is like these.

    Of n residuals, each gap between neighbours is as likely as 1 / (n + 1) to get the next one.
    """
    outside = (1 - BAND) / 2 * (residuals.size + 1)
    # `np.quantile` does the same, and takes six times as long for so few.
    low, high = np.interp([outside - 1, residuals.size - outside], np.arange(residuals.size), np.sort(residuals))
    return float(low), float(high)


def _with_tries(made: _Made, tries: Iterable[bool | None]) -> Forecast:
    results = [each for each in tries if each is not None]
    return Forecast(made.so_far, made.so_far + made.rest, made.band, sum(results), len(results))


def _spread(mean: Floats) -> Floats:
    """Return the scale of an hour's residuals; below one in ten hours, an expectation is no scale."""
    found: Floats = np.sqrt(np.maximum(mean, 0.1))
    return found
