"""What reads answer: engagement, counts, episodes and confidences of a stretch of time, and how they add up. Pure.

Everywhere 0 means that nobody or nothing was there, and None that no camera was on to tell.

Nobody changes one of these once it is made, so they may be keys. They are not frozen all the same: a frozen one takes
nine times as long to make, and a month has thousands.
"""

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, TypeVar

from analytics.models.quarters import CONFIDENCE_BINS, MILLION

WEEKDAYS = 7
HOURS = 24

_D = TypeVar("_D")
_K = TypeVar("_K", bound=Hashable)


class _Engaged:
    """The shares and averages of whatever has these sums."""

    __slots__ = ()

    minutes: int
    frames: int
    faces_sum: int
    faces_peak: int
    minutes_seen: int
    minutes_occupied: int

    @property
    def average_faces(self) -> float | None:
        """Engagement: faces per frame, all devices' frames alike; None where no frame tells the number of faces."""
        return self.faces_sum / self.frames if self.frames else None

    @property
    def known_peak(self) -> int | None:
        """Faces in the frame that showed most; None where `average_faces` is."""
        return self.faces_peak if self.frames else None

    @property
    def coverage(self) -> float:
        """How much of the time there was anything to see, 0 to 1; a fast device clock cannot make it more."""
        return min(1.0, self.minutes_seen / self.minutes) if self.minutes else 0.0

    @property
    def occupied_share(self) -> float | None:
        """How much of the time that was seen had a face in it, 0 to 1; None where `average_faces` is."""
        return self.minutes_occupied / self.minutes_seen if self.frames else None


@dataclass(slots=True, unsafe_hash=True)
class EngagementSum(_Engaged):
    """Who was in front of the displays in some stretches of time; `EngagementBucket` tells what each number is."""

    minutes: int
    frames: int
    faces_sum: int
    faces_peak: int
    minutes_seen: int
    minutes_occupied: int


@dataclass(slots=True, unsafe_hash=True)
class EngagementBucket(_Engaged):
    """Who was in front of the displays in a bucket, all devices asked for taken together.

    Every number adds up over buckets and devices, except the peak, of which the largest counts.
    """

    start: dt.datetime
    """In the zone asked for, as is `end`; subtract and compare such times in UTC only."""
    end: dt.datetime
    minutes: int
    """Real minutes of the bucket that had begun by `now`, times the number of devices."""
    frames: int
    """Frames whose number of faces is known."""
    faces_sum: int
    faces_peak: int
    """Faces in the frame of one device that showed most."""
    minutes_seen: int
    """Minutes with any frame, of all devices together."""
    minutes_occupied: int
    """Minutes with a face, of all devices together."""


@dataclass(slots=True, unsafe_hash=True)
class CountBucket:
    """How often a label was detected in a bucket; what a reviewer rejected is left out."""

    start: dt.datetime
    """In the zone asked for, as is `end`; subtract and compare such times in UTC only."""
    end: dt.datetime
    count: int
    confidence_millionths_sum: int
    is_known: bool
    """Whether a camera was on; else nothing is known, and a count of 0 does not mean that nothing was there."""

    @property
    def known_count(self) -> int | None:
        """None where no camera was on."""
        return self.count if self.is_known else None

    @property
    def mean_confidence(self) -> float | None:
        """0 to 1, or None where nothing was detected."""
        return self.confidence_millionths_sum / (MILLION * self.count) if self.count else None


class _Episodes:
    """The counts and lengths of whatever has these."""

    __slots__ = ()

    seconds: tuple[float, ...]
    peak: int
    is_known: bool

    @property
    def known_count(self) -> int | None:
        """How many began; None where no camera was on."""
        return len(self.seconds) if self.is_known else None

    @property
    def mean_seconds(self) -> float | None:
        """None where none began."""
        return statistics.fmean(self.seconds) if self.seconds else None

    @property
    def median_seconds(self) -> float | None:
        """None where none began."""
        return statistics.median(self.seconds) if self.seconds else None


@dataclass(slots=True, unsafe_hash=True)
class EpisodeSum(_Episodes):
    """The episodes that began in some stretches of time; `EpisodeBucket` tells what each number is."""

    seconds: tuple[float, ...]
    peak: int
    is_known: bool


@dataclass(slots=True, unsafe_hash=True)
class EpisodeBucket(_Episodes):
    """The visits that began in a bucket, or the distinct gestures (or objects) of a label."""

    start: dt.datetime
    """In the zone asked for, as is `end`; subtract and compare such times in UTC only."""
    end: dt.datetime
    seconds: tuple[float, ...]
    """The length of each, from its first frame to its last, also where that lies after the bucket; in no order."""
    peak: int
    """Most faces, or most of the label, in one frame of them; 0 where none began."""
    is_known: bool
    """Whether a camera was on, and for visits: one that looks for faces."""


@dataclass(slots=True, unsafe_hash=True)
class ConfidenceBucket:
    """The confidences of a label's detections in a bucket, without those that a reviewer rejected."""

    start: dt.datetime
    """In the zone asked for, as is `end`; subtract and compare such times in UTC only."""
    end: dt.datetime
    bins: tuple[int, ...]
    """Detections by confidence, in `quarters.CONFIDENCE_BINS` steps of 5 %; the last includes 100 %."""
    confidence_millionths: tuple[int, ...]
    """The sum of the confidences of each bin's detections."""
    is_known: bool
    """Whether a camera was on."""

    def at_least(self, threshold: float) -> CountBucket:
        """What would have been counted with this threshold, 0 to 1, a whole number of steps.

        Raises `ValueError` where it is not: what lies within a step cannot be told apart.
        """
        first = threshold_bin(threshold)
        count, millionths = sum(self.bins[first:]), sum(self.confidence_millionths[first:])
        return CountBucket(self.start, self.end, count, millionths, self.is_known)


@dataclass(slots=True, unsafe_hash=True)
class LocalBucket:
    """A bucket of several places by what their clocks show, such as 09:00 in Seattle and 09:00 in Chicago."""

    start: dt.datetime
    """Local time, without an offset; where clocks are set back both hours of one o'clock are in the first."""
    engagement: EngagementSum
    visits: EpisodeSum


@dataclass(slots=True, unsafe_hash=True)
class WeekHour:
    """An hour of a typical week. `engagement.minutes` is 0 where the period has no such hour."""

    weekday: int
    """0 is Monday."""
    hour: int
    engagement: EngagementSum
    visits: EpisodeSum


def threshold_bin(threshold: float) -> int:
    """The first confidence bin at or above this threshold. Raises `ValueError` with a sentence where it is no step."""
    first = round(threshold * CONFIDENCE_BINS) if 0 <= threshold <= 1 else -1
    if first < 0 or abs(first / CONFIDENCE_BINS - threshold) > 1 / MILLION:
        step = 1 / CONFIDENCE_BINS
        raise ValueError(f"{threshold:g} is no threshold; confidences are kept in steps of {step:g}, from 0 to 1.")
    return first


def engagement_sum(parts: Iterable[_Engaged]) -> EngagementSum:
    """Sums of these; nothing, where there are none."""
    listed = list(parts)
    return EngagementSum(
        minutes=sum([part.minutes for part in listed]),
        frames=sum([part.frames for part in listed]),
        faces_sum=sum([part.faces_sum for part in listed]),
        faces_peak=max([part.faces_peak for part in listed], default=0),
        minutes_seen=sum([part.minutes_seen for part in listed]),
        minutes_occupied=sum([part.minutes_occupied for part in listed]),
    )


def episode_sum(parts: Iterable[_Episodes]) -> EpisodeSum:
    """All episodes of these together; none and nothing known, where there are none."""
    listed = list(parts)
    return EpisodeSum(
        seconds=tuple(chain.from_iterable([part.seconds for part in listed])),
        peak=max([part.peak for part in listed], default=0),
        is_known=any(part.is_known for part in listed),
    )


def whole(buckets: Sequence[LocalBucket]) -> LocalBucket:
    """These as one, which begins with the first. Raises `IndexError` where there are none."""
    visits = episode_sum(bucket.visits for bucket in buckets)
    return LocalBucket(buckets[0].start, engagement_sum(bucket.engagement for bucket in buckets), visits)


def week(hours: Iterable[EngagementBucket], visits: Iterable[EpisodeBucket]) -> list[list[WeekHour]]:
    """Hours of any places added up by weekday and hour of their own local time: `week(…)[weekday][hour]`."""
    engaged, visited = _grouped(hours, _week_hour), _grouped(visits, _week_hour)
    return [
        [
            WeekHour(day, hour, engagement_sum(engaged[day, hour]), episode_sum(visited[day, hour]))
            for hour in range(HOURS)
        ]
        for day in range(WEEKDAYS)
    ]


def by_local_time(
    series: Iterable[Sequence[EngagementBucket]], visits: Iterable[Sequence[EpisodeBucket]]
) -> list[LocalBucket]:
    """Buckets of several places added up by what their clocks show, ascending."""
    engaged = _grouped((bucket for each in series for bucket in each), _clock)
    visited = _grouped((bucket for each in visits for bucket in each), _clock)
    return [
        LocalBucket(start, engagement_sum(engaged[start]), episode_sum(visited[start]))
        for start in sorted({*engaged, *visited})
    ]


class _Dated(Protocol):
    @property
    def start(self) -> dt.datetime: ...


def _week_hour(bucket: _Dated) -> tuple[int, int]:
    return bucket.start.weekday(), bucket.start.hour


def _clock(bucket: _Dated) -> dt.datetime:
    return bucket.start.replace(tzinfo=None, fold=0)


def _grouped(buckets: Iterable[_D], key: Callable[[_D], _K]) -> dict[_K, list[_D]]:
    groups: dict[_K, list[_D]] = defaultdict(list)
    for bucket in buckets:
        groups[key(bucket)].append(bucket)
    return groups
