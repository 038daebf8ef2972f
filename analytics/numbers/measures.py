"""Engagement, counts, episodes and confidences of a bucket of time, and how buckets add up. Pure.

Everywhere 0 means that nobody or nothing was there, and None that no camera was on, or that it did not tell.

The classes are immutable by convention and may be keys. `frozen=True` would make their creation nine times as slow, and
a month has thousands of buckets.
"""

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import numpy as np

from analytics.counting.tallies import ENGAGEMENT_MERGE
from analytics.models.quarters import CONFIDENCE_BINS, MILLION

MANY_EPISODES = 3_000
"""The median of so many durations is found faster by NumPy; that of fewer, mostly sorted ones is not."""

WEEKDAYS = 7
HOURS = 24

_D = TypeVar("_D")
_K = TypeVar("_K", bound=Hashable)


class Dated(Protocol):
    """Whatever has a local start."""

    @property
    def start(self) -> dt.datetime: ...


class BucketState(StrEnum):
    """How much is known of a stretch of time. Each state is drawn differently."""

    AHEAD = "ahead"
    """It has not begun."""
    CLOSED = "closed"
    """The place was closed throughout."""
    OFF = "off"
    """No camera was on."""
    UNCOUNTED = "uncounted"
    """A camera was on, but does not count faces."""
    NOBODY = "nobody"
    PEOPLE = "people"


class _Engagement:
    """The shares and averages of every class that has these numbers."""

    __slots__ = ()

    minutes: int
    frames: int
    faces_sum: int
    faces_peak: int
    minutes_seen: int
    minutes_occupied: int
    minutes_told: int
    is_closed: bool

    @property
    def state(self) -> BucketState:
        """Return how much is known of this stretch of time."""
        if not self.minutes:
            return BucketState.CLOSED if self.is_closed else BucketState.AHEAD
        if not self.minutes_seen:
            return BucketState.OFF
        if not self.frames:
            return BucketState.UNCOUNTED
        return BucketState.PEOPLE if self.faces_sum else BucketState.NOBODY

    @property
    def average_faces(self) -> float | None:
        """Faces per frame, with the same weight for the frames of all devices; None without a counted frame."""
        return self.faces_sum / self.frames if self.frames else None

    @property
    def known_peak(self) -> int | None:
        """The most faces in one frame; None without a counted frame."""
        return self.faces_peak if self.frames else None

    @property
    def coverage(self) -> float:
        """The share of the minutes in which a camera was on, 0 to 1; a fast device clock cannot make it more."""
        return min(1.0, self.minutes_seen / self.minutes) if self.minutes else 0.0

    @property
    def known_coverage(self) -> float | None:
        """The coverage; None where the places were closed throughout, so that no camera had to be on."""
        return None if self.is_closed else self.coverage

    @property
    def occupied_share(self) -> float | None:
        """The share of the covered minutes that have a face, 0 to 1; None without a counted frame."""
        return self.minutes_occupied / self.minutes_seen if self.frames else None


@dataclass(slots=True, unsafe_hash=True)
class EngagementTotal(_Engagement):
    """The engagement of any stretches of time together; `EngagementBucket` explains the numbers."""

    minutes: int
    frames: int
    faces_sum: int
    faces_peak: int
    minutes_seen: int
    minutes_occupied: int
    minutes_told: int
    is_closed: bool = field(default=False, kw_only=True)


@dataclass(slots=True, unsafe_hash=True)
class EngagementBucket(_Engagement):
    """The people in front of some displays in one bucket, all selected devices together.

    After `minutes` come the numbers of `EngagementQuarter`, in the order of `ENGAGEMENT_MERGE`, which defines how they
    add up over buckets and devices. Minutes are counted here; a quarter stores them as bit masks.
    """

    start: dt.datetime
    """In the zone of the selection, as `end` is; subtract and compare such times in UTC only."""
    end: dt.datetime
    minutes: int
    """The real minutes of the bucket that had begun by `now`, only the open ones where these count, times the number of
    devices."""
    frames: int
    """Frames in which the device counted faces, also those with none."""
    faces_sum: int
    faces_peak: int
    """The most faces in one frame of one device."""
    minutes_seen: int
    """Covered minutes, those with any frame or another sign that the camera was on, summed over the devices."""
    minutes_occupied: int
    """Minutes with a face, summed over the devices."""
    minutes_told: int
    """Covered minutes in which the labels are known, summed over the devices: all of them, but of a device that waits
    between uploads only those with a frame."""
    is_closed: bool = field(default=False, kw_only=True)
    """Whether the places were closed throughout."""


@dataclass(slots=True, unsafe_hash=True)
class CountBucket:
    """The number of detections of a label in a bucket, without the rejected ones."""

    start: dt.datetime
    """In the zone of the selection, as `end` is; subtract and compare such times in UTC only."""
    end: dt.datetime
    count: int
    confidence_millionths_sum: int
    is_known: bool
    """Whether a camera was on and told of labels; otherwise a count of 0 does not mean that nothing was there."""

    @property
    def known_count(self) -> int | None:
        """The count; None where it is not known."""
        return self.count if self.is_known else None

    @property
    def mean_confidence(self) -> float | None:
        """0 to 1; None without a detection."""
        return self.confidence_millionths_sum / (MILLION * self.count) if self.count else None


class _Episodes:
    """The number and durations of every class that has these episodes."""

    __slots__ = ()

    seconds: tuple[float, ...]
    is_known: bool

    @property
    def known_count(self) -> int | None:
        """The number of episodes that began; None where it is not known."""
        return len(self.seconds) if self.is_known else None

    @property
    def mean_seconds(self) -> float | None:
        """The mean duration; None without an episode."""
        return statistics.fmean(self.seconds) if self.seconds else None

    @property
    def median_seconds(self) -> float | None:
        """The median duration; None without an episode."""
        if len(self.seconds) < MANY_EPISODES:
            return statistics.median(self.seconds) if self.seconds else None
        return float(np.median(np.fromiter(self.seconds, float, len(self.seconds))))


@dataclass(slots=True, unsafe_hash=True)
class EpisodeTotal(_Episodes):
    """The episodes that began in any stretches of time; `EpisodeBucket` explains the fields."""

    seconds: tuple[float, ...]
    is_known: bool


@dataclass(slots=True, unsafe_hash=True)
class EpisodeBucket(_Episodes):
    """The episodes of one label that began in a bucket: occupied spells for `FACE`, else gestures or objects."""

    start: dt.datetime
    """In the zone of the selection, as `end` is; subtract and compare such times in UTC only."""
    end: dt.datetime
    seconds: tuple[float, ...]
    """The duration of each episode from its first frame to its last, also after the bucket's end; in no order."""
    is_known: bool
    """Whether a camera was on and told of the label; for occupied spells, a camera that counts faces."""


@dataclass(slots=True, unsafe_hash=True)
class ConfidenceBucket:
    """The confidences of a label's detections in a bucket, without the rejected ones."""

    start: dt.datetime
    """In the zone of the selection, as `end` is; subtract and compare such times in UTC only."""
    end: dt.datetime
    bins: tuple[int, ...]
    """The number of detections in each of `CONFIDENCE_BINS` bins of 5 %; the last bin includes 100 %."""
    confidence_millionths: tuple[int, ...]
    """The sum of the confidences in each bin."""
    is_known: bool
    """Whether a camera was on and told of the label."""

    def at_least(self, threshold: float) -> CountBucket:
        """Return the count that this confidence threshold would give.

        Raises `ValueError` unless the threshold, 0 to 1, is an edge of a bin: bins cannot be divided.
        """
        first = threshold_bin(threshold)
        count, millionths = sum(self.bins[first:]), sum(self.confidence_millionths[first:])
        return CountBucket(self.start, self.end, count, millionths, self.is_known)


@dataclass(slots=True, unsafe_hash=True)
class LocalBucket:
    """A bucket of several places at the same local time, such as 09:00 in Seattle and 09:00 in Chicago."""

    start: dt.datetime
    """Local time without an offset; where clocks are set back, it stands for both hours of one o'clock."""
    engagement: EngagementTotal
    spells: EpisodeTotal


@dataclass(slots=True, unsafe_hash=True)
class WeekHour:
    """An hour of a typical week; its `engagement.minutes` is 0 where the period has no such hour."""

    weekday: int
    """0 is Monday."""
    hour: int
    engagement: EngagementTotal
    spells: EpisodeTotal


@dataclass(slots=True, unsafe_hash=True)
class Activity:
    """Engagement, occupied spells and gestures of some devices in one bucket. The bucket may be a whole period."""

    engagement: EngagementBucket
    spells: EpisodeBucket
    gestures: EpisodeBucket
    """The episodes of one label, usually a gesture."""


def threshold_bin(threshold: float) -> int:
    """Return the first confidence bin at or above this threshold, 0 to 1.

    Raises `ValueError` unless the threshold is an edge of a bin.
    """
    first = round(threshold * CONFIDENCE_BINS) if 0 <= threshold <= 1 else -1
    if first < 0 or abs(first / CONFIDENCE_BINS - threshold) > 1 / MILLION:
        step = 1 / CONFIDENCE_BINS
        raise ValueError(f"The threshold {threshold:g} is not possible; choose 0 to 1 in steps of {step:g}.")
    return first


_FOLDS: tuple[Callable[[Iterable[int]], int], ...] = tuple(
    max if merge == "max" else sum for merge in ENGAGEMENT_MERGE.values()
)
_NUMBERS: Callable[[Any], tuple[int, ...]] = attrgetter(*ENGAGEMENT_MERGE)


def fold_engagement(rows: Sequence[Sequence[int]]) -> Sequence[int]:
    """Add up rows that have the numbers of `ENGAGEMENT_MERGE`, minutes counted; zeros without a row."""
    if len(rows) <= 1:
        return rows[0] if rows else [0] * len(_FOLDS)
    return [fold(column) for fold, column in zip(_FOLDS, zip(*rows, strict=True), strict=True)]


def add_up_engagement(parts: Iterable[_Engagement]) -> EngagementTotal:
    """Add up the engagement of any stretches of time; zeros without a part."""
    listed = list(parts)
    minutes = sum([part.minutes for part in listed])
    return EngagementTotal(minutes, *fold_engagement([*map(_NUMBERS, listed)]), is_closed=_all_closed(listed))


def _all_closed(parts: Sequence[_Engagement]) -> bool:
    return bool(parts) and all(part.is_closed for part in parts)


def add_up_episodes(parts: Iterable[_Episodes]) -> EpisodeTotal:
    """Collect the episodes of any stretches of time; none, and nothing known, without a part."""
    listed = list(parts)
    return EpisodeTotal(
        seconds=tuple(chain.from_iterable([part.seconds for part in listed])),
        is_known=any(part.is_known for part in listed),
    )


def merge_engagement(buckets: Sequence[EngagementBucket]) -> EngagementBucket:
    """Merge adjoining buckets into one. Raises `IndexError` without a bucket."""
    minutes = sum([bucket.minutes for bucket in buckets])
    numbers = fold_engagement([*map(_NUMBERS, buckets)])
    return EngagementBucket(buckets[0].start, buckets[-1].end, minutes, *numbers, is_closed=_all_closed(buckets))


def merge_episodes(buckets: Sequence[EpisodeBucket]) -> EpisodeBucket:
    """Merge adjoining buckets into one. Raises `IndexError` without a bucket."""
    total = add_up_episodes(buckets)
    return EpisodeBucket(buckets[0].start, buckets[-1].end, total.seconds, total.is_known)


def merge_activity(buckets: Sequence[Activity]) -> Activity:
    """Merge adjoining buckets into one. Raises `IndexError` without a bucket."""
    return Activity(
        engagement=merge_engagement([bucket.engagement for bucket in buckets]),
        spells=merge_episodes([bucket.spells for bucket in buckets]),
        gestures=merge_episodes([bucket.gestures for bucket in buckets]),
    )


def merge_local_buckets(buckets: Sequence[LocalBucket]) -> LocalBucket:
    """Merge buckets into one that starts with the first. Raises `IndexError` without a bucket."""
    spells = add_up_episodes(bucket.spells for bucket in buckets)
    return LocalBucket(buckets[0].start, add_up_engagement(bucket.engagement for bucket in buckets), spells)


def engagement_by_day(hours: Iterable[EngagementBucket]) -> list[EngagementBucket]:
    """Merge adjoining hours into the local days in which they start."""
    return [merge_engagement(list(day)) for _, day in groupby(hours, lambda hour: hour.start.date())]


def episodes_by_day(hours: Iterable[EpisodeBucket]) -> list[EpisodeBucket]:
    """Merge adjoining hours into the local days in which they start."""
    return [merge_episodes(list(day)) for _, day in groupby(hours, lambda hour: hour.start.date())]


def typical_week(hours: Iterable[EngagementBucket], spells: Iterable[EpisodeBucket]) -> list[list[WeekHour]]:
    """Add up hours of any places by their own local weekday and hour: `typical_week(…)[weekday][hour]`."""
    engagement, episodes = _group(hours, _week_hour), _group(spells, _week_hour)
    return [
        [
            WeekHour(day, hour, add_up_engagement(engagement[day, hour]), add_up_episodes(episodes[day, hour]))
            for hour in range(HOURS)
        ]
        for day in range(WEEKDAYS)
    ]


def add_up_by_local_time(
    engagement: Iterable[Sequence[EngagementBucket]], spells: Iterable[Sequence[EpisodeBucket]]
) -> list[LocalBucket]:
    """Add up the buckets of several places by their own local time, ascending."""
    engagement_at = _group(chain.from_iterable(engagement), _local_time)
    spells_at = _group(chain.from_iterable(spells), _local_time)
    return [
        LocalBucket(start, add_up_engagement(engagement_at[start]), add_up_episodes(spells_at[start]))
        for start in sorted({*engagement_at, *spells_at})
    ]


def _week_hour(bucket: Dated) -> tuple[int, int]:
    return bucket.start.weekday(), bucket.start.hour


def _local_time(bucket: Dated) -> dt.datetime:
    return bucket.start.replace(tzinfo=None, fold=0)


def _group(buckets: Iterable[_D], key: Callable[[_D], _K]) -> dict[_K, list[_D]]:
    groups: dict[_K, list[_D]] = defaultdict(list)
    for bucket in buckets:
        groups[key(bucket)].append(bucket)
    return groups
