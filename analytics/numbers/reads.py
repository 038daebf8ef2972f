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

Of several labels at once, for a page which has asked for the cameras already: `episodes_of_labels(asked, labels=, …)`,
and `counts_with_labels(asked, label=, bucket=, camera=)`, which also tells what else was detected.

From such lists, without a query: `week(hours, visits)[weekday][hour]`, `by_local_time(series, visits)`,
`engagement_sum(…)`, `episode_sum(…)` and `ConfidenceBucket.at_least(threshold)`, all in `measures.py`.

Each function answers every bucket that the period touches, whole and in order, also those in which nothing was seen,
with one SQL query, or two where "nothing seen" must be told from "camera off" and `camera`, what `engagement` answered
to the same question, is not there to tell; however long the period is and however many devices and questions there are.
"""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db.models import F

from analytics.models import FACE, EngagementQuarter, Episode, LabelQuarter
from analytics.models.quarters import MILLION
from analytics.numbers.accumulators import ConfidenceTotal, CountTotal, EngagementTotal, Known
from analytics.numbers.buckets import Bucket
from analytics.numbers.measures import ConfidenceBucket as ConfidenceBucket
from analytics.numbers.measures import CountBucket as CountBucket
from analytics.numbers.measures import EngagementBucket as EngagementBucket
from analytics.numbers.measures import EpisodeBucket as EpisodeBucket
from analytics.numbers.measures import threshold_bin
from analytics.numbers.packed_columns import SmallNumbers, Times, by_bucket
from analytics.numbers.selections import Asked as Asked
from analytics.numbers.selections import Gathering, Largest, Minutes, Rows, Total
from devices.models import Device

MINUTE = dt.timedelta(minutes=1)
MINUTE_S = MINUTE // dt.timedelta(seconds=1)
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
    rows = gathering.quarters(EngagementQuarter.objects.all()).values_list("part", "slot")
    sums = rows.annotate(
        Total("frames"),
        Total("faces_sum"),
        Largest("faces_peak"),
        seen=Total(Minutes("minutes_seen")),
        occupied=Total(Minutes("minutes_occupied")),
    )
    found = gathering.totals(EngagementTotal, sums, EngagementTotal.add)
    until = now.timestamp()
    return [
        [
            EngagementBucket(
                start,
                end,
                _minutes_begun(first, last, until) * len(each.devices),
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
    rows = gathering.quarters(tallies).values_list("part", "slot")
    sums = rows.annotate(counted=NOT_REJECTED, confidences=Total("confidence_millionths_sum"))
    return _counts(gathering, sums, _on(gathering, label, None))


def counts_with_labels(
    asked: Sequence[Asked], *, label: str, bucket: Bucket, camera: Camera
) -> tuple[list[list[CountBucket]], set[str]]:
    """`counts` of each, and all labels that were detected in any of these periods, but faces; in one query."""
    gathering = Gathering(asked, bucket)
    tallies = LabelQuarter.objects.all() if label == FACE else LabelQuarter.objects.exclude(label=FACE)
    rows = gathering.quarters(tallies).values_list("label", "part", "slot")
    sums = list(rows.annotate(counted=NOT_REJECTED, confidences=Total("confidence_millionths_sum")))
    counts = _counts(gathering, [row for name, *row in sums if name == label], _on(gathering, label, camera))
    return counts, {name for name, *_ in sums} - {FACE}


def _counts(gathering: Gathering, rows: Rows, on: list[list[bool]]) -> list[list[CountBucket]]:
    found = gathering.totals(CountTotal, rows, CountTotal.add)
    return [
        [
            CountBucket(start, end, total.count, total.millionths, total.is_known or was_on)
            for (start, end), total, was_on in zip(span.pairs, totals, on, strict=True)
        ]
        for span, totals, on in zip(gathering.spans, found, on, strict=True)
    ]


def episodes_each(
    asked: Sequence[Asked], *, label: str, bucket: Bucket, threshold: float = 0.0, camera: Camera | None = None
) -> list[list[EpisodeBucket]]:
    """`episodes` of each, in two queries, or in one with `camera`."""
    return episodes_of_labels(asked, labels=[label], bucket=bucket, threshold=threshold, camera=camera)[label]


def episodes_of_labels(
    asked: Sequence[Asked],
    *,
    labels: Sequence[str],
    bucket: Bucket,
    threshold: float = 0.0,
    camera: Camera | None = None,
) -> dict[str, list[list[EpisodeBucket]]]:
    """By label, `episodes` of each; in one query, and one more for each label without `camera`."""
    gathering = Gathering(asked, bucket)
    shown = Episode.objects.filter(label__in=labels)
    if threshold:
        # As exact as the tallies are, which keep whole millionths.
        shown = shown.filter(confidence__gte=threshold - 0.5 / MILLION)
    groups = gathering.rows(shown, "started").values_list("label", "part")
    began = list(groups.annotate(starts=Times("started"), ends=Times("ended"), peaks=SmallNumbers("peak")))
    return {
        label: _episodes(gathering, [row for name, *row in began if name == label], _on(gathering, label, camera))
        for label in labels
    }


def _episodes(gathering: Gathering, rows: Rows, on: list[list[bool]]) -> list[list[EpisodeBucket]]:
    return [
        [
            EpisodeBucket(start, end, seconds, peak, bool(seconds) or was_on)
            for (start, end), (seconds, peak), was_on in zip(
                span.pairs, by_bucket(span.seconds, shown), on, strict=True
            )
        ]
        for span, shown, on in zip(gathering.spans, gathering.of_questions(rows), on, strict=True)
    ]


def confidences_each(
    asked: Sequence[Asked], *, label: str, bucket: Bucket, camera: Camera | None = None
) -> list[list[ConfidenceBucket]]:
    """`confidences` of each, in two queries, or in one with `camera`."""
    gathering = Gathering(asked, bucket)
    rows = gathering.quarters(LabelQuarter.objects.filter(label=label)).values_list("part", "slot", "confidence_bin")
    sums = rows.annotate(counted=NOT_REJECTED, confidences=Total("confidence_millionths_sum"))
    found = gathering.totals(ConfidenceTotal, sums, ConfidenceTotal.add)
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
    found = gathering.totals(Known, gathering.known(label), Known.know)
    return [[total.is_known for total in totals] for totals in found]


def _minutes_begun(start: int, end: int, until: float) -> int:
    """From `start` to `end`, in seconds, before `until`; the minute under way counts, it may have been seen already."""
    if end <= until:
        return -((start - end) // MINUTE_S)
    return max(0, math.ceil((until - start) / MINUTE_S))
