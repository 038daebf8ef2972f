"""Merges adjoining hours or days into the days, weeks or months of a longer period. Pure."""

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

from analytics.numbers.buckets import Bucket
from analytics.numbers.measures import Dated

_B = TypeVar("_B", bound=Dated)


def regroup(buckets: Sequence[_B], period: Bucket, merge: Callable[[Sequence[_B]], _B]) -> list[_B]:
    """Merge adjoining buckets into the local days, weeks or months in which they start; weeks begin on Monday."""
    if period == "hour":
        return list(buckets)

    def first_day(bucket: _B) -> dt.date:
        date = bucket.start.date()
        if period == "month":
            return date.replace(day=1)
        return date - dt.timedelta(days=date.weekday()) if period == "week" else date

    return [merge(list(group)) for _, group in groupby(buckets, first_day)]
