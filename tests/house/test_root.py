"""The parts that belong to no layer: signing out, and the schema of the whole API."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config.urls import router


def test_signing_out_ends_the_session(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(reverse("overview")).status_code == HTTPStatus.OK
    assert client.post(reverse("account_logout")).headers["Location"] == reverse("account_login")
    assert client.get(reverse("overview")).headers["Location"].startswith(reverse("account_login"))


def test_a_link_from_elsewhere_signs_nobody_out(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert "Are you sure you want to sign out?" in client.get(reverse("account_logout")).content.decode()
    assert client.get(reverse("overview")).status_code == HTTPStatus.OK


def test_the_description_of_the_api_has_every_route(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    paths = client.get(reverse("schema"), headers={"accept": "application/json"}).json()["paths"]
    assert {f"/api/v1/{prefix}/" for prefix, _, _ in router.registry} <= set(paths)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["schema", "api-docs"])
def test_the_description_of_the_api_is_for_those_who_have_an_account(client: Client, name: str) -> None:
    assert client.get(reverse(name)).status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
