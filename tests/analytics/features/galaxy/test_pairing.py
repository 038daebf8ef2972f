"""A screen shows a code, an operator enters it, and the screen opens its wall by itself."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from analytics.features.galaxy.serving import pairing
from analytics.models.walls import WallToken
from devices.models import Device
from tests.analytics.pages.test_pages import words

STATE = "wall-pair-state"


@pytest.fixture(autouse=True)
def _no_other_codes(db: None) -> None:
    cache.clear()


def code_on(screen: Client) -> str:
    shown = re.search(r'<p class="code">([^<]+)</p>', screen.get(reverse("wall-pair")).content.decode())
    assert shown
    return shown.group(1)


def enter(user: User, code: str, **more: Any) -> str:
    client = Client()
    client.force_login(user)
    values = {"code": code, "name": "Lobby", "board": ["today", "week"], "shape": "landscape", **more}
    return words(client.post(reverse("site-wall-pair", args=["seattle"]), values, follow=True))


def test_the_screen_opens_the_wall_that_an_operator_has_chosen(seattle01: Device, operator: User) -> None:
    screen = Client()
    code = code_on(screen)
    assert screen.get(reverse(STATE)).json() == {"address": None, "waits": True}
    assert "The screen “Lobby” opens its wall" in enter(operator, code.lower())
    address = screen.get(reverse(STATE)).json()["address"]
    assert re.fullmatch(r"/wall/t/[\w-]+/seattle/today\+week/of/3", address)
    assert screen.get(address).status_code == 200
    assert screen.get(address.replace("seattle", "chicago")).status_code == 404


def test_an_upright_screen_gets_the_page_of_one_screen(seattle01: Device, operator: User) -> None:
    screen = Client()
    enter(operator, code_on(screen), shape="portrait", board=["question"])
    assert screen.get(reverse(STATE)).json()["address"].endswith("/seattle/question")


def test_whoever_reads_the_code_gets_nothing(seattle01: Device, operator: User) -> None:
    screen, other = Client(), Client()
    code = code_on(screen)
    code_on(other)
    enter(operator, code)
    assert other.get(reverse(STATE)).json()["address"] is None
    assert Client().get(reverse(STATE)).status_code == 404
    assert screen.get(reverse(STATE)).json()["address"]
    assert screen.get(reverse(STATE)).status_code == 404, "the address is told once"


def test_a_code_works_once(seattle01: Device, operator: User) -> None:
    code = code_on(Client())
    enter(operator, code)
    assert "No screen shows this code now" in enter(operator, code)
    assert WallToken.objects.count() == 1


def test_a_wrong_code_loses_nothing_else_of_the_form(seattle01: Device, operator: User) -> None:
    client = Client()
    client.force_login(operator)
    values = {"code": "AAAAAA", "name": "Lobby & hall", "board": ["week"], "shape": "portrait"}
    form = client.post(reverse("site-wall-pair", args=["seattle"]), values, follow=True).content.decode()
    assert 'value="Lobby &amp; hall"' in form
    assert 'value="week" checked' in form
    assert 'value="today" checked' not in form
    assert 'value="portrait" selected' in form
    assert "AAAAAA" not in form


@pytest.mark.parametrize("code", ["", "AAAAAA", "K7P X3M7", "' OR 1=1", "x" * 500])
def test_a_code_that_no_screen_shows_makes_no_token(seattle01: Device, operator: User, code: str) -> None:
    code_on(Client())
    assert "No screen shows this code now" in enter(operator, code)
    assert not WallToken.objects.exists()


@pytest.mark.parametrize(
    "more", [{"board": []}, {"board": ["sites"]}, {"board": ["nothing"]}, {"shape": "round"}, {"board": ["today"] * 9}]
)
def test_what_a_screen_cannot_show_pairs_nothing(seattle01: Device, operator: User, more: dict[str, Any]) -> None:
    code = code_on(Client())
    assert "Choose what the screen shows" in enter(operator, code, **more)
    assert pairing.is_open(code)


def test_viewers_and_members_of_other_sites_pair_no_screen(seattle01: Device, viewer: User, outsider: User) -> None:
    code = code_on(Client())
    for user, status in ((viewer, 403), (outsider, 404)):
        client = Client()
        client.force_login(user)
        values = {"code": code, "name": "Lobby", "board": ["today"], "shape": "portrait"}
        assert client.post(reverse("site-wall-pair", args=["seattle"]), values).status_code == status
    assert pairing.is_open(code)


def test_a_code_ends_and_the_screen_then_shows_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "LASTS", dt.timedelta(seconds=-1))
    screen = Client()
    first = code_on(screen)
    assert screen.get(reverse(STATE)).json() == {"address": None, "waits": False}
    monkeypatch.undo()
    second = code_on(screen)
    assert first != second
    assert code_on(screen) == second, "a page that is reloaded keeps its code"


def test_a_code_has_no_letters_that_look_alike(db: None) -> None:
    assert not set("0O1IL") & set(pairing.LETTERS)
    assert all(set(pairing.offer().code) <= set(pairing.LETTERS) for _ in range(20))
