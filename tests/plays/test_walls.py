"""Headcount's own walls tell what they show, show what an experiment says, and have a board of contents."""

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.features.galaxy.boards.board import find_board
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.serving import shown
from analytics.features.galaxy.serving.services import create_wall_token
from analytics.numbers.letter_lines import read_lines
from devices.models import Device
from plays.attribution import services as attribution
from plays.experiments.services import publish
from plays.models import Content, Experiment, Play
from plays.numbers.letters import weekly_line
from plays.walls import read_contents_snapshot, read_turn
from tests import clock
from tests.plays.samples import at, content, play, screen, visit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_was_told_before() -> None:
    shown._tell.cache_clear()


def test_a_wall_tells_each_time_slot_once_whichever_screen_asks(
    client: Client, seattle01: Device, operator: User
) -> None:
    token, text = create_wall_token(name="Lobby", sites=[seattle01.site], by=operator)
    screen(seattle01, wall=token)
    for number in (1, 2, 3, 1):
        client.get(f"/wall/t/{text}/seattle/today+week/of/3/{number}.svg")
    shown._tell.cache_clear()  # as another process
    client.get(f"/wall/t/{text}/seattle/today+week/of/3/2.svg")
    stored = Play.objects.get()
    assert (stored.ended_at - stored.started_at).seconds == 30
    assert Content.objects.get().key in ("wall:today", "wall:week")
    client.get(f"/wall/t/{text}/kml/tour.kml")
    assert Content.objects.filter(key="wall:tour").exists()


def test_a_wall_without_a_screen_tells_nothing(client: Client, seattle01: Device, operator: User) -> None:
    _, text = create_wall_token(name="Lobby", sites=[seattle01.site], by=operator)
    assert client.get(f"/wall/t/{text}/seattle/today/of/1.svg").status_code == 200
    assert not Play.objects.exists()


def test_boards_take_turns_as_the_experiment_says(seattle01: Device) -> None:
    lobby = screen(seattle01)
    contents = [content(lobby, key) for key in ("wall:week", "wall:question")]
    made = Experiment(
        site=seattle01.site, screen=lobby, name="x", first_day=clock.now().date() + dt.timedelta(days=1), days=2
    )
    publish(experiment=made, contents=contents, by=None, now=clock.now())
    turns = find_board("turns")
    assert turns is not None
    names = []
    for block in made.blocks.all()[:2]:
        snapshot = read_turn([seattle01.site], block.starts_at)
        names.append((snapshot.board, contents[block.arm].key))
        assert turns.draw(snapshot, Wall(3)).svg(None).startswith("<svg")
    assert all(f"wall:{board}" == key for board, key in names)
    assert read_turn([seattle01.site], clock.now()).board == "today"


def test_boards_of_plays_are_offered_where_there_are_plays(
    client: Client, seattle01: Device, chicago01: Device, superuser: User
) -> None:
    client.force_login(superuser)
    play(screen(seattle01), "film", 0, 10)
    page = client.get("/sites/seattle/settings/walls/").content.decode()
    assert 'value="contents"' in page
    assert 'value="turns"' not in page
    assert 'value="contents"' not in client.get("/sites/chicago/settings/walls/").content.decode()
    lobby = screen(seattle01)
    made = Experiment(
        site=seattle01.site, screen=lobby, name="x", first_day=clock.now().date() + dt.timedelta(days=1), days=2
    )
    contents = [content(lobby, key) for key in ("wall:week", "wall:today")]
    publish(experiment=made, contents=contents, by=None, now=clock.now())
    assert 'value="turns"' in client.get("/sites/seattle/settings/walls/").content.decode()


def fill(device: Device, film: float, poster: float) -> None:
    """Forty people met each of two contents, in quarter hours of their own, and looked for so many seconds."""
    lobby = screen(device)
    for number in range(40):
        start = number * 30
        play(lobby, "film", start, start + 15)
        play(lobby, "poster", start + 15, start + 30)
        visit(device, start, 15, min(15.0, film + number % 3 / 10))
        visit(device, start + 15, 15, min(15.0, poster + number % 3 / 10))
    attribution.compute_changed(now=clock.now())


def test_the_board_of_contents_shows_what_held_people_longest_first(seattle01: Device) -> None:
    board = find_board("contents")
    assert board is not None
    empty = read_contents_snapshot([seattle01.site], clock.now())
    assert "Nothing was" in board.draw(empty, Wall(1)).svg(None)
    fill(seattle01, 3, 6)
    snapshot = read_contents_snapshot([seattle01.site], clock.now())
    assert [name for name, _ in snapshot.rows] == ["poster", "film"]
    for count in (1, 3):
        picture = board.draw(snapshot, Wall(count)).svg(None)
        assert "6.1 s" in picture
    long = replace(snapshot, rows=[("Our offices from space", numbers) for _, numbers in snapshot.rows])
    words = re.findall(r"<text[^>]*>([^<]*)</text>", board.draw(long, Wall(1)).svg(None))
    assert " ".join(words).count("Our offices from space") == 2, "a name takes as many lines as it needs"


@pytest.mark.parametrize(
    ("film", "poster", "sentence"),
    [
        (3.0, 6.0, "“poster” held people longest: 6.1 s each time they met it, “film” 3.1 s."),
        (5.0, 5.0, "None of 2 contents clearly held people longer than the others."),
    ],
)
def test_the_letter_says_in_words_what_is_true(seattle01: Device, film: float, poster: float, sentence: str) -> None:
    week: dict[str, Any] = {"start": clock.now() - dt.timedelta(days=7), "end": clock.now()}
    assert weekly_line(seattle01.site, **week) == ""
    fill(seattle01, film, poster)
    assert weekly_line(seattle01.site, **week) == sentence
    assert dict(read_lines(seattle01.site, **week)) == {"Contents of the displays": sentence}
    assert weekly_line(seattle01.site, start=at(-9e5), end=at(-8e5)) == ""
