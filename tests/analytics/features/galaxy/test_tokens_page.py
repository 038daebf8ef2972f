"""The page with a site's walls and API tokens: what they may do, when they were used, and how they end."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.features.galaxy.serving import views
from analytics.features.galaxy.serving.services import create_wall_token
from analytics.models.walls import WallToken
from devices.models import AuditEntry, Site
from devices.services import issue_api_token
from tests import clock
from tests.clock import SetClock

pytestmark = pytest.mark.django_db

PAGE = "/sites/seattle/settings/walls/"


@pytest.fixture(autouse=True)
def _forget_tokens() -> None:
    views._read_sites_of_token.cache_clear()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(response: Any) -> str:
    return str(response.content.decode())


def test_an_operator_makes_a_wall_whose_address_is_shown_once(operator: User, seattle: Site) -> None:
    client = client_of(operator)
    page = shown(client.post(PAGE, {"name": "Lobby", "days": "30"}))
    found = re.search(r'<code class="secret">http://[^/]+(/wall/t/[\w-]+/of/3)</code>', page)
    assert found is not None, page
    assert Client().get(found[1]).status_code == 200
    assert found[1] not in shown(client.get(PAGE))
    token = WallToken.objects.get()
    assert token.expires_at is not None
    assert abs(token.expires_at - clock.now() - dt.timedelta(days=30)) < dt.timedelta(minutes=1)
    assert token.used_at is not None
    entry = AuditEntry.objects.get(subject="wall token")
    assert (entry.by, entry.site, entry.label) == (operator, seattle, "Lobby")


def test_an_expired_wall_shows_nothing(owner: User, seattle: Site, set_clock: SetClock) -> None:
    now = clock.now()
    _, text = create_wall_token(name="Lobby", sites=[seattle], by=owner, expires_at=now + dt.timedelta(days=1))
    assert Client().get(f"/wall/t/{text}/seattle/today").status_code == 200
    set_clock(now + dt.timedelta(days=2))
    assert Client().get(f"/wall/t/{text}/seattle/today").status_code == 404
    assert "expired" in shown(client_of(owner).get(PAGE))


def test_a_wall_of_two_sites_keeps_the_other_one(operator: User, superuser: User, seattle: Site, chicago: Site) -> None:
    token, _ = create_wall_token(name="Both", sites=[seattle, chicago], by=superuser)
    page = shown(client_of(operator).post(f"{PAGE}{token.pk}/revoke/", follow=True))
    assert "The wall “Both” shows Seattle no more" in page
    assert list(token.sites.all()) == [chicago]


def test_a_wall_without_a_site_is_gone(operator: User, owner: User, seattle: Site) -> None:
    token, text = create_wall_token(name="Lobby", sites=[seattle], by=owner)
    client_of(operator).post(f"{PAGE}{token.pk}/revoke/")
    assert not WallToken.objects.exists()
    assert Client().get(f"/wall/t/{text}/seattle/today").status_code == 404


def test_owners_see_which_tokens_can_read_their_site_and_others_their_own(
    owner: User, operator: User, outsider: User, seattle: Site
) -> None:
    for user, name in ((owner, "Grafana"), (operator, "script"), (outsider, "elsewhere")):
        issue_api_token(user=user, name=name, only_reads=True)
    seen = shown(client_of(owner).get(PAGE))
    assert "Grafana" in seen
    assert "script" in seen
    assert "elsewhere" not in seen
    assert "Grafana" not in shown(client_of(operator).get(PAGE))


def test_a_missing_name_is_told_and_makes_nothing(operator: User, seattle: Site) -> None:
    response = client_of(operator).post(PAGE, {"name": " ", "days": "30"})
    assert response.status_code == 400
    assert "This field cannot be blank." in shown(response)
    assert not WallToken.objects.exists()
