"""Nobody is known without a recorded consent, and whoever wants to is forgotten."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from devices.models import Role, Site
from edge_agent.vision.files import ROOT
from faces.models import Consent, Face, Mode, Person, SitePolicy
from faces.recogniser import Recogniser
from faces.services import (
    EnrolmentRefused,
    PolicyRefused,
    create_person,
    enrol,
    record_consent,
    set_policy,
    withdraw_consent,
)
from faces.services.policies import mode_of
from tests import places
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, agree
from tests.faces.scripted import Scripted, seen

pytestmark = pytest.mark.django_db

PORTRAIT = scenes.jpeg(scenes.portrait())
REAL_PORTRAITS = ROOT.parent / "shared" / "data" / "images"


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
        assert "must have 80 a side" in reason

    def test_somebody_in_the_background_does_not_count(self, seattle: Site) -> None:
        recogniser = Scripted(seen((10, 10, 200, 200), (400, 10, 90, 90)))
        person = create_person(site=seattle, name="Ada")
        enrol(person=person, consent=agree(person), jpeg=PORTRAIT, now=NOON, recogniser=recogniser)
        assert Face.objects.get().provider_id.endswith("/10")

    @pytest.mark.parametrize("data", [b"", b"GIF89a", PORTRAIT[:2000]])
    def test_what_is_no_whole_picture_is_refused(self, seattle: Site, data: bytes) -> None:
        person = create_person(site=seattle, name="Ada")
        with pytest.raises(EnrolmentRefused, match="picture"):
            enrol(person=person, consent=agree(person), jpeg=data, now=NOON, recogniser=Scripted())

    def test_a_face_that_is_somebody_elses_is_refused(self, ada: Person, seattle: Site, local: Recogniser) -> None:
        assert "looks like Ada" in refusal(seattle, scenes.portrait()[:, ::-1].copy(), local)

    def test_a_second_picture_of_the_same_person_is_welcome(self, ada: Person, local: Recogniser) -> None:
        mirrored = scenes.jpeg(scenes.portrait()[:, ::-1].copy())
        enrol(person=ada, consent=ada.consents.get(), jpeg=mirrored, now=NOON, recogniser=local)
        assert Face.objects.count() == 2

    def test_another_persons_consent_does_not_do(self, ada: Person, seattle: Site) -> None:
        bob = create_person(site=seattle, name="Bob")
        with pytest.raises(EnrolmentRefused, match="not Bob's"):
            enrol(person=bob, consent=ada.consents.get(), jpeg=PORTRAIT, now=NOON, recogniser=Scripted())

    @pytest.mark.parametrize("when", [NOON - dt.timedelta(days=2), NOON + dt.timedelta(days=364)])
    def test_a_consent_that_is_not_in_force_does_not_do(self, seattle: Site, when: dt.datetime) -> None:
        person = create_person(site=seattle, name="Ada")
        with pytest.raises(EnrolmentRefused, match="not in force"):
            enrol(person=person, consent=agree(person), jpeg=PORTRAIT, now=when, recogniser=Scripted())

    @pytest.mark.skipif(not REAL_PORTRAITS.exists(), reason="the portraits beside this repository are not there")
    def test_one_person_is_told_from_another(self, seattle: Site, local: Recogniser) -> None:
        first, second, other = (
            (REAL_PORTRAITS / f"face-{name}.jpg").read_bytes() for name in ("obama", "obama2", "biden")
        )
        person = create_person(site=seattle, name="Barack")
        enrol(person=person, consent=agree(person), jpeg=first, now=NOON, recogniser=local)
        with pytest.raises(EnrolmentRefused, match="looks like Barack"):
            portray(seattle, second, local)
        portray(seattle, other, local)


class TestConsent:
    def test_it_proves_what_was_agreed_to(self, seattle: Site) -> None:
        consent = agree(create_person(site=seattle, name="Ada"))
        assert consent.text_sha256 == hashlib.sha256(consent.text.encode()).hexdigest()

    @pytest.mark.parametrize(
        "missing",
        [{"text": ""}, {"text_version": " "}, {"signed_by": ""}, {"method": "shouted"}, {"expires_at": NOON}],
    )
    def test_half_a_consent_is_refused(self, seattle: Site, missing: dict[str, Any]) -> None:
        given = {
            "text": "I agree.",
            "text_version": "1",
            "method": "paper",
            "signed_by": "Ada",
            "signed_at": NOON,
            "expires_at": LATER,
        }
        with pytest.raises(ValidationError):
            record_consent(person=create_person(site=seattle, name="Ada"), **{**given, **missing})

    def test_the_database_refuses_a_face_without_one(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Face.objects.create(provider="local", provider_id="1")

    @pytest.mark.parametrize("empty", ["text", "text_version", "text_sha256", "signed_by"])
    def test_the_database_refuses_an_empty_one(self, seattle: Site, empty: str) -> None:
        agree(create_person(site=seattle, name="Ada"))
        with pytest.raises(IntegrityError), transaction.atomic():
            Consent.objects.update(**{empty: ""})

    def test_withdrawing_it_forgets_the_faces(self, ada: Person) -> None:
        withdraw_consent(consent=ada.consents.get(), now=NOON)
        assert not Face.objects.exists()
        assert ada.consents.get().withdrawn_at == NOON

    def test_a_renewed_one_covers_the_faces(self, ada: Person) -> None:
        renewed = agree(ada, signed_at=NOON, days=700)
        assert Face.objects.get().consent == renewed


class TestPolicy:
    def test_it_is_off_until_somebody_decides(self, seattle: Site) -> None:
        assert mode_of(seattle) == Mode.OFF

    @pytest.mark.parametrize("mode", [Mode.ENROLLED, Mode.EVERYONE])
    def test_recognition_is_the_owners_decision(
        self, seattle: Site, owner: User, operator: User, outsider: User, mode: Mode
    ) -> None:
        for somebody in (operator, outsider, None):
            with pytest.raises(PolicyRefused):
                set_policy(site=seattle, mode=mode, confirmed_by=somebody)
        assert mode_of(seattle) == Mode.OFF
        policy = set_policy(site=seattle, mode=mode, confirmed_by=owner, now=NOON)
        assert (mode_of(seattle), policy.confirmed_by, policy.confirmed_at) == (mode, owner, NOON)

    def test_a_superuser_counts_as_an_owner(self, seattle: Site, superuser: User) -> None:
        assert set_policy(site=seattle, mode="enrolled", confirmed_by=superuser).confirmed_by == superuser

    def test_the_database_refuses_everyone_without_a_confirmation(self, seattle: Site) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            SitePolicy.objects.create(site=seattle, mode=Mode.EVERYONE)

    def test_somebody_whose_role_ended_is_no_owner(self, seattle: Site) -> None:
        former = places.user("former", {seattle: Role.OWNER})
        former.memberships.all().delete()
        with pytest.raises(PolicyRefused, match="no owner of Seattle"):
            set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=former)


def portray(site: Site, jpeg: bytes, recogniser: Recogniser) -> None:
    person = create_person(site=site, name="Somebody new")
    enrol(person=person, consent=agree(person), jpeg=jpeg, now=NOON, recogniser=recogniser)


def refusal(site: Site, picture: scenes.Picture, recogniser: Recogniser) -> str:
    with pytest.raises(EnrolmentRefused) as refused:
        portray(site, scenes.jpeg(picture), recogniser)
    return str(refused.value)
