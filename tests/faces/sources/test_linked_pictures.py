"""A record finds the picture that it links to, whichever of the two comes first."""

import datetime as dt
import json

import pytest
from botocore.exceptions import ClientError
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage
from devices.reading.decoding import Arrival
from faces import tasks
from faces.models import Capture, State
from faces.pictures import storage
from faces.sources import linked_pictures
from tests import clock
from tests.faces import scenes
from tests.faces.sources.amazon import BUCKET, JPEG, Amazon, with_bucket

# Both devices put their pictures into images/ of one bucket, so that an event tells no single device.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seattle01", "chicago01")]


def send_record(device: Device, at: dt.datetime, key: str) -> None:
    link = f"https://s3.amazonaws.com/{BUCKET}/{key}"
    told = {
        "timestamp": f"{at:%Y%m%d-%H%M%S}",
        "objects": [{"object": "thumbs-up", "confidence": 0.9}],
        "link_to_img": link,
    }
    accept([Arrival(f"$aws/things/{device.thing_name}/infer", json.dumps(told).encode(), clock.now())])


def key_at(at: dt.datetime) -> str:
    return f"images/image_at_{at:%Y%m%d-%H%M%S}.jpg"


def moment() -> dt.datetime:
    return clock.now().replace(microsecond=0) - dt.timedelta(minutes=1)


def run_fetches(callbacks: DjangoCaptureOnCommitCallbacks, device: Device, at: dt.datetime) -> None:
    """Send the record, and run the task that its commit enqueues."""
    with callbacks(execute=True):
        send_record(device, at, key_at(at))
    enqueued = [each.task for each in OrmQ.objects.all()]
    OrmQ.objects.all().delete()
    (arguments,) = [task["args"] for task in enqueued if task["func"] == "faces.tasks.fetch_linked_pictures"]
    tasks.fetch_linked_pictures(*arguments)


def test_a_picture_that_came_before_its_record_is_found_by_the_record(
    amazon: Amazon, chicago01: Device, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    at = moment()
    amazon.put(key_at(at))
    amazon.ingester().step()
    assert QuarantinedMessage.objects.filter(replayed_at=None).count() == 1
    run_fetches(django_capture_on_commit_callbacks, chicago01, at)
    capture = Capture.objects.get()
    assert (capture.device, capture.taken_at, capture.state) == (chicago01, at, State.QUEUED)
    assert storage.read(capture)
    assert not QuarantinedMessage.objects.filter(replayed_at=None).exists()


def test_a_picture_that_was_taken_in_without_its_record_is_not_taken_in_again(
    amazon: Amazon,
    seattle01: Device,
    chicago01: Device,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with_bucket(seattle01, bucket="")
    at = moment()
    amazon.put(key_at(at))
    amazon.ingester().step()
    (before,) = Capture.objects.all()
    for _ in range(2):  # the record may be delivered again
        run_fetches(django_capture_on_commit_callbacks, chicago01, at)
        assert Capture.objects.get() == before


def test_a_picture_that_comes_later_is_found_by_the_sweep(amazon: Amazon, chicago01: Device) -> None:
    at = moment()
    send_record(chicago01, at, key_at(at))
    assert tasks.sweep_linked_pictures() == 0
    amazon.put(key_at(at))
    assert tasks.sweep_linked_pictures() == 1
    assert Capture.objects.get().state == State.QUEUED
    amazon.ingester().step()
    assert Capture.objects.count() == 1


def test_one_picture_that_cannot_be_fetched_delays_no_other(
    amazon: Amazon, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = moment()
    for second, body in ((0, JPEG), (1, b"no picture"), (2, scenes.jpeg(scenes.portrait()))):
        amazon.put(key_at(at + dt.timedelta(seconds=second)), body)
        send_record(chicago01, at + dt.timedelta(seconds=second), key_at(at + dt.timedelta(seconds=second)))
    heads = linked_pictures._stored_object

    def away(bucket: str, key: str) -> object:
        if key == key_at(at):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "HeadObject")
        return heads(bucket, key)

    monkeypatch.setattr(linked_pictures, "_stored_object", away)
    assert tasks.sweep_linked_pictures() == 1
    assert {(capture.taken_at - at).seconds: capture.state for capture in Capture.objects.all()} == {
        0: State.LINKED,
        1: State.LINKED,
        2: State.QUEUED,
    }
    assert "neither a JPEG nor a PNG" in Capture.objects.get(taken_at=at + dt.timedelta(seconds=1)).reason


def test_a_picture_that_somebody_wants_to_see_is_fetched_at_any_time_and_kept_from_then_on(
    amazon: Amazon, chicago01: Device
) -> None:
    at = moment() - dt.timedelta(days=20)
    send_record(chicago01, at, key_at(at))
    (linked,) = Capture.objects.all()
    now = clock.now() + dt.timedelta(minutes=10)
    amazon.put(key_at(at))
    assert tasks.sweep_linked_pictures() == 0
    linked_pictures.ask_for([linked], now=now)
    (asked,) = [each.task for each in OrmQ.objects.all() if each.task["func"] == "faces.tasks.fetch_linked_pictures"]
    tasks.fetch_linked_pictures(*asked["args"])
    found = Capture.objects.get()
    assert (found.state, found.reason) == (State.QUEUED, "")
    assert found.received_at > linked.received_at


def test_a_picture_is_asked_for_once_a_minute_however_often_the_page_is_opened(
    amazon: Amazon, chicago01: Device
) -> None:
    send_record(chicago01, moment(), key_at(moment()))
    now = clock.now() + dt.timedelta(minutes=10)
    for second in (0, 1, 30, 61):
        linked_pictures.ask_for(list(Capture.objects.all()), now=now + dt.timedelta(seconds=second))
    assert [each.task["func"] for each in OrmQ.objects.all()].count("faces.tasks.fetch_linked_pictures") == 2


def test_a_picture_that_is_not_fetched_says_why(amazon: Amazon, chicago01: Device) -> None:
    send_record(chicago01, moment(), key_at(moment()))
    (linked,) = Capture.objects.all()
    tasks.fetch_linked_pictures(str(linked.pk))
    linked.refresh_from_db()
    assert linked.reason == "It is not in the bucket, or not yet."
    with_bucket(chicago01, bucket="another")
    tasks.fetch_linked_pictures(str(linked.pk))
    linked.refresh_from_db()
    assert linked.reason == "It is not in the bucket and under the prefix that are set for Chicago01."
