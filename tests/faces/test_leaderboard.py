"""Who had how many coffees, by each site's own clock."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.models import Device, Site
from faces.querysets import PERIODS, Period, anonymous_coffees, leaderboard
from faces.services import create_person, void_coffee
from tests.faces.conftest import NOON
from tests.faces.test_coffees import hold_cups

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
    return [(row.rank, row.person.name, row.coffees) for row in leaderboard(sites=sites, period=period, now=now)]


def test_equal_counts_share_a_rank_and_the_next_is_left_out(coffees: None, seattle: Site) -> None:
    assert board([seattle]) == [(1, "Ada", 3), (1, "Bob", 3), (3, "Cleo", 1)]


def test_of_several_sites_together(coffees: None, seattle: Site, chicago: Site) -> None:
    assert board([seattle, chicago]) == [(1, "Dan", 4), (2, "Ada", 3), (2, "Bob", 3), (4, "Cleo", 1)]


def test_a_row_says_where_and_when(coffees: None, chicago: Site) -> None:
    (row,) = leaderboard(sites=[chicago], period="all", now=NOON)
    assert (row.site, row.last_at) == (chicago, NOON)


def test_strangers_are_a_total_of_their_own(coffees: None, seattle: Site, chicago: Site) -> None:
    assert anonymous_coffees(sites=[seattle], period="all", now=NOON) == 2
    assert anonymous_coffees(sites=[chicago], period="all", now=NOON) == 0


def test_a_voided_coffee_is_not_in_it(coffees: None, chicago: Site, superuser: User) -> None:
    person = chicago.people.get()
    void_coffee(coffee=person.coffees.first(), by=superuser, reason="It was tea.")
    assert board([chicago]) == [(1, "Dan", 3)]


def test_nothing_comes_of_no_sites(coffees: None) -> None:
    assert board([]) == []
    assert anonymous_coffees(sites=[], period="all", now=NOON) == 0


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
    assert anonymous_coffees(sites=[device.site], period=period, now=NOON) == 1
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
def test_it_takes_two_queries(
    coffees: None, seattle: Site, chicago: Site, period: Period, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        assert leaderboard(sites=[seattle, chicago], period=period, now=NOON)
