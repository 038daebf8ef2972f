"""Engagement, counts, visits, gestures and confidences over a period, bucket by bucket, from tallies and episodes.

For some devices taken together, in buckets of one zone:

    engagement(devices, zone=, start=, end=, bucket=, now=)               -> list[EngagementBucket]
    counts(devices, label=, zone=, start=, end=, bucket=, threshold=0.0)  -> list[CountBucket]      raw detections
    episodes(devices, label=, zone=, start=, end=, bucket=, threshold=0.0) -> list[EpisodeBucket]   FACE: visits
    confidences(devices, label=, zone=, start=, end=, bucket=)            -> list[ConfidenceBucket] what-if thresholds

For several such questions at once, each an `Asked` with its own devices, zone and period (each device, each site, each
site by its own clock), a list of buckets for each; a device may be in several of them:

    engagement_each(asked, bucket=, now=)           counts_each(asked, label=, bucket=, threshold=0.0)
    episodes_each(asked, label=, bucket=, threshold=0.0)    confidences_each(asked, label=, bucket=)

From such lists, without a query: `week(hours, visits)[weekday][hour]`, `by_local_time(series, visits)`,
`engagement_sum(…)`, `episode_sum(…)` and `ConfidenceBucket.at_least(threshold)`, all in `analytics/measures.py`.

Each function answers every bucket that the period touches, whole and in order, also those in which nothing was seen,
with one SQL query, or two where "nothing seen" must be told from "camera off" and `camera`, what `engagement` answered
to the same question, is not there to tell; however long the period is and however many devices and questions there are.
"""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F

from analytics.asked import Asked as Asked
from analytics.asked import Gathering, Largest, Lasted, Minutes, Together, Total
from analytics.buckets import Bucket
from analytics.measures import ConfidenceBucket as ConfidenceBucket
from analytics.measures import CountBucket as CountBucket
from analytics.measures import EngagementBucket as EngagementBucket
from analytics.measures import EpisodeBucket as EpisodeBucket
from analytics.measures import threshold_bin
from analytics.models import FACE, EngagementQuarter, Episode, LabelQuarter
from analytics.tallies import CONFIDENCE_BINS, MILLION
from devices.models import Device

MINUTE = dt.timedelta(minutes=1)
MINUTE_S = MINUTE.total_seconds()
NOT_REJECTED = Total(F("count") - F("rejected"))
Camera = Sequence[Sequence[EngagementBucket]]
"""What `engagement_each` answered to the same questions."""


def engagement(
    devices: Iterable[Device], *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket, now: dt.datetime
) -> list[EngagementBucket]:
    """What these devices saw from `start` to `end`, in buckets of the zone's own; `now` bounds the coverage."""
    return engagement_each([Asked(list(devices), zone, start, end)], bucket=bucket, now=now)[0]


def counts(
    devices: Iterable[Device],
    *,
    label: str,
    zone: ZoneInfo,
    start: dt.datetime,
    end: dt.datetime,
    bucket: Bucket,
    threshold: float = 0.0,
) -> list[CountBucket]:
    """How often these devices detected the label from `start` to `end`, with at least this confidence.

    Raises `ValueError` with a sentence where the threshold is not a whole number of confidence bins.
    """
    return counts_each([Asked(list(devices), zone, start, end)], label=label, bucket=bucket, threshold=threshold)[0]


def episodes(
    devices: Iterable[Device],
    *,
    label: str,
    zone: ZoneInfo,
    start: dt.datetime,
    end: dt.datetime,
    bucket: Bucket,
    threshold: float = 0.0,
) -> list[EpisodeBucket]:
    """The episodes of the label that began from `start` to `end`; visits, where it is `FACE`.

    With a threshold only those of which one detection has at least this confidence.
    """
    return episodes_each([Asked(list(devices), zone, start, end)], label=label, bucket=bucket, threshold=threshold)[0]


def confidences(
    devices: Iterable[Device], *, label: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket
) -> list[ConfidenceBucket]:
    """The label's detections from `start` to `end` by their confidence."""
    return confidences_each([Asked(list(devices), zone, start, end)], label=label, bucket=bucket)[0]


def engagement_each(asked: Sequence[Asked], *, bucket: Bucket, now: dt.datetime) -> list[list[EngagementBucket]]:
    """`engagement` of each, in one query."""
    gathering = Gathering(asked, bucket)
    rows = gathering.rows(EngagementQuarter.objects.all()).values_list("part", "slot")
    sums = rows.annotate(
        Total("frames"),
        Total("faces_sum"),
        Largest("faces_peak"),
        seen=Total(Minutes("minutes_seen")),
        occupied=Total(Minutes("minutes_occupied")),
    )
    found = gathering.totals(_EngagementTotal, sums, _EngagementTotal.add)
    until = now.timestamp()
    return [
        [
            EngagementBucket(
                start,
                end,
                _minutes_begun(first, min(last, until)) * len(each.devices),
                total.frames,
                total.faces_sum,
                total.faces_peak,
                total.minutes_seen,
                total.minutes_occupied,
            )
            for (start, end), (first, last), total in zip(span.pairs, pairwise(span.seconds), totals, strict=True)
        ]
        for each, span, totals in zip(asked, gathering.spans, found, strict=True)
    ]


def counts_each(
    asked: Sequence[Asked], *, label: str, bucket: Bucket, threshold: float = 0.0
) -> list[list[CountBucket]]:
    """`counts` of each, in two queries."""
    gathering = Gathering(asked, bucket)
    tallies = LabelQuarter.objects.filter(label=label, confidence_bin__gte=threshold_bin(threshold))
    rows = gathering.rows(tallies).values_list("part", "slot")
    sums = rows.annotate(counted=NOT_REJECTED, confidences=Total("confidence_millionths_sum"))
    found = gathering.totals(_CountTotal, sums, _CountTotal.add)
    return [
        [
            CountBucket(start, end, total.count, total.millionths, total.is_known or was_on)
            for (start, end), total, was_on in zip(span.pairs, totals, on, strict=True)
        ]
        for span, totals, on in zip(gathering.spans, found, _on(gathering, label, None), strict=True)
    ]


def episodes_each(
    asked: Sequence[Asked], *, label: str, bucket: Bucket, threshold: float = 0.0, camera: Camera | None = None
) -> list[list[EpisodeBucket]]:
    """`episodes` of each, in two queries, or in one with `camera`."""
    gathering = Gathering(asked, bucket)
    # As exact as the tallies are, which keep whole millionths.
    shown = Episode.objects.filter(label=label, confidence__gte=threshold - 0.5 / MILLION)
    rows = gathering.rows(shown, "started").values_list("part", "slot")
    began = rows.annotate(micros=Together(Lasted("ended", "started")), most=Largest("peak"))
    found = gathering.totals(_EpisodeTotal, began, _EpisodeTotal.add)
    return [
        [
            EpisodeBucket(
                start,
                end,
                tuple([micros / MILLION for micros in sorted(total.micros)]),
                total.peak,
                total.is_known or was_on,
            )
            for (start, end), total, was_on in zip(span.pairs, totals, on, strict=True)
        ]
        for span, totals, on in zip(gathering.spans, found, _on(gathering, label, camera), strict=True)
    ]


def confidences_each(
    asked: Sequence[Asked], *, label: str, bucket: Bucket, camera: Camera | None = None
) -> list[list[ConfidenceBucket]]:
    """`confidences` of each, in two queries, or in one with `camera`."""
    gathering = Gathering(asked, bucket)
    rows = gathering.rows(LabelQuarter.objects.filter(label=label)).values_list("part", "slot", "confidence_bin")
    sums = rows.annotate(counted=NOT_REJECTED, confidences=Total("confidence_millionths_sum"))
    found = gathering.totals(_ConfidenceTotal, sums, _ConfidenceTotal.add)
    return [
        [
            ConfidenceBucket(
                start=start,
                end=end,
                bins=tuple(total.bins),
                confidence_millionths=tuple(total.millionths),
                is_known=total.is_known or was_on,
            )
            for (start, end), total, was_on in zip(span.pairs, totals, on, strict=True)
        ]
        for span, totals, on in zip(gathering.spans, found, _on(gathering, label, camera), strict=True)
    ]


def _on(gathering: Gathering, label: str, camera: Camera | None) -> list[list[bool]]:
    """Of each question's buckets, whether a camera was on, and for faces: one that looks for them."""
    if camera is not None:
        return [[bool(each.frames if label == FACE else each.minutes_seen) for each in buckets] for buckets in camera]
    found = gathering.totals(_Known, gathering.known(label), _Known.know)
    return [[total.is_known for total in totals] for totals in found]


@dataclass(slots=True)
class _EngagementTotal:
    frames: int = 0
    faces_sum: int = 0
    faces_peak: int = 0
    minutes_seen: int = 0
    minutes_occupied: int = 0

    def add(self, frames: int, faces_sum: int, faces_peak: int, seen: int, occupied: int) -> None:
        self.frames += frames
        self.faces_sum += faces_sum
        self.faces_peak = max(self.faces_peak, faces_peak)
        self.minutes_seen += seen
        self.minutes_occupied += occupied


@dataclass(slots=True)
class _Known:
    is_known: bool = False

    def know(self) -> None:
        self.is_known = True


@dataclass(slots=True)
class _CountTotal(_Known):
    count: int = 0
    millionths: int = 0

    def add(self, count: int, millionths: int) -> None:
        self.count += count
        self.millionths += millionths
        self.know()


@dataclass(slots=True)
class _EpisodeTotal(_Known):
    micros: list[int] = field(default_factory=list)
    peak: int = 0

    def add(self, micros: Any, peak: int) -> None:
        self.micros += Together.each(micros)
        self.peak = max(self.peak, peak)
        # A device may report a gesture of a time from which it sent no frame.
        self.know()


def _bins() -> list[int]:
    return [0] * CONFIDENCE_BINS


@dataclass(slots=True)
class _ConfidenceTotal(_Known):
    bins: list[int] = field(default_factory=_bins)
    millionths: list[int] = field(default_factory=_bins)

    def add(self, number: int, count: int, millionths: int) -> None:
        self.bins[number] += count
        self.millionths[number] += millionths
        self.know()


def _minutes_begun(start: int, until: float) -> int:
    """Between two instants in seconds; the minute under way counts, for it may have been seen already."""
    return max(0, math.ceil((until - start) / MINUTE_S))
