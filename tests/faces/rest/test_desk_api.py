"""The API of consent texts and links, and of what describes a person."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Site
from faces.models import ConsentTemplate, DeskLink, Person
from faces.services import create_person
from tests.faces.rest.test_enrolment_api import client_of

pytestmark = pytest.mark.django_db

TEXT = {"site": "seattle", "name": "Lobby", "purpose": "The lobby greets you.", "text": "I agree."}


def test_an_owner_puts_a_text_in_force_and_an_operator_gives_a_link(owner: User, operator: User, seattle: Site) -> None:
    refused = client_of(operator).post("/api/v1/consent-texts/", TEXT)
    assert refused.status_code == 403
    text = client_of(owner).post("/api/v1/consent-texts/", TEXT).json()
    assert (text["number"], text["method"], text["term_days"]) == (1, "electronic", 365)
    given = client_of(operator).post(f"/api/v1/consent-texts/{text['id']}/link/", {"uses": 3})
    assert (given.status_code, given.headers["Cache-Control"]) == (201, "no-store")
    assert Client().get(given.json()["url"], follow=True).status_code == 200
    assert DeskLink.objects.get().uses_left == 3
    client_of(owner).post(f"/api/v1/consent-texts/{text['id']}/retire/")
    assert ConsentTemplate.objects.get().retired_at is not None
    again = client_of(operator).post(f"/api/v1/consent-texts/{text['id']}/link/")
    assert (again.status_code, list(again.json()["errors"])) == (400, ["detail"])


def test_a_person_gets_a_link_to_their_own_page(operator: User, viewer: User, seattle: Site) -> None:
    person = create_person(site=seattle, name="Ada")
    assert client_of(viewer).post(f"/api/v1/people/{person.pk}/link/").status_code == 403
    url = client_of(operator).post(f"/api/v1/people/{person.pk}/link/").json()["url"]
    assert b"What is kept about Ada" in Client().get(url).content


def test_external_id_and_profile_are_set_found_and_changed(operator: User, seattle: Site) -> None:
    client = client_of(operator)
    person = {"site": "seattle", "name": "Ada", "external_id": "4711", "profile": "Two\nlines."}
    made = client.post("/api/v1/people/", person).json()
    assert (made["external_id"], made["profile"]) == ("4711", "Two\nlines.")
    twice = client.post("/api/v1/people/", {**person, "name": "Bob"})
    assert (twice.status_code, Person.objects.count()) == (400, 1)
    assert len(client.get("/api/v1/people/?external_id=4711").json()["results"]) == 1
    renamed = client.post(f"/api/v1/people/{made['id']}/name/", {"name": "Ada L."}).json()
    assert (renamed["name"], renamed["external_id"]) == ("Ada L.", "4711")


def test_an_unknown_field_is_refused_by_name(operator: User, seattle: Site) -> None:
    client = client_of(operator)
    person = create_person(site=seattle, name="Ada")
    for address, body in (
        ("people/", {"site": "seattle", "name": "Bob", "bio": "…"}),
        (f"people/{person.pk}/name/", {"name": "Bob", "bio": "…"}),
        (f"people/{person.pk}/consents/", {"bio": "…"}),
        (f"people/{person.pk}/faces/", {"bio": "…"}),
        (f"people/{person.pk}/merge/", {"into": 1, "bio": "…"}),
    ):
        answer = client.post(f"/api/v1/{address}", body)
        assert (answer.status_code, "There is no such field" in answer.json()["errors"]["bio"][0]) == (400, True)
    assert Person.objects.get().name == "Ada"
