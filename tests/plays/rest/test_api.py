"""Plays, screens, contents and experiments by the API."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from devices.models import Device
from plays.attribution import services as attribution
from plays.models import Play, Screen
from tests import clock
from tests.plays.samples import SECOND, at, content, experiment, play, screen, visit

pytestmark = pytest.mark.django_db

PLAYS = "/api/v1/plays/"


def client(user: User) -> Any:
    made = APIClient()
    made.force_login(user)
    return made


def shown(content: str, start: float, end: float | None) -> dict[str, Any]:
    found = {"content": content, "start": at(start).isoformat()}
    return found if end is None else {**found, "end": at(end).isoformat()}


def test_a_player_reports_plays_and_each_bad_one_is_named(seattle01: Device, operator: User, outsider: User) -> None:
    screen(seattle01)
    body = {
        "site": "seattle",
        "screen": "Lobby",
        "plays": [shown("film", 0, 10), {"content": "film"}, "x", shown("film", 30, 20), shown("poster", 40, None)],
    }
    for _ in range(2):
        answer = client(operator).post(PLAYS, body, format="json")
        assert answer.status_code == 202
        assert answer.json()["stored"] == 2
    assert [each["number"] for each in answer.json()["refused"]] == [1, 2, 3]
    assert "“start”" in answer.json()["refused"][0]["detail"]
    listed = client(operator).get(PLAYS + "?site=seattle").json()["results"]
    assert [(row["device"], row["is_closed"]) for row in listed] == [("Seattle01", False), ("Seattle01", True)]
    assert client(outsider).get(PLAYS).json()["results"] == []


def test_a_content_is_told_by_day_hour_screen_and_place_in_the_sequence(seattle01: Device, viewer: User) -> None:
    lobby, door = screen(seattle01), screen(seattle01, "Door")
    play(lobby, "film", 0, 10, position=1)
    play(lobby, "film", 3_700, 3_720, position=2)
    play(door, "film", -86_400, -86_390, position=2)
    visit(seattle01, 0, 10, 5)
    attribution.compute_changed(now=clock.now())
    film = content(lobby, "film").pk
    period = f"from={at(-86_400):%Y-%m-%dT%H:%M:%SZ}&to={at(86_400):%Y-%m-%dT%H:%M:%SZ}"

    def parts(by: str) -> list[tuple[str, int, int]]:
        rows = client(viewer).get(f"/api/v1/contents/{film}/parts/?by={by}&{period}").json()
        return [(row["part"], row["plays"], row["impressions"]) for row in rows]

    assert parts("day") == [("2026-11-19", 1, 0), ("2026-11-20", 2, 1)]
    assert parts("hour") == [("10", 2, 1), ("11", 1, 0)]
    assert parts("screen") == [(str(lobby.pk), 2, 1), (str(door.pk), 1, 0)]
    assert parts("position") == [("1", 1, 1), ("2", 2, 0)]
    refused = client(viewer).get(f"/api/v1/contents/{film}/parts/?by=minute")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["by"])


def test_the_clock_of_a_player_is_told_by_what_it_sends(seattle01: Device, operator: User) -> None:
    screen(seattle01)
    body = {"site": "seattle", "screen": "Lobby", "plays": [shown("film", 0, 10)]}
    for off, known in ((8, 8_000), (-20, -20_000)):
        sent_at = (clock.now() + off * SECOND).isoformat()
        client(operator).post(PLAYS, {**body, "sent_at": sent_at}, format="json")
        assert Screen.objects.get().clock_ahead_ms == pytest.approx(known, abs=500)


def test_only_operators_report_and_import(seattle01: Device, viewer: User, outsider: User) -> None:
    screen(seattle01)
    body = {"site": "seattle", "screen": "Lobby", "plays": [shown("film", 0, 10)]}
    assert client(viewer).post(PLAYS, body, format="json").status_code == 403
    assert client(outsider).post(PLAYS, body, format="json").status_code == 400
    file = SimpleUploadedFile("plays.csv", b"screen,content,start\n")
    refused = client(viewer).post(PLAYS + "import/", {"site": "seattle", "file": file}, format="multipart")
    assert refused.status_code == 403
    assert not Play.objects.exists()


def test_an_unknown_screen_is_named(seattle01: Device, operator: User) -> None:
    answer = client(operator).post(
        PLAYS, {"site": "seattle", "screen": "Roof", "plays": [shown("film", 0, 1)]}, format="json"
    )
    assert answer.status_code == 400
    assert "no screen “Roof”" in answer.json()["errors"]["screen"][0]


def test_a_file_is_imported(seattle01: Device, operator: User) -> None:
    screen(seattle01)
    text = "screen,content,start,end\nLobby,film,2026-11-20 10:00:00,2026-11-20 10:00:10\nRoof,film,x,\n"
    file = SimpleUploadedFile("plays.csv", text.encode())
    answer = client(operator).post(PLAYS + "import/", {"site": "seattle", "file": file}, format="multipart")
    assert answer.json()["stored"] == 1
    assert answer.json()["problems"] == ["Line 3: “x” in the column “start” is no time; write 2026-11-20 18:30:05."]
    file = SimpleUploadedFile("plays.csv", b"\xff\xfe")
    answer = client(operator).post(PLAYS + "import/", {"site": "seattle", "file": file}, format="multipart")
    assert answer.status_code == 400


def test_a_screen_is_made_and_changed_with_cameras_of_its_site_only(
    seattle01: Device, chicago01: Device, operator: User, viewer: User
) -> None:
    values = {"site": "seattle", "name": "Lobby", "cameras": ["Seattle01"]}
    assert client(viewer).post("/api/v1/screens/", values, format="json").status_code == 403
    wrong = client(operator).post("/api/v1/screens/", {**values, "cameras": ["Chicago01"]}, format="json")
    assert wrong.json()["errors"]["cameras"] == ["Seattle has no device “Chicago01”."]
    made = client(operator).post("/api/v1/screens/", values, format="json").json()
    address = f"/api/v1/screens/{made['id']}/"
    changed = client(operator).patch(address, {"external_id": "7", "clock_ahead_ms": 900, "clock_is_set": True})
    assert changed.json()["external_id"] == "7"
    assert client(viewer).patch(address, {"name": "x"}).status_code == 403
    assert Screen.objects.get().clock_ahead_ms == 900


def test_the_numbers_of_contents_are_null_where_they_are_unknown(seattle01: Device, operator: User) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    play(lobby, "poster", 10, 20)
    visit(seattle01, 0, 8, 4)
    attribution.compute_changed(now=clock.now())
    film, poster = client(operator).get("/api/v1/contents/counts/?site=seattle").json()
    assert (film["plays"], film["impressions"], film["viewers"], film["attention_s"]) == (1, 1, 1, 4.0)
    assert (poster["impressions"], poster["attention_s"], poster["average_unit_audience"]) == (0, None, None)
    assert client(operator).get("/api/v1/contents/counts/?site=chicago").status_code == 404
    backwards = f"?from={at(10).isoformat()}&to={at(0).isoformat()}".replace("+", "%2B")
    assert client(operator).get(f"/api/v1/contents/counts/{backwards}").status_code == 400


def test_an_experiment_is_published_by_the_api_and_a_player_asks_what_now(
    seattle01: Device, operator: User, viewer: User, outsider: User, set_clock: Any
) -> None:
    lobby = screen(seattle01)
    body = {
        "site": "seattle",
        "screen": lobby.pk,
        "name": "Film or poster",
        "contents": [content(lobby, "film").pk, content(lobby, "poster").pk],
        "first_day": "2026-11-21",
        "days": 14,
    }
    made = client(operator).post("/api/v1/experiments/", body, format="json")
    assert made.status_code == 201, made.json()
    address = f"/api/v1/experiments/{made.json()['id']}/"
    plan = client(viewer).get(address + "plan/").json()
    assert (len(plan), plan[0]["starts_at"]) == (14 * 12, "2026-11-21T16:00:00Z")
    now = client(viewer).get(f"/api/v1/screens/{lobby.pk}/now/").json()
    assert (now["content"], now["until"]) == (None, "2026-11-21T16:00:00+00:00")
    assert client(viewer).post(address + "stop/").status_code == 403
    assert client(outsider).get(address).status_code == 404
    result = client(viewer).get(address + "result/").json()
    assert result["state"] == "planned"
    assert result["arms"][1]["words"] == "not started: the first block is on 21 November, 08:00"
    assert client(operator).post(address + "stop/").json()["stopped_at"] is not None
    assert client(operator).post(address + "stop/").status_code == 400


def test_an_experiment_cannot_use_what_belongs_to_another_site(
    seattle01: Device, chicago01: Device, operator: User
) -> None:
    other = experiment(chicago01)
    lobby = screen(seattle01)
    body = {
        "site": "seattle",
        "screen": other.screen_id,
        "name": "x",
        "contents": [content(lobby, "film").pk],
        "first_day": "2026-11-21",
        "days": 14,
    }
    answer = client(operator).post("/api/v1/experiments/", body, format="json")
    assert answer.status_code == 400
    assert "screen" in answer.json()["errors"]
