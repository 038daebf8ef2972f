"""Nobody is known without a recorded consent, and whoever wants to is forgotten."""

import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from devices.models import Site
from devices.rules.roles import Role
from faces.models import Consent, Face, Mode, Person, SitePolicy
from faces.people.policies import current_mode
from faces.services import (
    PolicyRefused,
    create_person,
    record_consent,
    set_policy,
    withdraw_consent,
)
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, agree
from tests.world import places

pytestmark = pytest.mark.django_db

PORTRAIT = scenes.jpeg(scenes.portrait())


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
        assert current_mode(seattle) == Mode.OFF

    @pytest.mark.parametrize("mode", [Mode.ENROLLED, Mode.EVERYONE])
    def test_recognition_is_the_owners_decision(
        self, seattle: Site, owner: User, operator: User, outsider: User, mode: Mode
    ) -> None:
        for somebody in (operator, outsider, None):
            with pytest.raises(PolicyRefused):
                set_policy(site=seattle, mode=mode, confirmed_by=somebody)
        assert current_mode(seattle) == Mode.OFF
        policy = set_policy(site=seattle, mode=mode, confirmed_by=owner, now=NOON)
        assert (current_mode(seattle), policy.confirmed_by, policy.confirmed_at) == (mode, owner, NOON)

    def test_a_superuser_counts_as_an_owner(self, seattle: Site, superuser: User) -> None:
        assert set_policy(site=seattle, mode="enrolled", confirmed_by=superuser).confirmed_by == superuser

    def test_the_database_refuses_everyone_without_a_confirmation(self, seattle: Site) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            SitePolicy.objects.create(site=seattle, mode=Mode.EVERYONE)

    def test_somebody_whose_role_ended_is_no_owner(self, seattle: Site) -> None:
        former = places.user("former", {seattle: Role.OWNER})
        former.memberships.all().delete()
        with pytest.raises(PolicyRefused, match="not an owner of Seattle"):
            set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=former)
