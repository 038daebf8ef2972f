"""The API of pictures, people and coffees, and who may use it."""

import base64
import datetime as dt
import hashlib
import io
import json
from typing import Any, Literal

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from devices.models import Device, DeviceState, Site
from devices.reading import identity
from devices.reading.pictures import MAX_BYTES
from devices.services import issue_device_token
from faces.models import Capture, Coffee, Person, State
from faces.pictures import storage
from faces.services import recognise
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

JPEG = scenes.jpeg(scenes.cat())
CAPTURES = "/api/v1/captures/"
ONE_WITH_CUP = detections((100, 100, 100, 100), cups=[(120, 320, 60, 60)])


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def device_client(device: Device) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Device {issue_device_token(device=device)}")
    return client


@pytest.fixture
def capture(take_picture: TakePicture) -> Capture:
    """One capture of Seattle, done, with an anonymous coffee."""
    return recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP))


class TestCaptures:
    def test_a_capture_tells_its_state_and_what_was_seen(self, capture: Capture, viewer: User) -> None:
        (found,) = client_of(viewer).get(CAPTURES).json()["results"]
        assert found["id"] == str(capture.pk)
        assert (found["site"], found["device"], found["state"], found["cups"]) == ("seattle", "Seattle01", "done", 1)
        assert found["sightings"] == [
            {"number": 0, "person": None, "confidence": 0.9, "similarity": None, "box": [100, 100, 100, 100]}
        ]
        picture: Any = client_of(viewer).get(found["image"])
        assert b"".join(picture.streaming_content) == storage.read(capture)

    def test_lists_are_narrowed(self, capture: Capture, viewer: User) -> None:
        client = client_of(viewer)
        for query, count in (
            ("site=seattle", 1),
            ("site=chicago", 0),
            ("device=Seattle01", 1),
            ("device=Seattle02", 0),
            ("state=done", 1),
            ("state=failed", 0),
            ("taken_at__gte=2026-11-20T20:00:00Z", 1),
            ("taken_at__lt=2026-11-20T20:00:00Z", 0),
        ):
            assert len(client.get(f"{CAPTURES}?{query}").json()["results"]) == count, query
        assert client.get(f"{CAPTURES}?state=finished").status_code == 400

    def test_a_list_takes_a_fixed_number_of_queries(
        self, take_picture: TakePicture, viewer: User, django_assert_max_num_queries: Any
    ) -> None:
        for hour in range(5):
            capture = take_picture(at=NOON - dt.timedelta(hours=hour))
            recognise(capture_id=capture.pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP))
        with django_assert_max_num_queries(4):
            assert len(client_of(viewer).get(CAPTURES).json()["results"]) == 5

    def test_captures_are_exported_as_csv(self, capture: Capture, viewer: User) -> None:
        lines = b"".join(client_of(viewer).get(f"{CAPTURES}?format=csv")).decode("utf-8-sig").splitlines()
        assert lines[0].startswith("id,site,device,taken_at")
        assert len(lines) == 2


class TestNewCaptures:
    def test_a_device_gives_a_picture_as_base64(self, seattle01: Device) -> None:
        form = {"image_string": base64.b64encode(JPEG).decode(), "shows": "crop"}
        answer = device_client(seattle01).post(CAPTURES, form)
        assert answer.status_code == 201
        capture = Capture.objects.get()
        assert answer.json()["id"] == str(capture.pk)
        assert (capture.device, capture.shows, capture.state) == (seattle01, "crop", State.QUEUED)

    def test_an_operator_gives_a_picture_as_a_file(self, seattle01: Device, operator: User) -> None:
        taken_at = clock.now() - dt.timedelta(hours=1)
        form = {
            "device": str(seattle01.pk),
            "image": SimpleUploadedFile("cat.png", JPEG),
            "taken_at": taken_at.isoformat(),
        }
        assert client_of(operator).post(CAPTURES, form, format="multipart").status_code == 201
        assert Capture.objects.get().taken_at == taken_at

    def test_a_large_picture_is_welcome(self, seattle01: Device) -> None:
        large = scenes.jpeg(scenes.noise(1500, 1500))
        assert len(large) > 1_000_000
        form = {"image": SimpleUploadedFile("large.jpg", large)}
        assert device_client(seattle01).post(CAPTURES, form, format="multipart").status_code == 201

    def test_the_same_picture_twice_is_one_capture(self, seattle01: Device) -> None:
        client, form = device_client(seattle01), {"image_string": base64.b64encode(JPEG).decode()}
        assert client.post(CAPTURES, form).json()["id"] == client.post(CAPTURES, form).json()["id"]
        assert Capture.objects.count() == 1

    def test_a_device_says_what_the_picture_shows(self, seattle01: Device) -> None:
        faces = [{"confidence": 0.9, "box": [10, 20, 30, 40]}]
        area = [100, 50, 600, 400]
        form = {"image": SimpleUploadedFile("cat.jpg", JPEG), "taken_at": clock.now().isoformat()}
        form |= {"faces": json.dumps(faces), "area": json.dumps(area)}
        client = device_client(seattle01)
        assert client.post(CAPTURES, form, format="multipart").status_code == 201
        capture = Capture.objects.get()
        assert (capture.claimed_faces, capture.area) == (faces, area)
        again = {"faces": faces, "area": area, "taken_at": form["taken_at"]}
        again["image_string"] = base64.b64encode(JPEG).decode()
        assert client.post(CAPTURES, again).status_code == 201
        assert Capture.objects.count() == 1

    def test_a_picture_is_known_by_the_bytes_that_were_given_and_their_time(self, seattle01: Device) -> None:
        client, now = device_client(seattle01), clock.now()
        form = {"image_string": base64.b64encode(JPEG).decode(), "taken_at": now.isoformat()}
        client.post(CAPTURES, form)
        client.post(CAPTURES, form | {"taken_at": (now - dt.timedelta(seconds=1)).isoformat()})
        assert Capture.objects.count() == 2
        key = identity.digest("upload", hashlib.sha256(JPEG).hexdigest(), now.isoformat(), "frame")
        assert Capture.objects.filter(device=seattle01, key=key, taken_at=now).exists()

    def test_a_device_that_gives_a_picture_was_heard_and_an_operator_is_not_the_device(
        self, seattle01: Device, operator: User
    ) -> None:
        form = {"device": str(seattle01.pk), "image_string": base64.b64encode(JPEG).decode()}
        assert client_of(operator).post(CAPTURES, form).status_code == 201
        assert DeviceState.objects.get(thing=seattle01.thing).last_seen_at is None
        assert device_client(seattle01).post(CAPTURES, form | {"shows": "crop"}).status_code == 201
        assert DeviceState.objects.get(thing=seattle01.thing).last_seen_at is not None

    @pytest.mark.parametrize("form", ["json", "multipart"])
    def test_a_body_that_is_too_large_is_refused_before_it_is_read(
        self, seattle01: Device, form: Literal["json", "multipart"], settings: Settings
    ) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
        answer = device_client(seattle01).post(CAPTURES, {"image_string": "x" * 1_000}, format=form)
        assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")
        assert "at most 1,000 bytes" in answer.json()["detail"]

    def test_the_largest_picture_fits_into_a_body(self, seattle01: Device) -> None:
        largest = JPEG + bytes(MAX_BYTES - len(JPEG))
        form = {"image_string": base64.b64encode(largest).decode()}
        assert device_client(seattle01).post(CAPTURES, form).status_code == 201
        form = {"image_string": base64.b64encode(largest + b"x").decode()}
        answer = device_client(seattle01).post(CAPTURES, form)
        assert "at most 5,242,880 are taken" in answer.json()["errors"]["image_string"][0]

    def test_where_the_picture_was_taken_is_not_stored(self, seattle01: Device) -> None:
        exif, out = Image.Exif(), io.BytesIO()
        exif[0x010E] = "122.3 W"
        Image.fromarray(scenes.cat()).save(out, "JPEG", exif=exif)
        assert b"122.3 W" in out.getvalue()
        device_client(seattle01).post(CAPTURES, {"image_string": base64.b64encode(out.getvalue()).decode()})
        assert b"122.3 W" not in storage.read(Capture.objects.get())

    @pytest.mark.parametrize(
        ("form", "field", "said"),
        [
            ({}, "image", "`image` or as `image_string`"),
            ({"image_string": "%%%"}, "image_string", "not base64"),
            ({"image_string": base64.b64encode(b"GIF89a").decode()}, "image_string", "neither a JPEG nor a PNG"),
            ({"image_string": base64.b64encode(JPEG[:3000]).decode()}, "image_string", "damaged"),
            (
                {"image_string": base64.b64encode(JPEG).decode(), "taken_at": "2100-01-01T00:00Z"},
                "taken_at",
                "set the device's clock",
            ),
            (
                {"image_string": base64.b64encode(JPEG).decode(), "taken_at": "2001-01-01T00:00Z"},
                "taken_at",
                "days before its arrival",
            ),
            ({"image_string": base64.b64encode(JPEG).decode(), "shows": "all"}, "shows", "not a valid choice"),
            ({"image_string": base64.b64encode(JPEG).decode(), "faces": [{"box": [1]}]}, "faces", "must be a list"),
            ({"image_string": base64.b64encode(JPEG).decode(), "area": [1, 2, 3]}, "area", "must be a list of 4 items"),
        ],
    )
    def test_a_bad_upload_is_refused_beside_its_field(
        self, seattle01: Device, form: dict[str, Any], field: str, said: str
    ) -> None:
        answer = device_client(seattle01).post(CAPTURES, form)
        assert answer.status_code == 400
        assert said in answer.json()["errors"][field][0]
        assert not Capture.objects.exists()

    def test_a_bomb_is_refused_before_it_is_decoded(self, seattle01: Device, tmp_path: Any) -> None:
        Image.new("1", (10_000, 5_001)).save(tmp_path / "bomb.png")
        form = {"image_string": base64.b64encode((tmp_path / "bomb.png").read_bytes()).decode()}
        answer = device_client(seattle01).post(CAPTURES, form)
        assert "10000 by 5001 pixels" in answer.json()["errors"]["image_string"][0]

    def test_a_viewer_and_an_outsider_may_not(self, seattle01: Device, viewer: User, outsider: User) -> None:
        form = {"device": str(seattle01.pk), "image_string": base64.b64encode(JPEG).decode()}
        assert client_of(viewer).post(CAPTURES, form).status_code == 403
        assert client_of(outsider).post(CAPTURES, form).status_code == 400
        assert client_of(viewer).post(CAPTURES, {**form, "device": "Seattle01"}).status_code == 400
        assert not Capture.objects.exists()

    def test_a_wrong_token_is_refused_and_a_right_one_reads_nothing(self, seattle01: Device, capture: Capture) -> None:
        stranger = APIClient()
        stranger.credentials(HTTP_AUTHORIZATION="Device wrong")
        assert stranger.post(CAPTURES, {}).status_code == 401
        assert APIClient().post(CAPTURES, {}).status_code == 401
        assert device_client(seattle01).get(CAPTURES).status_code == 403


class TestPeople:
    def test_a_person_has_coffees_and_a_consent(self, ada: Person, viewer: User) -> None:
        (person,) = client_of(viewer).get("/api/v1/people/?site=seattle").json()["results"]
        assert (person["name"], person["site"], person["guest"], person["coffees"]) == ("Ada", "seattle", False, 0)
        assert person["consent"] is (ada.consents.get().is_valid(clock.now()))


class TestCoffees:
    def test_an_operator_voids_and_restores(self, capture: Capture, operator: User) -> None:
        client, coffee = client_of(operator), Coffee.objects.get()
        assert client.post(f"/api/v1/coffees/{coffee.pk}/void/", {}).status_code == 400
        voided = client.post(f"/api/v1/coffees/{coffee.pk}/void/", {"reason": "Paint."}).json()
        assert (voided["voided"], voided["review_reason"], voided["reviewed_by"]) == (True, "Paint.", "operator")
        assert len(client.get("/api/v1/coffees/?voided=true").json()["results"]) == 1
        restored = client.post(f"/api/v1/coffees/{coffee.pk}/restore/", {"reason": "Coffee."}).json()
        assert (restored["voided"], restored["capture"]) == (False, str(capture.pk))

    def test_a_viewer_may_look_only(self, capture: Capture, viewer: User) -> None:
        client = client_of(viewer)
        assert len(client.get("/api/v1/coffees/?anonymous=true").json()["results"]) == 1
        assert client.get("/api/v1/coffees/?anonymous=false").json()["results"] == []
        coffee = Coffee.objects.get()
        assert client.post(f"/api/v1/coffees/{coffee.pk}/void/", {"reason": "No."}).status_code == 403
        assert not Coffee.objects.get().voided


class TestLeaderboard:
    def test_people_in_order_and_strangers_as_a_total(
        self, ada: Person, enrolled_only: None, take_picture: TakePicture, local: Any, viewer: User
    ) -> None:
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=local)
        later = take_picture(at=NOON + dt.timedelta(hours=1))
        recognise(capture_id=later.pk, now=LATER + dt.timedelta(hours=1), recogniser=Scripted(ONE_WITH_CUP))
        board = client_of(viewer).get("/api/v1/leaderboard/?site=seattle&period=all").json()
        assert (board["period"], board["anonymous_coffees"]) == ("all", 1)
        assert (board["coffees"], board["people"]) == (2, 1)
        portrait = board["results"][0].pop("portrait")
        assert client_of(viewer).get(portrait)["Content-Type"] == "image/jpeg"
        assert board["results"] == [
            {
                "rank": 1,
                "person": {"id": ada.pk, "name": "Ada"},
                "site": "seattle",
                "coffees": 1,
                "streak": 1,
                "last_at": "2026-11-20T20:00:00Z",
            }
        ]
        csv = client_of(viewer).get("/api/v1/leaderboard/?format=csv").content.decode("utf-8-sig").splitlines()
        assert csv[0] == "rank,person.id,person.name,site,coffees,streak,last_at,portrait"

    def test_another_site_is_a_404_and_another_period_a_400(self, viewer: User, chicago: Site) -> None:
        assert client_of(viewer).get("/api/v1/leaderboard/?site=chicago").status_code == 404
        answer = client_of(viewer).get("/api/v1/leaderboard/?period=year")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["period"])


class TestScoping:
    def test_an_outsider_finds_nothing(self, ada: Person, capture: Capture, outsider: User) -> None:
        client = client_of(outsider)
        for prefix in ("captures", "people", "coffees"):
            assert client.get(f"/api/v1/{prefix}/").json()["results"] == []
        assert client.get("/api/v1/leaderboard/").json()["results"] == []
        for address in (
            f"captures/{capture.pk}/",
            f"people/{ada.pk}/",
            f"coffees/{Coffee.objects.get().pk}/",
        ):
            assert client.get(f"/api/v1/{address}").status_code == 404, address
        coffee = Coffee.objects.get()
        assert client.post(f"/api/v1/coffees/{coffee.pk}/void/", {"reason": "No."}).status_code == 404

    @pytest.mark.parametrize("prefix", ["captures", "people", "coffees", "leaderboard"])
    def test_nobody_is_let_in_without_a_name(self, prefix: str) -> None:
        assert APIClient().get(f"/api/v1/{prefix}/").status_code in (401, 403)

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_other_methods_are_not_allowed(self, capture: Capture, superuser: User, method: str) -> None:
        client = client_of(superuser)
        assert getattr(client, method)(f"/api/v1/captures/{capture.pk}/", {}).status_code == 405
        assert getattr(client, method)(f"/api/v1/coffees/{Coffee.objects.get().pk}/", {}).status_code == 405


def test_the_schema_has_no_warnings_about_this_floor(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--file", str(tmp_path / "schema.yml"), "--validate")
    assert "/faces/" not in capsys.readouterr().err
    assert "/api/v1/leaderboard/" in (tmp_path / "schema.yml").read_text()
