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
from analytics.verdicts.hour_series import HourSeries, Measure, people_of
from analytics.verdicts.matched import BAND, FEWEST_EVENTS, FEWEST_SHARE, FEWEST_WEEKS, Floats, UsualRange

DAYS_OF_SPANS = 8 * 4 * WEEKDAYS
"""Days of which the hours are read for a month: the month, and up to seven spans of four weeks before."""


def usual_week(series: HourSeries, monday: int) -> tuple[Measure, UsualRange | None]:
    """Return how many people came in the seven days from the day with this index, as `usual_span` does."""
    return usual_span(series, monday, WEEKDAYS)


def usual_span(series: HourSeries, first: int, days: int) -> tuple[Measure, UsualRange | None]:
    """Return how many people came in so many days from the day with this index, beside the spans before them.

    None where it is too early to tell: fewer than `FEWEST_WEEKS` earlier spans saw enough of the same hours, with the
    setups that the cameras have at the end of what was read.
    """
    series = series.with_latest_setups()
    people = people_of(series)
    return people, range_of_spans(series.measures()[people].rates, first, days)


def range_of_spans(rates: Floats, first: int, days: int) -> UsualRange | None:
    """Return the usual range of so many days from `first`, beside earlier spans of as many whole weeks.

    `rates` are [camera, day, hour], NaN where unknown; `days` are at least seven.
    """
    step = days // WEEKDAYS * WEEKDAYS
    whole = rates[:, first : first + days]
    value = float(np.nansum(whole))
    # A month is compared by its first four weeks; the days after them are scaled with the others.
    own = whole[:, :step]
    known = ~np.isnan(own)
    if first < step or whole.shape[1] < days or value < FEWEST_EVENTS:
        return None
    logs = []
    for start in range(first % step, first, step):
        past = rates[:, start : start + step]
        both = known & ~np.isnan(past)
        here, there = float(own[both].sum()), float(past[both].sum())
        if both.sum() >= FEWEST_SHARE * known.sum() and here > 0 and there > 0:
            logs.append(math.log(value * there / here))
    if len(logs) < FEWEST_WEEKS:
        return None
    from scipy.special import stdtrit

    weeks, middle = len(logs), float(np.mean(logs))
    # Independent events vary at least as much as Poisson's.
    spread = math.sqrt(max(float(np.var(logs, ddof=1)), 1 / math.exp(middle)))
    reach = float(stdtrit(weeks - 1, (1 + BAND) / 2)) * spread * math.sqrt(1 + 1 / weeks)
    band = Interval(math.exp(middle - reach), math.exp(middle + reach))
    return UsualRange(value, math.exp(float(np.median(logs))), band, weeks)
