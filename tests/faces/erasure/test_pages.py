"""Whoever erases somebody sees first what goes and what stays, and gives a receipt away that can be checked."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from devices.models import Device, DeviceLog, Site
from faces.models import Capture, Coffee, Erasure, Person, Sighting
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import create_person
from tests.faces.conftest import NOON, agree

pytestmark = pytest.mark.django_db


@pytest.fixture
def grace(seattle01: Device) -> Person:
    """Grace, with a consent, two sightings, one coffee, and a line in a log."""
    person = create_person(site=seattle01.site, name="Grace Hopper")
    agree(person)
    for key in (1, 2):
        capture = Capture.objects.create(device=seattle01, taken_at=NOON, received_at=NOON, key=key)
        sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9)
    Coffee.objects.create(person=person, device=seattle01, taken_at=NOON, sighting=sighting)
    DeviceLog.objects.create(device=seattle01, at=NOON, key=1, received_at=NOON, text="hello grace_hopper")
    return person


def erase(user: User, person: Person, **typed: str) -> Any:
    client = Client()
    client.force_login(user)
    address = reverse("erase-person", args=[person.site.slug, person.pk])
    return client.post(address, typed) if typed else client.get(address)


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", response.content.decode()))


def test_the_page_says_what_goes_and_what_stays_and_erases_nothing(operator: User, grace: Person) -> None:
    page = words(erase(operator, grace))
    assert "This goes, for ever the name 1 consent 1 mention of the name in a text" in page
    assert "This stays, without a name 2 sightings 1 coffee" in page
    assert Person.objects.get() == grace


def test_without_the_confirmation_nothing_is_erased(operator: User, grace: Person) -> None:
    response = erase(operator, grace, sure="no")
    assert response.status_code == 400
    assert "Nothing was erased. Tick the box to say that you are sure." in words(response)
    assert Person.objects.get() == grace


@pytest.mark.django_db(transaction=True)
def test_the_confirmation_ends_in_a_receipt_for_everybody_who_has_its_code(operator: User, grace: Person) -> None:
    answer = erase(operator, grace, sure="yes")
    erasure = Erasure.objects.get()
    assert answer.headers["Location"] == reverse("receipt", args=[erasure.pk])
    page = words(Client().get(answer.headers["Location"]))
    assert "The cameras of Seattle do not know this person any more." in page
    assert "This is gone the name 1 consent 1 mention of the name in a text" in page
    assert str(erasure.pk) in page
    assert "Grace" not in page
    typed = Client().get(reverse("check-receipt"), {"code": f" {str(erasure.pk).upper()} "})
    assert typed.headers["Location"] == answer.headers["Location"]


def test_a_code_that_is_none_is_said_plainly(db: None) -> None:
    assert Client().get(reverse("check-receipt")).status_code == 200
    for code in ("x", "00000000-0000-0000-0000-000000000000"):
        assert Client().get(reverse("check-receipt"), {"code": code}, follow=True).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_an_erasure_that_an_outage_interrupts_has_a_receipt_that_says_so(
    operator: User, grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise RecogniserUnavailable("The recogniser is away.")

    monkeypatch.setattr("faces.erasure.erasing._remove_faces", away)
    answer = erase(operator, grace, sure="yes")
    page = words(Client().get(answer.headers["Location"]))
    assert "The erasure is under way and not finished." in page
    assert "The recogniser is away." in page


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_shows_in_the_receipt(operator: User, grace: Person, seattle: Site) -> None:
    number = grace.pk
    answer = erase(operator, grace, sure="yes")
    Person.objects.create(pk=number, site=seattle, name="Grace Hopper")
    assert "A back-up has been restored that holds this person again." in words(
        Client().get(answer.headers["Location"])
    )
