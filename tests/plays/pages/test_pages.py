"""The pages of contents, experiments, screens and the timeline, and what players reach by their link."""

import csv
import datetime as dt
import io
import json
from http import HTTPStatus
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import Visit
from devices.models import Device, Site
from plays.attribution import services as attribution
from plays.intake.links import make_link
from plays.models import Content, Experiment, Play, Screen
from tests import clock
from tests.plays.samples import at, camera_on, content, experiment, play, screen, visit

pytestmark = pytest.mark.django_db


def fill(device: Device) -> Screen:
    """Ten minutes of two contents, and some people."""
    lobby = screen(device)
    camera_on(device, 0, 15)
    for start in range(0, 600, 20):
        play(lobby, "film", start, start + 10, position=1)
        play(lobby, "poster", start + 10, start + 20, position=2)
    for start in range(0, 600, 30):
        visit(device, start, 12, 6 if start % 60 else 0)
    attribution.compute_changed(now=clock.now())
    return lobby


def read(client: Client, user: User, address: str) -> str:
    client.force_login(user)
    answer = client.get(address)
    assert answer.status_code == HTTPStatus.OK
    return (answer.getvalue() if answer.streaming else answer.content).decode()


def test_the_list_has_each_content_with_its_numbers_and_what_is_to_do_first(
    client: Client, viewer: User, operator: User, seattle01: Device
) -> None:
    assert "Add a screen" in read(client, operator, reverse("contents"))
    fill(seattle01)
    page = read(client, viewer, reverse("contents"))
    assert "film" in page
    assert "poster" in page
    assert "No experiment yet" in page
    assert "Plan an experiment" not in page


def test_a_content_is_shown_in_parts_and_renamed_by_operators(
    client: Client, viewer: User, operator: User, seattle01: Device
) -> None:
    fill(seattle01)
    film = Content.objects.get(key="film")
    page = read(client, viewer, film.get_absolute_url())
    assert "By the hour of the day" in page
    assert client.post(film.get_absolute_url(), {"name": "x"}).status_code == HTTPStatus.FORBIDDEN
    client.force_login(operator)
    assert client.post(film.get_absolute_url(), {"name": ""}).status_code == HTTPStatus.BAD_REQUEST
    client.post(film.get_absolute_url(), {"name": "The film", "address": "https://signage.example.com/film"})
    assert Content.objects.get(key="film").name == "The film"


def test_a_content_that_was_not_shown_has_dashes_instead_of_numbers(
    client: Client, viewer: User, seattle01: Device
) -> None:
    page = read(client, viewer, content(screen(seattle01), "film").get_absolute_url())
    assert page.count("<dd>–</dd>") == 3
    assert "of 0 people who met it; – s each" in page
    assert "coverage unknown" in page


def test_pages_take_the_same_queries_however_much_was_shown(client: Client, viewer: User, seattle01: Device) -> None:
    lobby = fill(seattle01)
    film = Content.objects.get(key="film")
    pages = [reverse("contents"), film.get_absolute_url(), reverse("timeline", args=["seattle"])]
    counts = []
    for number in range(2):
        for page in pages:
            read(client, viewer, page)
        with CaptureQueriesContext(connection) as queries:
            for page in pages:
                read(client, viewer, page)
        counts.append(len(queries))
        for start in range(600, 900, 20):
            play(lobby, f"new {start}", start + number, start + 10)
        attribution.compute_changed(now=clock.now())
    assert counts[0] == counts[1]


def test_the_timeline_shows_people_above_plays_and_one_visit_with_what_it_met(
    client: Client, viewer: User, outsider: User, seattle01: Device
) -> None:
    fill(seattle01)
    address = reverse("timeline", args=["seattle"])
    page = read(client, viewer, f"{address}?span=10m")
    assert page.count('class="visit-bar"') == 20
    assert page.count("play-bar") == 60
    one = Visit.objects.get(began_at=at(30))
    page = read(client, viewer, f"{address}?visit={one.pk}")
    assert "What it met" in page
    assert "10.0 s" in page
    client.force_login(outsider)
    assert client.get(f"{address}?visit={one.pk}").status_code == HTTPStatus.NOT_FOUND
    client.force_login(viewer)
    for odd in ("?visit=x", f"?visit={10**30}"):
        assert client.get(address + odd).status_code == HTTPStatus.NOT_FOUND
    for odd in ("?from=x&span=y", "?from=9999-12-31T23:59:59", "?from=2026-11-20T10:00&span=1d"):
        assert client.get(address + odd).status_code == HTTPStatus.OK


def test_an_operator_adds_a_content_for_a_kiosk_and_has_a_screen_show_it(
    client: Client, operator: User, seattle01: Device, chicago: Site
) -> None:
    lobby, address = screen(seattle01), reverse("content-new", args=["seattle"])
    assert address in read(client, operator, reverse("contents"))
    assert address in read(client, operator, reverse("experiment-new", args=["seattle"]))
    for odd in ({"name": "Film", "address": "javascript:alert(1)"}, {"name": " ", "address": ""}):
        assert client.post(address, odd).status_code == HTTPStatus.BAD_REQUEST
    assert client.post(address, {"name": "Film", "address": "http://signage/film"}).status_code == HTTPStatus.FOUND
    assert "has another content “Film”" in client.post(address, {"name": "Film"}).content.decode()
    film = Content.objects.get()
    assert film.get_absolute_url() in read(client, operator, reverse("contents"))
    assert (film.key, film.site) == ("Film", seattle01.site)
    values = {"name": "Lobby", "cameras": ["Seattle01"], "usual": film.pk}
    client.post(reverse("site-screen", args=["seattle", lobby.pk]), values)
    assert "shall show “Film”" in read(client, operator, reverse("site-screens", args=["seattle"]))
    told = client.get(reverse("player-now", args=[make_link(screen=lobby)])).json()
    assert (told["content"], told["address"], told["until"]) == ("Film", "http://signage/film", None)
    elsewhere = Content.objects.create(site=chicago, key="x", name="x")
    answer = client.post(reverse("site-screen", args=["seattle", lobby.pk]), values | {"usual": elsewhere.pk})
    assert answer.status_code == HTTPStatus.BAD_REQUEST


def test_the_hourly_audience_is_a_file_for_spreadsheets(client: Client, viewer: User, seattle01: Device) -> None:
    fill(seattle01)
    Screen.objects.update(name='=Café "Öst", left', external_id="007001")
    text = read(client, viewer, reverse("screen-audience", args=["seattle"]))
    assert text.startswith("\ufeff"), "Excel knows by this mark that it is UTF-8"
    (cells,) = csv.DictReader(io.StringIO(text[1:]))
    assert (cells["screen_id"], cells["screen"]) == ("007001", '\'=Café "Öst", left')
    assert (cells["date"], cells["start_time"], cells["end_time"]) == ("2026-11-20", "10:00:00", "10:59:59")
    assert (cells["plays"], cells["impressions"]) == ("60", "40")
    content = client.get(reverse("screen-audience", args=["seattle"]) + "?for=excel").getvalue()
    names, row = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    typed = dict(zip(names, row, strict=True))
    assert (typed["screen_id"], typed["screen"]) == ("007001", '=Café "Öst", left')
    assert (typed["date"].date(), typed["plays"], typed["impressions"]) == (dt.date(2026, 11, 20), 60, 40)


def test_broadsign_gets_the_columns_that_it_documents_and_no_others(
    client: Client, viewer: User, seattle01: Device
) -> None:
    fill(seattle01)  # 40 impressions in ten minutes: 240 in an hour that is filled
    Screen.objects.update(external_id="387294643/5512")
    header, row, rest = read(client, viewer, reverse("screen-audience", args=["seattle"]) + "?for=broadsign").split(
        "\r\n"
    )
    assert header == (
        "Display Unit Id,Frame Id,Start Date,End Date,Start Time,End Time,"
        "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,Total Impressions per hour"
    )
    assert row == "387294643,5512,2026-11-20,2026-11-20,10:00:00,10:59:59,0,0,0,0,1,0,0,240"
    assert rest == ""


def test_the_hourly_audience_is_sent_day_by_day_while_it_is_read(
    client: Client, viewer: User, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Bar", "Lobby", "Café"):
        for hour in (-24, -1, 0):
            play(screen(seattle01, name), "film", hour * 3600, hour * 3600 + 10)
    attribution.compute_changed(now=clock.now())
    monkeypatch.setattr("devices.rest.exports.CHUNK_ROWS", 1)
    monkeypatch.setattr("plays.numbers.audience.SCREENS_AT_ONCE", 2)
    client.force_login(viewer)
    address = reverse("screen-audience", args=["seattle"])
    answer = client.get(address)
    pieces = iter(answer)
    assert next(pieces).startswith(b"\xef\xbb\xbfscreen_id,")
    row = next(pieces)
    with CaptureQueriesContext(connection) as queries:
        rows = [row.decode().split(",")[1:4] for row in (row, *pieces)]
    assert rows == [
        [name, date, hour]
        for date, names, hours in (
            ("2026-11-19", ["Bar", "Café"], ["10:00:00"]),
            ("2026-11-19", ["Lobby"], ["10:00:00"]),
            ("2026-11-20", ["Bar", "Café"], ["09:00:00", "10:00:00"]),
            ("2026-11-20", ["Lobby"], ["09:00:00", "10:00:00"]),
        )
        for name in names
        for hour in hours
    ]
    assert len(queries) == 3  # two days of three screens, two at a time; the first query came before
    old = client.get(address, SERVER_PROTOCOL="HTTP/1.0")
    assert int(old["Content-Length"]) == len(old.getvalue())


def test_an_operator_plans_an_experiment_and_stops_it(
    client: Client, operator: User, viewer: User, seattle01: Device
) -> None:
    lobby = screen(seattle01)
    film, poster = content(lobby, "film"), content(lobby, "poster")
    address = reverse("experiment-new", args=["seattle"])
    assert "Publish" in read(client, operator, address)
    values = {
        "name": "Film or poster",
        "screen": lobby.pk,
        "first": film.pk,
        "others": [poster.pk],
        "measure": "attention-per-visit",
        "percent": "15",
        "stop_rule": "fixed",
        "first_day": "2026-11-21",
        "days": "14",
        "from_hour": "8",
        "to_hour": "20",
        "block_minutes": "60",
    }
    asked = client.post(address, {**values, "ask": ""}).content.decode()
    assert "too few visits to tell how long it takes" in asked
    wrong = client.post(address, {**values, "days": "13"})
    assert wrong.status_code == HTTPStatus.BAD_REQUEST
    assert "The days must be a multiple of 2" in wrong.content.decode()
    client.post(address, values)
    made = Experiment.objects.get()
    page = read(client, viewer, made.get_absolute_url())
    assert made.plan_hash in page
    assert "not started: the first block is on 21 November, 08:00" in page
    plan = client.get(reverse("experiment-published", args=["seattle", made.pk])).content.decode()
    assert len(plan.splitlines()) == 14 * 12
    client.force_login(operator)
    client.post(reverse("experiment-end", args=["seattle", made.pk]))
    assert "stopped" in read(client, viewer, made.get_absolute_url())


def test_an_operator_adds_and_changes_a_screen_but_only_an_administrator_has_a_player_asked(
    client: Client, operator: User, superuser: User, seattle01: Device
) -> None:
    client.force_login(operator)
    new = reverse("site-screen-new", args=["seattle"])
    assert client.post(new, {"name": "Lobby"}).status_code == HTTPStatus.BAD_REQUEST
    client.post(new, {"name": "Lobby", "cameras": ["Seattle01"], "asked_address": "http://10.0.0.1"})
    made = Screen.objects.get()
    assert (made.cameras, made.asked_address, made.clock_is_set) == (["Seattle01"], "", False)
    taken = client.post(new, {"name": "Lobby", "cameras": ["Seattle01"]})
    assert "has another screen “Lobby”" in taken.content.decode()
    client.force_login(superuser)
    change = reverse("site-screen", args=["seattle", made.pk])
    client.post(
        change,
        {"name": "Lobby", "cameras": ["Seattle01"], "asked_address": "http://10.0.0.1", "clock_ahead_s": "-1.5"},
    )
    made.refresh_from_db()
    assert (made.asked_address, made.clock_ahead_ms, made.clock_is_set) == ("http://10.0.0.1", -1500, True)
    page = read(client, superuser, reverse("site-screens", args=["seattle"]))
    assert "seen by Seattle01" in page
    assert "no play yet" in page
    play(made, "film", -60, -50)
    play(made, "film", -600, -590)
    assert "last play 2 hours ago" in read(client, superuser, reverse("site-screens", args=["seattle"])).replace(
        "\xa0", " "
    )


def test_a_players_link_is_shown_once_and_a_new_one_ends_it(client: Client, operator: User, seattle01: Device) -> None:
    lobby = screen(seattle01)
    client.force_login(operator)
    page = client.post(reverse("site-screen-link", args=["seattle", lobby.pk])).content.decode()
    token = page.split("/player/")[1].split("/")[0]
    assert Client().get(f"/player/{token}/now.json").json()["content"] is None
    make_link(screen=lobby)
    gone = Client().get(f"/player/{token}/now.json")
    assert gone.status_code == HTTPStatus.NOT_FOUND
    assert "No screen has this link" in gone.json()["detail"]


def test_a_player_with_a_link_is_told_what_to_show_and_reports_it(seattle01: Device, set_clock: Any) -> None:
    made = experiment(seattle01)
    token = make_link(screen=made.screen)
    block = made.blocks.all()[0]
    set_clock(block.starts_at + dt.timedelta(minutes=1))
    player = Client()
    page = player.get(f"/player/{token}/")
    assert "frame-src http: https:" in page["Content-Security-Policy"]
    told = player.get(f"/player/{token}/now.json")
    assert told["Access-Control-Allow-Origin"] == "*"
    assert told.json()["content"] == made.arms.get(number=block.arm).content.key
    start = clock.now()
    for body in ({}, {"seen": (start + dt.timedelta(seconds=30)).isoformat()}, {"end": start.isoformat()}):
        report = {"plays": [{"content": told.json()["content"], "start": start.isoformat(), **body}]}
        answer = player.post(f"/player/{token}/plays/", report, content_type="application/json")
        assert answer.json() == {"stored": 1, "refused": []}
    stored = Play.objects.get()
    assert (stored.source, stored.is_closed, stored.ended_at) == ("link", True, start + dt.timedelta(seconds=30))


@pytest.mark.parametrize(
    "body",
    [
        "x",
        "[]",
        "{}",
        '{"plays": []}',
        '{"plays": 1}',
        '{"plays": [{}], "sent_at": "x"}',
        '{"message": "x"}',
        '{"query": "search=x"}',
    ],
)
def test_a_report_that_cannot_be_understood_is_refused_in_a_sentence(seattle01: Device, body: str) -> None:
    token = make_link(screen=screen(seattle01))
    answer = Client().post(f"/player/{token}/plays/", body, content_type="application/json")
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.json()["detail"].endswith(".")


def test_a_liquid_galaxy_tells_its_scenes_and_tours(seattle01: Device, set_clock: Any) -> None:
    token = make_link(screen=screen(seattle01))
    scene = {"slug": "mont-blanc", "name": "Mont Blanc", "duration": 120, "windows": []}
    said = [
        scene,
        {"type": "json", "message": json.dumps({**scene, "slug": "auto", "name": "Auto"})},
        {"query": "playtour=The Alps"},
        {"query": "exittour=true"},
        {"query": "exittour=true"},
    ]
    for number, body in enumerate(said):
        set_clock(clock.NOW + number * dt.timedelta(minutes=1))
        answer = Client().post(f"/player/{token}/plays/", body, content_type="application/json")
        assert answer.status_code == HTTPStatus.ACCEPTED
    names = [
        (Content.objects.get(pk=each.content_id).key, each.is_closed) for each in Play.objects.order_by("started_at")
    ]
    assert names == [("scene:mont-blanc", False), ("scene:auto", False), ("tour:The Alps", True)]
