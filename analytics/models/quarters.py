"""Quarter hours and confidence bins: the units of the tallies. Pure.

Quarters are quarter hours of UTC. Every time zone's offset is a multiple of 15 minutes, so that quarters add up to the
hours and days of any zone.
"""

import datetime as dt

QUARTER = dt.timedelta(minutes=15)
QUARTER_MINUTES = 15
CONFIDENCE_BINS = 20
"""The number of confidence bins; each is 5 % wide."""
MILLION = 1_000_000


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
