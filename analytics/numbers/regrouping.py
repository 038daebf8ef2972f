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

    def date(bucket: _B) -> dt.date:
        return bucket.start.date()

    def first_day(bucket: _B) -> dt.date:
        day = date(bucket)
        return day.replace(day=1) if period == "month" else day - dt.timedelta(days=day.weekday())

    # A month has hundreds of hours, and most of them are merged into days.
    return [merge(list(group)) for _, group in groupby(buckets, date if period == "day" else first_day)]
