"""Whether a whole week is usual: its hours beside the same hours of the weeks before. Pure.

Each earlier week is one value: what it had in the hours of the week that both weeks saw, scaled to all hours that this
week saw. The range is a prediction interval of Student's distribution on the logarithm of these values. So weeks need
not be alike, only exchangeable.
"""

import math

import numpy as np

from analytics.numbers.intervals import Interval
from analytics.numbers.measures import WEEKDAYS
from analytics.verdicts.hour_series import HourSeries, Measure, people_of
from analytics.verdicts.matched import BAND, FEWEST_EVENTS, FEWEST_WEEKS, Floats, UsualRange

FEWEST_SHARE = 0.5
"""An earlier week is used if both weeks saw at least this share of the hours that this week saw."""


def usual_week(series: HourSeries, monday: int) -> tuple[Measure, UsualRange | None]:
    """Return how many people came in the seven days from the day with this index, beside the weeks before them.

    None where it is too early to tell: fewer than `FEWEST_WEEKS` earlier weeks saw enough of the same hours, with the
    setups that the cameras have at the end of what was read.
    """
    series = series.with_latest_setups()
    people = people_of(series)
    return people, range_of_weeks(series.measures()[people].rates, monday)


def range_of_weeks(rates: Floats, first: int) -> UsualRange | None:
    """Return the usual range of the seven days from `first`; `rates` are [camera, day, hour], NaN where unknown."""
    own = rates[:, first : first + WEEKDAYS]
    known = ~np.isnan(own)
    value = float(np.where(known, own, 0.0).sum())
    if first < WEEKDAYS or own.shape[1] < WEEKDAYS or value < FEWEST_EVENTS:
        return None
    logs = []
    for start in range(first % WEEKDAYS, first, WEEKDAYS):
        past = rates[:, start : start + WEEKDAYS]
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
