"""Merges adjoining hours or days into the days, weeks or months of a longer period. Pure."""

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

from analytics.numbers.buckets import Bucket
from analytics.numbers.measures import ConfidenceBucket, CountBucket, Dated

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


def merge_counts(buckets: Sequence[CountBucket]) -> CountBucket:
    """Merge adjoining buckets into one. Raises `IndexError` without a bucket."""
    return CountBucket(
        buckets[0].start,
        buckets[-1].end,
        sum(each.count for each in buckets),
        sum(each.confidence_millionths_sum for each in buckets),
        any(each.is_known for each in buckets),
    )


def merge_confidences(buckets: Sequence[ConfidenceBucket]) -> ConfidenceBucket:
    """Merge adjoining buckets into one. Raises `IndexError` without a bucket."""
    return ConfidenceBucket(
        buckets[0].start,
        buckets[-1].end,
        tuple(map(sum, zip(*(each.bins for each in buckets), strict=True))),
        tuple(map(sum, zip(*(each.confidence_millionths for each in buckets), strict=True))),
        any(each.is_known for each in buckets),
    )
