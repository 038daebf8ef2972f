"""What pages decide and announce about faces, programs do and read too."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Device, Site
from faces.models import ConsentTemplate, DeskLink, ErasureNotice, FeelingsConfirmation, Mode, SitePolicy
from faces.people.consent_texts import PROPOSAL, publish_text
from faces.people.desk_links import make_link
from faces.services import create_person, recognise
from tests import clock
from tests.faces.conftest import LATER, TakePicture, agree
from tests.faces.rest.test_enrolment_api import client_of
from tests.faces.scripted import Scripted

pytestmark = pytest.mark.django_db

API = "/api/v1/"
POLICY = f"{API}face-policies/seattle/"
CONFIRMED = {
    "site": "seattle",
    "jurisdiction": "Washington, United States",
    "nobody_at_work_or_school": True,
    "notice_is_public": True,
}


def results(client: Client, address: str) -> Any:
    return client.get(f"{API}{address}").json()["results"]


class TestPolicies:
    def test_a_site_that_has_decided_nothing_has_the_defaults(self, viewer: User, seattle: Site) -> None:
        policy = client_of(viewer).get(POLICY).json()
        assert (policy["mode"], policy["kept_hours"], policy["confirmed_by"]) == ("off", 12, None)

    def test_an_owner_confirms_a_mode_and_sets_terms(self, owner: User, seattle: Site) -> None:
        client = client_of(owner)
        refused = client.patch(POLICY, {"mode": "enrolled"})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["confirmed"])
        policy = client.patch(POLICY, {"mode": "enrolled", "confirmed": True, "unseen_days": 60}).json()
        assert (policy["mode"], policy["unseen_days"], policy["confirmed_by"]) == ("enrolled", 60, owner.username)
        assert client.patch(POLICY, {"contact": "the desk"}).json()["mode"] == "enrolled"
        too_long = client.patch(POLICY, {"unseen_days": 4_000})
        assert (too_long.status_code, list(too_long.json()["errors"])) == (400, ["unseen_days"])
        assert list(client.patch(POLICY, {"bio": 1}).json()["errors"]) == ["bio"]
        assert SitePolicy.objects.get().mode == Mode.ENROLLED

    def test_an_operator_may_not(self, operator: User, seattle: Site) -> None:
        assert client_of(operator).patch(POLICY, {"mode": "off"}).status_code == 403
        assert not SitePolicy.objects.exists()


class TestExpressions:
    def test_an_owner_confirms_by_name_and_ends_it(self, owner: User, viewer: User, seattle: Site) -> None:
        client = client_of(owner)
        row = client.post(f"{API}expressions/", CONFIRMED)
        assert (row.status_code, row.json()["confirmed_by"]) == (201, owner.username)
        assert len(results(client_of(viewer), "expressions/")) == 1
        assert client.delete(f"{API}expressions/seattle/").status_code == 204
        assert not FeelingsConfirmation.objects.exists()

    @pytest.mark.parametrize("missing", ["nobody_at_work_or_school", "notice_is_public", "jurisdiction", "site"])
    def test_nothing_is_confirmed_by_leaving_it_out(self, owner: User, seattle: Site, missing: str) -> None:
        body = {name: value for name, value in CONFIRMED.items() if name != missing}
        answer = client_of(owner).post(f"{API}expressions/", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [missing])
        if missing in ("nobody_at_work_or_school", "notice_is_public"):
            assert client_of(owner).post(f"{API}expressions/", {**body, missing: False}).status_code == 400
        assert not FeelingsConfirmation.objects.exists()

    def test_only_an_owner_of_the_site_may(self, operator: User, outsider: User, seattle: Site) -> None:
        assert client_of(operator).post(f"{API}expressions/", CONFIRMED).status_code == 403
        elsewhere = client_of(outsider).post(f"{API}expressions/", CONFIRMED)
        assert (elsewhere.status_code, list(elsewhere.json()["errors"])) == (400, ["site"])
        assert not FeelingsConfirmation.objects.exists()


class TestAnnouncements:
    def test_consents_that_end_soon_are_listed(self, viewer: User, outsider: User, seattle: Site) -> None:
        now = clock.now()
        for name, days in (("Ada", 20), ("Bob", 90)):
            agree(create_person(site=seattle, name=name), signed_at=now, days=days)
        ended = agree(create_person(site=seattle, name="Cy"), signed_at=now, days=20)
        ended.withdrawn_at = now
        ended.save()
        client = client_of(viewer)
        assert [row["person"]["name"] for row in results(client, "consents/?ending=true")] == ["Ada"]
        assert [row["person"]["name"] for row in results(client, "consents/?in_force=true")] == ["Ada", "Bob"]
        assert [row["person"]["name"] for row in results(client, "consents/?in_force=false")] == ["Cy"]
        assert results(client_of(outsider), "consents/") == []

    def test_announced_erasures_are_listed(self, viewer: User, seattle: Site) -> None:
        now = clock.now()
        ada = create_person(site=seattle, name="Ada")
        ErasureNotice.objects.create(person=ada, last_seen_at=now, noticed_at=now, erase_at=now)
        [row] = results(client_of(viewer), "erasure-notices/?site=seattle")
        assert (row["person"]["name"], row["told_at"]) == ("Ada", None)

    def test_the_notice_of_a_display_is_as_its_settings_are_now(
        self, owner: User, viewer: User, outsider: User, seattle01: Device
    ) -> None:
        client, address = client_of(viewer), f"{API}display-notices/{seattle01.pk}/"
        before = client.get(address).json()
        client_of(owner).patch(POLICY, {"contact": "the front desk"})
        after = client.get(address).json()
        assert "Ask the front desk." in str(after["statements"])
        assert before["page"] == after["page"]
        assert Client().get(after["page"]).status_code == 200
        assert [row["id"] for row in results(client, "display-notices/?site=seattle")] == [seattle01.pk]
        assert client_of(outsider).get(address).status_code == 404


class TestTheRestOfThePages:
    def test_links_to_enrol_are_listed_without_their_codes_and_ended(
        self, operator: User, viewer: User, owner: User, seattle: Site
    ) -> None:
        now = clock.now()
        text: ConsentTemplate = publish_text(site=seattle, by=owner, now=now, method="paper", term_days=9, **PROPOSAL)
        _, code = make_link(site=seattle, by=owner, now=now, template=text, uses=3)
        answer = client_of(viewer).get(f"{API}desk-links/")
        [row] = answer.json()["results"]
        assert (row["consent_text"], row["uses_left"], code in answer.content.decode()) == ("Coffee corner 1", 3, False)
        assert client_of(viewer).delete(f"{API}desk-links/{row['id']}/").status_code == 403
        assert client_of(operator).delete(f"{API}desk-links/{row['id']}/").status_code == 204
        assert not DeskLink.objects.exists()

    def test_a_picture_is_recognised_again_and_found_by_its_person(
        self, operator: User, viewer: User, take_picture: TakePicture
    ) -> None:
        capture = recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted())
        address = f"{API}captures/{capture.pk}/recognise/"
        assert client_of(viewer).post(address).status_code == 403
        again = client_of(operator).post(address)
        assert (again.status_code, again.json()["state"]) == (202, "queued")
        twice = client_of(operator).post(address)
        assert (twice.status_code, list(twice.json()["errors"])) == (400, ["detail"])
        ada = create_person(site=capture.device.site, name="Ada")
        capture.sightings.create(number=0, confidence=0.9, person=ada)
        assert [row["id"] for row in results(client_of(viewer), f"captures/?person={ada.pk}")] == [str(capture.pk)]
        assert results(client_of(viewer), f"captures/?person={ada.pk + 1}") == []

    def test_an_operator_sees_what_an_erasure_would_remove(self, operator: User, viewer: User, seattle: Site) -> None:
        ada = create_person(site=seattle, name="Ada")
        agree(ada)
        address = f"{API}people/{ada.pk}/erasure/"
        foreseen = client_of(operator).get(address).json()
        assert (foreseen["goes"], foreseen["stays"]) == (["the name", "1 consent"], [])
        assert client_of(viewer).get(address).status_code == 403
        assert ada.consents.exists()
