"""Quarter hours, and bins of confidences and durations: the units of the tallies. Pure.

Quarters are quarter hours of UTC. Every time zone's offset is a multiple of 15 minutes, so that quarters add up to the
hours and days of any zone.
"""

import datetime as dt
from bisect import bisect_right

QUARTER = dt.timedelta(minutes=15)
QUARTER_MINUTES = 15
CONFIDENCE_BINS = 20
"""The number of confidence bins; each is 5 % wide."""
MILLION = 1_000_000

BINS_PER_DOUBLING = 8
"""Bins of durations grow by a constant factor, so that a median read from them is off by at most 5 %."""

DURATION_EDGES_MS = (
    0,
    *(
        round(1000 * 2 ** (step / BINS_PER_DOUBLING))
        for step in range(-2 * BINS_PER_DOUBLING, 12 * BINS_PER_DOUBLING + 1)
    ),
)
"""Lower edges of the bins: from a quarter of a second to more than an hour, with a second among them."""


def quarter_start(moment: dt.datetime) -> dt.datetime:
    """Return the start of the quarter hour that contains this time, which must be in UTC."""
    return moment.replace(minute=moment.minute - moment.minute % QUARTER_MINUTES, second=0, microsecond=0)


def millionths(confidence: float) -> int:
    """Return the confidence (0 to 1) in millionths: sums of integers do not depend on the order, unlike floats."""
    return round(confidence * MILLION)


def confidence_bin(confidence: float) -> int:
    """Return the bin of a confidence (0 to 1): 0 for less than 5 %, 19 for 95 % to 100 %."""
    return bin_of_millionths(millionths(confidence))


def bin_of_millionths(confidence: int) -> int:
    """Return the bin of a confidence that is given in millionths."""
    return confidence * CONFIDENCE_BINS // MILLION if confidence < MILLION else CONFIDENCE_BINS - 1


def duration_bin(milliseconds: int) -> int:
    """Return the bin of a duration: the last one whose lower edge in `DURATION_EDGES_MS` it reaches."""
    return bisect_right(DURATION_EDGES_MS, milliseconds) - 1
