"""Several boards take turns on the same screens, and all screens change together."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.features.galaxy.boards.board import (
    MOST_IN_A_ROTATION,
    SLOTS_EACH,
    Rotation,
    Scope,
    find_board,
    find_boards,
)
from analytics.features.galaxy.time_slots import REFRESH_S
from devices.models import Device, Site
from tests.analytics.pages.test_pages import NOW
from tests.clock import SetClock

TITLES = re.compile(r"Seven days by the hour|People facing the displays")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def titles(client: Client, address: str) -> set[str]:
    body = client.get(address).content.decode()
    return set(TITLES.findall(re.sub(r"<title>.*?</title>", "", body)))


def test_each_board_is_shown_for_a_minute() -> None:
    rotation = find_boards("today+week")
    assert isinstance(rotation, Rotation)
    names = [rotation.at(number * REFRESH_S).name for number in range(6)]
    assert names == ["today"] * SLOTS_EACH + ["week"] * SLOTS_EACH + ["today"] * SLOTS_EACH


def test_all_screens_show_the_board_whose_turn_it_is(seattle01: Device, viewer: User, set_clock: SetClock) -> None:
    client = signed_in(viewer)
    seen = []
    for minute in (0, 1):
        set_clock(NOW.replace(minute=minute))
        picture = titles(client, "/wall/seattle/today+week/of/3.svg")
        assert titles(client, "/wall/seattle/today+week/of/3") == picture
        assert titles(client, "/wall/seattle/today+week/of/3/3.svg") <= picture
        seen.append(picture)
    assert len(seen[0]) == len(seen[1]) == 1
    assert seen[0] != seen[1]


@pytest.mark.parametrize("names", ["today+", "+today", "today+nothing", "+".join(["today"] * (MOST_IN_A_ROTATION + 1))])
def test_an_unknown_rotation_is_not_found(seattle01: Device, viewer: User, names: str) -> None:
    assert find_boards(names) is None
    assert signed_in(viewer).get(f"/wall/seattle/{names}").status_code == 404


def test_a_rotation_with_a_board_of_one_site_is_of_one_site(seattle: Site, chicago: Site, superuser: User) -> None:
    rotation: Any = find_boards("leaderboard+today")
    assert rotation.scope is Scope.ONE_SITE
    assert signed_in(superuser).get("/wall/all/leaderboard+today").status_code == 404
    assert signed_in(superuser).get("/wall/all/leaderboard+sites").status_code == 200


def test_a_single_name_is_the_board_itself() -> None:
    assert find_boards("week") is find_board("week")
