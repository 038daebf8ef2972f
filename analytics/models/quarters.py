"""Quarter hours and steps of confidence: the units in which tallies are kept. Pure.

Quarters are quarter hours of UTC: as every zone's offset is a multiple of 15 minutes, they add up to hours and days
anywhere.
"""

import datetime as dt

QUARTER = dt.timedelta(minutes=15)
QUARTER_MINUTES = 15
CONFIDENCE_BINS = 20
MILLION = 1_000_000


def quarter_start(moment: dt.datetime) -> dt.datetime:
    """The beginning of the quarter hour of this moment, which must be in UTC."""
    return moment.replace(minute=moment.minute - moment.minute % QUARTER_MINUTES, second=0, microsecond=0)


def millionths(confidence: float) -> int:
    """The confidence as a whole number: integers add up to the same digit in any order, floats do not."""
    return round(confidence * MILLION)


def confidence_bin(confidence: float) -> int:
    """0 is below 5 %, 19 is 95 % and above, 100 % included."""
    return bin_of_millionths(millionths(confidence))


def bin_of_millionths(whole: int) -> int:
    return whole * CONFIDENCE_BINS // MILLION if whole < MILLION else CONFIDENCE_BINS - 1
