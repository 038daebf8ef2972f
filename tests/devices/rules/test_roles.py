"""What a role does not allow is forbidden everywhere: in querysets, in the admin and in the API."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from devices.models import Device, Membership, Site
from devices.rules.roles import RIGHTS, Right, Role
from devices.storage.querysets import SiteScopedQuerySet
from tests.world import api_world, places

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(seattle: Site) -> User:
    """A member of Seattle, with a role that the code does not list."""
    user = places.user("auditor")
    Membership.objects.create(user=user, site=seattle, role="unlisted")
    return user


def _admin(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _api(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def _form(site: Site, name: str) -> dict[str, object]:
    return {"site": site.pk, "name": name, "thing_name": "thing-1", "clock_timezone": "UTC"}


def test_every_role_has_its_rights_listed() -> None:
    assert set(RIGHTS) == set(Role)
    assert all(Right.SEE in rights for rights in RIGHTS.values())


def test_an_unlisted_role_sees_nothing_and_has_no_right_to_any_row(auditor: User) -> None:
    api_world.fill()
    querysets = {model: model._default_manager.all() for model in apps.get_models()}
    scoped = {model: rows for model, rows in querysets.items() if isinstance(rows, SiteScopedQuerySet)}
    assert sum(rows.exists() for rows in scoped.values()) > 10
    for right in Right:
        assert not [model for model, rows in scoped.items() if rows.permitted(auditor, right).exists()]
        assert not places.seattle().allows(auditor, right)
    for path in ("sites", "devices", "logs", "quarantine", "episodes", "captures", "people", "coffees"):
        assert _api(auditor).get(f"/api/v1/{path}/").json()["results"] == [], path


def test_an_unlisted_role_changes_nothing_by_the_api(auditor: User, owner: User, seattle01: Device) -> None:
    question = {"text": "Is this a test?", "answers": [{"label": "thumbs-up", "text": "Yes"}], "device": seattle01.pk}
    refused = _api(auditor).post("/api/v1/questions/", {"site": "seattle", **question})
    assert refused.status_code in (400, 403, 404), refused.content
    person = {"site": "seattle", "name": "Ada"}
    assert _api(auditor).post("/api/v1/people/", person).status_code in (400, 403, 404)
    assert _api(owner).post("/api/v1/people/", person).status_code == 201


@pytest.mark.parametrize("page", ["change", "delete"])
def test_an_unlisted_role_finds_no_device_in_the_admin(page: str, auditor: User, seattle01: Device) -> None:
    answer = _admin(auditor).post(f"/admin/devices/device/{seattle01.pk}/{page}/", {"post": "yes"})
    assert answer.status_code in (302, 403)
    assert Device.objects.get() == seattle01


@pytest.mark.parametrize("action", ["issue_token", "send_settings"])
def test_an_unlisted_role_runs_no_action_on_a_device(action: str, auditor: User, seattle01: Device) -> None:
    chosen = {"action": action, "_selected_action": [seattle01.pk]}
    _admin(auditor).post("/admin/devices/device/", chosen)
    seattle01.refresh_from_db()
    assert (seattle01.thing.token_digest, seattle01.thing.config_unsent_since) == ("", None)


def test_a_device_cannot_be_moved_to_a_site_that_the_user_may_only_see(seattle01: Device, chicago: Site) -> None:
    user = places.user("both", {seattle01.site: Role.OPERATOR, chicago: Role.VIEWER})
    _admin(user).post(f"/admin/devices/device/{seattle01.pk}/change/", _form(chicago, "Moved"))
    seattle01.refresh_from_db()
    assert seattle01.site.slug == "seattle"


def test_a_viewer_cannot_become_an_owner_in_the_admin(viewer: User, seattle: Site) -> None:
    client, membership = _admin(viewer), Membership.objects.get(user=viewer)
    form = {"user": viewer.pk, "site": seattle.pk, "role": Role.OWNER}
    assert client.post(f"/admin/devices/membership/{membership.pk}/change/", form).status_code == 302
    client.post("/admin/devices/membership/add/", {**form, "user": places.user("friend").pk})
    assert list(Membership.objects.values_list("role", flat=True)) == [Role.VIEWER]
