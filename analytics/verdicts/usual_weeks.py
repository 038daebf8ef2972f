"""Whether a whole week or month is usual: its hours beside the same hours of the weeks before. Pure.

Each earlier span is one value: what it had in the hours of the week that both spans saw, scaled to all hours that the
span in question saw. A month is beside spans of four weeks, which have as many of each weekday. The range is a
prediction interval of Student's distribution on the logarithm of these values. So spans need not be alike, only
exchangeable.
"""

import math

import numpy as np

from analytics.numbers.intervals import Interval
from analytics.numbers.measures import WEEKDAYS
from analytics.verdicts.hour_series import HourSeries, Measure, people_with_latest_setups
from analytics.verdicts.matched import (
    FEWEST_EVENTS,
    FEWEST_SHARE,
    FEWEST_WEEKS,
    Booleans,
    Corrections,
    Floats,
    UsualRange,
    band_reach,
)

DAYS_OF_SPANS = 8 * 4 * WEEKDAYS
"""Days of which the hours are read for a month: the month, and up to seven spans of four weeks before."""


def usual_week(series: HourSeries, monday: int) -> tuple[Measure, UsualRange | None]:
    """Return how many people came in the seven days from the day with this index, as `usual_span` does."""
    return usual_span(series, monday, WEEKDAYS)


def usual_span(series: HourSeries, first: int, days: int) -> tuple[Measure, UsualRange | None]:
    """Return how many people came in so many days from the day with this index, beside the spans before them.

    None where it is too early to tell: fewer than `FEWEST_WEEKS` earlier spans saw enough of the same hours, as
    `people_with_latest_setups` has them.
    """
    people, measure = people_with_latest_setups(series)
    return people, range_of_spans(measure.rates, first, days, measure.corrected)


def range_of_spans(rates: Floats, first: int, days: int, corrected: Corrections = ()) -> UsualRange | None:
    """Return the usual range of so many days from `first`, beside earlier spans of as many whole weeks.

    `rates` are [camera, day, hour], NaN where unknown; `days` are at least seven. The uncertainty of calibrations that
    `corrected` rates widens the range.
    """
    step = days // WEEKDAYS * WEEKDAYS
    whole = rates[:, first : first + days]
    value = float(np.nansum(whole))
    # A month is compared by its first four weeks; the days after them are scaled with the others.
    own = whole[:, :step]
    known = ~np.isnan(own)
    if first < step or whole.shape[1] < days or value < FEWEST_EVENTS:
        return None
    logs, moved = [], []
    for start in range(first % step, first, step):
        past = rates[:, start : start + step]
        both = known & ~np.isnan(past)
        here, there = float(own[both].sum()), float(past[both].sum())
        if both.sum() >= FEWEST_SHARE * known.sum() and here > 0 and there > 0:
            logs.append(math.log(value * there / here))
            shares = np.where(both, past / there, 0.0), np.where(both, own / here, 0.0)
            moved.append([_moved(hours, shares, start, first) for hours, _ in corrected])
    if len(logs) < FEWEST_WEEKS:
        return None
    weeks, middle = len(logs), float(np.mean(logs))
    # Independent events vary at least as much as Poisson's.
    variance = max(float(np.var(logs, ddof=1)), 1 / math.exp(middle)) * (1 + 1 / weeks)
    means = np.mean(moved, axis=0).tolist()
    corrections = [
        (mean**2 * each.log_variance, each.freedom) for mean, (_, each) in zip(means, corrected, strict=True)
    ]
    reach = band_reach([(variance, weeks - 1), *corrections])
    band = Interval(math.exp(middle - reach), math.exp(middle + reach))
    is_corrected = any(hours.any() for hours, _ in corrected)
    return UsualRange(value, math.exp(float(np.median(logs))), band, weeks, is_corrected)


def _moved(hours: Booleans, shares: tuple[Floats, Floats], start: int, first: int) -> float:
    """Return by how much an error of the calibration of these hours moves an earlier span against the one from `first`.

    `shares` are what each hour has of the sum of its span, of the earlier one and of the other.
    """
    past, own = shares
    step = own.shape[1]
    return float(past[hours[:, start : start + step]].sum() - own[hours[:, first : first + step]].sum())
