"""Engagement and counts over a period, bucket by bucket, from the tallies.

Each function answers every bucket that the period touches, whole and in order, also those in which nothing was seen,
with the same number of SQL queries however long the period is.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db.models import F, Sum

from analytics.buckets import Bucket, edges
from analytics.models import EngagementQuarter, LabelQuarter
from analytics.tallies import MILLION
from devices.models import Device

MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class EngagementBucket:
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

    @property
    def average_faces(self) -> float | None:
        """Engagement: faces per frame, all devices' frames alike; None where no frame tells the number of faces."""
        return self.faces_sum / self.frames if self.frames else None

    @property
    def coverage(self) -> float:
        """How much of the time there was anything to see, 0 to 1; a fast device clock cannot make it more."""
        return min(1.0, self.minutes_seen / self.minutes) if self.minutes else 0.0

    @property
    def occupied_share(self) -> float | None:
        """How much of the time that was seen had a face in it, 0 to 1; None where `average_faces` is."""
        return self.minutes_occupied / self.minutes_seen if self.frames else None


@dataclass(frozen=True, slots=True)
class CountBucket:
    """How often a label was detected in a bucket; what a reviewer rejected is left out."""

    start: dt.datetime
    """In the zone asked for, as is `end`; subtract and compare such times in UTC only."""
    end: dt.datetime
    count: int
    confidence_millionths_sum: int

    @property
    def mean_confidence(self) -> float | None:
        """0 to 1, or None where nothing was detected."""
        return self.confidence_millionths_sum / (MILLION * self.count) if self.count else None


def engagement(
    devices: Iterable[Device],
    *,
    zone: ZoneInfo,
    start: dt.datetime,
    end: dt.datetime,
    bucket: Bucket,
    now: dt.datetime,
) -> list[EngagementBucket]:
    """The engagement at these devices from `start` to `end`, in buckets of the zone's own quarters, hours or days."""
    ids = [device.pk for device in devices]
    bounds = edges(zone=zone, start=start, end=end, bucket=bucket)
    sums = [_EngagementSums() for _ in bounds[1:]]
    if bounds:
        rows = EngagementQuarter.objects.filter(device__in=ids, start__gte=bounds[0], start__lt=bounds[-1])
        for at, *numbers in rows.values_list(
            "start", "frames", "faces_sum", "faces_peak", "minutes_seen", "minutes_occupied"
        ):
            sums[bisect_right(bounds, at) - 1].add(*numbers)
    return [
        EngagementBucket(
            start=first.astimezone(zone),
            end=last.astimezone(zone),
            minutes=_minutes_begun(first, min(last, now)) * len(ids),
            frames=total.frames,
            faces_sum=total.faces_sum,
            faces_peak=total.faces_peak,
            minutes_seen=total.minutes_seen,
            minutes_occupied=total.minutes_occupied,
        )
        for (first, last), total in zip(pairwise(bounds), sums, strict=True)
    ]


def counts(
    devices: Iterable[Device], *, label: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket
) -> list[CountBucket]:
    """How often these devices detected the label from `start` to `end`, in buckets of the zone's own."""
    ids = [device.pk for device in devices]
    bounds = edges(zone=zone, start=start, end=end, bucket=bucket)
    sums = [[0, 0] for _ in bounds[1:]]
    if bounds:
        rows = LabelQuarter.objects.filter(device__in=ids, label=label, start__gte=bounds[0], start__lt=bounds[-1])
        for at, count, confidence in rows.values_list("start").annotate(
            counted=Sum(F("count") - F("rejected")), confidences=Sum("confidence_millionths_sum")
        ):
            total = sums[bisect_right(bounds, at) - 1]
            total[0] += count
            total[1] += confidence
    return [
        CountBucket(first.astimezone(zone), last.astimezone(zone), *total)
        for (first, last), total in zip(pairwise(bounds), sums, strict=True)
    ]


@dataclass(slots=True)
class _EngagementSums:
    frames: int = 0
    faces_sum: int = 0
    faces_peak: int = 0
    minutes_seen: int = 0
    minutes_occupied: int = 0

    def add(self, frames: int, faces_sum: int, faces_peak: int, seen_mask: int, occupied_mask: int) -> None:
        self.frames += frames
        self.faces_sum += faces_sum
        self.faces_peak = max(self.faces_peak, faces_peak)
        self.minutes_seen += seen_mask.bit_count()
        self.minutes_occupied += occupied_mask.bit_count()


def _minutes_begun(start: dt.datetime, until: dt.datetime) -> int:
    """The minute under way counts, for it may have been seen already."""
    return max(0, -((start - until) // MINUTE))
