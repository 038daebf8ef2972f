"""A new board is one registered class: it gets its addresses, its snapshot and its place on the set-up page."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics.features.galaxy.boards.board import Board, Scope, all_boards, register, unregister
from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.reads import LATEST
from analytics.features.galaxy.snapshots import EngagementSnapshot

pytestmark = pytest.mark.usefixtures("at_half_past", "past")


class TinyBoard(Board[EngagementSnapshot]):
    name = "tiny"
    title = "The live cameras"
    scope = Scope.ONE_SITE
    order = 35
    source = LATEST

    def draw(self, snapshot: EngagementSnapshot, wall: Wall) -> Canvas:
        canvas = Canvas(wall)
        canvas.text(100, 100, f"{snapshot.sites[0].name}: {snapshot.sites[0].cameras} camera")
        return canvas


@pytest.fixture
def tiny_board() -> Iterator[None]:
    register(TinyBoard)
    yield
    unregister("tiny")


def get(address: str) -> Any:
    return Client().get(address)


@pytest.mark.usefixtures("tiny_board")
class TestRegistered:
    def test_its_picture_is_drawn_from_its_snapshot(self, token: str) -> None:
        response = get(f"/wall/t/{token}/seattle/tiny/of/3/3.svg")
        assert ">Seattle: 1 camera</text>" in response.content.decode()
        assert response["ETag"]

    def test_its_page_has_its_title_and_picture(self, token: str) -> None:
        page = get(f"/wall/t/{token}/seattle/tiny/of/3").content.decode()
        assert "<title>The live cameras · Seattle</title>" in page
        assert ">Seattle: 1 camera</text>" in page

    def test_a_director_gets_a_scene_of_it(self, token: str) -> None:
        scene = get(reverse("wall-scene", args=[token, "seattle", "tiny", 3])).json()
        assert scene["name"] == "Headcount: The live cameras, Seattle"

    def test_the_set_up_page_lists_it_in_its_order(self, token: str) -> None:
        page = get(reverse("wall-setup", args=[token, 3])).content.decode()
        assert f"http://testserver/wall/t/{token}/seattle/tiny/of/3/3" in page
        titles = ["The question and its answers", "The live cameras", "Coffees this week"]
        places = [page.index(f"Seattle: {title}") for title in titles]
        assert places == sorted(places)

    def test_a_board_of_one_site_is_refused_for_several(self, both: str) -> None:
        assert get(f"/wall/t/{both}/all/tiny/of/3.svg").status_code == 404

    def test_a_second_board_of_its_name_is_refused_in_a_sentence(self) -> None:
        with pytest.raises(ValueError, match="TinyBoard and TinyBoard are both named “tiny”; rename one"):
            register(TinyBoard)


def test_a_board_that_is_not_registered_has_no_address(token: str) -> None:
    assert get(f"/wall/t/{token}/seattle/tiny/of/3.svg").status_code == 404


def test_every_board_of_the_folder_is_registered() -> None:
    assert [board.name for board in all_boards()] == [
        *("today", "week", "question", "leaderboard", "contents", "sites", "turns")
    ]
