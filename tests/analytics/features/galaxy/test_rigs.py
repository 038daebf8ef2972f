"""What a rig is set up with: lines for its files, scenes for its director, sessions for its statistics."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.counting import corrections
from analytics.features.galaxy.serving.director import director_scene, occupancy_sessions
from analytics.models import Detection, Verdict
from devices.models import Device, Site
from tests.analytics.frames import count, seen

NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)


def test_a_session_has_the_shape_of_the_statistics() -> None:
    assert occupancy_sessions([(NINE, NINE + dt.timedelta(seconds=30.5))]) == [
        {
            "start_ts": int(NINE.timestamp()),
            "end_ts": int(NINE.timestamp()) + 30,
            "application": "headcount",
            "mode": "ambient",
            "occupancy_triggered": True,
        }
    ]


def test_a_scene_opens_each_screens_page_on_its_viewport() -> None:
    made = director_scene(slug="s", name="n", address="/scene", of=3, page_address=lambda screen: f"/{screen.number}")
    assert {"name", "slug", "duration", "resource_uri", "windows"} <= set(made)
    assert [(window["presentation_viewport"], window["assets"]) for window in made["windows"]] == [
        ("left_one", ["/3"]),
        ("center", ["/1"]),
        ("right_one", ["/2"]),
    ]
    assert {(window["activity"], window["width"], window["height"]) for window in made["windows"]} == {
        ("browser", 1080, 1920)
    }


@pytest.mark.usefixtures("at_half_past", "past")
class TestAddresses:
    @pytest.mark.parametrize("board", ["today", "question"])
    def test_a_scenes_pages_are_there(self, token: str, board: str) -> None:
        made = Client().get(reverse("wall-scene", args=[token, "seattle", board, 5])).json()
        assert len(made["windows"]) == 5
        for window in made["windows"]:
            assert Client().get(window["assets"][0]).status_code == 200
        assert Client().get(reverse("wall-scene", args=[token, "chicago", "today", 5])).status_code == 404

    def test_the_sessions_of_a_day_are_its_spells(self, token: str, seattle01: Device, superuser: User) -> None:
        day = dt.date(2026, 11, 19)
        start = dt.datetime(2026, 11, 20, 7, tzinfo=dt.UTC)  # 23:00 in Seattle
        times = [start + dt.timedelta(seconds=second) for second in (0, 15, 30, 60, 75, 3605)]
        count(*(seen(seattle01, at, faces=[0.9], key=number) for number, at in enumerate(times)))
        wrong = Detection.objects.get(frame__taken_at=times[3])
        corrections.review(verdicts={wrong: Verdict.WRONG}, by=superuser, now=start)
        answer = Client().get(reverse("wall-sessions", args=[token, "seattle", "Seattle01", day])).json()
        assert answer["metadata"] == {"installation": "Seattle01"}
        assert (answer["start_ts"], answer["end_ts"]) == (1795075200, 1795161600)
        first = int(start.timestamp())
        assert [(each["start_ts"], each["end_ts"]) for each in answer["sessions"]] == [
            (first, first + 30),
            (first + 75, first + 75),
        ]

    @pytest.mark.parametrize("path", ["chicago/Chicago01/2026-11-19", "seattle/Nobody/2026-11-19"])
    def test_other_devices_sessions_are_not_there(self, token: str, path: str) -> None:
        assert Client().get(f"/wall/t/{token}/sessions/{path}.json").status_code == 404

    @pytest.mark.parametrize("day", ["2026-02-30", "0001-01-01", "9999-12-31"])
    def test_days_that_are_none_are_not_there(self, token: str, day: str) -> None:
        assert Client().get(f"/wall/t/{token}/sessions/seattle/Seattle01/{day}.json").status_code == 404

    def test_the_set_up_page_prints_the_lines(self, both: str, chicago: Site) -> None:
        Site.objects.filter(pk=chicago.pk).update(latitude=None)
        page = Client().get(reverse("wall-setup", args=[both, 3])).content.decode()
        for line in (
            f"http://testserver/wall/t/{both}/kml/link.kml\n",
            f"http://testserver/wall/t/{both}/kml/tour.kml\n",
            f"http://testserver/wall/t/{both}/kml/of/3/slave_2.kml<",
            "earth@Seattle@flytoview=&lt;LookAt&gt;&lt;longitude&gt;-122.332100",
            "earth@Headcount tour@playtour=Headcount\n",
            f"<code>http://testserver/wall/t/{both}/seattle/today/of/3/3</code>",
            f'data-copy="http://testserver/wall/t/{both}/seattle/question/of/3/2"',
            f"<code>http://testserver/wall/t/{both}/all/sites/of/3/1</code>",
            f"<code>http://testserver/wall/t/{both}/seattle/today+week+question+leaderboard+contents+turns/of/3</code>",
            f'<img src="/wall/t/{both}/seattle/today/of/3.svg"',
            '<summary class="small">QR code</summary><div class="qr"',
        ):
            assert line in page
        assert "because their position is unknown: Chicago." in page
        assert Client().get(reverse("wall-setup", args=["nonsense", 3])).status_code == 404


class TestAdmin:
    """Tokens are made in the admin, and shown there once."""

    @pytest.fixture
    def client_of(self) -> Any:
        def client(user: User) -> Client:
            client = Client()
            client.force_login(user)
            return client

        return client

    def test_a_token_is_shown_once_and_works(self, superuser: User, seattle: Site, client_of: Any) -> None:
        client = client_of(superuser)
        form = {"name": "Lobby", "sites": [seattle.pk]}
        answer = client.post(reverse("admin:analytics_walltoken_add"), form, follow=True)
        text = answer.content.decode().split("Token of Lobby: <code>")[1].split("</code>")[0]
        assert Client().get(f"/wall/t/{text}/seattle/today").status_code == 200
        again = client.get(reverse("admin:analytics_walltoken_changelist")).content.decode()
        assert "Lobby" in again
        assert text not in again
