"""The page on which an owner changes the settings of a site."""

import datetime as dt
import zoneinfo
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from devices.managing.forms import zone_choices
from devices.managing.tabs import tabs_for
from devices.models import Site
from devices.rules import zones
from devices.rules.roles import RIGHTS, Role

pytestmark = pytest.mark.django_db

TYPED = {"name": "Seattle", "timezone": "America/Los_Angeles", "address": "", "latitude": "", "longitude": ""}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change(user: User, **typed: str) -> Any:
    return client_of(user).post(reverse("site-settings", args=["seattle"]), {**TYPED, **typed})


def test_an_owner_changes_name_time_zone_and_location(owner: User, seattle: Site) -> None:
    typed = {"name": "Seattle HQ", "timezone": "America/Chicago", "address": "1 Main St", "latitude": "47.6"}
    assert change(owner, **typed).status_code == 302
    seattle.refresh_from_db()
    assert (seattle.name, seattle.timezone, seattle.address) == ("Seattle HQ", "America/Chicago", "1 Main St")
    assert seattle.latitude == 47.6


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("timezone", "Mars/Olympus", "“Mars/Olympus” is not a time zone. Choose one from the list."),
        ("latitude", "91", "Ensure this value is less than or equal to 90."),
        ("name", "", "This field is required."),
    ],
)
def test_a_wrong_value_is_told_beside_its_field_and_what_was_typed_stays(
    owner: User, seattle: Site, field: str, value: str, sentence: str
) -> None:
    response = change(owner, **{"address": "1 Main St", field: value})
    page = response.content.decode()
    assert response.status_code == 400
    label = page.index(f'for="id_{field}"')
    assert label < page.index(sentence) < page.index('class="field"', label)
    assert "1 Main St" in page
    seattle.refresh_from_db()
    assert (seattle.name, seattle.address) == ("Seattle", "")


def test_who_is_no_owner_sees_the_settings_and_is_told_who_changes_them(operator: User, seattle: Site) -> None:
    page = client_of(operator).get(reverse("site-settings", args=["seattle"])).content.decode()
    assert "America/Los_Angeles" in page
    assert "<select" not in page
    refused = change(operator, name="Mine")
    assert refused.status_code == 403
    seattle.refresh_from_db()
    assert seattle.name == "Seattle"


def test_each_time_zone_is_offered_once_with_its_present_time() -> None:
    now = dt.datetime(2026, 1, 15, 12, 0, tzinfo=dt.UTC)
    labels = {name: label for _, zones_there in zone_choices(now) for name, label in zones_there}
    assert labels["America/Chicago"] == "Chicago · 06:00"
    assert labels["Asia/Kolkata"] == "Kolkata · 17:30"
    assert "US/Central" not in labels
    assert set(labels) == set(zones.listed_zones()) <= zoneinfo.available_timezones()


def test_a_former_name_of_a_zone_stays_a_choice_where_it_is_set(owner: User, seattle: Site) -> None:
    Site.objects.filter(pk=seattle.pk).update(timezone="US/Pacific")
    assert change(owner, timezone="US/Pacific").status_code == 302


def test_each_role_sees_the_tabs_that_it_may_open(seattle: Site) -> None:
    titles = {role: [tab.title for tab in tabs_for(RIGHTS[role])] for role in Role}
    assert titles[Role.VIEWER][0] == "Site"
    assert set(titles[Role.VIEWER]) <= set(titles[Role.OPERATOR]) <= set(titles[Role.OWNER])
    assert tabs_for(frozenset()) == []
