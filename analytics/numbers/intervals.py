"""How sure a number is: confidence intervals. Pure."""

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of 100 such intervals, so many hold the true value; as the whole field does it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From the lowest to the highest value that goes well with what was seen."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval | None:
    """Wilson's score interval of a share, within 0 to 1; None without a trial.

    Raises `ValueError` for counts that are impossible. Right also for few trials and for shares near 0 and 1.
    E. B. Wilson, “Probable inference, the law of succession, and statistical inference”, Journal of the American
    Statistical Association 22 (1927), 209-212.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share.")
    if not trials:
        return None
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, shrink = successes / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / shrink
    reach = z / shrink * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # Rounding must not carry it past what it has to hold.
    return Interval(min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach)))
