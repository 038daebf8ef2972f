"""Finds the days on which the level of a place changed for good, such as after its camera was moved. Pure.

Each day is taken beside the typical hours of its weekday that its cameras saw, on a logarithmic scale. PELT proposes
the days (R. Killick, P. Fearnhead and I. A. Eckley, “Optimal detection of changepoints with a linear computational
cost”, Journal of the American Statistical Association 107 (2012), 1590-1598; library `ruptures`). A proposal is told
only if the levels on both sides differ by more than chance explains, where every day could have been the one, and where
whole weeks differ too. `benchmarks/verdicts.py` measures how often a change is told where there is none, and found
where there is one.
"""

import datetime as dt
import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from analytics.numbers.intervals import CONFIDENCE, Interval
from analytics.numbers.measures import HOURS, WEEKDAYS
from analytics.verdicts.findings import SAME_WITHIN
from analytics.verdicts.matched import PUBLISHED_WEEK_SD, Floats, HourlyMeasure

FEWEST_DAYS = 28
"""Four weeks: with less, a typical week and a change of it cannot be told apart."""

FEWEST_ON_A_SIDE = 7
"""A level is that of a whole week at least: a busy Saturday is no level."""

LEAST_SHARE = 0.5
"""A day counts if its cameras saw hours that have at least this share of what is typical of its weekday."""

MEDIAN_VARIANCE = math.pi / 2
"""The variance of a median of many normal values over that of their mean."""

PENALTY = 3.0
"""Times the logarithm of the number of days, in variances of a day: the usual penalty of PELT for a change of mean,
which has two parameters (the day and the level), and one more for the noise."""


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A day from which on a place had another level."""

    day: dt.date
    ratio: float
    """The level from this day on over the level before."""
    interval: Interval
    """The 95 % interval of `ratio`."""


def find_changes(measure: HourlyMeasure) -> list[LevelChange]:
    """Return the days on which the level of a measure changed, ascending; empty where nothing can be told."""
    places, logs, spread = _daily(measure)
    if logs.size < FEWEST_DAYS or not spread > 0:
        return []
    # The library is slow to import, and most pages have it in their cache already.
    import ruptures

    # The linear kernel is the squared error, in C: `ruptures.Pelt` finds the same days 280 times as slowly.
    model = ruptures.KernelCPD(kernel="linear", min_size=FEWEST_ON_A_SIDE)
    ends = model.fit((logs / spread).reshape(-1, 1)).predict(pen=PENALTY * math.log(logs.size))
    found = []
    for (first, middle), (_, last) in pairwise(pairwise([0, *ends])):
        change = _told(logs, (first, middle, last), spread)
        if change is not None:
            found.append(LevelChange(measure.first_day + dt.timedelta(days=int(places[middle])), *change))
    return found


def _daily(measure: HourlyMeasure) -> tuple[npt.NDArray[np.int64], Floats, float]:
    """Return the numbers of the days that count, the logarithm of the level of each, and the noise of a day."""
    cameras, days, _ = measure.rates.shape
    weeks = -(-days // WEEKDAYS)
    padding = ((0, 0), (0, weeks * WEEKDAYS - days), (0, 0))
    folded = np.pad(measure.rates, padding, constant_values=np.nan).reshape(cameras, weeks, WEEKDAYS, HOURS)
    known = ~np.isnan(folded)
    values, count = np.where(known, folded, 0.0), known.sum(axis=1)
    typical = np.divide(values.sum(axis=1), count, out=np.zeros(count.shape), where=count > 0)
    seen = values.sum(axis=(0, 3)).reshape(-1)[:days]
    expected = (known * typical[:, None]).sum(axis=(0, 3)).reshape(-1)[:days]
    whole = np.tile(typical.sum(axis=(0, 2)), weeks)[:days]
    counts = (expected > 0) & (seen > 0) & (expected >= LEAST_SHARE * whole)
    places = np.flatnonzero(counts)
    logs = np.log(seen[counts] / expected[counts])
    if logs.size < 2:
        return places, logs, 0.0
    steps = np.diff(logs)
    # Robust, because a change of level is one large step.
    spread = float(np.median(np.abs(steps - np.median(steps)))) / NormalDist().inv_cdf(0.75) / math.sqrt(2)
    if measure.events is not None:
        # Independent events vary at least as much as Poisson's.
        events = measure.events.sum(axis=(0, 2))[counts]
        spread = max(spread, 1 / math.sqrt(max(1.0, float(np.median(events)))))
    return places, logs, spread


def _told(logs: Floats, edges: tuple[int, int, int], spread: float) -> tuple[float, Interval] | None:
    """Return the ratio of the levels after and before, with its interval; None where chance may explain it."""
    first, middle, last = edges
    before, after = logs[first:middle], logs[middle:last]
    # Medians, because one busy day is no level.
    step = float(np.median(after) - np.median(before))
    weeks = _week_variance([before - np.median(before), after - np.median(after)], spread)
    variance = sum(
        MEDIAN_VARIANCE * spread**2 / side.size + weeks / max(1.0, side.size / WEEKDAYS) for side in (before, after)
    )
    error = math.sqrt(variance)
    chance = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / logs.size)
    if abs(step) <= chance * error or abs(math.expm1(step)) < SAME_WITHIN:
        return None
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    return math.exp(step), Interval(math.exp(step - reach), math.exp(step + reach))


def _week_variance(residuals: list[Floats], spread: float) -> float:
    """Return how much whole weeks differ beyond their days: what the days show, and at least the published value."""
    means = [
        float(side[start : start + WEEKDAYS].mean())
        for side in residuals
        for start in range(0, side.size - WEEKDAYS + 1, WEEKDAYS)
    ]
    freedom = len(means) - len(residuals)
    shown = sum(mean**2 for mean in means) / freedom - spread**2 / WEEKDAYS if freedom > 0 else 0.0
    return max(PUBLISHED_WEEK_SD**2, shown)
