"""What a question was answered: bucket by bucket and device by device.

A question takes the same five queries however long it is asked.
"""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from django.db.models import F, Sum

from analytics.models import EngagementQuarter, Episode, LabelQuarter
from analytics.models.questions import Question
from analytics.numbers.buckets import Bucket, edges
from analytics.numbers.intervals import Interval, wilson
from analytics.numbers.measures import EngagementBucket, merge_engagement
from analytics.numbers.reads import Selection, read_engagement
from devices.models import Device, Site

HOURLY_UP_TO = dt.timedelta(days=3)
"""Longer questions are told by days."""


class State(StrEnum):
    """Where a question is in its time."""

    BEFORE = "before"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Answers:
    """How many gestures meant yes and no.

    A gesture is one however many frames show it (an episode, with gaps of up to three seconds); the detections count
    each hand in each frame. Both leave out what reviewers called wrong.
    """

    yes: int
    no: int
    yes_detections: int
    no_detections: int

    @property
    def gestures(self) -> int:
        return self.yes + self.no

    @property
    def share(self) -> float | None:
        """Of the gestures, those that meant yes, 0 to 1; None where there was none."""
        return self.yes / self.gestures if self.gestures else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval of the share; it takes each gesture for an answer of its own."""
        return wilson(self.yes, self.gestures)


@dataclass(frozen=True, slots=True)
class AnswerBucket:
    """An hour or a day of the site, as far as the question was asked in it, and what the cameras saw of it."""

    camera: EngagementBucket
    answers: Answers

    @property
    def start(self) -> dt.datetime:
        """In the site's zone, as is `end`; subtract and compare such times in UTC only."""
        return self.camera.start

    @property
    def end(self) -> dt.datetime:
        return self.camera.end


@dataclass(frozen=True, slots=True)
class DeviceAnswers:
    """What one device saw; with `minutes_seen` of 0 its camera was off all the time, and no answers mean nothing."""

    device: Device
    minutes_seen: int
    answers: Answers


@dataclass(frozen=True, slots=True)
class Result:
    """What a question was answered up to now."""

    question: Question
    state: State
    answers: Answers
    bucket: Bucket
    buckets: Sequence[AnswerBucket]
    devices: Sequence[DeviceAnswers]

    @property
    def whole(self) -> EngagementBucket:
        """What the cameras saw while it was asked."""
        return merge_engagement([bucket.camera for bucket in self.buckets])


def state(question: Question, now: dt.datetime) -> State:
    if now < question.asked_from:
        return State.BEFORE
    return State.RUNNING if now < question.asked_until else State.ENDED


def current(sites: Iterable[Site], *, now: dt.datetime) -> Question | None:
    """The question that is asked now, else the last one that was; of several sites' the latest. Takes one query."""
    asked = Question.objects.filter(site__in=list(sites), asked_from__lte=now).select_related("site")
    found: Question | None = asked.order_by("-asked_from", "-pk").first()
    return found


def result(question: Question, *, now: dt.datetime) -> Result:
    """The answers at all devices of the question's site."""
    devices = list(Device.objects.filter(site=question.site_id).order_by("name"))
    bucket: Bucket = "hour" if question.asked_until - question.asked_from <= HOURLY_UP_TO else "day"
    bounds = _bounds(question, bucket)
    camera = _camera(question, devices, bounds, now)
    counted = _counted(question, devices)
    of_bucket, of_device = _Sums(), _Sums()
    for device, at, place, count in counted:
        of_bucket[bisect_right(bounds, at) - 1][place] += count
        of_device[device][place] += count
    minutes = _minutes_seen(question, devices)
    return Result(
        question=question,
        state=state(question, now),
        answers=Answers(*(sum(row[place] for row in of_device.values()) for place in range(4))),
        bucket=bucket,
        buckets=[AnswerBucket(seen, Answers(*of_bucket[place])) for place, seen in enumerate(camera)],
        devices=[DeviceAnswers(device, minutes[device.pk], Answers(*of_device[device.pk])) for device in devices],
    )


class _Sums(defaultdict[int, list[int]]):
    """By bucket or device: the four numbers of `Answers`, in their order."""

    def __init__(self) -> None:
        super().__init__(lambda: [0, 0, 0, 0])


def _bounds(question: Question, bucket: Bucket) -> list[dt.datetime]:
    """Where the buckets begin and the last one ends, as far as the question was asked in them; UTC."""
    start, end = question.asked_from, question.asked_until
    whole = edges(zone=question.site.zone, start=start, end=end, bucket=bucket)
    return [max(start, min(end, bound)) for bound in whole]


def _camera(
    question: Question, devices: Sequence[Device], bounds: Sequence[dt.datetime], now: dt.datetime
) -> list[EngagementBucket]:
    selection = Selection(devices, question.site.zone, bounds[0], bounds[-1])
    (quarters,) = read_engagement([selection], bucket="quarter", now=now)
    grouped = groupby(quarters, lambda quarter: bisect_right(bounds, quarter.start))
    return [merge_engagement(list(group)) for _, group in grouped]


def _counted(question: Question, devices: Sequence[Device]) -> Iterator[tuple[int, dt.datetime, int, int]]:
    """Device, time, place among the numbers of `Answers`, and how many more that is."""
    labels = {question.yes_label: 0, question.no_label: 1}
    asked = {"device__in": devices, "label__in": list(labels)}
    gestures = Episode.objects.filter(
        **asked, started__gte=question.asked_from, started__lt=question.asked_until
    ).values_list("device_id", "started", "label")
    for device, at, label in gestures:
        yield device, at, labels[label], 1
    detections = LabelQuarter.objects.filter(
        **asked, start__gte=question.asked_from, start__lt=question.asked_until
    ).values_list("device_id", "start", "label")
    for device, at, label, count in detections.annotate(seen=Sum(F("count") - F("rejected"))):
        yield device, at, 2 + labels[label], count


def _minutes_seen(question: Question, devices: Sequence[Device]) -> Counter[int]:
    """By device, the minutes with any frame while the question was asked."""
    quarters = EngagementQuarter.objects.filter(
        device__in=devices, start__gte=question.asked_from, start__lt=question.asked_until
    )
    minutes: Counter[int] = Counter()
    for device, mask in quarters.values_list("device_id", "minutes_seen"):
        minutes[device] += mask.bit_count()
    return minutes
