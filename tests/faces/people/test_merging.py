"""Two records of one person become one without losing or doubling anything, and can be told apart again."""

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device, Site
from faces.coffees.counting import COOL_DOWN
from faces.models import Coffee, Erasure, Face, Merge, Mode, Person, Sighting
from faces.services import (
    MergeRefused,
    create_person,
    forget,
    merge_people,
    name_person,
    recognise,
    restore_coffee,
    set_policy,
    undo_merge,
    void_coffee,
)
from tests.faces.coffees.test_coffees import hold_cups
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.rest.test_api import client_of
from tests.faces.scripted import Scripted, detections
from tests.faces.test_admin import act, admin, change, errors_of, logged_in  # noqa: F401
from tests.world import places

pytestmark = pytest.mark.django_db

FACE = (100, 100, 100, 100)
ONE_WITH_CUP = detections(FACE, cups=[(120, 320, 60, 60)])


@pytest.fixture
def guest(seattle: Site, owner: User, take_picture: TakePicture) -> Person:
    """Guest 1 of Seattle, with a face and one coffee at noon."""
    set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
    recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP))
    return Person.objects.get()


@pytest.fixture
def bea(seattle: Site) -> Person:
    person = create_person(site=seattle, name="Bea", line="Baker")
    agree(person)
    return person


def ledger() -> dict[int, tuple[Any, ...]]:
    return {
        coffee.pk: (coffee.person_id, coffee.sighting.person_id, coffee.voided, coffee.review_reason)
        for coffee in Coffee.objects.select_related("sighting")
    }


class TestMergingIsUndoable(TestCase):
    @examples(max_examples=12)
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1800)), max_size=14), st.booleans())
    def test_the_cool_down_holds_and_undoing_gives_everything_back(
        self, cups: list[tuple[str, int]], twice: bool
    ) -> None:
        device = places.seattle01()
        people = {name: create_person(site=device.site, name=name) for name in "abc"}
        for name, second in cups:
            hold_cups(device, [people[name]], NOON + dt.timedelta(seconds=second))
        names = dict(Person.objects.values_list("pk", "name"))
        before, counted = ledger(), set(Coffee.objects.values_list("taken_at", flat=True))
        merges = [merge_people(other=people["a"], into=people["b"], by=None, now=LATER)]
        if twice:
            merges.append(merge_people(other=people["b"], into=people["c"], by=None, now=LATER))
        survivor = merges[-1].person
        times = sorted(Coffee.objects.counted().filter(person=survivor).values_list("taken_at", flat=True))
        assert all(later - earlier >= COOL_DOWN for earlier, later in pairwise(times))
        assert set(Coffee.objects.values_list("taken_at", flat=True)) == counted
        assert Sighting.objects.filter(person=survivor).count() >= len(times)
        for merge in reversed(merges):
            merge.refresh_from_db()
            undo_merge(merge=merge, by=None, now=LATER)
        assert ledger() == before
        assert dict(Person.objects.values_list("pk", "name")) == names


class TestMerging:
    def test_everything_of_the_guest_follows(self, guest: Person, bea: Person, operator: User) -> None:
        merge = merge_people(other=guest, into=bea, by=operator, now=LATER)
        assert list(Person.objects.all()) == [bea]
        assert (bea.coffees.count(), bea.sightings.count(), bea.consents.count()) == (1, 1, 2)
        assert Face.objects.get().person == bea
        assert (merge.other_name, merge.merged_by, merge.merged_at) == ("Guest 1", operator, LATER)

    def test_the_merged_guests_face_is_recognised_as_the_other_person(
        self, guest: Person, bea: Person, take_picture: TakePicture
    ) -> None:
        merge_people(other=guest, into=bea, by=None, now=LATER)
        later = LATER + dt.timedelta(hours=1)
        capture = recognise(capture_id=take_picture(at=later).pk, now=later, recogniser=Scripted(ONE_WITH_CUP))
        assert [sighting.person for sighting in capture.sightings.all()] == [bea]
        assert bea.coffees.count() == 2

    def test_a_merge_while_a_worker_searches_is_no_fault(
        self, guest: Person, bea: Person, take_picture: TakePicture
    ) -> None:
        later = LATER + dt.timedelta(hours=1)
        searching = Scripted(ONE_WITH_CUP)
        searching.after_identify = lambda: merge_people(other=guest, into=bea, by=None, now=LATER)
        capture = recognise(capture_id=take_picture(at=later).pk, now=later, recogniser=searching)
        assert [sighting.person for sighting in capture.sightings.all()] == [bea]

    def test_undone_the_guest_is_back_with_number_face_and_coffee(self, guest: Person, bea: Person) -> None:
        merge = merge_people(other=guest, into=bea, by=None, now=LATER)
        agree(bea, signed_at=NOON, days=700)  # takes the guest's face over too
        back = undo_merge(merge=merge, by=None, now=LATER)
        back.refresh_from_db()
        assert (back.pk, back.name, back.guest_number) == (merge.other_number, "Guest 1", 1)
        assert back.created_at == merge.other_created_at
        assert (back.coffees.count(), back.sightings.count()) == (1, 1)
        assert Face.objects.get().person == back
        assert bea.consents.count() == 2

    def test_the_history_of_an_undone_one_names_nobody(self, guest: Person, bea: Person, operator: User) -> None:
        merge = merge_people(other=guest, into=bea, by=None, now=LATER)
        undo_merge(merge=merge, by=operator, now=LATER)
        merge.refresh_from_db()
        assert (merge.other_name, merge.undone_by, merge.undone_at) == ("", operator, LATER)
        with pytest.raises(MergeRefused, match="undone already"):
            undo_merge(merge=merge, by=operator)

    def test_what_described_the_other_passes_to_whoever_has_none_and_back(self, seattle: Site, bea: Person) -> None:
        hers = {"line": "Cook", "external_id": "4711", "profile": "She cooks.", "email": "bea@example.com"}
        twin = create_person(site=seattle, name="Be", **hers)
        merge = merge_people(other=twin, into=bea, by=None, now=LATER)
        bea.refresh_from_db()
        taken = {name: getattr(bea, name) for name in hers}
        assert taken == {**hers, "line": "Baker"}
        Person.objects.filter(pk=bea.pk).update(profile="She bakes.")
        back = undo_merge(merge=merge, by=None, now=LATER)
        back.refresh_from_db()
        bea.refresh_from_db()
        assert {name: getattr(back, name) for name in hers} == hers
        assert (bea.line, bea.external_id, bea.profile, bea.email) == ("Baker", "", "She bakes.", "")
        merge.refresh_from_db()
        assert merge.other_details == {}

    def test_an_external_id_that_somebody_else_has_by_now_is_not_given_back(self, seattle: Site, bea: Person) -> None:
        Person.objects.filter(pk=bea.pk).update(external_id="1")
        bea.refresh_from_db()
        merge = merge_people(other=create_person(site=seattle, name="Be", external_id="4711"), into=bea, by=None)
        create_person(site=seattle, name="Cy", external_id="4711")
        assert undo_merge(merge=merge, by=None).external_id == ""

    def test_a_reviewers_decision_since_then_stands(self, seattle01: Device, operator: User) -> None:
        one, two = (create_person(site=seattle01.site, name=name) for name in ("One", "Two"))
        hold_cups(seattle01, [one], NOON)
        hold_cups(seattle01, [None, two], NOON + dt.timedelta(minutes=2))
        merge = merge_people(other=one, into=two, by=None, now=LATER)
        doubled = Coffee.objects.get(voided=True)
        assert "Repeats the coffee of 20:00:00 UTC" in doubled.review_reason
        void_coffee(coffee=doubled, by=operator, reason="A can of paint.")
        undo_merge(merge=merge, by=None)
        doubled.refresh_from_db()
        assert (doubled.voided, doubled.review_reason) == (True, "A can of paint.")

    def test_what_a_merge_voided_cannot_be_restored_beside_the_other(self, seattle01: Device) -> None:
        one, two = (create_person(site=seattle01.site, name=name) for name in ("One", "Two"))
        hold_cups(seattle01, [one], NOON)
        hold_cups(seattle01, [None, two], NOON + dt.timedelta(minutes=2))
        merge_people(other=one, into=two, by=None, now=LATER)
        with pytest.raises(ValueError, match="counts, less than 5 minutes apart; void that coffee first"):
            restore_coffee(coffee=Coffee.objects.get(voided=True), by=None, reason="Two cups.")

    def test_the_latest_is_undone_first(self, seattle: Site) -> None:
        one, two, three = (create_person(site=seattle, name=name) for name in ("One", "Two", "Three"))
        first = merge_people(other=one, into=three, by=None)
        second = merge_people(other=two, into=three, by=None)
        with pytest.raises(MergeRefused, match="Two was merged later; undo that merge first"):
            undo_merge(merge=first, by=None)
        undo_merge(merge=second, by=None)
        undo_merge(merge=first, by=None)
        assert Person.objects.count() == 3

    def test_people_of_two_sites_in_one_picture_or_being_erased_are_not_merged(
        self, seattle01: Device, chicago: Site
    ) -> None:
        one, two = (create_person(site=seattle01.site, name=name) for name in ("One", "Two"))
        with pytest.raises(MergeRefused, match="was chosen twice"):
            merge_people(other=one, into=one, by=None)
        with pytest.raises(MergeRefused, match="only people of one site can be merged"):
            merge_people(other=one, into=create_person(site=chicago, name="Three"), by=None)
        Erasure.objects.create(
            site=one.site, person_number=one.pk, requested_at=NOON, erased_at=None, counts={}, digests=[]
        )
        with pytest.raises(MergeRefused, match="being erased"):
            merge_people(other=one, into=two, by=None)
        Erasure.objects.all().delete()
        hold_cups(seattle01, [one, two])
        with pytest.raises(MergeRefused, match="they are two people"):
            merge_people(other=one, into=two, by=None)
        assert not Merge.objects.exists()

    def test_erasing_who_took_over_leaves_no_history(self, guest: Person, bea: Person, monkeypatch: Any) -> None:
        monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: Scripted())
        merge_people(other=guest, into=bea, by=None, now=LATER)
        forget(person=bea, by=None)
        assert not Merge.objects.exists()
        assert Coffee.objects.get().person is None


class TestNaming:
    def test_a_guest_is_named_only_with_a_consent_of_their_own(self, guest: Person) -> None:
        with pytest.raises(ValidationError, match="Record the person's own consent first"):
            name_person(person=guest, name="Bea")
        assert name_person(person=guest, name="Guest 1", line="Likes tea").line == "Likes tea"

    def test_a_named_guest_keeps_everything(self, guest: Person) -> None:
        agree(guest)
        named = name_person(person=guest, name=" Bea ", line="Baker")
        named.refresh_from_db()
        assert (named.name, named.line, named.guest_number, named.coffees.count()) == ("Bea", "Baker", 1, 1)

    def test_a_name_is_needed(self, guest: Person) -> None:
        with pytest.raises(ValidationError):
            name_person(person=guest, name=" ")

    def test_no_number_is_given_twice(self, guest: Person, bea: Person, take_picture: TakePicture) -> None:
        merge_people(other=guest, into=bea, by=None, now=LATER)
        stranger = Scripted(detections((600, 100, 100, 100), cups=[(620, 320, 60, 60)]))
        later = NOON + dt.timedelta(hours=1)
        recognise(capture_id=take_picture(at=later).pk, now=later, recogniser=stranger)
        assert Person.objects.exclude(pk=bea.pk).get().name == "Guest 2"


class TestApi:
    def test_an_operator_names_merges_and_undoes(self, guest: Person, bea: Person, operator: User) -> None:
        client = client_of(operator)
        refused = client.post(f"/api/v1/people/{guest.pk}/name/", {"name": "Be"})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["name"])
        agree(guest)
        named = client.post(f"/api/v1/people/{guest.pk}/name/", {"name": "Be", "line": ""}).json()
        assert (named["name"], named["coffees"]) == ("Be", 1)
        assert client.post(f"/api/v1/people/{guest.pk}/name/", {"name": ""}).status_code == 400
        merged = client.post(f"/api/v1/people/{guest.pk}/merge/", {"into": bea.pk}).json()
        assert (merged["other_name"], merged["person"]["name"], merged["coffees"]) == ("Be", "Bea", 1)
        assert len(client.get("/api/v1/merges/?undone=false&site=seattle").json()["results"]) == 1
        undone = client.post(f"/api/v1/merges/{merged['id']}/undo/").json()
        assert undone == {"id": guest.pk, "name": "Be"}
        assert client.get("/api/v1/merges/?undone=false").json()["results"] == []
        again = client.post(f"/api/v1/merges/{merged['id']}/undo/")
        assert (again.status_code, again.json()["errors"]["detail"]) == (400, ["This merge is undone already."])

    def test_what_cannot_be_merged_is_said_beside_the_field(self, guest: Person, operator: User, chicago: Site) -> None:
        elsewhere = create_person(site=chicago, name="Cy")
        for into in (guest.pk, elsewhere.pk):
            answer = client_of(operator).post(f"/api/v1/people/{guest.pk}/merge/", {"into": into})
            assert (answer.status_code, list(answer.json()["errors"])) == (400, ["into"])

    def test_a_viewer_may_not_and_an_outsider_finds_nothing(
        self, guest: Person, bea: Person, viewer: User, outsider: User
    ) -> None:
        merge = merge_people(other=create_person(site=bea.site, name="Bee"), into=bea, by=None)
        for user, status in ((viewer, 403), (outsider, 404)):
            client = client_of(user)
            for address in (f"people/{guest.pk}/merge/", f"people/{guest.pk}/name/", f"merges/{merge.pk}/undo/"):
                assert client.post(f"/api/v1/{address}", {"into": bea.pk, "name": "Eve"}).status_code == status
        assert client_of(outsider).get("/api/v1/merges/").json()["results"] == []

    def test_a_coffee_that_would_be_doubled_is_not_restored(self, seattle01: Device, operator: User) -> None:
        one, two = (create_person(site=seattle01.site, name=name) for name in ("One", "Two"))
        hold_cups(seattle01, [one], NOON)
        hold_cups(seattle01, [None, two], NOON + dt.timedelta(minutes=2))
        merge_people(other=one, into=two, by=None, now=LATER)
        coffee = Coffee.objects.get(voided=True)
        answer = client_of(operator).post(f"/api/v1/coffees/{coffee.pk}/restore/", {"reason": "Two cups."})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["detail"])
        client = logged_in(places.superuser())
        assert (
            "void that coffee first" in errors_of(client.post(change(coffee), {"review_reason": "Two."}))["voided"][0]
        )


class TestAdmin:
    def test_the_admin_leads_to_the_page_that_shows_both_and_undoes(
        self,
        admin: Client,  # noqa: F811
        guest: Person,
        bea: Person,
    ) -> None:
        page = f"/sites/seattle/people/{guest.pk}/merge/"
        assert page in admin.get(change(guest)).content.decode()
        assert admin.get("/admin/faces/merge/add/").status_code == 403
        assert admin.post(f"{page}?into={bea.pk}").status_code == 302
        merge = Merge.objects.get()
        assert admin.get(change(merge)).status_code == 200
        assert "Guest 1" in admin.get("/admin/faces/merge/").content.decode()
        act(admin, "merge", "undo", merge)
        assert Person.objects.count() == 2
