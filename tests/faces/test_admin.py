"""The admin enrols, reviews and erases, for each site's own staff only."""

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from devices.models import Device, Site
from devices.rules.roles import Role
from faces.models import Capture, Coffee, Consent, Erasure, Face, Mode, Person, SitePolicy, State
from faces.people.policies import current_mode
from faces.pictures import storage
from faces.recognisers.recogniser import Recogniser, RecogniserUnavailable
from faces.services import create_person, recognise
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import LATER, TakePicture
from tests.faces.scripted import Scripted, detections
from tests.world import places

pytestmark = pytest.mark.django_db

MODELS = ("person", "capture", "coffee", "erasure", "merge", "erasurenotice")
ONE_WITH_CUP = detections((100, 100, 100, 100), cups=[(120, 320, 60, 60)])

HOURS = {"picture_hours": 720, "unmatched_hours": 24, "unseen_days": 1_095, "guest_days": 365}
"""What a policy's form says unless somebody changes it."""


def staff(name: str, site: Site, role: Role) -> Client:
    """Somebody with this role at the site, logged in."""
    return logged_in(places.user(name, {site: role}))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(superuser: User) -> Client:
    return logged_in(superuser)


@pytest.fixture
def capture(take_picture: TakePicture) -> Capture:
    """One capture of Seattle, done, with an anonymous coffee."""
    return recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP))


def enrolment(site: Site, picture: scenes.Picture | None, /, **changes: Any) -> dict[str, Any]:
    """The filled-in form; an empty field is left out."""
    now = clock.now()
    signed, expires = now - dt.timedelta(days=1), now + dt.timedelta(days=365)
    form = {
        "site": site.pk,
        "name": "Ada",
        "line": "Commander",
        "consent_text": "I agree.",
        "consent_version": "1",
        "consent_method": "paper",
        "consent_signed_by": "Ada",
        "consent_signed_at_0": f"{signed:%Y-%m-%d}",
        "consent_signed_at_1": f"{signed:%H:%M:%S}",
        "consent_expires_at_0": f"{expires:%Y-%m-%d}",
        "consent_expires_at_1": f"{expires:%H:%M:%S}",
        "consents-TOTAL_FORMS": "0",
        "consents-INITIAL_FORMS": "0",
    }
    if picture is not None:
        form["pictures"] = SimpleUploadedFile("ada.jpg", scenes.jpeg(picture))
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


WITHOUT_CONSENT = {name: None for name in enrolment(Site(pk=0), None) if name.startswith("consent_")}


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, "the form was taken"
    return dict(answer.context["adminform"].form.errors)


class TestEnrolment:
    ADD = "/admin/faces/person/add/"

    def test_a_person_is_enrolled_by_a_picture(self, admin: Client, seattle: Site, local: Recogniser) -> None:
        assert admin.get(self.ADD).status_code == 200
        answer = admin.post(self.ADD, enrolment(seattle, scenes.portrait()))
        assert answer.status_code == 302
        face = Face.objects.get()
        assert (face.person.name, face.person.site, face.consent.signed_by) == ("Ada", seattle, "Ada")

    @pytest.mark.parametrize(
        ("picture", "said"), [(scenes.cat(), "shows no face"), (scenes.two_with_cups(), "shows 2 faces")]
    )
    def test_a_bad_picture_is_refused_beside_its_field(
        self, admin: Client, seattle: Site, local: Recogniser, picture: scenes.Picture, said: str
    ) -> None:
        (error,) = errors_of(admin.post(self.ADD, enrolment(seattle, picture)))["pictures"]
        assert said in error
        assert not Person.objects.exists()

    def test_several_pictures_are_enrolled_at_once(self, admin: Client, seattle: Site, local: Recogniser) -> None:
        portraits = [scenes.portrait(), scenes.portrait()[:, ::-1].copy()]
        files = [SimpleUploadedFile(f"{number}.jpg", scenes.jpeg(one)) for number, one in enumerate(portraits)]
        assert admin.post(self.ADD, enrolment(seattle, None, pictures=files)).status_code == 302
        assert Face.objects.filter(consent__person__name="Ada").count() == 2

    def test_of_several_pictures_each_bad_one_is_named(self, admin: Client, seattle: Site, local: Recogniser) -> None:
        storage = {"good": scenes.portrait(), "cat": scenes.cat(), "two": scenes.two_with_cups()}
        files = [SimpleUploadedFile(f"{name}.jpg", scenes.jpeg(one)) for name, one in storage.items()]
        errors = errors_of(admin.post(self.ADD, enrolment(seattle, None, pictures=files)))["pictures"]
        assert [error.split(":")[0] for error in errors] == ["cat.jpg", "two.jpg"]
        assert not Face.objects.exists()

    def test_somebody_is_enrolled_from_a_capture(
        self, admin: Client, seattle: Site, take_picture: TakePicture, local: Recogniser
    ) -> None:
        capture = take_picture(scenes.jpeg(scenes.two_with_cups()))
        (error,) = errors_of(admin.post(self.ADD, enrolment(seattle, None, capture=str(capture.pk))))["capture"]
        assert "shows 2 faces" in error
        answer = admin.post(self.ADD, enrolment(seattle, None, capture=str(capture.pk), face="2"))
        assert answer.status_code == 302
        assert Face.objects.get().capture == capture

    def test_nobody_is_enrolled_from_another_sites_capture(
        self, take_picture: TakePicture, seattle: Site, chicago01: Device, local: Recogniser, admin: Client
    ) -> None:
        form = enrolment(seattle, None, capture=str(take_picture(device=chicago01).pk))
        strangers = errors_of(staff("Olga", seattle, Role.OPERATOR).post(self.ADD, form))
        assert "not one of the available choices" in strangers["capture"][0]
        assert "was not taken at Seattle" in errors_of(admin.post(self.ADD, form))["capture"][0]

    def test_what_is_no_picture_is_refused(self, admin: Client, seattle: Site, local: Recogniser) -> None:
        text = SimpleUploadedFile("ada.jpg", b"no picture at all")
        answer = admin.post(self.ADD, enrolment(seattle, None, pictures=text))
        assert errors_of(answer) == {"pictures": ["ada.jpg: The picture is neither a JPEG nor a PNG."]}

    def test_a_picture_without_a_consent_is_refused(self, admin: Client, seattle: Site) -> None:
        errors = errors_of(admin.post(self.ADD, enrolment(seattle, scenes.portrait(), **WITHOUT_CONSENT)))
        assert set(errors) == {
            "consent_text",
            "consent_version",
            "consent_method",
            "consent_signed_by",
            "consent_signed_at",
            "consent_expires_at",
        }
        assert "A face is enrolled only with a recorded consent" in errors["consent_text"][0]

    def test_half_a_consent_is_refused(self, admin: Client, seattle: Site) -> None:
        errors = errors_of(admin.post(self.ADD, enrolment(seattle, None, consent_signed_by="")))
        assert errors == {"consent_signed_by": ["A consent needs this; fill this in."]}

    def test_a_consent_of_the_future_or_the_past_is_refused(self, admin: Client, seattle: Site) -> None:
        form = enrolment(seattle, None, consent_signed_at_0="2100-01-01", consent_expires_at_0="2020-01-01")
        assert set(errors_of(admin.post(self.ADD, form))) == {"consent_signed_at", "consent_expires_at"}

    def test_a_person_may_be_written_down_without_a_face(self, admin: Client, seattle: Site) -> None:
        assert admin.post(self.ADD, enrolment(seattle, None, **WITHOUT_CONSENT)).status_code == 302
        assert (Person.objects.count(), Consent.objects.count()) == (1, 0)

    def test_a_second_picture_rests_on_the_consent_that_is_there(
        self, admin: Client, ada: Person, seattle: Site, local: Recogniser
    ) -> None:
        mirrored = scenes.portrait()[:, ::-1].copy()
        form = enrolment(seattle, mirrored, **WITHOUT_CONSENT)
        assert admin.get(change(ada)).status_code == 200
        assert admin.post(change(ada), form).status_code == 302
        assert Face.objects.count() == 2

    def test_a_recogniser_that_is_away_is_said_beside_the_picture(
        self, admin: Client, seattle: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("faces.recognisers.recogniser.configured_recogniser", away)
        answer = admin.post(self.ADD, enrolment(seattle, scenes.portrait()))
        assert errors_of(answer) == {"pictures": ["ada.jpg: The models are missing."]}

    def test_the_list_tells_coffees_and_consent(self, admin: Client, ada: Person) -> None:
        answer = admin.get("/admin/faces/person/")
        (person,) = answer.context["cl"].result_list
        assert (person.coffees_counted, person.faces_counted, person.has_consent) == (0, 1, True)

    def test_consents_are_withdrawn_together_with_the_faces(self, admin: Client, ada: Person) -> None:
        act(admin, "person", "withdraw_consents", ada)
        assert not Face.objects.exists()
        assert Consent.objects.get().withdrawn_at is not None

    def test_a_withdrawal_that_must_be_repeated_says_so(
        self, admin: Client, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("faces.recognisers.recogniser.recogniser_by_name", away)
            answer = act(admin, "person", "withdraw_consents", ada)
        assert "are not removed yet" in html.unescape(answer.content.decode())
        assert Face.objects.exists()
        act(admin, "person", "withdraw_consents", ada)
        assert not Face.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_deleting_a_person_is_an_erasure(self, admin: Client, ada: Person, superuser: User) -> None:
        page = f"/admin/faces/person/{ada.pk}/delete/"
        assert admin.get(page).status_code == 200
        assert admin.post(page, {"post": "yes"}).status_code == 302
        assert (Person.objects.count(), Face.objects.count()) == (0, 0)
        receipt = Erasure.objects.get()
        assert receipt.erased_by == superuser
        assert [entry.object_repr for entry in LogEntry.objects.all()] == ["person of an erased person"]
        assert admin.get(change(receipt)).status_code == 200
        assert admin.post(change(receipt), {}).status_code == 403
        assert admin.post(f"/admin/faces/erasure/{receipt.pk}/delete/", {"post": "yes"}).status_code == 403

    @pytest.mark.django_db(transaction=True)
    def test_an_erasure_that_must_be_repeated_says_so(
        self, admin: Client, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", away)
        answer = admin.post(f"/admin/faces/person/{ada.pk}/delete/", {"post": "yes"}, follow=True)
        assert "The models are missing. The erasure is not finished" in answer.content.decode()
        assert Person.objects.exists()
        assert "The models are missing." in admin.get("/admin/faces/erasure/").content.decode()


class TestReview:
    def test_a_coffee_is_voided_and_restored_with_a_reason(
        self, admin: Client, capture: Capture, superuser: User
    ) -> None:
        coffee = Coffee.objects.get()
        page = change(coffee)
        errors = errors_of(admin.post(page, {"voided": "on", "review_reason": ""}))
        assert "Give a reason" in errors["review_reason"][0]
        assert admin.post(page, {"voided": "on", "review_reason": "Paint."}).status_code == 302
        coffee.refresh_from_db()
        assert (coffee.voided, coffee.review_reason, coffee.reviewed_by) == (True, "Paint.", superuser)
        assert "Give a reason" in errors_of(admin.post(page, {"review_reason": "Paint."}))["review_reason"][0]
        assert admin.post(page, {"review_reason": "Coffee after all."}).status_code == 302
        assert Coffee.objects.counted().count() == 1

    def test_a_capture_is_recognised_again(self, admin: Client, capture: Capture) -> None:
        act(admin, "capture", "recognise_anew", capture)
        capture.refresh_from_db()
        assert (capture.state, capture.attempts) == (State.QUEUED, 0)

    def test_a_queued_capture_is_not_queued_twice(self, admin: Client, take_picture: TakePicture) -> None:
        answer = act(admin, "capture", "recognise_anew", take_picture())
        assert "is queued or being recognised already" in answer.content.decode()

    def test_the_list_shows_state_reason_and_a_thumbnail(self, admin: Client, capture: Capture) -> None:
        page = admin.get("/admin/faces/capture/").content.decode()
        (address,) = re.findall(r'<img src="([^"]+)"', page)
        assert b"".join(admin.get(address).streaming_content) == storage.read(capture)  # type: ignore[attr-defined]
        for thing in (capture, Coffee.objects.get()):
            assert address in admin.get(change(thing)).content.decode()


class TestPolicy:
    def test_recognition_needs_the_confirmation(self, admin: Client, seattle: Site, superuser: User) -> None:
        page = "/admin/faces/sitepolicy/add/"
        errors = errors_of(admin.post(page, {"site": seattle.pk, "mode": "everyone", **HOURS}))
        assert set(errors) == {"confirmed"}
        answer = admin.post(page, {"site": seattle.pk, "mode": "everyone", "confirmed": "on", **HOURS})
        assert answer.status_code == 302
        assert SitePolicy.objects.get().confirmed_by == superuser

    def test_owners_decide_on_their_own_page_instead(self, seattle: Site) -> None:
        SitePolicy.objects.create(site=seattle)
        page = f"/admin/faces/sitepolicy/{seattle.pk}/change/"
        form = {"mode": "enrolled", "confirmed": "on", **HOURS}
        assert staff("Otto", seattle, Role.OWNER).post(page, form).status_code == 403
        assert current_mode(seattle) == Mode.OFF


class TestScoping:
    @pytest.mark.parametrize("model", MODELS)
    def test_lists_open_for_staff(self, seattle: Site, model: str) -> None:
        client = staff("Olga", seattle, Role.OPERATOR)
        assert client.get(f"/admin/faces/{model}/").status_code == 200

    def test_filters_name_no_other_site(self, take_picture: TakePicture, seattle: Site, chicago01: Device) -> None:
        take_picture()
        take_picture(device=chicago01)
        page = staff("Olga", seattle, Role.OPERATOR).get("/admin/faces/capture/").content.decode()
        assert "Chicago" not in page

    def test_another_sites_staff_sees_nothing(
        self, ada: Person, capture: Capture, chicago: Site, seattle: Site
    ) -> None:
        client = staff("Dan", chicago, Role.OWNER)
        for model, thing in (("person", ada), ("capture", capture), ("coffee", Coffee.objects.get())):
            assert list(client.get(f"/admin/faces/{model}/").context["cl"].result_list) == []
            assert client.get(change(thing)).status_code == 302
        assert client.post(f"/admin/faces/person/{ada.pk}/delete/", {"post": "yes"}).status_code == 302
        assert Person.objects.exists()

    def test_a_viewer_finds_and_changes_nothing(self, ada: Person, capture: Capture, seattle: Site) -> None:
        client, coffee = staff("Vera", seattle, Role.VIEWER), Coffee.objects.get()
        for thing in (ada, capture, coffee):
            assert client.get(change(thing)).status_code == 302
        client.post(change(coffee), {"voided": "on", "review_reason": "No."})
        client.post(change(ada), enrolment(seattle, None, name="Eve"))
        ada.refresh_from_db()
        assert ada.name == "Ada"
        act(client, "person", "withdraw_consents", ada)
        act(client, "capture", "recognise_anew", capture)
        capture.refresh_from_db()
        assert (capture.state, Coffee.objects.counted().count(), Face.objects.count()) == (State.DONE, 1, 1)

    @pytest.mark.parametrize(("role", "sites"), [(Role.OPERATOR, 1), (Role.OWNER, 1)])
    def test_people_are_added_only_at_sites_that_the_user_may_operate(
        self, seattle: Site, chicago: Site, role: Role, sites: int
    ) -> None:
        client = staff("Somebody", seattle, role)
        form = client.get("/admin/faces/person/add/").context["adminform"].form
        assert form.fields["site"].queryset.count() == sites
        answer = client.post("/admin/faces/person/add/", enrolment(chicago, None, **WITHOUT_CONSENT))
        assert "site" in errors_of(answer)

    def test_nobody_moves_to_another_site(self, admin: Client, seattle: Site, chicago: Site) -> None:
        person = create_person(site=seattle, name="Ada")
        admin.post(change(person), enrolment(chicago, None, **WITHOUT_CONSENT))
        person.refresh_from_db()
        assert person.site == seattle


def change(thing: Any) -> str:
    return reverse(f"admin:faces_{type(thing)._meta.model_name}_change", args=[thing.pk])


def act(client: Client, model: str, action: str, thing: Any) -> Any:
    form = {"action": action, "_selected_action": [str(thing.pk)]}
    return client.post(f"/admin/faces/{model}/", form, follow=True)


def away(*_: Any) -> Any:
    raise RecogniserUnavailable("The models are missing.")
