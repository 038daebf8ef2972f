"""Anthias players are asked what they show, side by side; one that does not answer harms no other."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.management import call_command

from devices.models import Device
from plays.intake import anthias, health
from plays.intake.anthias import PATH, Asking
from plays.models import Content, Play, Screen
from tests import clock
from tests.plays.samples import screen

pytestmark = pytest.mark.django_db


class Player:
    """An Anthias player on loopback, which answers with `body`."""

    body: bytes = b"[]"
    status = 200
    port = 0

    def shows(self, name: str | None) -> None:
        asset = [] if name is None else {"asset_id": "4c8dbce552edb5812d3a866cfe5f159d", "name": name, "duration": "10"}
        self.body = json.dumps(asset).encode()


@pytest.fixture
def player() -> Iterator[Player]:
    player = Player()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(player.status if self.path == PATH else 404)
            self.send_header("Content-Length", str(len(player.body)))
            self.end_headers()
            self.wfile.write(player.body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        player.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield player
        server.shutdown()
        thread.join()


def test_a_play_lasts_while_the_player_shows_the_same(seattle01: Device, player: Player, set_clock: Any) -> None:
    screen(seattle01, asked_address=f"http://127.0.0.1:{player.port}/")
    asking = Asking()
    for second, name in ((0, "Film"), (5, "Film"), (70, "Film"), (75, "Poster"), (80, None), (85, "Film")):
        set_clock(clock.NOW + second * dt.timedelta(seconds=1))
        player.shows(name)
        assert asking.turn() == 1
    found = [
        (Content.objects.get(pk=each.content_id).key, (each.ended_at - each.started_at).seconds, each.is_closed)
        for each in Play.objects.order_by("started_at")
    ]
    assert found == [("Film", 75, True), ("Poster", 5, True), ("Film", 0, False)]


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, b"", "wants a password (401)"),
        (302, b"", "wants a password (302)"),
        (500, b"", "answered 500"),
        (200, b"<html>", "does not answer as Anthias does"),
        (200, b"[1]", "as Anthias does"),
    ],
)
def test_what_is_wrong_with_a_player_is_told_on_its_screen_and_harms_no_other(
    seattle01: Device, chicago01: Device, player: Player, status: int, body: bytes, sentence: str
) -> None:
    player.status, player.body = status, body
    screen(seattle01, asked_address=f"http://127.0.0.1:{player.port}")
    screen(chicago01, asked_address="ftp://10.0.0.1")
    Asking().turn()
    assert sentence in Screen.objects.get(site=seattle01.site).asked_problem
    assert "is no address of a player" in Screen.objects.get(site=chicago01.site).asked_problem
    player.status = 200
    player.shows("Film")
    call_command("ask_players", "--once")
    assert Screen.objects.get(site=seattle01.site).asked_problem == ""
    assert Play.objects.get().source == "anthias"


def test_health_tells_that_nobody_asks_and_which_players_do_not_answer(seattle01: Device, player: Player) -> None:
    assert list(health.lines(clock.now())) == []
    screen(seattle01, asked_address=f"http://127.0.0.1:{player.port}")
    (line,) = health.lines(clock.now())
    assert str(line) == "FAIL players: are not asked what they show; start `manage.py ask_players`"
    player.status = 500
    call_command("ask_players", "--once")
    (line,) = health.lines(clock.now())
    assert line.well
    assert "1 without an answer" in line.text
    (line,) = health.lines(clock.now() + dt.timedelta(hours=1))
    assert not line.well


def test_a_fault_at_one_player_harms_no_other(
    seattle01: Device, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = anthias.ask

    def ask(address: str) -> anthias.Asset | None:
        if "10.0.0.1" in address:
            raise RuntimeError
        return asked(address)

    monkeypatch.setattr(anthias, "ask", ask)
    screen(seattle01, "Bar", asked_address="http://10.0.0.1")
    screen(seattle01, asked_address=f"http://127.0.0.1:{player.port}")
    player.shows("Film")
    assert Asking().turn() == 2
    assert Play.objects.get().screen_id == Screen.objects.get(name="Lobby").pk
    assert "cannot be asked" in Screen.objects.get(name="Bar").asked_problem
