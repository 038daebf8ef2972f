"""Pictures that are too large for a message, announced and brought in pieces, or put into a bucket."""

import datetime as dt
import hashlib
import io
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import Settings
from skimage import data

from config.settings import S3_STORAGE
from devices import tasks
from devices.models import Device, DeviceState, Upload
from devices.services import issue_api_token, issue_device_token
from devices.uploads import pieces, uploading
from faces.models import Capture
from faces.pictures import storage
from tests.brokers import free_port
from tests.buckets import BUCKET, pictures_on_s3

pytestmark = pytest.mark.django_db

ANNOUNCE = "/api/v1/captures/uploads/"
PIECE = "application/offset+octet-stream"


def photograph(exif: str = "") -> bytes:
    picture, out = Image.fromarray(data.coffee()), io.BytesIO()
    fields = Image.Exif()
    fields[0x010E] = exif
    picture.save(out, "JPEG", quality=95, exif=fields)
    return out.getvalue()


JPEG = photograph()


class Camera:
    """A device as it speaks HTTP."""

    def __init__(self, device: Device) -> None:
        self._headers = {"Authorization": f"Device {issue_device_token(device=device)}"}
        self.taken_at = timezone.now()

    def announce(self, jpeg: bytes = JPEG, **more: Any) -> HttpResponse:
        picture = {"size": len(jpeg), "sha256": hashlib.sha256(jpeg).hexdigest(), "taken_at": self.taken_at.isoformat()}
        return Client().post(ANNOUNCE, picture | more, content_type="application/json", headers=self._headers)

    def send(self, url: str, piece: bytes, offset: object) -> HttpResponse:
        return Client().patch(url, piece, content_type=PIECE, headers=self._headers | {"Upload-Offset": str(offset)})

    def bring(self, jpeg: bytes = JPEG) -> HttpResponse:
        step = self.announce(jpeg).json()
        self.send(step["url"], jpeg[step["offset"] :], step["offset"])
        return self.announce(jpeg)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def camera(seattle01: Device) -> Camera:
    return Camera(seattle01)


def bytes_waiting() -> list[str]:
    return default_storage.listdir("uploads")[1] if default_storage.exists("uploads") else []


def test_a_picture_comes_in_pieces_and_is_one_capture_however_often_it_is_announced(
    camera: Camera, seattle01: Device
) -> None:
    faces = [{"confidence": 0.9, "box": [10, 20, 30, 40]}]
    told = {"shows": "crop", "faces": faces, "area": [100, 50, 600, 400]}
    step = camera.announce(**told).json()
    assert (step["method"], step["offset"], step["taken_in"]) == ("PATCH", 0, False)
    assert camera.send(step["url"], JPEG[:1000], 0).headers["Upload-Offset"] == "1000"
    again = camera.announce(**told).json()
    assert (again["url"], again["offset"]) == (step["url"], 1000)
    assert again["headers"] == {"Content-Type": PIECE, "Upload-Offset": "1000"}
    assert camera.send(step["url"], JPEG[1000:], 1000).status_code == 204
    assert not Capture.objects.exists()
    for _ in range(2):
        done = camera.announce(**told)
        assert (done.status_code, done.json()) == (201, {"id": step["id"], "taken_in": True})
    capture = Capture.objects.get()
    assert (capture.device, capture.taken_at, capture.shows) == (seattle01, camera.taken_at, "crop")
    assert (capture.claimed_faces, capture.area) == (faces, told["area"])
    assert Image.open(io.BytesIO(storage.read(capture))).size == (600, 400)
    assert bytes_waiting() == []
    assert DeviceState.objects.get(device=seattle01).last_seen_at is not None


def test_a_picture_that_comes_again_after_its_upload_was_forgotten_counts_once(camera: Camera) -> None:
    for _ in range(2):
        assert camera.bring().status_code == 201
        Upload.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
        assert tasks.tidy_uploads() == 1
    assert Capture.objects.count() == 1


def test_only_the_byte_that_is_next_can_follow(camera: Camera) -> None:
    url = camera.announce().json()["url"]
    camera.send(url, JPEG[:1000], 0)
    for offset in (0, 999, 1001):
        refused = camera.send(url, b"more", offset)
        assert (refused.status_code, refused.headers["Upload-Offset"]) == (409, "1000")
        assert refused.json()["detail"] == "1,000 bytes are here; go on from there."
    assert camera.send(url, JPEG, 1000).json()["errors"]["Upload-Offset"].startswith("The picture was announced")
    for nonsense in ("", "-1", "1e3", "٣", "9" * 20):
        assert camera.send(url, b"more", nonsense).status_code == 400
    assert camera.announce().json()["offset"] == 1000
    assert camera.bring().status_code == 201
    assert camera.send(url, b"more", len(JPEG)).status_code == 409


class Overtaken(io.BytesIO):
    """A connection that stands still while the device goes on over another."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(b"stale")
        self._meanwhile = meanwhile

    def read(self, size: int | None = -1, /) -> bytes:
        self._meanwhile()
        return super().read(size)


def test_a_connection_that_was_dead_adds_nothing_when_it_wakes_up(camera: Camera) -> None:
    url = camera.announce().json()["url"]
    overtaken = Overtaken(lambda: camera.send(url, JPEG[:1000], 0))
    with pytest.raises(pieces.CannotAppend) as refusal:
        pieces.append(Upload.objects.get(), overtaken, offset=0, length=5)
    assert refusal.value.arrived == 1000
    assert camera.bring().status_code == 201


def test_wrong_bytes_are_thrown_away_and_the_upload_begins_again(
    camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    url = camera.announce().json()["url"]
    camera.send(url, bytes(len(JPEG)), 0)
    assert camera.announce().json()["offset"] == 0
    assert "arrived with wrong bytes" in caplog.text
    assert camera.bring().status_code == 201
    assert Capture.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"size": 5 * 1024 * 1024 + 1}, "size"),
        ({"size": 0}, "size"),
        ({"sha256": "abc"}, "sha256"),
        ({"shows": "nothing"}, "shows"),
        ({"taken_at": "yesterday"}, "taken_at"),
        ({"faces": [{"confidence": 2}]}, "faces"),
        ({"faces": [{"confidence": 0.5}] * 101}, "faces"),
        ({"area": [1, 2, 3]}, "area"),
    ],
)
def test_a_wrong_announcement_names_its_field(camera: Camera, wrong: dict[str, Any], field: str) -> None:
    refused = camera.announce(**wrong)
    assert refused.status_code == 400
    assert list(refused.json()["errors"]) == [field]
    assert not Upload.objects.exists()


def test_what_is_no_picture_is_refused_for_good_and_nothing_of_it_is_kept(camera: Camera) -> None:
    refused = camera.bring(b"GIF89a" + bytes(100))
    assert (refused.status_code, refused.json()["detail"]) == (422, "The picture is neither a JPEG nor a PNG.")
    assert (Upload.objects.count(), Capture.objects.count(), bytes_waiting()) == (0, 0, [])


def test_a_picture_of_next_year_is_refused_before_it_comes(camera: Camera) -> None:
    camera.taken_at += dt.timedelta(days=365)
    refused = camera.announce()
    assert (refused.status_code, "more than an hour after its arrival" in refused.json()["detail"]) == (422, True)


def test_a_device_brings_its_own_pictures_only_and_a_person_none(
    camera: Camera, chicago01: Device, operator: User
) -> None:
    url = camera.announce().json()["url"]
    assert Camera(chicago01).send(url, JPEG, 0).status_code == 404
    assert Client().patch(url, JPEG, content_type=PIECE).status_code == 401
    token = {"Authorization": f"Token {issue_api_token(user=operator, name='a program')[1]}"}
    assert Client().patch(url, JPEG, content_type=PIECE, headers=token).status_code == 401
    assert Client().post(ANNOUNCE, {}, content_type="application/json").status_code == 401
    assert bytes_waiting() == []


def test_an_unfinished_upload_expires_and_leaves_nothing(camera: Camera) -> None:
    camera.send(camera.announce().json()["url"], JPEG[:1000], 0)
    now = timezone.now()
    assert uploading.tidy(now=now + uploading.LASTS - dt.timedelta(minutes=1)) == 0
    assert len(bytes_waiting()) == 1
    assert uploading.tidy(now=now + uploading.LASTS + dt.timedelta(minutes=1)) == 1
    assert (Upload.objects.count(), bytes_waiting()) == (0, [])


def test_what_is_complete_is_taken_in_though_its_device_never_comes_back(camera: Camera) -> None:
    camera.send(camera.announce().json()["url"], JPEG, 0)
    assert uploading.tidy(now=timezone.now()) == 0
    assert not Capture.objects.exists()
    assert uploading.tidy(now=timezone.now() + uploading.FORGOTTEN_AFTER + dt.timedelta(minutes=1)) == 0
    assert Capture.objects.count() == 1


def test_a_refused_picture_whose_device_never_comes_back_is_logged(
    camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    nonsense = b"no picture"
    camera.send(camera.announce(nonsense).json()["url"], nonsense, 0)
    assert uploading.tidy(now=timezone.now() + uploading.LASTS + dt.timedelta(minutes=1)) == 1
    assert "A picture of Seattle01 was refused" in caplog.text
    assert (Upload.objects.count(), bytes_waiting()) == (0, [])


def test_a_device_has_so_many_unfinished_and_the_oldest_make_room(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "MOST_UNFINISHED", 2)
    names = []
    for number in range(4):
        jpeg = JPEG + bytes([number])
        camera.send(camera.announce(jpeg).json()["url"], jpeg[:10], 0)
        names.append(Upload.objects.order_by("expires_at").last().name)
    assert list(Upload.objects.order_by("expires_at").values_list("name", flat=True)) == names[2:]
    assert sorted(bytes_waiting()) == sorted(name.removeprefix("uploads/") for name in names[2:])


@pytest.fixture
def s3(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with pictures_on_s3(settings, monkeypatch) as client:
        yield client


def put(step: dict[str, Any], jpeg: bytes) -> None:
    request = urllib.request.Request(step["url"], jpeg, step["headers"], method=step["method"])
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def names_in(s3: Any, prefix: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())]


def test_with_a_bucket_the_device_puts_the_picture_there_itself(camera: Camera, s3: Any) -> None:
    jpeg = photograph(exif="taken by somebody")
    step = camera.announce(jpeg).json()
    assert (step["method"], step["offset"]) == ("PUT", 0)
    signed = "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256"
    assert signed in step["url"]
    assert "X-Amz-Expires=600" in step["url"]
    assert set(step["headers"]) == {"Content-Type", "x-amz-checksum-sha256"}
    url = f"{ANNOUNCE}{step['id']}/"
    assert camera.send(url, jpeg, 0).status_code == 409
    put(step, jpeg)
    assert camera.announce(jpeg).status_code == 201
    capture = Capture.objects.get()
    assert b"taken by somebody" not in storage.read(capture)
    assert (names_in(s3, "uploads/"), names_in(s3, "captures/")) == ([], [str(capture.image)])


def test_the_event_of_the_bucket_may_come_first_and_the_picture_counts_once(camera: Camera, s3: Any) -> None:
    put(camera.announce().json(), JPEG)
    (name,) = names_in(s3, "uploads/")
    for _ in range(2):
        assert uploading.take_in_object(name=name, now=timezone.now())
    assert camera.announce().json()["taken_in"]
    assert Capture.objects.count() == 1
    assert not uploading.take_in_object(name="captures/other.jpg", now=timezone.now())


def test_a_storage_that_is_away_loses_no_upload(
    camera: Camera, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    camera.announce()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = {**S3_STORAGE["OPTIONS"], "bucket_name": BUCKET, "endpoint_url": f"http://127.0.0.1:{free_port()}"}
    settings.STORAGES = settings.STORAGES | {"default": {**S3_STORAGE, "OPTIONS": away}}
    assert uploading.tidy(now=timezone.now() + uploading.LASTS + dt.timedelta(minutes=1)) == 0
    assert "could not be looked after; it is tried again" in caplog.text
    assert Upload.objects.count() == 1


def test_the_api_describes_it(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    paths = json.loads(client.get("/api/schema/", headers={"accept": "application/json"}).content)["paths"]
    assert set(paths["/api/v1/captures/uploads/{id}/"]) == {"patch"}
    assert (
        "application/offset+octet-stream" in paths["/api/v1/captures/uploads/{id}/"]["patch"]["requestBody"]["content"]
    )
