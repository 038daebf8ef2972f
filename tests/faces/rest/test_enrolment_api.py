"""People are enrolled, their consents recorded and withdrawn, and they are erased, by the API."""

import base64
import datetime as dt
import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device, Site
from faces.models import Consent, Erasure, Face, Person
from faces.recognisers.recogniser import Recogniser, RecogniserUnavailable
from faces.services import create_person
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import TakePicture, agree

pytestmark = pytest.mark.django_db

PEOPLE = "/api/v1/people/"
PORTRAIT = scenes.jpeg(scenes.portrait())
MIRRORED = scenes.jpeg(scenes.portrait()[:, ::-1].copy())


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def client(operator: User) -> APIClient:
    return client_of(operator)


@pytest.fixture
def bea(seattle: Site) -> Person:
    """Known by name, and agreed; nobody knows her face."""
    person = create_person(site=seattle, name="Bea")
    agree(person, signed_at=clock.now() - dt.timedelta(days=1))
    return person


def consent(**changes: Any) -> dict[str, Any]:
    now = clock.now()
    given = {"text": "I agree.", "text_version": "2", "method": "paper", "signed_by": "Bea"}
    return {**given, "signed_at": now.isoformat(), "expires_at": (now + dt.timedelta(days=9)).isoformat(), **changes}


def of(person: Person, what: str = "") -> str:
    return f"{PEOPLE}{person.pk}/{what}"


def away(*_: Any, **__: Any) -> Any:
    raise RecogniserUnavailable("The recogniser is away.")


class TestPerson:
    def test_an_operator_writes_somebody_down(self, client: APIClient, seattle: Site) -> None:
        answer = client.post(PEOPLE, {"site": "seattle", "name": " Bea ", "line": "Sailor"})
        assert answer.status_code == 201
        told = answer.json()
        assert (told["name"], told["line"], told["site"], told["consent"]) == ("Bea", "Sailor", "seattle", False)
        assert Person.objects.get().site == seattle

    @pytest.mark.parametrize(("given", "field"), [({"site": "chicago", "name": "Bea"}, "site"), ({"name": ""}, "name")])
    def test_what_is_wrong_is_said_beside_its_field(
        self, client: APIClient, chicago: Site, given: dict[str, str], field: str
    ) -> None:
        answer = client.post(PEOPLE, given)
        assert (answer.status_code, field in answer.json()["errors"]) == (400, True)


class TestConsents:
    def test_it_is_recorded_with_the_hash_of_its_text(self, client: APIClient, bea: Person) -> None:
        answer = client.post(of(bea, "consents/"), consent())
        assert answer.status_code == 201
        assert answer.json()["text_sha256"] == hashlib.sha256(b"I agree.").hexdigest()
        assert [one["text_version"] for one in client.get(of(bea, "consents/")).json()] == ["2", "1"]

    @pytest.mark.parametrize(
        "changes", [{"signed_by": ""}, {"method": "owner"}, {"expires_at": "2001-01-01T00:00:00Z"}, {"text": ""}]
    )
    def test_half_a_consent_is_refused(self, client: APIClient, bea: Person, changes: dict[str, str]) -> None:
        assert client.post(of(bea, "consents/"), consent(**changes)).status_code == 400
        assert Consent.objects.count() == 1

    def test_withdrawing_it_erases_the_faces(self, client: APIClient, bea: Person, local: Recogniser) -> None:
        client.post(of(bea, "faces/"), {"image_strings": [base64.b64encode(PORTRAIT).decode()]})
        assert Face.objects.count() == 1
        (ended,) = client.post(of(bea, "withdraw/")).json()
        assert ended["withdrawn_at"] is not None
        assert not Face.objects.exists()

    def test_a_withdrawal_during_an_outage_is_a_503_with_the_reason(
        self, client: APIClient, bea: Person, local: Recogniser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client.post(of(bea, "faces/"), {"image_strings": [base64.b64encode(PORTRAIT).decode()]})
        monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", away)
        answer = client.post(of(bea, "withdraw/"))
        assert answer.status_code == 503
        assert "try again. The recogniser is away." in answer.json()["detail"]
        assert Consent.objects.get().withdrawn_at is not None


class TestFaces:
    def test_several_files_each_with_its_answer(self, client: APIClient, bea: Person, local: Recogniser) -> None:
        pictures = [PORTRAIT, scenes.jpeg(scenes.cat()), MIRRORED]
        files = [SimpleUploadedFile("1.jpg", jpeg) for jpeg in pictures]
        answer = client.post(of(bea, "faces/"), {"images": files}, format="multipart")
        assert answer.status_code == 201
        first, cat, second = answer.json()
        assert {first["face"], second["face"]} == set(Face.objects.values_list("pk", flat=True))
        assert cat == {
            "face": None,
            "refused": "The picture shows no face; take a picture from the front, in good light.",
        }

    def test_what_is_no_picture_harms_no_other(self, client: APIClient, bea: Person, local: Recogniser) -> None:
        answer = client.post(of(bea, "faces/"), {"image_strings": [{}, base64.b64encode(PORTRAIT).decode(), "?"]})
        assert answer.status_code == 201
        assert [bool(each["refused"]) for each in answer.json()] == [True, False, True]
        assert answer.json()[0]["refused"] == "Not a valid string."

    def test_the_same_again_is_the_same_face(self, client: APIClient, bea: Person, local: Recogniser) -> None:
        form = {"image_strings": [base64.b64encode(PORTRAIT).decode()]}
        assert client.post(of(bea, "faces/"), form).json() == client.post(of(bea, "faces/"), form).json()
        assert Face.objects.count() == 1

    def test_a_person_is_enrolled_from_a_capture(
        self, client: APIClient, bea: Person, local: Recogniser, take_picture: TakePicture, chicago01: Device
    ) -> None:
        capture = take_picture(scenes.jpeg(scenes.two_with_cups()))
        both = client.post(of(bea, "faces/"), {"capture": str(capture.pk)})
        assert "shows 2 faces" in both.json()["errors"]["images"][0]
        assert client.post(of(bea, "faces/"), {"capture": str(capture.pk), "face": 1}).status_code == 201
        assert Face.objects.get().capture == capture
        other = client.post(of(bea, "faces/"), {"capture": str(take_picture(device=chicago01).pk)})
        assert "a capture of this site" in other.json()["errors"]["capture"][0]

    def test_without_a_consent_nobody_is_enrolled(self, client: APIClient, seattle: Site) -> None:
        person = create_person(site=seattle, name="Cleo")
        answer = client.post(of(person, "faces/"), {"image_strings": [base64.b64encode(PORTRAIT).decode()]})
        assert "has no consent in force" in answer.json()["errors"]["consent"][0]

    def test_only_members_learn_whom_a_face_looks_like(
        self, client: APIClient, bea: Person, local: Recogniser, outsider: User, chicago: Site
    ) -> None:
        form = {"image_strings": [base64.b64encode(PORTRAIT).decode()]}
        client.post(of(bea, "faces/"), form)
        seattles, chicagos = create_person(site=bea.site, name="Cleo"), create_person(site=chicago, name="Dora")
        for person in (seattles, chicagos):
            agree(person, signed_at=clock.now() - dt.timedelta(days=1))
        refused = client.post(of(seattles, "faces/"), form)
        assert "matches Bea" in refused.json()["errors"]["images"][0]
        taken = client_of(outsider).post(of(chicagos, "faces/"), form)
        assert (taken.status_code, "Bea" in taken.content.decode()) == (201, False)

    @pytest.mark.parametrize("form", [{}, {"images": []}, {"capture": "1"}, {"image_strings": ["%%%"]}])
    def test_what_is_no_picture_is_refused(self, client: APIClient, bea: Person, form: Any, local: Recogniser) -> None:
        assert client.post(of(bea, "faces/"), form).status_code == 400

    def test_an_outage_during_enrolment_is_a_503_with_the_reason(
        self, client: APIClient, bea: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("faces.recognisers.recogniser.configured_recogniser", away)
        answer = client.post(of(bea, "faces/"), {"image_strings": [base64.b64encode(PORTRAIT).decode()]})
        assert (answer.status_code, "The recogniser is away." in answer.json()["detail"]) == (503, True)


class TestErasure:
    def test_the_answer_is_the_receipt(self, client: APIClient, ada: Person) -> None:
        number = ada.pk
        receipt = client.delete(of(ada)).json()
        assert (receipt["person_number"], receipt["counts"]["faces"], receipt["erased_by"]) == (number, 1, "operator")
        assert client.get("/api/v1/erasures/").json()["results"] == [receipt]
        assert client.get(of(ada)).status_code == 404

    def test_an_outage_is_told_and_outlived(
        self, client: APIClient, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("faces.recognisers.local.LocalRecogniser.forget", away)
        answer = client.delete(of(ada))
        assert (answer.status_code, answer.json()["reason"]) == (202, "The recogniser is away.")
        assert answer.json()["erased_at"] is None
        monkeypatch.undo()
        assert client.delete(of(ada)).status_code == 200
        assert Erasure.objects.get().erased_at is not None


class TestRights:
    def test_a_viewer_may_look_only_and_an_outsider_finds_nothing(
        self, ada: Person, viewer: User, outsider: User, seattle: Site
    ) -> None:
        writes: list[tuple[str, str, Any]] = [
            ("delete", of(ada), None),
            ("post", of(ada, "withdraw/"), None),
            ("post", of(ada, "consents/"), consent()),
            ("post", of(ada, "faces/"), {"image_strings": [base64.b64encode(MIRRORED).decode()]}),
        ]
        for user, status in ((viewer, 403), (outsider, 404)):
            client = client_of(user)
            for method, address, form in writes:
                assert getattr(client, method)(address, form).status_code == status, (user, address)
        assert client_of(viewer).post(PEOPLE, {"site": "seattle", "name": "Eve"}).status_code == 403
        assert client_of(viewer).get(of(ada, "consents/")).status_code == 200
        assert client_of(outsider).get(of(ada, "consents/")).status_code == 404
        assert (Face.objects.count(), Person.objects.count(), Erasure.objects.count()) == (1, 1, 0)

    def test_receipts_are_for_members_only(self, client: APIClient, ada: Person, outsider: User) -> None:
        receipt = client.delete(of(ada)).json()["id"]
        assert client_of(outsider).get("/api/v1/erasures/").json()["results"] == []
        assert client_of(outsider).get(f"/api/v1/erasures/{receipt}/").status_code == 404
