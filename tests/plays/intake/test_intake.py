"""Plays are stored once, whichever way they come, in any order; what cannot be stored is named."""

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Thing
from devices.reading.decoding import Arrival
from edge_agent import messages
from edge_agent.messages import Shown
from plays.intake import services
from plays.intake.files import BadFile, import_file
from plays.intake.reports import Report, readable
from plays.models import Content, Play, PlayDay, Screen, Source
from tests import clock
from tests.plays.samples import SECOND, at, play, screen, tallies, visit
from tests.world import places

pytestmark = pytest.mark.django_db

XIBO = """Stat Date,Type,FromDT,ToDT,Layout,Display,Media,Tag,Duration,Count,Engagements
2026-11-20 00:00:00,media,2026-11-20 10:00:00,2026-11-20 10:00:10,Morning,Lobby,film.mp4,,10,1,[]
2026-11-20 00:00:00,layout,2026-11-20 10:00:00,2026-11-20 10:01:00,Morning,Lobby,,,60,1,[]
2026-11-20 00:00:00,media,2026-11-20 10:00:00,2026-11-20 11:00:00,Morning,Lobby,poster.png,,720,72,[]
2026-11-20 00:00:00,widget,2026-11-20 10:00:00,2026-11-20 11:00:00,Morning,Lobby,clock,,20,1,[]
"""


def message(device: Device, *plays: Shown, sent_at: dt.datetime | None = None, id: str = "m") -> None:
    sent = None if sent_at is None else round(sent_at.timestamp() * 1000)
    payload = messages.encode(messages.Play(id=id, plays=plays, sent_at=sent))
    accept([Arrival(messages.topic_from_device(device.thing_name, "play"), payload, clock.now())])


def shown(content: str, start: float, end: float | None = None, **more: Any) -> Shown:
    ended = None if end is None else round(at(end).timestamp() * 1000)
    return Shown(content, round(at(start).timestamp() * 1000), ended, **more)


def test_a_play_that_comes_again_is_stored_once_and_its_end_only_grows(seattle01: Device) -> None:
    lobby = screen(seattle01)
    for end in (10, None, 12, 10):
        play(lobby, "film", 0, end)
    (stored,) = Play.objects.all()
    assert (stored.ended_at, stored.is_closed) == (at(12), True)


def test_a_bad_report_harms_no_other_and_is_named_by_its_place(seattle01: Device) -> None:
    now = clock.now()
    reports = [
        Report("film", at(0), at(10)),
        Report("film", at(10), at(5)),
        Report("x" * 129, at(0)),
        Report("film", now - dt.timedelta(days=4000)),
        Report("film", now + dt.timedelta(hours=2)),
        Report("film", at(0), at(90_000)),
        Report("film\n", at(40)),
        Report("poster", at(20)),
    ]
    stored = services.store(screen=screen(seattle01), reports=reports, source=Source.API, now=now)
    assert stored.plays == 2
    assert [number for number, _ in stored.refused] == [1, 2, 3, 4, 5, 6]
    assert "before it started" in stored.refused[0][1]


def test_a_screen_without_a_camera_at_that_time_is_told(seattle01: Device) -> None:
    Device.objects.update(since=at(100))
    stored = play(screen(seattle01), "film", 0, 10)
    assert stored.refused == [(0, f"No camera of the screen “Lobby” was at its place at {at(0).isoformat()}.")]


def test_a_content_gets_a_name_that_people_can_read() -> None:
    assert readable("ads/lobby_film-2.mp4") == "lobby film 2"
    assert readable("v1.5") == "v1.5"


def test_a_site_has_no_endless_list_of_contents(seattle01: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_CONTENTS", 2)
    reports = [Report(name, at(0), at(1)) for name in ("a", "b", "c")]
    stored = services.store(screen=screen(seattle01), reports=reports, source=Source.API, now=clock.now())
    assert Content.objects.count() == 2
    assert [number for number, _ in stored.refused] == [2]


def test_a_player_that_is_a_thing_reports_by_mqtt(seattle01: Device) -> None:
    player = places.device(seattle01.site, "Player", "player-1")
    lobby = screen(seattle01, player=Thing.objects.get(name="player-1"))
    message(player, shown("film", 0, 10, name="The film", position=2), shown("poster", 10))
    message(player, shown("film", 0, 10))
    assert list(Play.objects.order_by("started_at").values_list("device", "screen", "is_closed")) == [
        (seattle01.pk, lobby.pk, True),
        (seattle01.pk, lobby.pk, False),
    ]
    assert Content.objects.get(key="film").name == "The film"


def test_a_player_without_a_screen_gets_one_and_its_plays_move_to_the_cameras_that_it_is_given(
    seattle01: Device,
) -> None:
    player = places.device(seattle01.site, "Player", "player-1")
    message(player, shown("film", 0, 10))
    made = Screen.objects.get()
    assert (made.name, made.cameras) == ("Player", ["Player"])
    visit(seattle01, 0, 10, 5)
    made.cameras = ["Seattle01"]
    services.change_screen(screen=made)
    assert [each.device_id for each in Play.objects.all()] == [seattle01.pk]
    assert [(row.device_id, row.impressions) for row in tallies()] == [(seattle01.pk, 1)]


def test_a_message_with_a_bad_play_is_quarantined_with_the_plays_place(seattle01: Device) -> None:
    message(seattle01, shown("film", 0, 10), shown("poster", 20, 5))
    assert "Play 1 (“poster”) ended at" in QuarantinedMessage.objects.get().detail
    assert not Play.objects.exists()


def test_a_message_whose_play_cannot_be_stored_is_quarantined_whole(seattle01: Device) -> None:
    message(seattle01, shown("film", 0, 90_000))
    assert QuarantinedMessage.objects.count() == 1
    assert not Play.objects.exists()


def test_a_live_report_tells_how_far_a_clock_is_off_but_not_by_the_way_through_the_network(
    seattle01: Device,
) -> None:
    for off, stored in ((8, 8_000), (1.5, 0), (-30, -30_000), (4_000, -30_000)):
        message(seattle01, shown("film", 0), sent_at=clock.now() + off * SECOND, id=f"m{off}")
        assert Screen.objects.get().clock_ahead_ms == pytest.approx(stored, abs=200)
    Screen.objects.update(clock_ahead_ms=500, clock_is_set=True)
    message(seattle01, shown("film", 0), sent_at=clock.now() + 8 * SECOND)
    assert Screen.objects.get().clock_ahead_ms == 500


def test_a_csv_file_is_imported_in_local_time_and_its_bad_lines_are_named(seattle01: Device) -> None:
    screen(seattle01)
    text = (
        "Screen,Content,Start,End,Position\n"
        "Lobby,film.mp4,2026-11-20 10:00:00,2026-11-20 10:00:10,1\n"
        "Lobby,film.mp4,2026-11-20T18:00:10Z,2026-11-20T18:00:20Z,two\n"
        "Roof,film.mp4,2026-11-20 10:00:00,,\n"
        "Lobby,,2026-11-20 10:00:00,,\n"
        "Lobby,film.mp4,yesterday,,\n"
    )
    for _ in range(2):
        imported = import_file(site=seattle01.site, file=io.StringIO(text))
    assert (imported.plays, imported.refused) == (1, 4)
    assert imported.problems == [
        "Line 3: “two” in the column “position” is no whole number.",
        "Line 4: Seattle has no screen “Roof”; add it, then import the file again.",
        "Line 5: The column “content” is empty.",
        "Line 6: “yesterday” in the column “start” is no time; write 2026-11-20 18:30:05.",
    ]
    assert Play.objects.get().started_at == at(0)


def test_xibos_single_records_are_plays_and_its_aggregates_are_refused_by_name(seattle01: Device) -> None:
    screen(seattle01)
    imported = import_file(site=seattle01.site, file=io.StringIO(XIBO))
    assert (imported.plays, imported.left_out, imported.refused) == (1, 1, 2)
    assert imported.problems[0].startswith("Line 4: Xibo has added up 72 plays of “poster.png”: set the display's")
    stored = Play.objects.get()
    assert (stored.started_at, stored.ended_at, stored.layout, stored.source) == (at(0), at(10), "Morning", "xibo")


def test_a_file_without_the_columns_is_refused(seattle01: Device) -> None:
    with pytest.raises(BadFile, match="The first line must name the columns screen, content, start"):
        import_file(site=seattle01.site, file=io.StringIO("a,b\n1,2\n"))


def test_the_command_imports_a_file_and_computes_its_numbers(seattle01: Device, tmp_path: Path, capsys: Any) -> None:
    screen(seattle01)
    (tmp_path / "stats.csv").write_text(XIBO)
    call_command("plays", "import", "seattle", str(tmp_path / "stats.csv"))
    told = capsys.readouterr()
    assert "1 plays are stored; 1 rows are not about a content and were left out; 2 rows were refused." in told.out
    assert "Line 4: Xibo has added up" in told.err
    call_command("plays", "compute")
    assert "days of cameras were computed." in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no site “nowhere”"):
        call_command("plays", "import", "nowhere", "x.csv")


def test_plays_are_deleted_with_the_frames_of_their_time_and_their_tallies_stay(
    seattle01: Device, settings: Any
) -> None:
    settings.FRAME_RETENTION_DAYS = 30
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    assert tallies()
    assert services.forget_old_plays(now=clock.now() + dt.timedelta(days=40)) == 1
    assert not PlayDay.objects.exists()
    assert len(tallies()) == 1
