import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from devices.models import Device, Site
from faces.coffees.leaderboard import LONGEST_STREAK
from faces.desk.leaderboard_pages import ROWS_ON_SCREEN
from faces.models import Capture, Coffee, Mode, Person, Sighting, SitePolicy
from tests.clock import SetClock

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
"""A Friday."""


@pytest.fixture(autouse=True)
def _friday(set_clock: SetClock) -> None:
    set_clock(NOW)


def board(user: User, query: str = "", page: str = "leaderboard") -> Any:
    client = Client()
    client.force_login(user)
    return client.get(f"{reverse(page)}{query}")


def words(user: User, query: str = "", page: str = "leaderboard") -> str:
    answer = board(user, query, page)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def coffees(device: Device, person: Person | None, number: int, ago: dt.timedelta = dt.timedelta(hours=1)) -> None:
    for _ in range(number):
        capture = Capture.objects.create(
            device=device, taken_at=NOW - ago, received_at=NOW, key=Capture.objects.count(), cups=1
        )
        sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9)
        Coffee.objects.create(person=person, device=device, taken_at=NOW - ago, sighting=sighting)


@pytest.fixture
def ada(seattle: Site) -> Person:
    return Person.objects.create(site=seattle, name="Ada")


def test_equal_counts_share_a_rank_and_the_next_is_left_out(seattle01: Device, ada: Person, viewer: User) -> None:
    for name, number in [("Bea", 3), ("Cyd", 1)]:
        coffees(seattle01, Person.objects.create(site=seattle01.site, name=name), number)
    coffees(seattle01, ada, 3)
    coffees(seattle01, None, 5)
    shown = words(viewer)
    assert re.findall(r"(\d+) [ABC] (Ada|Bea|Cyd) last Fri 20 Nov, 09:30 (\d) coffee", shown) == [
        ("1", "Ada", "3"),
        ("1", "Bea", "3"),
        ("3", "Cyd", "1"),
    ]
    assert "Coffees of people who are not recognised 5" in shown


def test_a_period_counts_only_its_own_coffees(seattle01: Device, ada: Person, viewer: User) -> None:
    coffees(seattle01, ada, 2)
    coffees(seattle01, ada, 4, ago=dt.timedelta(days=2))
    coffees(seattle01, ada, 8, ago=dt.timedelta(days=12))
    coffees(seattle01, ada, 16, ago=dt.timedelta(days=40))
    for period, number in [("today", 2), ("week", 6), ("month", 14), ("all", 30)]:
        assert f" {number} coffees" in words(viewer, f"?period={period}")
    assert words(viewer) == words(viewer, "?period=week")


def test_a_site_is_chosen_among_ones_own(
    seattle01: Device, chicago01: Device, ada: Person, superuser: User, viewer: User
) -> None:
    coffees(seattle01, ada, 2)
    coffees(chicago01, Person.objects.create(site=chicago01.site, name="Grace"), 1)
    assert re.findall(r"(Ada|Grace) (Seattle|Chicago) last", words(superuser)) == [
        ("Ada", "Seattle"),
        ("Grace", "Chicago"),
    ]
    assert "Ada" not in words(superuser, "?site=chicago")
    assert "Grace" not in words(viewer)


@pytest.mark.parametrize("query", ["?site=chicago", "?site=nowhere", "?period=year"])
def test_what_one_may_not_see_is_not_found(seattle01: Device, chicago01: Device, viewer: User, query: str) -> None:
    assert board(viewer, query).status_code == 404
    assert board(viewer, query, "leaderboard-screen").status_code == 404


class TestLargeScreen:
    def test_it_shows_as_many_as_can_be_read_from_afar(self, seattle01: Device, viewer: User) -> None:
        for number in range(ROWS_ON_SCREEN + 2):
            coffees(seattle01, Person.objects.create(site=seattle01.site, name=f"Person {number}"), number + 1)
        coffees(seattle01, None, 3)
        shown = words(viewer, "?site=seattle&period=month", "leaderboard-screen")
        assert "Coffees this month Seattle 1 P Person 9 last Fri 20 Nov, 09:30 10 coffees" in shown
        assert "Person 2" in shown
        assert "Person 1" not in shown
        assert "58 coffees, 3 of people who are not recognised and 2 more" in shown

    def test_an_empty_screen_says_that_nobody_had_coffee(self, seattle01: Device, viewer: User) -> None:
        assert "Coffees of all time Seattle No recognised person" in words(viewer, "?period=all", "leaderboard-screen")

    def test_the_screen_needs_a_login(self, seattle01: Device) -> None:
        answer = Client().get(reverse("leaderboard-screen"))
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))


def test_days_in_a_row_are_told_from_two_on(seattle01: Device, ada: Person, viewer: User) -> None:
    coffees(seattle01, ada, 1)
    assert "in a row" not in words(viewer)
    coffees(seattle01, ada, 1, ago=dt.timedelta(days=1))
    assert "Ada 2 days in a row last" in words(viewer)
    for day in range(2, LONGEST_STREAK):
        coffees(seattle01, ada, 1, ago=dt.timedelta(days=day))
    assert f"Ada {LONGEST_STREAK} or more days in a row last" in words(viewer)


def test_a_long_board_says_how_many_more_there_are(
    seattle01: Device, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faces.desk.leaderboard_pages.ROWS", 1)
    for name in ("Ada", "Bea", "Cyd"):
        coffees(seattle01, Person.objects.create(site=seattle01.site, name=name), 1)
    assert "More people, listed by the API 2" in words(viewer)


def test_an_empty_board_says_why(seattle01: Device, viewer: User) -> None:
    shown = words(viewer, "?period=today")
    assert "No coffee was counted today" in shown
    assert "Recognition is off at Seattle" in shown
    SitePolicy.objects.create(site=seattle01.site, mode=Mode.ENROLLED)
    assert "Nobody is recognised" not in words(viewer, "?period=today")


def test_whoever_may_enrol_is_shown_where(seattle01: Device, operator: User) -> None:
    SitePolicy.objects.create(site=seattle01.site, mode=Mode.ENROLLED)
    address = reverse("site-enrol", args=["seattle"])
    assert f'href="{address}"' in board(operator).content.decode()
    client = Client()
    client.force_login(operator)
    assert client.get(address, follow=True).status_code == 200


def test_a_board_of_anonymous_coffees_has_no_ranks(seattle01: Device, viewer: User) -> None:
    coffees(seattle01, None, 2)
    told = words(viewer)
    assert "No recognised person had a coffee in this period. Coffees of people who are not recognised 2" in told


def test_a_user_without_sites_reads_that_there_are_none(seattle01: Device) -> None:
    assert "You are not a member of any site yet" in words(User.objects.create_user("stranger"))


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(
    seattle01: Device, ada: Person, viewer: User
) -> None:
    def number_of_queries() -> int:
        client = Client()
        client.force_login(viewer)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("leaderboard"))
        return len(queries)

    coffees(seattle01, ada, 1)
    few = number_of_queries()
    for number in range(10):
        coffees(seattle01, Person.objects.create(site=seattle01.site, name=f"Person {number}"), 1)
    assert number_of_queries() == few
