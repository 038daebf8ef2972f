"""What an experiment's blocks say: the lift of one content over another, its interval, and how long it takes.

Pure.

The estimand is a ratio of two ratios: the attention per visit (or another measure) of one content over that of the
other. Each square of the plan has both in the same hours and days, and its own coin. So the squares are independent
under the plan, and the variance of the logarithm of the lift is that of the squares' influences (the linearised ratio;
W. G. Cochran, Sampling Techniques, 3rd edition, 1977, 6.4). A square counts only if the camera saw at least half of
each of its blocks: so both contents are compared over the same hours, all of them covered.

fixed       Student's interval over the squares, read once, on the last day.
sequential  An asymptotic confidence sequence: it holds at all times at once, so that looking every day fools nobody
            (I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, “Time-uniform central limit theory and
            asymptotic confidence sequences”, Annals of Statistics 52 (2024), 2613-2640; its boundary is the normal
            mixture of H. Robbins, “Statistical methods related to the law of the iterated logarithm”, Annals of
            Mathematical Statistics 41 (1970), 1397-1409). With few squares their spread is uncertain, so the
            spread is widened as Student's interval is, and nothing is told before `FEWEST_SQUARES`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from analytics.numbers.intervals import CONFIDENCE, Interval
from analytics.verdicts.matched import Comparison

Floats = npt.NDArray[np.float64]

ALPHA = 1 - CONFIDENCE
FEWEST_SQUARES = 8
"""With fewer squares, the spread is not known well enough to tell anything."""

FEWEST_VISITS = 30
"""An arm with fewer visits tells nothing: the logarithm of its ratio is not nearly normal."""

POWER = 0.8
"""The share of experiments that shall tell a difference of the smallest lift that matters."""

PLANNING_POWER = 0.88
"""What is planned for, because the spread of the past is an estimate of that of the future."""

LONGEST_DAYS = 180


@dataclass(frozen=True, slots=True)
class Cell:
    """The sums of one arm in one square."""

    amount: float
    """What is measured, such as seconds of attention."""
    per: float
    """What it is measured per, such as visits."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The logarithm of the lift, from some squares."""

    log_lift: float
    spread: float
    """The standard deviation of the influence of one square."""
    squares: int


def estimate(control: Sequence[Cell], arm: Sequence[Cell]) -> Estimate | None:
    """Estimate the lift of an arm over the control, from the cells of the same squares in the same order.

    None where it is unknown: fewer than `FEWEST_SQUARES`, or an arm without anything.
    """
    one, other = (np.array([(cell.amount, cell.per) for cell in cells]) for cells in (arm, control))
    if len(one) < FEWEST_SQUARES or min(one.sum(axis=0).min(), other.sum(axis=0).min()) <= 0:
        return None
    influences = _influences(one) - _influences(other)
    lift = math.log(_ratio(one) / _ratio(other))
    return Estimate(lift, float(influences.std(ddof=1)), len(one))


def _influences(cells: Floats) -> Floats:
    shares: Floats = cells / cells.mean(axis=0)
    found: Floats = shares[:, 0] - shares[:, 1]
    return found


def _ratio(cells: Floats) -> float:
    amount, per = cells.sum(axis=0)
    return float(amount / per)


def fixed(found: Estimate, hours: int) -> Comparison:
    """Return the comparison that is read once, at the end. `hours` is how many hours of the day both sides share."""
    error, freedom = found.spread / math.sqrt(found.squares), found.squares - 1
    from scipy.special import stdtr

    reach = _student(freedom) * error
    p_value = 2 * float(stdtr(freedom, -abs(found.log_lift) / error)) if error else 1.0
    return _comparison(found, reach, p_value, hours)


def sequential(found: Estimate, hours: int, *, planned: int) -> Comparison:
    """Return the comparison that may be read at any time, of an experiment that was planned for so many squares."""
    spread = found.spread * _student(found.squares - 1) / _NORMAL
    reach = sequential_reach(found.squares, planned) * spread
    rho = _mixture(planned)
    scaled = found.squares * rho + 1
    evidence = found.log_lift**2 * found.squares**2 * rho / (2 * spread**2 * scaled) if spread else 0.0
    p_value = min(1.0, math.exp(0.5 * math.log(scaled) - evidence))
    return _comparison(found, reach, p_value, hours)


def sequential_reach(squares: int, planned: int) -> float:
    """Return how far the confidence sequence reaches after so many squares, in spreads of one square."""
    rho = _mixture(planned)
    scaled = squares * rho + 1
    return math.sqrt(2 * scaled / (squares**2 * rho) * math.log(math.sqrt(scaled) / ALPHA))


def _mixture(planned: int) -> float:
    """Return the variance of the mixture with which the sequence is narrowest after the planned squares (the paper's
    approximation of its optimum)."""
    return (-2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA)) + 1) / max(planned, 1)


def squares_needed(spread: float, lift: float, *, is_sequential: bool, power: float = POWER) -> int:
    """Return how many squares find a lift (0.15 for 15 %) with this power."""
    size, beyond, squares = math.log1p(lift), _quantile(power), FEWEST_SQUARES
    while squares < _MOST_SQUARES:
        student = _student(squares - 1)
        reach = (
            sequential_reach(squares, squares) * student / _NORMAL if is_sequential else student / math.sqrt(squares)
        )
        if (reach + beyond / math.sqrt(squares)) * spread <= size:
            return squares
        squares += max(1, squares // 50)
    return _MOST_SQUARES


_MOST_SQUARES = 20_000


def days_needed(squares: int, *, arms: int, squares_per_round: int) -> int:
    """Return how many days have so many squares: a multiple of the number of arms."""
    return arms * math.ceil(squares / max(1, squares_per_round))


def _comparison(found: Estimate, reach: float, p_value: float, hours: int) -> Comparison:
    lift = math.exp(found.log_lift)
    interval = Interval(lift * math.exp(-reach), lift * math.exp(reach)) if reach else None
    return Comparison(hours, lift, interval, p_value)


@lru_cache(512)
def _student(freedom: int) -> float:
    # SciPy is slow to import, and most pages do not need it.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - ALPHA / 2))


@lru_cache(16)
def _quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


_NORMAL = 1.959964
"""The two-sided 95 % quantile of the normal distribution."""
