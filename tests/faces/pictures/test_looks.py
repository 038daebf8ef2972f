"""The audit tells who looked at pictures of people, and who exported rows of people."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from devices.models import Action, AuditEntry, Site, Way
from faces.models import Capture
from faces.services import create_person, recognise
from tests.clock import SetClock
from tests.faces.conftest import LATER, TakePicture
from tests.faces.pictures.test_links import link_on_a_page
from tests.faces.scripted import Scripted

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _forget_looks() -> None:
    caches["process"].clear()


@pytest.fixture
def captures(take_picture: TakePicture) -> list[Capture]:
    return [recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted()) for _ in range(2)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def looks() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=Action.LOOKED).order_by("pk"))


def test_who_looked_at_a_devices_pictures_is_told_once_an_hour(
    captures: list[Capture], viewer: User, operator: User, seattle: Site, set_clock: SetClock
) -> None:
    set_clock(LATER)
    for user in (viewer, operator):
        client = signed_in(user)
        for capture in (*captures, *captures):
            assert client.get(link_on_a_page(client, capture)).status_code == 200
    assert [(look.by, look.site, look.label, look.way) for look in looks()] == [
        (viewer, seattle, "Seattle01", Way.PAGE),
        (operator, seattle, "Seattle01", Way.PAGE),
    ]
    set_clock(LATER + HOUR)
    client = signed_in(viewer)
    client.get(link_on_a_page(client, captures[0]))
    assert [look.by for look in looks()] == [viewer, operator, viewer]


def test_a_further_look_costs_no_query_and_another_process_adds_no_second_entry(
    captures: list[Capture], viewer: User, set_clock: SetClock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    set_clock(LATER)
    client = signed_in(viewer)
    address = link_on_a_page(client, captures[0])
    client.get(address)
    with django_assert_num_queries(3):  # session, user, capture
        client.get(address)
    caches["process"].clear()  # as in a process that has not seen the first look
    client.get(address)
    assert len(looks()) == 1


def test_a_picture_that_is_refused_is_no_look(
    captures: list[Capture], viewer: User, outsider: User, set_clock: SetClock
) -> None:
    set_clock(LATER)
    address = link_on_a_page(signed_in(viewer), captures[0])
    assert signed_in(outsider).get(address).status_code == 404
    assert looks() == []


@pytest.mark.parametrize(("name", "sites"), [("captures", ["seattle"]), ("people", ["seattle"]), ("coffees", [])])
def test_an_export_of_people_is_told_for_each_site_that_it_contains(
    captures: list[Capture], viewer: User, seattle: Site, chicago: Site, name: str, sites: list[str]
) -> None:
    create_person(site=seattle, name="Ada")
    file: Any = signed_in(viewer).get(f"/api/v1/{name}/", {"format": "csv"})
    assert b"".join(file.streaming_content)
    told = AuditEntry.objects.filter(action=Action.EXPORTED, by=viewer)
    assert list(told.values_list("site__slug", flat=True)) == sites
