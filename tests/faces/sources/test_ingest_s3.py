"""Pictures that are put into a bucket are taken in once, whatever happens meanwhile; moto plays S3 and SQS."""

import datetime as dt
import json
import os
import signal
import threading
from typing import Any
from urllib.parse import quote_plus

import pytest
from botocore.exceptions import ClientError
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django import Settings

from devices import health
from devices.intake import batches
from devices.intake.replay import replay_quarantined
from devices.models import Device, Heartbeat, QuarantinedMessage, Thing
from devices.reading import picture_budget
from devices.reading.decoding import TakenPicture
from devices.reading.identity import digest
from devices.services import register_device
from faces.erasure.retention import remove_old_pictures
from faces.models import Capture, Face, Person, State
from faces.pictures import storage
from faces.services import NotErasedYet, forget
from faces.sources.s3_events import KeyFilter
from faces.sources.s3_ingester import S3Ingester
from tests import clock
from tests.faces import scenes
from tests.faces.sources.amazon import BUCKET, JPEG, KEY, OTHER, Amazon, reasons, with_bucket
from tests.world.places import SEATTLE01

pytestmark = pytest.mark.django_db


class TestTakingIn:
    def test_a_picture_in_a_devices_folder_is_its_capture(self, amazon: Amazon, seattle01: Device) -> None:
        before = clock.now() - dt.timedelta(seconds=1)
        amazon.put()
        assert amazon.ingester().step() == 2  # S3's own test event is the first
        capture = Capture.objects.get()
        assert (capture.device, capture.state) == (seattle01, State.QUEUED)
        assert before <= capture.taken_at <= clock.now()
        assert capture.source_url.startswith(f"s3://{BUCKET}/pictures/{SEATTLE01}/a%20b%2Bc.jpg#")
        assert storage.read(capture)[:2] == b"\xff\xd8"
        assert (amazon.waiting, reasons()) == (0, [])

    def test_an_objects_name_may_contain_the_time(self, amazon: Amazon, seattle01: Device) -> None:
        Thing.objects.update(clock_timezone="America/Los_Angeles")
        today = clock.now().astimezone(seattle01.site.zone)
        amazon.put(f"{SEATTLE01}/image_at_{today:%Y%m%d}-000102.jpg")
        amazon.ingester().step()
        assert Capture.objects.get().taken_at == today.replace(hour=0, minute=1, second=2, microsecond=0)

    def test_metadata_takes_precedence_over_the_key(self, amazon: Amazon, seattle01: Device, chicago01: Device) -> None:
        at = clock.now().replace(microsecond=123_000) - dt.timedelta(hours=2)
        amazon.put(thing=chicago01.thing_name, taken_at=str(round(at.timestamp() * 1000)))
        amazon.ingester().step()
        assert (Capture.objects.get().device, Capture.objects.get().taken_at) == (chicago01, at)

    def test_the_picture_of_which_a_device_sent_the_address_is_found(
        self, amazon: Amazon, seattle01: Device, chicago01: Device
    ) -> None:
        """As a DeepLens does: the record comes by MQTT, the picture by S3, and the key names no device."""
        url = f"https://s3.amazonaws.com/{BUCKET}/images/1.jpg"
        at = clock.now() - dt.timedelta(minutes=1)
        batches.take_in_picture(TakenPicture(chicago01, at, at, digest("url", url), None, source_url=url))
        amazon.put("images/1.jpg")
        amazon.ingester().step()
        capture = Capture.objects.get()
        assert (capture.device, capture.taken_at, capture.state) == (chicago01, at, State.QUEUED)
        assert storage.read(capture)

    def test_only_keys_with_the_prefix_and_suffix_are_taken_in(self, amazon: Amazon, seattle01: Device) -> None:
        for key in (KEY, f"pictures/{SEATTLE01}/1.png", f"others/{SEATTLE01}/1.jpg"):
            amazon.put(key)
        amazon.s3.delete_object(Bucket=BUCKET, Key=f"others/{SEATTLE01}/1.jpg")
        amazon.ingester(KeyFilter("pictures/", ".jpg")).step()
        assert Capture.objects.get().source_url.startswith(f"s3://{BUCKET}/{KEY.split('/')[0]}/")
        assert (amazon.waiting, reasons()) == (0, [])

    def test_a_program_s_other_objects_are_passed_over_and_its_face_crops_are_known(
        self, amazon: Amazon, seattle01: Device, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        now = clock.now().replace(microsecond=0)
        stamp, face = f"{now:%Y%m%d-%H%M%S}", f"faces/1_1/1_1/{now.timestamp():.0f}_0.jpg"
        for key in (
            *(f"{folder}/x_{stamp}.jpg" for folder in ("images", "raw_images", "frames_resized")),
            *(f"{folder}/x_{stamp}.json" for folder in ("json", "latest", "training_annotation")),
            face,
        ):
            amazon.put(key)
        amazon.ingester().step()
        assert (amazon.waiting, reasons()) == (0, [])
        taken = {
            (capture.source_url.split("/")[3], capture.shows): capture.taken_at for capture in Capture.objects.all()
        }
        assert taken == {("images", "frame"): now, ("faces", "crop"): now}
        assert caplog.text.count("is passed over, as others like it will be") == 3

    def test_pictures_beyond_the_budget_of_their_device_wait_in_the_queue(
        self, amazon: Amazon, seattle01: Device, chicago01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(picture_budget, "MOST_PIXELS", 1)
        monkeypatch.setattr(picture_budget, "PIXELS_PER_SECOND", 1)
        for key in (KEY, f"pictures/{SEATTLE01}/1.jpg", f"pictures/{chicago01.thing_name}/2.jpg"):
            amazon.put(key)
        amazon.ingester().step()
        assert (Capture.objects.count(), amazon.waiting, reasons()) == (2, 1, [])
        picture_budget.forget()
        amazon.ingester().step()
        assert (Capture.objects.count(), amazon.waiting, reasons()) == (3, 0, [])

    def test_what_the_platform_puts_into_its_own_bucket_is_no_new_picture(
        self, amazon: Amazon, seattle01: Device, settings: Settings
    ) -> None:
        settings.PICTURES_BUCKET = BUCKET
        amazon.put()
        amazon.ingester().step()
        assert not Capture.objects.exists()
        assert (amazon.waiting, reasons()) == (0, [])

    def test_a_notification_through_sns_is_taken_in(self, amazon: Amazon, seattle01: Device) -> None:
        amazon.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
        amazon.put()
        amazon.say(json.dumps({"Type": "Notification", "Message": json.dumps({"Records": [record()]})}))
        amazon.ingester().step()
        assert Capture.objects.get().device == seattle01


class TestAtLeastOnce:
    def test_the_same_event_again_changes_nothing(self, amazon: Amazon, seattle01: Device) -> None:
        amazon.put()
        ingester = amazon.ingester()
        for _ in range(3):
            amazon.say(json.dumps({"Records": [record(etag=amazon_etag(amazon)), record(etag=amazon_etag(amazon))]}))
            ingester.step()
        assert Capture.objects.count() == 1

    def test_another_picture_under_the_same_key_is_another_capture(self, amazon: Amazon, seattle01: Device) -> None:
        ingester = amazon.ingester()
        for picture in (scenes.cat(), scenes.portrait()):
            amazon.put(body=scenes.jpeg(picture))
            ingester.step()
        assert Capture.objects.count() == 2

    @pytest.mark.parametrize(
        ("what", "error"),
        [
            ("faces.sources.s3_ingester.take_in_object", OperationalError("the database is away")),
            ("faces.sources.s3_pictures._content", ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")),
        ],
    )
    def test_what_is_not_committed_stays_in_the_queue(
        self, amazon: Amazon, seattle01: Device, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        amazon.put()
        with monkeypatch.context() as patched:
            patched.setattr(what, fail)
            with pytest.raises(type(error)):
                amazon.ingester().step()
        assert (Capture.objects.count(), reasons(), amazon.waiting) == (0, [], 1)
        amazon.ingester().step()
        assert (Capture.objects.count(), amazon.waiting) == (1, 0)


class TestQuarantine:
    def test_bad_events_are_quarantined_once_with_their_reason(
        self, amazon: Amazon, seattle01: Device, chicago01: Device
    ) -> None:
        amazon.put(f"{SEATTLE01}/text.jpg", b"no picture at all")
        amazon.put("nobody/1.jpg")
        amazon.put(f"{SEATTLE01}/99999999-999999.jpg")
        amazon.put(f"{SEATTLE01}/20010101-000000.jpg")
        for body in ("{", "[]", '{"Records": [{"eventName": "ObjectCreated:Put"}]}', "{}"):
            amazon.say(body)
        amazon.say(json.dumps({"Records": [record(key=f"{SEATTLE01}/gone.jpg"), record(size=6_000_000)]}))
        amazon.ingester().step()
        assert sorted(reasons()) == sorted(
            [
                *[("bad-picture", f"s3/{BUCKET}")] * 3,
                ("unknown-device", f"s3/{BUCKET}"),
                ("bad-value", f"s3/{BUCKET}"),
                ("too-old", f"s3/{BUCKET}"),
                *[("unreadable", "s3/")] * 4,
            ]
        )
        assert (Capture.objects.count(), amazon.waiting) == (0, 0)

    def test_a_quarantined_event_can_be_replayed(self, amazon: Amazon, seattle01: Device) -> None:
        with_bucket(seattle01, prefix="seattle/")
        amazon.put("new-camera/1.jpg")
        amazon.ingester().step()
        (message,) = QuarantinedMessage.objects.all()
        assert "“new-camera/1.jpg” is in the bucket “cameras”, but in the bucket and under the pre" in message.detail
        assert not replay_quarantined(message=message, now=clock.now())
        device = register_device(site=seattle01.site, name="New", thing_name="new-camera")
        with_bucket(device, prefix="new-camera/")
        assert replay_quarantined(message=message, now=clock.now())
        assert Capture.objects.get().device == device


class TestOriginals:
    def test_erasing_somebody_removes_the_original_with_all_its_versions(
        self, amazon: Amazon, seattle01: Device, ada: Person
    ) -> None:
        amazon.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for key in (KEY, KEY, f"{KEY}.other"):
            amazon.put(key)
        amazon.ingester(KeyFilter(suffix=".jpg")).step()
        Face.objects.update(capture=Capture.objects.get())
        forget(person=ada, by=None)
        left = amazon.s3.list_object_versions(Bucket=BUCKET)
        assert [version["Key"] for version in left["Versions"]] == [f"{KEY}.other"]
        assert "DeleteMarkers" not in left
        assert Capture.objects.get().source_url == ""

    def test_an_original_that_cannot_be_removed_is_reported(
        self, amazon: Amazon, seattle01: Device, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        amazon.put()
        amazon.ingester().step()
        Face.objects.update(capture=Capture.objects.get())

        def refuse(source: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteObject")

        monkeypatch.setattr(storage, "remove_original", refuse)
        with pytest.raises(NotErasedYet, match="AccessDenied"):
            forget(person=ada, by=None)

    def test_another_picture_under_the_same_key_is_another_persons(
        self, amazon: Amazon, seattle01: Device, ada: Person
    ) -> None:
        amazon.put()
        amazon.ingester().step()
        Face.objects.update(capture=Capture.objects.get())
        amazon.put(body=OTHER)
        forget(person=ada, by=None)
        assert amazon.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == OTHER

    def test_an_original_is_removed_with_its_picture(self, amazon: Amazon, seattle01: Device) -> None:
        for key in (KEY, KEY.replace(".jpg", "-later.jpg")):
            amazon.put(key)
        amazon.ingester().step()
        later = Capture.objects.get(source_url__contains="later")
        Capture.objects.exclude(pk=later.pk).update(received_at=clock.now() - dt.timedelta(days=30))
        assert sum(remove_old_pictures(now=clock.now())) == 1
        assert [each["Key"] for each in amazon.s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
            KEY.replace(".jpg", "-later.jpg")
        ]
        assert Capture.objects.exclude(pk=later.pk).get().source_url == ""

    def test_an_original_left_by_an_outage_is_removed_by_the_next_run(
        self, amazon: Amazon, seattle01: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        amazon.put()
        amazon.ingester().step()
        month = clock.now() + dt.timedelta(days=30)

        def refuse(source: str) -> None:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "no"}}, "DeleteObject")

        with monkeypatch.context() as away:
            away.setattr(storage, "remove_original", refuse)
            assert sum(remove_old_pictures(now=month)) == 0
        assert "kept for too long" in caplog.text
        assert sum(remove_old_pictures(now=month)) == 1
        assert "Contents" not in amazon.s3.list_objects_v2(Bucket=BUCKET)


class TestCommand:
    @pytest.mark.django_db(transaction=True)
    def test_it_runs_until_it_is_told_to_stop(
        self, amazon: Amazon, seattle01: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        step, beats = S3Ingester.step, []

        def step_and_stop(self: S3Ingester) -> int:
            done = step(self)
            os.kill(os.getpid(), signal.SIGTERM)
            return done

        monkeypatch.setattr(S3Ingester, "step", step_and_stop)
        monkeypatch.setattr(health, "beat", lambda process, **told: beats.append((process, told)))
        settings.PICTURE_EVENTS_QUEUE_URL = amazon.queue
        amazon.put()
        handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            call_command("ingest_s3", prefix="pictures/", suffix=".jpg")
        finally:
            for each, handler in handlers.items():
                signal.signal(each, handler)
        assert Capture.objects.count() == 1
        ((process, told),) = beats
        assert (process, told["numbers"]["committed_messages_total"]) == ("ingest s3", 1)
        assert not Heartbeat.objects.filter(process="ingest s3").exists()

    def test_what_was_not_begun_when_told_to_stop_stays_in_the_queue(self, amazon: Amazon, seattle01: Device) -> None:
        stop = threading.Event()
        stop.set()
        amazon.put()
        amazon.ingester(stop=stop).step()
        assert (Capture.objects.count(), amazon.waiting) == (0, 2)

    def test_without_a_queue_it_says_what_to_set(self) -> None:
        with pytest.raises(CommandError, match="PICTURE_EVENTS_QUEUE_URL is not set"):
            call_command("ingest_s3")


def record(*, key: str = KEY, etag: str = "0", size: int = len(JPEG)) -> dict[str, Any]:
    """As S3 tells of an object that was put."""
    thing = {"key": quote_plus(key, safe="/"), "eTag": etag, "size": size}
    at = clock.now().isoformat()
    return {
        "eventName": "ObjectCreated:Put",
        "eventTime": at,
        "s3": {"bucket": {"name": BUCKET}, "object": thing},
    }


def amazon_etag(amazon: Amazon) -> str:
    return str(amazon.s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"]).strip('"')
