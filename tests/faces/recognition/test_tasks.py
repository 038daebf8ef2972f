"""The workers' tasks, their schedule, and the greeting that goes out."""

import datetime as dt
import json
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from django.core.management.sql import emit_post_migrate_signal
from django_q.models import Schedule
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent import messages
from faces import aws, tasks
from faces.models import Capture, Person, Sighting, State
from faces.recognisers.recogniser import Recogniser
from faces.recognition import greetings, health
from faces.recognition.greetings import LATE_AFTER, RETRY_FOR, publish_late
from faces.services import recognise
from tests import clock
from tests.faces.conftest import NOON, TakePicture
from tests.programs.aws import moto
from tests.programs.brokers import Mosquitto, free_port, mosquitto
from tests.programs.waiting import PATIENCE_S
from tests.world.places import SEATTLE01

pytestmark = pytest.mark.django_db


def test_a_task_recognises_its_capture(take_picture: TakePicture, local: Recogniser) -> None:
    capture = take_picture()
    assert tasks.recognise_capture(str(capture.pk)) == State.DONE
    assert Capture.objects.get().cups == 1


def test_the_sweep_sweeps(take_picture: TakePicture) -> None:
    take_picture(received=clock.now() - dt.timedelta(hours=1))
    assert tasks.sweep_captures() == 1


def test_left_over_pictures_are_removed(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    assert tasks.remove_left_over_pictures() == 0


def test_every_migrate_leaves_each_schedule_once() -> None:
    for _ in range(2):
        emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    faces = Schedule.objects.filter(func__startswith="faces.")
    assert sorted(faces.values_list("func", "schedule_type", "repeats")) == [
        ("faces.tasks.announce_renewals", Schedule.DAILY, -1),
        ("faces.tasks.erase_unseen", Schedule.DAILY, -1),
        ("faces.tasks.finish_erasures", Schedule.HOURLY, -1),
        ("faces.tasks.forget_faces_without_consent", Schedule.DAILY, -1),
        ("faces.tasks.forget_unclaimed_faces", Schedule.HOURLY, -1),
        ("faces.tasks.refresh_notices", Schedule.HOURLY, -1),
        ("faces.tasks.remove_left_over_pictures", Schedule.HOURLY, -1),
        ("faces.tasks.remove_old_drafts", Schedule.HOURLY, -1),
        ("faces.tasks.remove_old_pictures", Schedule.HOURLY, -1),
        ("faces.tasks.remove_quarantined_pictures", Schedule.HOURLY, -1),
        ("faces.tasks.settle_expressions", Schedule.HOURLY, -1),
        ("faces.tasks.sweep_captures", Schedule.MINUTES, -1),
        ("faces.tasks.sweep_linked_pictures", Schedule.MINUTES, -1),
        ("faces.tasks.tell_late", Schedule.MINUTES, -1),
    ]


def test_who_is_recognised_is_greeted(
    ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser, tmp_path: Path, settings: Any
) -> None:
    topic = messages.topic_to_device(SEATTLE01, "greeting")
    with mosquitto(tmp_path) as broker, subscribed(broker, topic) as greetings:
        settings.MQTT_URL = broker.url
        recognise(capture_id=take_picture().pk, now=NOON + dt.timedelta(seconds=5), recogniser=local)
        greeting = msgspec.json.decode(greetings.get(timeout=PATIENCE_S), type=messages.Greeting)
    assert greeting == messages.Greeting(name="Ada", coffees=1, line="Commander")


def test_a_broker_that_is_away_hurts_no_recognition(
    ada: Person,
    enrolled_only: None,
    take_picture: TakePicture,
    local: Recogniser,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.MQTT_URL = f"mqtt://127.0.0.1:{free_port()}"
    capture = recognise(capture_id=take_picture().pk, now=NOON + dt.timedelta(seconds=5), recogniser=local)
    assert capture.state == State.DONE
    assert "The greeting at Seattle01 could not be sent" in caplog.text


@pytest.mark.parametrize("name", ["greetings", "greetings.fifo"])
def test_a_late_picture_is_still_published_to_the_topic(
    ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser, settings: Any, name: str
) -> None:
    with moto():
        sns, sqs, fifo = aws.client("sns"), aws.client("sqs"), {"FifoTopic": "true"} if "." in name else {}
        queue = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})["QueueUrl"]
        settings.GREETING_TOPIC_ARN = sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
        asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=settings.GREETING_TOPIC_ARN, Protocol="sqs", Endpoint=asked, Attributes=raw)
        capture = recognise(capture_id=take_picture().pk, now=NOON + dt.timedelta(hours=1), recogniser=local)
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        sqs.delete_queue(QueueUrl=queue)
    assert json.loads(message["Body"]) == {
        "id": f"{capture.pk}-0",
        "name": "Ada",
        "line": "Commander",
        "external_id": "",
        "profile": "",
        "coffees": 1,
        "site": "seattle",
        "device": "Seattle01",
        "taken_at": "2026-11-20T20:00:00Z",
    }


class TestTopicAway:
    """For an hour nobody can be told; nobody is forgotten."""

    @pytest.fixture
    def topic(self, ada: Person, enrolled_only: None, settings: Any) -> Iterator[Callable[[], Any]]:
        """Makes it, and answers what it has been told since."""
        settings.GREETING_TOPIC_ARN = "arn:aws:sns:us-west-2:123456789012:greetings"
        with moto() as server:
            server.reset()
            sns, sqs = aws.client("sns"), aws.client("sqs")

            def come_back() -> Callable[[], list[str]]:
                queue = sqs.create_queue(QueueName="told")["QueueUrl"]
                arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
                sns.create_topic(Name="greetings")
                raw = {"RawMessageDelivery": "true"}
                sns.subscribe(TopicArn=settings.GREETING_TOPIC_ARN, Protocol="sqs", Endpoint=arn, Attributes=raw)
                return lambda: [
                    json.loads(message["Body"])["id"]
                    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
                ]

            yield come_back
            server.reset()

    def test_unpublished_sightings_are_published_later_and_once(
        self, topic: Any, take_picture: TakePicture, local: Recogniser, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = recognise(capture_id=take_picture().pk, now=NOON, recogniser=local)
        second = recognise(capture_id=take_picture().pk, now=NOON + LATE_AFTER, recogniser=local)
        assert (first.state, second.state) == (State.DONE, State.DONE)
        told = "Publishing a recognition at Seattle01 to the topic failed and is tried again"
        assert caplog.text.count(told) == 1, "the second did not wait for it"
        assert publish_late(now=NOON + LATE_AFTER) == 2
        asked = topic()
        later = NOON + dt.timedelta(hours=1)
        assert publish_late(now=later) == publish_late(now=later) == 0
        assert sorted(asked()) == sorted([f"{first.pk}-0", f"{second.pk}-0"])

    def test_after_a_day_it_is_given_up_and_said(
        self, topic: Any, take_picture: TakePicture, local: Recogniser, caplog: pytest.LogCaptureFixture
    ) -> None:
        recognise(capture_id=take_picture().pk, now=NOON, recogniser=local)
        assert any("1 wait for the topic" in str(line) for line in health.lines(NOON))
        assert publish_late(now=NOON + RETRY_FOR) == 0
        assert "1 sightings could not be published to the topic for a day; they are given up" in caplog.text

    def test_a_sighting_that_the_topic_refuses_stands_in_no_others_way(
        self,
        topic: Any,
        take_picture: TakePicture,
        local: Recogniser,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        refused = recognise(capture_id=take_picture().pk, now=NOON, recogniser=local)
        other = recognise(capture_id=take_picture().pk, now=NOON + LATE_AFTER, recogniser=local)
        profile = greetings._profile

        def too_long(capture: Capture, sighting: Sighting) -> greetings.Profile:
            made = profile(capture, sighting)
            return msgspec.structs.replace(made, line="x" * 300_000) if capture.pk == refused.pk else made

        monkeypatch.setattr(greetings, "_profile", too_long)
        asked = topic()
        assert publish_late(now=NOON + dt.timedelta(hours=1)) == 0
        assert asked() == [f"{other.pk}-0"]
        assert "cannot be published to the topic, and is given up" in caplog.text

    def test_whoever_was_erased_meanwhile_is_not_told_of(
        self, topic: Any, ada: Person, take_picture: TakePicture, local: Recogniser
    ) -> None:
        recognise(capture_id=take_picture().pk, now=NOON, recogniser=local)
        Sighting.objects.update(person=None)
        asked = topic()
        assert publish_late(now=NOON + dt.timedelta(hours=1)) == 0
        assert asked() == []


@contextmanager
def subscribed(broker: Mosquitto, topic: str) -> Iterator["queue.Queue[bytes]"]:
    """What arrives on the topic meanwhile."""
    arrived: queue.Queue[bytes] = queue.Queue()
    ready: queue.Queue[bool] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: arrived.put(bytes(message.payload))
    client.on_subscribe = lambda *_: ready.put(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe(topic, qos=1)
    ready.get(timeout=PATIENCE_S)
    yield arrived
    client.disconnect()
    client.loop_stop()
