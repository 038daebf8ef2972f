"""Confidence intervals of shares. Pure."""

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
"""The share of such intervals that contain the true value; 95 % is the convention."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval | None:
    """Return Wilson's score interval of a share, within 0 to 1; None without a trial.

    Raises `ValueError` unless 0 ≤ successes ≤ trials. The interval also holds for few trials and for shares near 0 or
    1. E. B. Wilson, “Probable inference, the law of succession, and statistical inference”, Journal of the American
    Statistical Association 22 (1927), 209-212.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is not a share.")
    return score_interval(successes / trials, trials) if trials else None


def score_interval(share: float, trials: float) -> Interval:
    """Return Wilson's interval of this share, of an effective number of trials above 0, which need not be whole."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    shrink = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / shrink
    reach = z / shrink * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # Rounding must not move an end of the interval past the share or out of 0 to 1.
    return Interval(min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach)))


@dataclass(frozen=True, slots=True)
class Groups:
    """Pairs of sums, above and below a fraction line, over groups of people who came together, who behave alike.

    The squares and products are those of the groups' sums, added up over the groups.
    """

    count: int
    above: float
    below: float
    above_squares: float
    below_squares: float
    products: float

    @property
    def ratio(self) -> float | None:
        """None where the sum below the line is 0."""
        return self.above / self.below if self.below else None

    @property
    def variance(self) -> float | None:
        """The linearised variance of the ratio, with groups as units; None with fewer than two groups.

        W. G. Cochran, Sampling Techniques (3rd edition, 1977), 6.4.
        """
        ratio = self.ratio
        if ratio is None or self.count < 2:
            return None
        squares = self.above_squares - 2 * ratio * self.products + ratio * ratio * self.below_squares
        return max(squares, 0.0) * self.count / (self.count - 1) / self.below**2

    @property
    def share_interval(self) -> Interval | None:
        """The 95 % interval of a ratio that is a share, 0 to 1; None with fewer than two groups."""
        ratio, variance = self.ratio, self.variance
        if ratio is None or variance is None:
            return None
        # SciPy is slow to import, and most pages do not need it.
        from scipy.special import stdtrit

        reach = float(stdtrit(self.count - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
        return Interval(max(0.0, ratio - reach), min(1.0, ratio + reach))
