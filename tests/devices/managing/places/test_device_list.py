"""The page that lists the devices of a site."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from devices import services
from devices.managing.places import device_list
from devices.models import Device, Site
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


def listed(user: User, **asked: str) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("site-devices", args=["seattle"]), asked).content.decode()


def test_a_device_is_found_by_a_part_of_its_name_or_its_thing_name(viewer: User, seattle01: Device) -> None:
    places.device(seattle01.site, "Lobby", "camera_7")
    assert "camera_7" in listed(viewer, q="lob")
    assert "Seattle01" not in listed(viewer, q="lob")
    assert "Lobby" in listed(viewer, q="RA_7")
    assert "No device’s name or thing name contains “nothing”" in listed(viewer, q="nothing")


def test_devices_that_left_are_shown_on_request(viewer: User, seattle01: Device) -> None:
    services.retire_device(device=seattle01, at=clock.now() - dt.timedelta(days=3))
    assert "Seattle01" not in listed(viewer)
    assert "Seattle01" in listed(viewer, show="left")
    assert "Seattle01" in listed(viewer, show="all")


def test_a_page_lists_some_devices_and_takes_the_same_queries_for_many(
    viewer: User, seattle: Site, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(device_list, "ROWS", 3)
    for number in range(8):
        places.device(seattle, f"Camera{number}", f"thing_{number}")
    client = Client()
    client.force_login(viewer)
    address = reverse("site-devices", args=["seattle"])
    client.get(address)
    with django_assert_num_queries(7):
        first = client.get(address).content.decode()
    assert "page 1 of 3" in first
    assert first.count("thing_") == 3
    last = client.get(address, {"page": "3", "q": "camera"}).content.decode()
    assert last.count("thing_") == 2
    assert "?page=2&amp;q=camera" in last


def test_another_sites_devices_are_not_there(outsider: User, seattle01: Device) -> None:
    client = Client()
    client.force_login(outsider)
    assert client.get(reverse("site-devices", args=["seattle"])).status_code == 404
