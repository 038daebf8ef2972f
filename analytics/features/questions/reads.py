"""Read the answers to a question, per bucket and per device, in five queries for a question of any length."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from django.db.models import F, Sum

from analytics.models import EngagementQuarter, Episode, LabelQuarter
from analytics.models.questions import Question, answers_in
from analytics.numbers.buckets import Bucket, edges
from analytics.numbers.intervals import Interval, wilson
from analytics.numbers.measures import EngagementBucket, merge_engagement
from analytics.numbers.reads import Selection, read_engagement
from devices.models import Device, Site
from devices.storage.querysets import Spot, spots_of

HOURLY_UP_TO = dt.timedelta(days=3)
"""The answers to questions of at most this length come in buckets of an hour, to longer questions in days."""


class State(StrEnum):
    """Whether a question has begun or ended."""

    BEFORE = "before"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """The numbers of answers: of people, and at devices that do not follow people, of gestures.

    A person answers once, and the last gesture decides. A gesture is an episode: it counts once for any number of
    frames, with gaps of up to three seconds. The detections count each hand in each frame. Neither includes rejected
    detections.
    """

    yes: int
    no: int
    yes_detections: int
    no_detections: int
    people: int
    """How many of the answers are people's; the others are gestures."""

    @property
    def total(self) -> int:
        """All answers."""
        return self.yes + self.no

    @property
    def unit(self) -> str:
        """The noun for so many answers: person, gesture, or answer if there are both; in the plural for several."""
        if self.total and self.people == self.total:
            return "person" if self.total == 1 else "people"
        name = "answer" if self.people else "gesture"
        return name if self.total == 1 else f"{name}s"

    @property
    def share(self) -> float | None:
        """The share of yes among the answers, 0 to 1; None without an answer."""
        return self.yes / self.total if self.total else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval of the share, as if the answers were independent; None without an answer."""
        return wilson(self.yes, self.total)


@dataclass(frozen=True, slots=True)
class AnswerBucket:
    """An hour or a day of the site, limited to the time of the question: its answers and the cameras' engagement."""

    camera: EngagementBucket
    answers: AnswerCounts

    @property
    def start(self) -> dt.datetime:
        """The start in the site's time zone, like `end`. Subtract and compare such times in UTC only."""
        return self.camera.start

    @property
    def end(self) -> dt.datetime:
        return self.camera.end


@dataclass(frozen=True, slots=True)
class DeviceAnswers:
    """The answers at one device; where `minutes_seen` is 0 its camera was off, so that nobody could answer.

    `minutes_told` are the seen minutes in which the answers are known.
    """

    device: Device
    minutes_seen: int
    minutes_told: int
    answers: AnswerCounts


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """The answers to a question so far."""

    question: Question
    state: State
    answers: AnswerCounts
    bucket: Bucket
    buckets: Sequence[AnswerBucket]
    devices: Sequence[DeviceAnswers]

    @property
    def camera_total(self) -> EngagementBucket:
        """The engagement during the question, as one bucket."""
        return merge_engagement([bucket.camera for bucket in self.buckets])


def question_state(question: Question, now: dt.datetime) -> State:
    """Return whether the question has begun or ended."""
    if now < question.asked_from:
        return State.BEFORE
    return State.RUNNING if now < question.asked_until else State.ENDED


def current_question(sites: Iterable[Site], *, now: dt.datetime) -> Question | None:
    """Return the question that began last at these sites, running or ended; None without one. Takes one query."""
    begun = Question.objects.filter(site__in=list(sites), asked_from__lte=now).select_related("site")
    question: Question | None = begun.order_by("-asked_from", "-pk").first()
    return question


def read_result(question: Question, *, now: dt.datetime) -> QuestionResult:
    """Return the answers at all devices of the question's site."""
    known = Device.objects.filter(site=question.site_id).order_by("name")
    devices = [device for device in known if device.overlaps(question.asked_from, question.asked_until)]
    bucket: Bucket = "hour" if question.asked_until - question.asked_from <= HOURLY_UP_TO else "day"
    edges = _edges(question, bucket)
    camera = _read_engagement(question, devices, edges, now)
    by_bucket, by_device = _Counts(), _Counts()
    for device, at, field, count in _read_counts(question, devices):
        by_bucket[bisect_right(edges, at) - 1][field] += count
        by_device[device][field] += count
    minutes = _covered_minutes(question, devices)
    return QuestionResult(
        question=question,
        state=question_state(question, now),
        answers=_add_up(by_device.values()),
        bucket=bucket,
        buckets=[AnswerBucket(engagement, AnswerCounts(*by_bucket[index])) for index, engagement in enumerate(camera)],
        devices=[_answers_at(spot, minutes, by_device) for spot in spots_of(devices)],
    )


def _answers_at(spot: Spot, minutes: Mapping[int, tuple[int, int]], by_device: "_Counts") -> DeviceAnswers:
    counts = (by_device[device.pk] for device in spot.devices)
    return DeviceAnswers(
        spot.latest,
        sum(minutes[device.pk][0] for device in spot.devices),
        sum(minutes[device.pk][1] for device in spot.devices),
        _add_up(counts),
    )


YES, NO, YES_DETECTIONS, NO_DETECTIONS, PEOPLE = range(5)
"""The places of the numbers in `AnswerCounts`."""


class _Counts(defaultdict[int, list[int]]):
    """By bucket or device the numbers of `AnswerCounts`, in their order."""

    def __init__(self) -> None:
        super().__init__(lambda: [0] * 5)


def _add_up(counts: Iterable[Sequence[int]]) -> AnswerCounts:
    return AnswerCounts(*(sum(each) for each in zip([0] * 5, *counts, strict=True)))


def _edges(question: Question, bucket: Bucket) -> list[dt.datetime]:
    """Return the starts of the buckets and the end of the last one, limited to the time of the question; UTC."""
    start, end = question.asked_from, question.asked_until
    full = edges(zone=question.site.zone, start=start, end=end, bucket=bucket)
    return [max(start, min(end, edge)) for edge in full]


def _read_engagement(
    question: Question, devices: Sequence[Device], edges: Sequence[dt.datetime], now: dt.datetime
) -> list[EngagementBucket]:
    selection = Selection(devices, question.site.zone, edges[0], edges[-1])
    (quarters,) = read_engagement([selection], bucket="quarter", now=now)
    grouped = groupby(quarters, lambda quarter: bisect_right(edges, quarter.start))
    return [merge_engagement(list(group)) for _, group in grouped]


def _read_counts(question: Question, devices: Sequence[Device]) -> Iterator[tuple[int, dt.datetime, int, int]]:
    """Yield device, time, index of a field of `AnswerCounts`, and the number to add to that field."""
    asked: dict[str, Any] = {"device__in": devices, "started__gte": question.asked_from}
    episodes = Episode.objects.filter(**asked, started__lt=question.asked_until)
    answers = answers_in(episodes, question.yes_label, question.no_label)
    for device, visit, yes_at, no_at in answers.values_list("device_id", "visit", "yes_at", "no_at"):
        if yes_at == no_at:
            continue  # Somebody who begins both gestures at once has not answered.
        means_yes = no_at is None or (yes_at is not None and yes_at > no_at)
        at = yes_at if means_yes else no_at
        yield device, at, YES if means_yes else NO, 1
        if visit:
            yield device, at, PEOPLE, 1
    labels = {question.yes_label: YES_DETECTIONS, question.no_label: NO_DETECTIONS}
    detections = LabelQuarter.objects.filter(
        device__in=devices, label__in=list(labels), start__gte=question.asked_from, start__lt=question.asked_until
    ).values_list("device_id", "start", "label")
    for device, at, label, count in detections.annotate(total=Sum(F("count") - F("rejected"))):
        yield device, at, labels[label], count


def _covered_minutes(question: Question, devices: Sequence[Device]) -> dict[int, tuple[int, int]]:
    """Return by primary key of the device the covered minutes during the question, and those that tell of answers."""
    quarters = EngagementQuarter.objects.filter(
        device__in=devices, start__gte=question.asked_from, start__lt=question.asked_until
    )
    waiting = {device.pk for device in devices if device.waits_between_uploads}
    minutes = {device.pk: (0, 0) for device in devices}
    for device, on, with_frame in quarters.values_list("device_id", "minutes_seen", "minutes_told"):
        seen, told = minutes[device]
        telling = with_frame if device in waiting else on
        minutes[device] = seen + on.bit_count(), told + telling.bit_count()
    return minutes
