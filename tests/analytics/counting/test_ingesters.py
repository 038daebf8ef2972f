"""Several ingesters at once, while tallies are rebuilt and detections reviewed."""

import datetime as dt
import random
import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from analytics.counting import corrections
from analytics.models import Detection, Verdict
from devices.models import Device
from devices.reading.decoding import ReceivedFrame
from tests import clock
from tests.analytics.episodes import episode_table, stored_episodes
from tests.analytics.frames import count, engagement_table, label_table, seen, stored_engagement, stored_labels
from tests.programs.threads import together
from tests.world import places

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TO_SEE_IT_WAIT = 1
TO_LET_IT_END = 60
"""Seconds."""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


def begun(job: Callable[[], None], *, patience: float) -> threading.Thread:
    """The job, in a thread of its own, when it has ended or after that many seconds."""
    thread = threading.Thread(target=together, args=[job])
    thread.start()
    thread.join(patience)
    return thread


def frames_of(devices: list[Device]) -> list[ReceivedFrame]:
    chance = random.Random(7)
    return [
        seen(
            chance.choice(devices),
            NOON + dt.timedelta(seconds=chance.randrange(3600)),
            faces=[chance.random()] * chance.randrange(3),
            labels=[("cup", chance.random())],
            key=key,
        )
        for key in range(600)
    ]


def ingester(frames: list[ReceivedFrame], seed: int) -> Callable[[], None]:
    """Takes in all frames, in an order and in batches of its own."""

    def run() -> None:
        chance = random.Random(seed)
        mine = chance.sample(frames, len(frames))
        while mine:
            size = chance.randrange(1, 40)
            count(*mine[:size])
            del mine[:size]

    return run


def whole_day(device: Device) -> corrections.Stretch:
    start = NOON.replace(hour=0)
    return corrections.Stretch(device, start, start + DAY)


def rebuilder(devices: list[Device]) -> Callable[[], None]:
    def run() -> None:
        for turn in range(20):
            corrections.rebuild(whole_day(devices[turn % len(devices)]))

    return run


def reviewer(superuser: User) -> Callable[[], None]:
    """Calls detections wrong, and takes all of it back."""

    def run() -> None:
        for _ in range(20):
            for detection in Detection.objects.order_by("?")[:1]:
                corrections.review(verdicts={detection: Verdict.WRONG}, by=superuser, now=clock.now())
        for detection in Detection.objects.filter(review=Verdict.WRONG):
            corrections.review(verdicts={detection: None}, by=superuser, now=clock.now())

    return run


def test_nothing_is_lost_or_counted_twice() -> None:
    devices = [places.seattle01(), places.chicago01(), places.chicago02()]
    superuser = places.superuser()
    frames = frames_of(devices)
    together(
        *(ingester(frames, seed) for seed in range(3)),
        rebuilder(devices),
        reviewer(superuser),
    )
    assert stored_engagement() == engagement_table(frames)
    assert stored_labels() == label_table(frames)
    assert stored_episodes() == episode_table(frames)


def test_frames_wait_for_a_rebuild_of_their_own_device_only() -> None:
    seattle01, chicago01 = places.seattle01(), places.chicago01()
    frame, other = seen(seattle01, NOON, faces=[0.9]), seen(chicago01, NOON, faces=[0.9])
    with transaction.atomic():
        corrections.rebuild(whole_day(seattle01))
        intake = begun(lambda: count(frame), patience=TO_SEE_IT_WAIT)
        assert intake.is_alive()
        assert not begun(lambda: count(other), patience=TO_LET_IT_END).is_alive()
    intake.join()
    assert stored_engagement() == engagement_table([frame, other])


def test_a_rebuild_waits_for_frames_that_are_being_written() -> None:
    seattle01 = places.seattle01()
    frame = seen(seattle01, NOON, faces=[0.9])
    with transaction.atomic():
        count(frame)
        rebuild = begun(rebuilder([seattle01]), patience=TO_SEE_IT_WAIT)
        assert rebuild.is_alive()
    rebuild.join()
    assert stored_engagement() == engagement_table([frame])


def test_ingesters_do_not_wait_for_each_other() -> None:
    seattle01 = places.seattle01()
    frames = [seen(seattle01, NOON + minutes * dt.timedelta(minutes=15)) for minutes in range(2)]
    with transaction.atomic():
        count(frames[0])
        assert not begun(lambda: count(frames[1]), patience=TO_LET_IT_END).is_alive()
    assert stored_engagement() == engagement_table(frames)
