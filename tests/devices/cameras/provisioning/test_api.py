"""Sites, cameras and members are created over the API, by right of the user."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.cameras.adding import services
from devices.models import Device, Invitation, Membership, Site
from tests import clock
from tests.world import places

OSLO = {"slug": "oslo", "name": "Oslo", "timezone": "Europe/Oslo"}
DESK = {"site": "seattle", "name": "Front desk"}


def post(user: User, path: str, body: dict[str, Any]) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(f"/api/v1/{path}/", body, content_type="application/json")


def test_an_administrator_creates_a_site_and_creates_it_once(superuser: User) -> None:
    assert post(superuser, "sites", OSLO).status_code == 201
    again = post(superuser, "sites", OSLO)
    assert (again.status_code, again.json()["slug"]) == (200, "oslo")
    assert Site.objects.count() == 1


def test_an_owner_changes_the_own_site_and_no_other(owner: User, chicago: Site) -> None:
    body = {"slug": "seattle", "name": "Seattle HQ", "timezone": "America/Los_Angeles"}
    assert post(owner, "sites", body).status_code == 200
    assert Site.objects.get(slug="seattle").name == "Seattle HQ"
    assert post(owner, "sites", {**body, "slug": "chicago"}).status_code == 403
    assert post(owner, "sites", OSLO).status_code == 403


def test_a_wrong_time_zone_is_named_by_its_field(superuser: User) -> None:
    response = post(superuser, "sites", {**OSLO, "timezone": "Europe/Atlantis"})
    assert (response.status_code, list(response.json()["errors"])) == (400, ["timezone"])


def test_an_operator_adds_a_camera_and_gets_a_code_for_its_box(operator: User) -> None:
    response = post(operator, "devices", DESK)
    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["site"], body["name"]) == ("seattle", "front-desk")
    assert len(body["agent_sha256"]) == 64
    assert services.claim_box(code=body["claim_code"], software="", now=clock.now()).source == "0"


def test_the_same_camera_again_is_left_as_it_is(operator: User) -> None:
    post(operator, "devices", DESK)
    again = post(operator, "devices", DESK)
    assert (again.status_code, again.json()["claim_code"]) == (200, "")
    assert Device.objects.count() == 1


def test_an_operator_makes_a_new_code_for_a_box_that_was_replaced(operator: User, viewer: User) -> None:
    first = post(operator, "devices", DESK).json()
    again = post(operator, f"devices/{first['id']}/claim", {"address": "rtsp://10.0.0.4/1"})
    assert again.status_code == 201
    with pytest.raises(services.CodeRefused):
        services.claim_box(code=first["claim_code"], software="", now=clock.now())
    claimed = services.claim_box(code=again.json()["claim_code"], software="", now=clock.now())
    assert claimed.source == "rtsp://10.0.0.4/1"
    assert post(viewer, f"devices/{first['id']}/claim", {}).status_code == 403


def test_viewers_add_no_camera_and_outsiders_know_of_no_site(viewer: User, outsider: User) -> None:
    assert post(viewer, "devices", DESK).status_code == 403
    response = post(outsider, "devices", DESK)
    assert (response.status_code, list(response.json()["errors"])) == (400, ["site"])
    assert not Device.objects.exists()


def test_an_owner_adds_a_user_or_invites_an_address(owner: User, seattle: Site) -> None:
    places.user("kari")
    assert post(owner, "members", {"site": "seattle", "user": "kari", "role": "operator"}).status_code == 201
    assert Membership.objects.get(user__username="kari").role == "operator"
    invited = post(owner, "members", {"site": "seattle", "user": "new@example.com", "role": "viewer"})
    assert invited.json()["invitation"]
    assert Invitation.objects.get().email == "new@example.com"


def test_members_are_listed_for_their_own_site(owner: User, outsider: User) -> None:
    client = Client()
    client.force_login(owner)
    listed = client.get("/api/v1/members/").json()["results"]
    assert [(each["user"], each["role"]) for each in listed] == [("owner", "owner")]


def test_only_owners_add_members(operator: User, seattle: Site) -> None:
    places.user("kari")
    body = {"site": "seattle", "user": "kari", "role": "viewer"}
    assert post(operator, "members", body).status_code == 403


def test_somebody_unknown_without_an_address_is_told(owner: User, seattle: Site) -> None:
    response = post(owner, "members", {"site": "seattle", "user": "nobody", "role": "viewer"})
    assert response.status_code == 400
    assert "Give an e-mail address" in response.content.decode()


@pytest.mark.parametrize("path", ["sites", "devices", "members", "rollouts", "devices/settings"])
def test_strangers_create_nothing(client: Client, db: None, path: str) -> None:
    assert client.post(f"/api/v1/{path}/", {}, content_type="application/json").status_code == 401
