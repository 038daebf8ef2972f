"""Error pages tell why, and who may."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Site
from faces.models import Person

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_403_says_who_may(operator: User, seattle: Site) -> None:
    page = client_of(operator).get("/sites/seattle/settings/history/").content.decode()
    assert "Only owners of Seattle may change the site&#x27;s settings and members, and read its history." in page


def test_a_403_of_the_admin_says_who_decides(operator: User, seattle: Site) -> None:
    response = client_of(operator).get("/admin/devices/device/")
    assert response.status_code == 403
    assert "An administrator of the installation decides who may do this." in response.content.decode()


def test_a_403_of_the_api_says_who_may(viewer: User, seattle: Site) -> None:
    person = Person.objects.create(site=seattle, name="Ada")
    response = client_of(viewer).delete(f"/api/v1/people/{person.pk}/")
    assert response.status_code == 403
    assert "Only operators and owners of Seattle may change its data." in response.json()["detail"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/sites/seattle/?days=7&to=2026-02-30", "2026-02-30"),
        ("/leaderboard/?period=year", "There is no period “year”."),
    ],
)
def test_a_404_says_what_was_wrong_with_the_address(viewer: User, seattle: Site, address: str, sentence: str) -> None:
    response = client_of(viewer).get(address)
    assert response.status_code == 404
    assert sentence in response.content.decode()


def test_a_404_without_a_sentence_speaks_no_computers_language(viewer: User, seattle: Site) -> None:
    for address in ("/sites/nowhere/members/", "/nothing/"):
        page = client_of(viewer).get(address).content.decode()
        assert "matches the given query" not in page
        assert "The address is wrong, or the page belongs to a site of which you are not a member." in page
