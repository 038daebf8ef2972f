"""The pages of a site's people: the list, one person, changes, merges, and consent texts."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import AuditEntry, Site
from faces.models import ConsentTemplate, DeskLink, Merge, Person
from faces.people.renewals import ending_consents
from faces.services import create_person
from tests.faces.conftest import NOON, agree
from tests.faces.desk.conftest import logged_in, shown

pytestmark = pytest.mark.django_db

PEOPLE = "/sites/seattle/people/"


def test_members_find_people_with_face_coffees_and_consent(bea: Person, viewer: User, outsider: User) -> None:
    client = logged_in(viewer)
    page = shown(client.get(PEOPLE))
    assert ("Bea" in page, "1 coffee" in page, "consent until" in page, "/faces/" in page) == (True,) * 4
    assert "Bea" in shown(client.get(f"{PEOPLE}?q=STAFF:7"))
    assert "Nobody fits." in shown(client.get(f"{PEOPLE}?q=Ada"))
    assert logged_in(outsider).get(PEOPLE).status_code == 404
    face = page.partition('<img src="')[2].partition('"')[0]
    assert client.get(face).headers["Content-Type"] == "image/jpeg"
    assert logged_in(outsider).get(face).status_code == 404


def test_a_persons_page_says_all_in_words_and_the_look_is_recorded(bea: Person, viewer: User) -> None:
    page = shown(logged_in(viewer).get(f"{PEOPLE}{bea.pk}/"))
    assert "signed on paper by Bea on 19 Nov 2026" in page
    assert AuditEntry.objects.filter(subject="person", number=str(bea.pk), by=viewer).exists()


def test_a_merge_shows_both_asks_and_is_undone_on_the_page(bea: Person, operator: User, seattle: Site) -> None:
    twin = create_person(site=seattle, name="Beatrix")
    client, address = logged_in(operator), f"{PEOPLE}{twin.pk}/merge/"
    assert f'href="?into={bea.pk}"' in shown(client.get(address))
    page = shown(client.get(f"{address}?into={bea.pk}"))
    assert ("Are these one person?" in page, "Seattle: Seattle01" in page) == (True, True)
    assert not Merge.objects.exists()
    client.post(f"{address}?into={bea.pk}")
    assert "Undo the merge" in shown(client.get(f"{PEOPLE}{bea.pk}/"))
    client.post(f"/sites/seattle/merges/{Merge.objects.get().pk}/undo/")
    assert Person.objects.filter(name="Beatrix").exists()
    alone = client.post(f"{address}?into={twin.pk}")
    assert (alone.status_code, "was chosen twice" in shown(alone)) == (400, True)


def test_a_guest_is_named_on_the_page_only_with_their_own_consent(seattle: Site, operator: User) -> None:
    guest = Person.objects.create(site=seattle, name="Guest 3", guest_number=3)
    client, address = logged_in(operator), f"{PEOPLE}{guest.pk}/change/"
    refused = client.post(address, {"name": "Cy"})
    assert (refused.status_code, "own consent first" in shown(refused)) == (400, True)
    agree(guest)
    assert client.post(address, {"name": "Cy"}).status_code == 302
    assert Person.objects.get().name == "Cy"


def test_an_external_id_is_one_persons_and_a_profile_has_an_end(seattle: Site, operator: User) -> None:
    create_person(site=seattle, name="Ada", external_id="4711")
    other = create_person(site=seattle, name="Bob")
    client = logged_in(operator)
    for typed, sentence in (
        ({"external_id": "4711"}, "Another person of the site has this external id."),
        ({"external_id": "a b"}, "consists of the letters"),
        ({"profile": "x" * 1_001}, "at most 1000 characters"),
    ):
        answer = client.post(f"{PEOPLE}{other.pk}/change/", {"name": "Bob", **typed})
        assert (answer.status_code, sentence in shown(answer)) == (400, True), sentence


def test_the_number_of_queries_does_not_grow_with_the_people(bea: Person, viewer: User, seattle: Site) -> None:
    client = logged_in(viewer)
    client.get(PEOPLE)
    with CaptureQueriesContext(connection) as few:
        client.get(PEOPLE)
    for number in range(10):
        agree(create_person(site=seattle, name=f"Person {number}"))
    with CaptureQueriesContext(connection) as many:
        client.get(PEOPLE)
    assert len(few) == len(many)


class TestTexts:
    """An owner puts consent texts in force; a change is a new version."""

    def test_a_changed_text_is_the_next_version_and_touches_no_consent(
        self, text: ConsentTemplate, owner: User, seattle: Site
    ) -> None:
        client, address = logged_in(owner), f"{PEOPLE}consents/"
        fields = {"name": text.name, "purpose": text.purpose, "method": "electronic", "term_days": "90"}
        client.post(address, {**fields, "text": "Another text."})
        text.refresh_from_db()
        latest = ConsentTemplate.objects.get(retired_at=None)
        assert (latest.version, latest.created_by, text.retired_at is not None) == ("Coffee corner 2", owner, True)
        client.post(address, {**fields, "text": "Another text."})
        assert ConsentTemplate.objects.count() == 2
        too_long = client.post(address, {**fields, "text": "T", "term_days": "4000"})
        assert too_long.status_code == 400

    def test_an_operator_makes_and_revokes_a_link_for_own_phones(self, text: ConsentTemplate, operator: User) -> None:
        client = logged_in(operator)
        page = shown(client.post(f"{PEOPLE}consents/link/", {"template": text.pk, "uses": 5}))
        link = DeskLink.objects.get()
        assert ("<svg" in page, "5 people can enrol themselves" in page, link.uses_left) == (True, True, 5)
        client.post(f"{PEOPLE}consents/link/{link.pk}/revoke/")
        assert not DeskLink.objects.exists()


def test_a_consent_that_ends_soon_is_announced_until_a_longer_one_follows(seattle: Site) -> None:
    ada = create_person(site=seattle, name="Ada")
    agree(ada, signed_at=NOON, days=29)
    agree(create_person(site=seattle, name="Bob"), signed_at=NOON, days=31)
    assert [consent.person for consent in ending_consents(now=NOON)] == [ada]
    agree(ada, signed_at=NOON, days=300)
    assert not ending_consents(now=NOON).exists()
