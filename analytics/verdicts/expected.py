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
from dataclasses import dataclass
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
    made = _forecast(rates, np.arange(day), day, over[None], to_come[None], 1, corrected)
    if made is None or _Past.of(rates, day).weeks_known < FEWEST_WEEKS:
        return None
    tries = range(max(WEEKDAYS * FEWEST_UNITS, day - TRIED_DAYS), day)
    of_past = (_try(rates, np.arange(each), each, over[None], to_come[None], 1, corrected) for each in tries)
    return _with_tries(made, of_past)


def forecast_week(
    rates: Floats, monday: int, over: Booleans, to_come: Booleans, corrected: Corrections = ()
) -> Forecast | None:
    """Forecast the week that begins on the day `monday`; `over` and `to_come` are [day of the week, hour]."""
    first = monday % WEEKDAYS
    made = _forecast(rates, np.arange(first, monday, WEEKDAYS), monday, over, to_come, WEEKDAYS, corrected)
    if made is None or (monday - first) // WEEKDAYS < FEWEST_WEEKS:
        return None
    tries = range(max(first + WEEKDAYS * FEWEST_UNITS, monday - WEEKDAYS * TRIED_WEEKS), monday, WEEKDAYS)
    of_past = (
        _try(rates, np.arange(first, each, WEEKDAYS), each, over, to_come, WEEKDAYS, corrected) for each in tries
    )
    return _with_tries(made, of_past)


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


def _forecast(
    rates: Floats,
    units: npt.NDArray[np.int64],
    unit: int,
    over: Booleans,
    to_come: Booleans,
    length: int,
    corrected: Corrections,
) -> _Made | None:
    """Forecast the rest of the unit (a day or week of `length` days that begins on the day `unit`) from past units."""
    if units.size < FEWEST_UNITS:
        return None
    step = max(length, WEEKDAYS)
    past, mine = _apart(rates, units, unit, length, np.nan)
    # Units of the same weekday tell each other's expectation.
    kind = (units - unit) % step
    known = ~np.isnan(past)
    values = np.where(known, past, 0.0)
    same = (kind[:, None] == kind[None, :]).astype(float)
    count, total = (_add_up(same, amounts) - amounts for amounts in (known.astype(float), values))
    expected = np.divide(total, count, out=np.zeros(values.shape), where=count > 0)
    usable = known & (count > 0)
    own = kind == 0
    own_count = known[:, own].sum(axis=1)
    own_expected = np.divide(values[:, own].sum(axis=1), own_count, out=np.zeros(mine.shape), where=own_count > 0)

    def sums(amounts: Floats, where: Booleans, hours: Booleans) -> Floats:
        # Hours of single cameras are [camera, day, hour]; past units lie between.
        mask = hours[:, None] if hours.ndim == mine.ndim and amounts.ndim > mine.ndim else hours
        found: Floats = (amounts * (where & mask)).sum(axis=(0, -1, -2))
        return found

    before, before_expected = sums(values, usable, over), sums(expected, usable, over)
    after, after_expected = sums(values, usable, to_come), sums(expected, usable, to_come)
    can = after_expected > 0
    rest_expected = float(sums(own_expected, own_count > 0, to_come))
    if can.sum() < FEWEST_UNITS or not rest_expected > 0:
        return None
    busy = np.divide(before, before_expected, out=np.ones(before.shape), where=before_expected > 0)[can] - 1
    later = after[can] / after_expected[can] - 1
    square = float((busy**2).sum())
    goes_on = min(1.0, max(0.0, float((busy * later).sum()) / square)) if square else 0.0
    missed = after[can] - (1 + goes_on * busy) * after_expected[can]
    means = after_expected[can]
    more = max(0.0, float((missed**2 - means).sum() / (means**2).sum()))

    def spread(mean: float | Floats) -> Floats:
        return np.sqrt(mean + more * np.square(mean))

    seen = ~np.isnan(mine) & (own_count > 0)
    so_far = float((np.where(np.isnan(mine), 0.0, mine) * over).sum())
    now_expected = float(sums(own_expected, seen, over))
    now_busy = float(sums(np.where(seen, mine, 0.0), seen, over)) / now_expected - 1 if now_expected > 0 else 0.0
    rest = max(0.0, (1 + goes_on * now_busy) * rest_expected)
    low, high = _ends(missed / spread(means))
    # Where `goes_on` was learned from few units, it is unsure itself: the prediction interval of a regression.
    unsure = now_busy**2 / square if 0 < goes_on < 1 else 0.0
    reach = float(spread(rest_expected)) * math.sqrt(1 + unsure)
    parts = []
    for hours, each in corrected:
        past_hours, my_hours = _apart(hours, units, unit, length, False)
        of_past = (values * past_hours)[:, own].sum(axis=1) / np.maximum(1, own_count)
        moved = float(sums(of_past - own_expected * my_hours, own_count > 0, to_come)) * (1 - goes_on)
        parts.append((moved**2 * each.log_variance, each.freedom))
    band = _band(rest, low * reach, high * reach, band_reach(parts))
    return _Made(so_far, rest, Interval(so_far + band.low, so_far + band.high))


def _apart(
    values: npt.NDArray[_T], units: npt.NDArray[np.int64], unit: int, length: int, fill: float
) -> tuple[npt.NDArray[_T], npt.NDArray[_T]]:
    """Return the values of the past units, [camera, unit, day, hour], and those of the unit, [camera, day, hour]."""
    past = values[:, units[:, None] + np.arange(length)]
    mine = values[:, unit : unit + length]
    if missing := length - mine.shape[1]:
        mine = np.pad(mine, ((0, 0), (0, missing), (0, 0)), constant_values=fill)
    return past, mine


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


def _try(
    rates: Floats,
    units: npt.NDArray[np.int64],
    unit: int,
    over: Booleans,
    to_come: Booleans,
    length: int,
    corrected: Corrections,
) -> bool | None:
    """Return whether the forecast that would have been made for a past unit held; None where none could be made.

    Only the hours that each camera then saw are forecast.
    """
    mine = rates[:, unit : unit + length]
    made = _forecast(rates, units, unit, over, to_come & ~np.isnan(mine), length, corrected)
    if made is None:
        return None
    whole = made.so_far + float((np.where(np.isnan(mine), 0.0, mine) * to_come).sum())
    return made.band.low <= whole <= made.band.high


def _with_tries(made: _Made, tries: Iterable[bool | None]) -> Forecast:
    results = [each for each in tries if each is not None]
    return Forecast(made.so_far, made.so_far + made.rest, made.band, sum(results), len(results))


def _spread(mean: Floats) -> Floats:
    """Return the scale of an hour's residuals; below one in ten hours, an expectation is no scale."""
    found: Floats = np.sqrt(np.maximum(mean, 0.1))
    return found
