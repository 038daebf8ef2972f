"""A record finds the picture that it links to, whichever of the two comes first."""

import datetime as dt
import json

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage
from devices.reading.decoding import Arrival
from faces import aws, tasks
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


NO_ANSWER = "S3 did not answer; it is tried again when the page is opened."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            NoCredentialsError(),
            "This server has no AWS credentials for the bucket; whoever runs the server can set them.",
        ),
        (EndpointConnectionError(endpoint_url="https://s3"), NO_ANSWER),
        (ReadTimeoutError(endpoint_url="https://s3"), NO_ANSWER),
        (
            ClientError({"Error": {"Code": "403"}}, "HeadObject"),
            "S3 does not let this server read the bucket; allow its AWS credentials s3:GetObject there.",
        ),
        (
            ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"),
            "S3 answered with the error SlowDown; it is tried again when the page is opened.",
        ),
        (
            ParamValidationError(report="Invalid bucket name"),
            "It cannot be asked for: Parameter validation failed: Invalid bucket name.",
        ),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_whatever_keeps_a_picture_away_is_one_sentence_and_no_traceback(
    amazon: Amazon,
    chicago01: Device,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    sentence: str,
) -> None:
    def fails(bucket: str, key: str) -> object:
        raise error

    monkeypatch.setattr(linked_pictures, "_stored_object", fails)
    send_record(chicago01, moment(), key_at(moment()))
    assert tasks.sweep_linked_pictures() == 0
    assert Capture.objects.get().reason == sentence
    assert [record.exc_info for record in caplog.records if "cannot be fetched" in record.message] == [None]


def test_a_picture_that_cannot_be_stored_is_no_endless_wait(
    amazon: Amazon, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_is_full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(linked_pictures, "take_in_object", disk_is_full)
    at = moment()
    amazon.put(key_at(at))
    send_record(chicago01, at, key_at(at))
    assert tasks.sweep_linked_pictures() == 0
    assert Capture.objects.get().reason == "The platform failed to store it; the log of the task workers says why."


def test_without_credentials_the_real_client_s_error_is_the_sentence_that_people_read(
    amazon: Amazon, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    aws.client.cache_clear()
    send_record(chicago01, moment(), key_at(moment()))
    assert tasks.sweep_linked_pictures() == 0
    aws.client.cache_clear()
    assert "has no AWS credentials" in Capture.objects.get().reason
