"""The page of walls that show several sites: who makes and deletes them, and for which sites."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from analytics.features.galaxy.serving import views
from analytics.features.galaxy.serving.services import create_wall_token
from analytics.models.walls import WallToken
from devices.models import Device, Membership, Site
from devices.rules.roles import Role
from tests.analytics.features.galaxy.test_pairing import STATE, code_on
from tests.analytics.pages.test_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget_tokens_and_codes() -> None:
    views._read_sites_of_token.cache_clear()
    cache.clear()


@pytest.fixture
def of_both(operator: User, chicago: Site) -> User:
    """An operator of Seattle and Chicago."""
    Membership.objects.create(user=operator, site=chicago, role=Role.OPERATOR)
    return operator


def send(user: User, route: str, *arguments: Any, **typed: Any) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(route, args=arguments), typed, follow=True)


def test_an_operator_of_two_sites_makes_a_wall_of_both(of_both: User, seattle: Site, chicago: Site) -> None:
    response = send(of_both, "walls", name="Reception", site=["seattle", "chicago"], days="30")
    page = response.content.decode()
    found = re.search(r'<code class="secret">http://[^/]+(/wall/t/[\w-]+/of/3)</code>', page)
    assert found is not None, page
    assert "Chicago and Seattle" in words(response)
    assert Client().get(found[1].replace("of/3", "all/sites")).status_code == 200
    assert set(WallToken.objects.get().sites.all()) == {seattle, chicago}


def test_a_site_of_others_is_not_put_on_a_wall(operator: User, seattle: Site, chicago: Site) -> None:
    refused = send(operator, "walls", name="Reception", site=["chicago"], days="30")
    assert refused.status_code == 400
    assert "Choose the sites that the wall shows." in words(refused)
    send(operator, "walls", name="Reception", site=["seattle", "chicago"], days="30")
    assert list(WallToken.objects.get().sites.all()) == [seattle]


def test_a_screen_of_several_sites_is_paired_by_its_code(of_both: User, seattle01: Device, chicago01: Device) -> None:
    screen = Client()
    typed = {"name": "Reception", "site": ["seattle", "chicago"], "shape": "landscape"}
    only_one = words(send(of_both, "walls-pair", code=code_on(screen), board=["today"], **typed))
    assert "Choose what the screen shows" in only_one  # that board shows one site
    nothing = words(send(of_both, "walls-pair", code=code_on(screen), board=["sites"], **{**typed, "site": []}))
    assert "Choose the sites that the screen shows." in nothing
    paired = words(send(of_both, "walls-pair", code=code_on(screen), board=["sites", "leaderboard"], **typed))
    assert "The screen “Reception” opens its wall" in paired
    address = screen.get(reverse(STATE)).json()["address"]
    assert re.fullmatch(r"/wall/t/[\w-]+/all/sites\+leaderboard/of/3", address)
    assert screen.get(address).status_code == 200


def test_a_wall_is_deleted_by_whoever_operates_all_of_its_sites(
    of_both: User, owner: User, superuser: User, seattle: Site, chicago: Site
) -> None:
    token, _ = create_wall_token(name="Both", sites=[seattle, chicago], by=superuser)
    assert send(owner, "wall-delete", token.pk).status_code == 404  # the owner of Seattle alone
    assert "The wall “Both” shows nothing more" in words(send(of_both, "wall-delete", token.pk))
    assert not WallToken.objects.exists()


def test_a_viewer_learns_who_makes_walls(viewer: User, seattle: Site) -> None:
    client = Client()
    client.force_login(viewer)
    assert "Only operators and owners of a site put it on a wall." in words(client.get(reverse("walls")))
