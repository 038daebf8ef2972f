"""Who had how many coffees, by each site's own clock."""

import datetime as dt
import secrets
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.models import Device, Site
from faces.coffees import coffee_tallies
from faces.coffees.leaderboard import LONGEST_STREAK, coffees_by_person, leaderboard, streak, streaks_of
from faces.models import NOBODY, Capture, Coffee, Person, Sighting, State
from faces.models.querysets import PERIODS, Period
from faces.services import create_person, void_coffee
from tests.faces.coffees.test_coffees import hold_cups
from tests.faces.conftest import NOON
from tests.world import places

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def coffees(seattle01: Device, chicago01: Device) -> None:
    """Ada 3 and Bob 3, Cleo 1, two of nobody in Seattle; Dan 4 in Chicago; one each hour from NOON backwards."""
    for device, name, count in (
        (seattle01, "Bob", 3),
        (seattle01, "Ada", 3),
        (seattle01, "Cleo", 1),
        (chicago01, "Dan", 4),
    ):
        person = create_person(site=device.site, name=name)
        for hour in range(count):
            hold_cups(device, [person], NOON - dt.timedelta(hours=hour))
    hold_cups(seattle01, [None, None], NOON - dt.timedelta(hours=9))


def board(sites: list[Site], period: Period = "all", now: dt.datetime = NOON) -> list[tuple[int, str, int]]:
    return [(row.rank, row.person.name, row.coffees) for row in leaderboard(sites=sites, period=period, now=now).rows]


def test_equal_counts_share_a_rank_and_the_next_is_left_out(coffees: None, seattle: Site) -> None:
    assert board([seattle]) == [(1, "Ada", 3), (1, "Bob", 3), (3, "Cleo", 1)]


def test_of_several_sites_together(coffees: None, seattle: Site, chicago: Site) -> None:
    assert board([seattle, chicago]) == [(1, "Dan", 4), (2, "Ada", 3), (2, "Bob", 3), (4, "Cleo", 1)]


def test_a_row_says_where_and_when(coffees: None, chicago: Site) -> None:
    (row,) = leaderboard(sites=[chicago], period="all", now=NOON).rows
    assert (row.site, row.last_at) == (chicago, NOON)


def test_strangers_are_a_total_of_their_own(coffees: None, seattle: Site, chicago: Site) -> None:
    assert leaderboard(sites=[seattle], period="all", now=NOON).anonymous == 2
    assert leaderboard(sites=[chicago], period="all", now=NOON).anonymous == 0


def test_a_voided_coffee_is_not_on_the_leaderboard(coffees: None, chicago: Site, superuser: User) -> None:
    person = chicago.people.get()
    void_coffee(coffee=person.coffees.latest("taken_at"), by=superuser, reason="It was tea.")
    assert board([chicago]) == [(1, "Dan", 3)]


def test_without_sites_the_leaderboard_is_empty(coffees: None) -> None:
    assert board([]) == []
    assert leaderboard(sites=[], period="all", now=NOON).anonymous == 0


@pytest.mark.parametrize(
    ("period", "local_start"),
    [("today", "2026-11-20"), ("week", "2026-11-16"), ("month", "2026-11-01")],
)
@pytest.mark.parametrize("fixture", ["seattle01", "chicago01"])
def test_a_period_begins_at_the_sites_own_midnight(
    period: Period, local_start: str, fixture: str, request: pytest.FixtureRequest
) -> None:
    device: Device = request.getfixturevalue(fixture)
    start = dt.datetime.fromisoformat(local_start).replace(tzinfo=device.site.zone)
    ada = create_person(site=device.site, name="Ada")
    hold_cups(device, [ada, None], start)
    hold_cups(device, [ada, None], start - dt.timedelta(minutes=10))
    assert board([device.site], period) == [(1, "Ada", 1)]
    assert leaderboard(sites=[device.site], period=period, now=NOON).anonymous == 1
    assert board([device.site], "all") == [(1, "Ada", 2)]


def test_the_first_of_the_month_lies_before_the_clock_change(seattle01: Device) -> None:
    """In Seattle the first of November 2026 begins in daylight saving time and ends without."""
    ada = create_person(site=seattle01.site, name="Ada")
    hold_cups(seattle01, [ada], dt.datetime(2026, 11, 1, 7, 0, tzinfo=dt.UTC))
    assert board([seattle01.site], "month") == [(1, "Ada", 1)]
    assert board([seattle01.site], "month", dt.datetime(2026, 12, 1, 9, tzinfo=dt.UTC)) == []


def test_an_unknown_period_is_refused(seattle: Site) -> None:
    with pytest.raises(ValueError, match="no period “year”"):
        leaderboard(sites=[seattle], period="year", now=NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("period", PERIODS)
def test_the_number_of_queries_does_not_depend_on_the_number_of_people(
    coffees: None, seattle01: Device, chicago: Site, period: Period, django_assert_max_num_queries: Any
) -> None:
    sites = [seattle01.site, chicago]
    for number in range(20):
        hold_cups(seattle01, [create_person(site=seattle01.site, name=f"Person {number}")], NOON)
    # The devices, the counts, the people, their latest, their streaks in each of the two zones.
    with django_assert_max_num_queries(6):
        assert len(leaderboard(sites=sites, period=period, now=NOON).rows) == 24


def test_a_limited_leaderboard_is_the_beginning_of_the_whole(coffees: None, seattle: Site, chicago: Site) -> None:
    whole = board([seattle, chicago])
    for limit in range(6):
        found = leaderboard(sites=[seattle, chicago], period="all", now=NOON, limit=limit)
        assert [(row.rank, row.person.name, row.coffees) for row in found.rows] == whole[:limit]
        assert (found.people, found.total, found.anonymous) == (4, 13, 2)


def moments(first: str, last: str) -> st.SearchStrategy[dt.datetime]:
    return st.datetimes(dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last), timezones=st.just(dt.UTC))


@given(
    moments=st.lists(moments("2026-09-25", "2026-11-20T20:00")),
    zone=st.sampled_from(["America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati", "Australia/Lord_Howe", "UTC"]),
    now=moments("2026-10-30", "2026-12-02"),
    period=st.sampled_from(PERIODS),
)
@settings(max_examples=25)
def test_the_tallies_of_a_period_equal_a_count_of_its_coffees(
    moments: list[dt.datetime], zone: str, now: dt.datetime, period: Period
) -> None:
    with transaction.atomic():
        device = places.seattle01()
        site = Site.objects.get(pk=device.site.pk)
        site.timezone = zone
        site.save()
        add_coffees(device, create_person(site=site, name="Ada"), moments[::2])
        add_coffees(device, None, moments[1::2])
        there = Coffee.objects.of(sites=[site], period=period, now=now)
        truth = Counter(person or NOBODY for person in there.values_list("person", flat=True))
        assert coffees_by_person(sites=[site], period=period, now=now) == truth
        transaction.set_rollback(True)


def add_coffees(device: Device, person: Person | None, moments: list[dt.datetime]) -> list[Coffee]:
    """One at each of these moments, as the workers would have counted it."""
    captures = [
        Capture(device=device, taken_at=at, received_at=at, key=secrets.randbits(60), state=State.DONE)
        for at in moments
    ]
    Capture.objects.bulk_create(captures)
    seen = Sighting.objects.bulk_create(
        Sighting(capture=capture, number=0, person=person, confidence=0.9) for capture in captures
    )
    return coffee_tallies.insert(
        Coffee(person=person, device=device, taken_at=each.capture.taken_at, sighting=each) for each in seen
    )


class TestStreak:
    @given(st.sets(st.integers(-40, 2)))
    def test_a_streak_ends_today_or_yesterday(self, days: set[int]) -> None:
        today = dt.date(2026, 11, 20)
        length = streak({today + dt.timedelta(days=day) for day in days}, today)
        last = 0 if 0 in days else -1
        assert set(range(last - length + 1, last + 1)) <= days
        assert last - length not in days

    @pytest.mark.parametrize("length", [1, 7, LONGEST_STREAK - 1, LONGEST_STREAK, LONGEST_STREAK + 9])
    def test_a_streak_is_measured_up_to_the_longest_streak(self, seattle01: Device, length: int) -> None:
        ada, bea = (create_person(site=seattle01.site, name=name) for name in ("Ada", "Bea"))
        for person, since in ((ada, 0), (bea, 1)):
            days = [day for day in range(since, length + since + 4) if day != length + since]
            add_coffees(seattle01, person, [NOON - dt.timedelta(days=day) for day in days])
        told = min(length, LONGEST_STREAK)
        assert streaks_of([ada, bea], now=NOON) == {ada.pk: told, bea.pk: told}

    def test_a_day_is_the_sites_own(self, seattle01: Device, chicago01: Device) -> None:
        """Half past ten in the evening in Seattle is half past midnight in Chicago."""
        evening = dt.datetime(2026, 11, 19, 22, 30, tzinfo=seattle01.site.zone)
        people = [create_person(site=device.site, name="Ada") for device in (seattle01, chicago01)]
        for device, person in zip((seattle01, chicago01), people, strict=True):
            add_coffees(device, person, [evening, evening - dt.timedelta(hours=2)])
        streaks = streaks_of(people, now=NOON)
        assert [streaks[person.pk] for person in people] == [1, 2]

    def test_a_voided_coffee_breaks_a_streak(self, seattle01: Device, superuser: User) -> None:
        ada = create_person(site=seattle01.site, name="Ada")
        coffees = add_coffees(seattle01, ada, [NOON - DAY * day for day in range(3)])
        void_coffee(coffee=coffees[1], by=superuser, reason="It was tea.")
        assert streaks_of([ada], now=NOON) == {ada.pk: 1}
