"""Pictures are taken in once, with their file, and handed to the workers after the commit."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django_q.models import OrmQ

from devices.intake.batches import Batch
from devices.models import Device
from devices.reading.decoding import TakenPicture
from edge_agent.messages import Face
from faces.models import Capture, State
from faces.pictures import sink, storage
from tests.faces import scenes
from tests.faces.conftest import NOON

pytestmark = pytest.mark.django_db

JPEG = scenes.jpeg(scenes.cat())
TAKEN: dict[str, Any] = {"taken_at": NOON, "received_at": NOON, "key": 1, "jpeg": JPEG}


def picture(device: Device, **changes: Any) -> TakenPicture:
    return TakenPicture(**{**TAKEN, "device": device, **changes})


def take_in(*taken: TakenPicture) -> None:
    with transaction.atomic():
        sink.take_in(Batch(pictures=list(taken)))()


def files() -> set[str]:
    folder = Path(settings.MEDIA_ROOT)
    return {str(path.relative_to(folder)) for path in folder.rglob("*.jpg")}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_a_picture_becomes_a_queued_capture_with_its_file(seattle01: Device) -> None:
    take_in(picture(seattle01, shows="crop", faces=(Face(0.9, (1, 2, 3, 4)), Face(0.8)), area=(10, 20, 300, 400)))
    capture = Capture.objects.get()
    assert (capture.state, capture.attempts, capture.shows) == (State.QUEUED, 0, "crop")
    assert capture.claimed_faces == [{"confidence": 0.9, "box": [1, 2, 3, 4]}, {"confidence": 0.8, "box": None}]
    assert capture.area == [10, 20, 300, 400]
    assert storage.read(capture) == JPEG
    assert files() == {str(capture.image)}


def test_the_same_picture_counts_once_within_a_batch_and_across(seattle01: Device, chicago01: Device) -> None:
    once = picture(seattle01)
    take_in(once, once, picture(chicago01))
    take_in(once, picture(seattle01, key=2))
    assert Capture.objects.count() == len(files()) == 3


def test_a_pictures_file_name_is_random(seattle01: Device) -> None:
    take_in(picture(seattle01))
    capture = Capture.objects.get()
    name = Path(str(capture.image)).stem
    assert len(name) == 32
    assert name not in (capture.pk.hex, str(capture.key))


def test_a_picture_that_is_elsewhere_is_linked_and_waits_for_nobody(seattle01: Device) -> None:
    take_in(picture(seattle01, jpeg=None, source_url="https://example.com/1.jpg"))
    capture = Capture.objects.get()
    assert (capture.state, str(capture.image), capture.source_url) == (State.LINKED, "", "https://example.com/1.jpg")
    assert not OrmQ.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_after_the_commit_only(seattle01: Device) -> None:
    with transaction.atomic():
        sink.take_in(Batch(pictures=[picture(seattle01)]))()
        assert not OrmQ.objects.exists()
    (task,) = OrmQ.objects.all()
    assert (task.task["func"], task.task["args"]) == (
        "faces.tasks.recognise_capture",
        (str(Capture.objects.get().pk),),
    )


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_away_hurts_nobody(
    seattle01: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> None:
        raise ConnectionError("the queue is away")

    monkeypatch.setattr(sink, "async_task", away)
    take_in(picture(seattle01))
    assert Capture.objects.get().state == State.QUEUED
    assert "the sweep will" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_file_of_a_rolled_back_picture_is_cleared_away_and_no_other(seattle01: Device) -> None:
    take_in(picture(seattle01))
    with transaction.atomic():
        sink.take_in(Batch(pictures=[picture(seattle01, key=2)]))()
        transaction.set_rollback(True)
    assert len(files()) == 2
    assert storage.remove_left_over(now=NOON + dt.timedelta(hours=1)) == 0
    assert storage.remove_left_over(now=NOON + dt.timedelta(hours=4)) == 1
    assert files() == {str(Capture.objects.get().image)}


@pytest.mark.django_db(transaction=True)
def test_deleting_a_capture_deletes_its_file(seattle01: Device) -> None:
    take_in(picture(seattle01))
    seattle01.delete()
    assert files() == set()
    assert not default_storage.exists("captures/none.jpg")


def test_a_batch_of_pictures_takes_a_fixed_number_of_queries(seattle01: Device, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        sink.take_in(Batch(pictures=[picture(seattle01, key=key) for key in range(50)]))()


def test_a_batch_without_pictures_takes_none(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        sink.take_in(Batch())()
