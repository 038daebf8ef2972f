"""The page on which an administrator adds a site."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from devices.models import Site

pytestmark = pytest.mark.django_db


def add(user: User, **typed: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse("site-new"), {"name": "Riga office", "timezone": "Europe/Riga", **typed}, follow=True)


def test_a_site_is_added_by_its_name_and_its_next_page_invites_its_owner(superuser: User) -> None:
    response = add(superuser)
    site = Site.objects.get(slug="riga-office")
    assert (site.name, site.timezone) == ("Riga office", "Europe/Riga")
    assert response.redirect_chain == [(reverse("members", args=["riga-office"]), 302)]
    assert "Invite its owner here" in response.content.decode()


def test_a_site_may_have_other_addresses_than_its_name(superuser: User) -> None:
    add(superuser, slug="rix", address="Brivibas 1", latitude="56.9496", longitude="24.1052")
    site = Site.objects.get(slug="rix")
    assert (site.address, site.latitude, site.longitude) == ("Brivibas 1", 56.9496, 24.1052)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "東京"}, "Type this part: “東京” has no letter of a to z to make it from."),
        ({"name": "Seattle"}, "Site with this Name already exists."),
        ({"slug": "seattle"}, "Site with this Slug already exists."),
        ({"name": "All"}, "all"),
        ({"timezone": ""}, "This field is required."),
        ({"latitude": "91"}, "Ensure this value is less than or equal to 90."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_added(
    superuser: User, seattle: Site, typed: dict[str, str], sentence: str
) -> None:
    response = add(superuser, **typed)
    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert list(Site.objects.all()) == [seattle]


def test_an_owner_of_a_site_learns_who_adds_sites(owner: User) -> None:
    response = add(owner)
    assert response.status_code == 403
    assert "Only an administrator of this installation adds sites." in response.content.decode()
