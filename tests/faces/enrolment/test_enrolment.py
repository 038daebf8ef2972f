"""A face is enrolled from a good picture of the right person only, and whoever gave a bad one learns why."""

import datetime as dt

import numpy as np
import pytest
from PIL import Image, ImageFilter

from devices.models import Device, Site
from faces.enrolment import portraits
from faces.models import Capture, Consent, Face, Person
from faces.pictures import storage
from faces.recognisers.recogniser import Recogniser
from faces.services import (
    EnrolmentRefused,
    check_capture,
    create_person,
    enrol,
    enrol_portrait,
    recognise,
    withdraw_consent,
)
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

PORTRAIT = scenes.jpeg(scenes.portrait())


class TestEnrolment:
    def test_a_person_is_known_by_a_portrait_that_is_not_kept(self, ada: Person, seattle: Site) -> None:
        face = Face.objects.get()
        assert (face.person, face.provider, len(bytes(face.embedding or b""))) == (ada, "local", 128 * 4)

    def test_a_picture_without_a_face_is_refused(self, seattle: Site, local: Recogniser) -> None:
        assert "shows no face" in refusal(seattle, scenes.cat(), local)

    def test_a_picture_with_two_faces_is_refused(self, seattle: Site, local: Recogniser) -> None:
        assert "shows 2 faces" in refusal(seattle, scenes.two_with_cups(), local)

    def test_a_small_face_is_refused(self, seattle: Site, local: Recogniser) -> None:
        reason = refusal(seattle, scenes.portrait()[::2, ::2].copy(), local)
        assert "needs at least 80 a side" in reason

    def test_somebody_in_the_background_does_not_count(self, seattle: Site) -> None:
        recogniser = Scripted(detections((10, 10, 200, 200), (400, 10, 90, 90)))
        person = create_person(site=seattle, name="Ada")
        enrol(person=person, consent=agree(person), jpeg=PORTRAIT, now=NOON, recogniser=recogniser)
        assert Face.objects.get().provider_id.endswith("/10")

    @pytest.mark.parametrize("data", [b"", b"GIF89a", PORTRAIT[:2000]])
    def test_what_is_no_whole_picture_is_refused(self, seattle: Site, data: bytes) -> None:
        person = create_person(site=seattle, name="Ada")
        with pytest.raises(EnrolmentRefused, match="picture"):
            enrol(person=person, consent=agree(person), jpeg=data, now=NOON, recogniser=Scripted())

    def test_a_face_that_is_somebody_elses_is_refused(self, ada: Person, seattle: Site, local: Recogniser) -> None:
        assert "matches Ada" in refusal(seattle, scenes.portrait()[:, ::-1].copy(), local)

    def test_a_second_picture_of_the_same_person_is_welcome(self, ada: Person, local: Recogniser) -> None:
        mirrored = scenes.jpeg(scenes.portrait()[:, ::-1].copy())
        enrol(person=ada, consent=ada.consents.get(), jpeg=mirrored, now=NOON, recogniser=local)
        assert Face.objects.count() == 2

    def test_another_persons_consent_is_refused(self, ada: Person, seattle: Site) -> None:
        bob = create_person(site=seattle, name="Bob")
        with pytest.raises(EnrolmentRefused, match="record Bob's own consent"):
            enrol(person=bob, consent=ada.consents.get(), jpeg=PORTRAIT, now=NOON, recogniser=Scripted())

    @pytest.mark.parametrize("when", [NOON - dt.timedelta(days=2), NOON + dt.timedelta(days=364)])
    def test_a_consent_that_is_not_in_force_is_refused(self, seattle: Site, when: dt.datetime) -> None:
        person = create_person(site=seattle, name="Ada")
        with pytest.raises(EnrolmentRefused, match="not in force"):
            enrol(person=person, consent=agree(person), jpeg=PORTRAIT, now=when, recogniser=Scripted())

    def test_one_person_is_told_from_another(self, seattle: Site, local: Recogniser) -> None:
        person = create_person(site=seattle, name="Ada")
        enrol(person=person, consent=agree(person), jpeg=PORTRAIT, now=NOON, recogniser=local)
        with pytest.raises(EnrolmentRefused, match="matches Ada"):
            portray(seattle, scenes.jpeg(scenes.portrait()[:, ::-1].copy()), local)
        portray(seattle, scenes.jpeg(scenes.other_portrait()), local)


def blurred(radius: float) -> scenes.Picture:
    return np.array(Image.fromarray(scenes.portrait()).filter(ImageFilter.GaussianBlur(radius)))


class TestBlur:
    def test_a_blurred_face_is_refused_with_its_measure(self, seattle: Site, local: Recogniser) -> None:
        assert "The face is too blurred (0." in refusal(seattle, blurred(3), local)
        assert "at most 0.60" in refusal(seattle, blurred(3), local)

    def test_slight_blur_does_no_harm(self, seattle: Site, local: Recogniser) -> None:
        portray(seattle, scenes.jpeg(blurred(0.8)), local)

    def test_it_grows_with_the_blur_and_says_the_same_of_any_size(self, local: Recogniser) -> None:
        measured = []
        for factor in (1, 3):
            size = 512 * factor
            for radius in (0, 1, 2, 4):
                picture = Image.fromarray(blurred(radius)).resize((size, size), Image.Resampling.LANCZOS)
                jpeg = scenes.jpeg(np.array(picture))
                face = tuple(side * factor for side in (173, 82, 100, 100))
                measured.append(portraits.blur(jpeg, face))  # type: ignore[arg-type]
        small, large = measured[:4], measured[4:]
        assert (small, large) == (sorted(small), sorted(large))
        assert [one > portraits.MOST_BLUR for one in small] == [one > portraits.MOST_BLUR for one in large]


class TestAgain:
    def test_the_same_picture_twice_is_one_face(self, ada: Person, local: Recogniser) -> None:
        known = Face.objects.get()
        again = enrol(person=ada, consent=ada.consents.get(), jpeg=PORTRAIT, now=NOON, recogniser=local)
        assert (again, Face.objects.count()) == (known, 1)

    def test_a_consent_that_is_withdrawn_meanwhile_enrols_nobody(self, seattle: Site) -> None:
        person = create_person(site=seattle, name="Ada")
        consent, recogniser = agree(person), Scripted(detections((10, 10, 200, 200)))
        recogniser.after_index = lambda: withdraw_consent(consent=Consent.objects.get(), now=NOON)
        with pytest.raises(EnrolmentRefused, match="withdrawn"):
            enrol(person=person, consent=consent, jpeg=PORTRAIT, now=LATER, recogniser=recogniser)
        assert not Face.objects.exists()
        assert recogniser.forgotten == [f"headcount-site-{seattle.pk}/10"]


class TestOthers:
    def test_a_face_known_at_another_site_can_be_enrolled(self, ada: Person, chicago: Site, local: Recogniser) -> None:
        portray(chicago, PORTRAIT, local)
        assert sorted(Face.objects.values_list("consent__person__site__slug", flat=True)) == ["chicago", "seattle"]


class TestFromCaptures:
    def test_somebody_is_enrolled_from_what_a_camera_took(
        self, seattle: Site, take_picture: TakePicture, local: Recogniser, enrolled_only: None
    ) -> None:
        capture, person = take_picture(), create_person(site=seattle, name="Ada")
        portrait = check_capture(site=seattle, capture=capture, now=NOON, recogniser=local)
        face = enrol_portrait(person=person, consent=agree(person), portrait=portrait, now=NOON, recogniser=local)
        assert face.capture == capture
        recognise(capture_id=capture.pk, now=LATER, recogniser=local)
        assert capture.sightings.get().person == person

    def test_of_several_faces_one_is_chosen(self, seattle: Site, take_picture: TakePicture, local: Recogniser) -> None:
        capture = take_picture(scenes.jpeg(scenes.two_with_cups()))
        assert "shows 2 faces" in self.refusal(seattle, capture, None, local)
        assert "no face number 3" in self.refusal(seattle, capture, 3, local)
        assert "no face number 0" in self.refusal(seattle, capture, 0, local)
        first, second = (
            check_capture(site=seattle, capture=capture, number=number, now=NOON, recogniser=local).face
            for number in (1, 2)
        )
        assert first[0] < 512 < second[0]

    def test_another_sites_picture_is_refused(
        self, seattle: Site, chicago01: Device, take_picture: TakePicture, local: Recogniser
    ) -> None:
        assert "was not taken at Seattle" in self.refusal(seattle, take_picture(device=chicago01), None, local)

    def test_a_picture_that_is_gone_is_refused(
        self, seattle: Site, take_picture: TakePicture, local: Recogniser
    ) -> None:
        capture = take_picture()
        storage.remove(str(capture.image))
        assert "has been removed" in self.refusal(seattle, capture, None, local)

    def refusal(self, site: Site, capture: Capture, number: int | None, recogniser: Recogniser) -> str:
        with pytest.raises(EnrolmentRefused) as refused:
            check_capture(site=site, capture=capture, number=number, now=NOON, recogniser=recogniser)
        return str(refused.value)


def portray(site: Site, jpeg: bytes, recogniser: Recogniser) -> None:
    person = create_person(site=site, name="Somebody new")
    enrol(person=person, consent=agree(person), jpeg=jpeg, now=NOON, recogniser=recogniser)


def refusal(site: Site, picture: scenes.Picture, recogniser: Recogniser) -> str:
    with pytest.raises(EnrolmentRefused) as refused:
        portray(site, scenes.jpeg(picture), recogniser)
    return str(refused.value)
