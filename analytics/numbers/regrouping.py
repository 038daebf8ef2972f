"""Merges adjoining hours or days into the days or weeks of a longer period. Pure."""

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Literal, TypeVar

from analytics.numbers.measures import ConfidenceBucket, CountBucket, Dated

_B = TypeVar("_B", bound=Dated)


def regroup(
    buckets: Sequence[_B], period: Literal["hour", "day", "week"], merge: Callable[[Sequence[_B]], _B]
) -> list[_B]:
    """Merge adjoining hours or days into the local days or weeks in which they start; weeks begin on Monday."""
    if period == "hour":
        return list(buckets)

    def first_day(bucket: _B) -> dt.date:
        date = bucket.start.date()
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
