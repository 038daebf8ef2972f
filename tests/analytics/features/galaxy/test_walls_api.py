"""Walls by the API: the same services and rights as the pages."""

import datetime as dt
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from analytics.features.galaxy.serving import views
from analytics.features.galaxy.serving.services import create_wall_token
from analytics.models.walls import WallToken
from devices.models import Action, AuditEntry, Device, Membership, Site
from devices.rules.roles import Role
from tests import clock
from tests.analytics.features.galaxy.test_pairing import STATE, code_on

pytestmark = pytest.mark.django_db

WALLS = "/api/v1/walls/"


@pytest.fixture(autouse=True)
def _forget_tokens_and_codes() -> None:
    views._read_sites_of_token.cache_clear()
    cache.clear()


def send(user: User, method: str, address: str = WALLS, **body: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    return getattr(client, method)(address, body or None, format="json")


def one(wall: WallToken, end: str = "") -> str:
    return f"{WALLS}{wall.pk}/{end}"


@pytest.fixture
def shared_wall(operator: User, owner: User, superuser: User, seattle: Site, chicago: Site) -> WallToken:
    """A wall of Seattle, which the operator operates, and of Chicago, which the operator does not see."""
    return create_wall_token(name="Reception", sites=[seattle, chicago], by=superuser)[0]


def test_a_new_wall_opens_with_the_token_that_is_shown_once(operator: User, seattle01: Device) -> None:
    expires_at = clock.now() + dt.timedelta(days=30)
    made = send(operator, "post", name="Lobby", sites=["seattle"], expires_at=expires_at.isoformat())
    assert made.status_code == HTTPStatus.CREATED
    told = made.json()
    assert told["setup"].endswith(f"/wall/t/{told['token']}/of/3")
    assert Client().get(f"/wall/t/{told['token']}/seattle/today").status_code == HTTPStatus.OK
    (listed,) = send(operator, "get").json()["results"]
    assert (listed["name"], listed["sites"], listed["token"], listed["setup"]) == ("Lobby", ["seattle"], None, None)
    assert dt.datetime.fromisoformat(listed["expires_at"]) == expires_at


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "sites": ["seattle"]}, "name"),
        ({"name": "Lobby", "sites": []}, "sites"),
        ({"name": "Lobby"}, "sites"),
        ({"name": "Lobby", "sites": ["chicago"]}, "sites"),
        ({"name": "Lobby", "sites": ["seattle"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_a_wrong_field_is_named(operator: User, chicago: Site, body: dict[str, Any], field: str) -> None:
    refused = send(operator, "post", **body)
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert list(refused.json()["errors"]) == [field]
    assert not WallToken.objects.exists()


def test_a_viewer_makes_no_wall_and_sees_none(viewer: User, owner: User, seattle: Site) -> None:
    create_wall_token(name="Lobby", sites=[seattle], by=owner)
    assert send(viewer, "get").json()["results"] == []
    refused = send(viewer, "post", name="Lobby", sites=["seattle"])
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert "Only operators and owners of Seattle" in refused.json()["detail"]


def test_a_wall_keeps_its_address_under_another_name_and_the_history_tells_it(operator: User, seattle: Site) -> None:
    wall, token = create_wall_token(name="Lobby", sites=[seattle], by=operator)
    changed = send(operator, "patch", one(wall), name="Window")
    assert (changed.status_code, changed.json()["name"]) == (HTTPStatus.OK, "Window")
    assert Client().get(f"/wall/t/{token}/seattle/today").status_code == HTTPStatus.OK
    entry = AuditEntry.objects.get(subject="wall token", action=Action.CHANGED)
    assert (entry.site_id, entry.changes) == (seattle.pk, {"name": ["Lobby", "Window"]})


def test_another_end_and_other_sites(operator: User, seattle: Site, chicago: Site) -> None:
    Membership.objects.create(user=operator, site=chicago, role=Role.OPERATOR)
    wall, _ = create_wall_token(name="Lobby", sites=[seattle], by=operator, expires_at=clock.now())
    changed = send(operator, "patch", one(wall), expires_at=None, sites=["chicago"]).json()
    assert (changed["expires_at"], changed["sites"], changed["other_sites"]) == (None, ["chicago"], 0)
    actions = AuditEntry.objects.filter(subject="wall token").values_list("site__slug", "action")
    assert {("chicago", "added"), ("seattle", "deleted")} <= set(actions)


def test_sites_of_others_on_a_wall_are_counted_and_not_named(operator: User, shared_wall: WallToken) -> None:
    told = send(operator, "get", one(shared_wall)).json()
    assert (told["sites"], told["other_sites"]) == (["seattle"], 1)


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_who_operates_one_of_its_sites_does_not_change_a_wall_for_the_others(
    operator: User, shared_wall: WallToken, method: str
) -> None:
    refused = send(operator, method, one(shared_wall), name="Mine", sites=["seattle"])
    assert refused.status_code == HTTPStatus.FORBIDDEN
    shared_wall.refresh_from_db()
    assert (shared_wall.name, shared_wall.sites.count()) == ("Reception", 2)


def test_a_site_is_taken_off_a_wall_that_shows_others_too(operator: User, shared_wall: WallToken) -> None:
    assert send(operator, "post", one(shared_wall, "take-off/"), site="seattle").status_code == HTTPStatus.NO_CONTENT
    assert [site.slug for site in shared_wall.sites.all()] == ["chicago"]
    assert send(operator, "get", one(shared_wall)).status_code == HTTPStatus.NOT_FOUND


def test_a_revoked_wall_shows_nothing(operator: User, seattle: Site) -> None:
    wall, token = create_wall_token(name="Lobby", sites=[seattle], by=operator)
    assert send(operator, "delete", one(wall)).status_code == HTTPStatus.NO_CONTENT
    assert Client().get(f"/wall/t/{token}/seattle/today").status_code == HTTPStatus.NOT_FOUND


def test_a_screen_is_paired_by_its_code(operator: User, seattle01: Device) -> None:
    screen = Client()
    body = {"name": "Door", "sites": ["seattle"], "boards": ["today", "week"], "shape": "portrait"}
    made = send(operator, "post", f"{WALLS}pair/", code=code_on(screen), **body)
    assert (made.status_code, made.json()["name"]) == (HTTPStatus.CREATED, "Door")
    address = screen.get(reverse(STATE)).json()["address"]
    assert address.endswith("/seattle/today+week")
    assert screen.get(address).status_code == HTTPStatus.OK
    again = send(operator, "post", f"{WALLS}pair/", code="AAAAAA", **body)
    assert "No screen shows this code now" in again.content.decode()
    assert WallToken.objects.count() == 1


def test_a_list_of_many_walls_takes_as_many_queries_as_of_one(operator: User, seattle: Site) -> None:
    made = []
    for _ in range(2):
        create_wall_token(name="Lobby", sites=[seattle], by=operator)
        with CaptureQueriesContext(connection) as queries:
            send(operator, "get")
        made.append(len(queries))
    assert made[0] == made[1]
