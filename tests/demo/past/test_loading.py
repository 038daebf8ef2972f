"""The demo's history goes through the intake, and every number then equals the count expected from the visits."""

import datetime as dt
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice

import pytest

from analytics.models import FACE, EngagementQuarter, LabelQuarter
from analytics.numbers import buckets as kinds
from analytics.numbers.measures import CountBucket, EngagementBucket
from analytics.numbers.reads import Selection, read_counts, read_engagement, read_episodes
from demo import sites
from demo.past import loading
from demo.past.history import HOUR, SECOND, History, epoch_ms, histories
from demo.past.messages import sent_messages
from devices.intake.batches import accept
from devices.models import Device, DeviceLog, QuarantinedMessage
from devices.reading.decoding import Arrival
from tests.demo.past.expected_counts import ExpectedCounts, expected_counts, expected_visits
from tests.world import places

SEED = 11
MONDAY = dt.datetime(2026, 10, 26, 12, 0, tzinfo=dt.UTC)
FORTNIGHT = (MONDAY, MONDAY + dt.timedelta(days=14))
"""American clocks go back on the Sunday in the middle of it."""

SPRING = (dt.datetime(2026, 3, 7, 20, 7, tzinfo=dt.UTC), dt.datetime(2026, 3, 9, 16, 38, tzinfo=dt.UTC))
"""American clocks go forward in it; begins and ends at no hour's edge."""


def arrivals_of(happened: Sequence[History]) -> list[Arrival]:
    return [
        Arrival(sent.topic, sent.payload, dt.datetime.fromtimestamp(sent.sent_at / 1000, dt.UTC))
        for sent in sent_messages(happened)
    ]


def take_in(arrivals: Iterable[Arrival]) -> None:
    coming = iter(arrivals)
    while batch := list(islice(coming, loading.BATCH)):
        assert accept(batch).quarantined == 0


def devices_of(happened: Sequence[History]) -> list[tuple[History, Device]]:
    """The histories with their devices, which are known to look for faces, as those of the demo are."""
    made = {"Seattle01": places.seattle01, "Chicago01": places.chicago01, "Chicago02": places.chicago02}
    watched = [(one, made[one.profile.name]()) for one in happened]
    Device.objects.update(faces_sought=True)
    return watched


Bucket = tuple[EngagementBucket, CountBucket, CountBucket]
"""Engagement, faces and thumbs of the same time."""


def buckets(
    device: Device, period: tuple[dt.datetime, dt.datetime], kind: kinds.Bucket, history: History
) -> list[Bucket]:
    selections = [Selection([device], history.profile.zone, *period)]
    (engagement,) = read_engagement(selections, bucket=kind, now=period[1])
    ((faces,), (thumbs,)) = (read_counts(selections, label=label, bucket=kind) for label in ("face", "thumbs-up"))
    return list(zip(engagement, faces, thumbs, strict=True))


def read(bucket: Bucket) -> ExpectedCounts:
    """What the platform says, to be compared with what the visits say."""
    engagement, faces, thumbs = bucket
    assert faces.count == engagement.faces_sum
    return ExpectedCounts(
        frames=engagement.frames,
        faces_sum=engagement.faces_sum,
        faces_peak=engagement.faces_peak,
        faces_confidence=faces.confidence_millionths_sum,
        minutes_seen=engagement.minutes_seen,
        minutes_occupied=engagement.minutes_occupied,
        thumbs=thumbs.count,
        thumbs_confidence=thumbs.confidence_millionths_sum,
    )


def assert_visits_are_true(
    history: History, device: Device, period: tuple[dt.datetime, dt.datetime], kind: kinds.Bucket
) -> int:
    """Every bucket's visits are those that began in it, to the millisecond; answers how many there are."""
    (found,) = read_episodes([Selection([device], history.profile.zone, *period)], label=FACE, bucket=kind)
    lengths: dict[int, list[float]] = {epoch_ms(bucket.start): [] for bucket in found}
    starts = sorted(lengths)
    for visit in expected_visits(history):
        lengths[starts[bisect_right(starts, visit.started) - 1]].append((visit.ended - visit.started) / SECOND)
    assert {epoch_ms(bucket.start): list(bucket.seconds) for bucket in found} == {
        at: sorted(seconds) for at, seconds in lengths.items()
    }
    for bucket in found:
        truth = expected_counts(history, epoch_ms(bucket.start), epoch_ms(bucket.end))
        assert bucket.known_count == (len(bucket.seconds) if truth.frames else None)
    return sum(map(len, lengths.values()))


def assert_true(history: History, bucket: Bucket) -> ExpectedCounts:
    """Every number of this bucket is what the visits say; answers what that is."""
    engagement = bucket[0]
    truth = expected_counts(history, epoch_ms(engagement.start), epoch_ms(engagement.end))
    assert read(bucket) == truth
    assert engagement.average_faces == (None if truth.average_faces is None else float(truth.average_faces))
    assert engagement.coverage == float(Fraction(truth.minutes_seen, engagement.minutes))
    return truth


@pytest.mark.django_db
def test_every_hour_and_day_of_two_weeks_has_the_expected_counts() -> None:
    happened = histories(SEED, *FORTNIGHT)
    watched = devices_of(happened)
    take_in(arrivals_of(happened))
    truths: list[ExpectedCounts] = []
    for history, device in watched:
        hours = buckets(device, FORTNIGHT, "hour", history)
        starts = [epoch_ms(bucket[0].start) for bucket in hours]
        # Both zones are whole hours off UTC, so an hour there is an hour of UTC, also when clocks change.
        assert starts == list(range(epoch_ms(FORTNIGHT[0]), epoch_ms(FORTNIGHT[1]), HOUR))
        truths += [assert_true(history, bucket) for bucket in hours]
        assert assert_visits_are_true(history, device, FORTNIGHT, "hour") > 100
        days = buckets(device, FORTNIGHT, "day", history)
        assert [day[0].minutes for day in days].count(25 * 60) == 1
        for day in days:
            assert_true(history, day)
        assert_visits_are_true(history, device, FORTNIGHT, "day")
    assert_all_kinds_of_hours(truths)
    assert not QuarantinedMessage.objects.exists()
    assert DeviceLog.objects.filter(level="error").count() >= len(happened)


def assert_all_kinds_of_hours(truths: Sequence[ExpectedCounts]) -> None:
    """There was no camera, a camera for part of the time, hardly anybody, a crowd, a thumb: all kinds were compared."""
    assert any(truth.minutes_seen == 0 for truth in truths)
    assert any(0 < truth.minutes_seen < 60 for truth in truths)
    assert any(truth.frames and truth.minutes_occupied < truth.minutes_seen / 4 for truth in truths)
    assert any(truth.faces_peak > 3 for truth in truths)
    assert any(truth.thumbs > 3 for truth in truths)


@pytest.mark.django_db
def test_any_order_and_any_number_of_replays_give_the_same_numbers() -> None:
    happened = histories(SEED, *SPRING)
    watched = devices_of(happened)
    arrivals = arrivals_of(happened)
    shuffled = random.Random(SEED)
    for _ in range(2):
        shuffled.shuffle(arrivals)
        take_in(arrivals)
        for history, device in watched:
            for bucket in buckets(device, SPRING, "hour", history):
                assert_true(history, bucket)
            assert assert_visits_are_true(history, device, SPRING, "hour")
    before = tallies()
    assert before != ([], [])
    take_in(sorted(arrivals, key=lambda arrival: arrival.received_at))
    assert tallies() == before


def tallies() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    engagement = EngagementQuarter.objects.order_by("device", "start").values_list(
        "device", "start", "frames", "faces_sum", "faces_peak", "minutes_seen", "minutes_occupied"
    )
    labels = LabelQuarter.objects.order_by("device", "start", "label", "confidence_bin").values_list(
        "device", "start", "label", "confidence_bin", "count", "confidence_millionths_sum"
    )
    return list(engagement), list(labels)


@pytest.mark.django_db
def test_a_day_of_23_hours_is_complete() -> None:
    happened = histories(SEED, *SPRING)
    watched = devices_of(happened)
    take_in(arrivals_of(happened))
    for history, device in watched:
        days = buckets(device, SPRING, "day", history)
        assert [day[0].minutes for day in days][1] == 23 * 60
        assert [day[0].end for day in days[:-1]] == [day[0].start for day in days[1:]]
        for day in days:
            assert_true(history, day)


def test_the_demo_has_a_place_for_each_camera() -> None:
    assert {place.name for place in sites.PLACES} == {history.profile.site for history in histories(SEED, *SPRING)}
