"""Unique visitors and reactions from the database: local days, policies, sites, and as many queries as promised."""

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from analytics.features.visitors import reads
from devices.models import Device, Site
from faces.models import Capture, ExpressionQuarter, Mode, Person, Sighting
from faces.services import set_policy
from tests.analytics.frames import undone
from tests.clock import SetClock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
"""Noon in Seattle."""

SEATTLE, HAVANA = ZoneInfo("America/Los_Angeles"), ZoneInfo("America/Havana")
DAY = dt.timedelta(days=1)
keys = itertools.count(1000)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def seattle02(seattle: Site) -> Device:
    return places.device(seattle, "Seattle02", "seattle-2")


@pytest.fixture
def decide(seattle: Site, owner: User) -> Callable[..., None]:
    """Have the owner decide about faces, three weeks ago unless said otherwise."""

    def decided(mode: Mode, at: dt.datetime = NOW - 21 * DAY) -> None:
        set_policy(site=seattle, mode=mode, confirmed_by=owner, now=at)

    return decided


def somebody(site: Site, name: str = "Ada", guest: int | None = None) -> Person:
    return Person.objects.create(site=site, name=name, guest_number=guest)


def see(device: Device, at: dt.datetime, *people: Person | None) -> None:
    capture = Capture.objects.create(device=device, taken_at=at, received_at=at, key=next(keys))
    Sighting.objects.bulk_create(
        Sighting(capture=capture, number=number, person=person, confidence=0.9) for number, person in enumerate(people)
    )


def visitors(*devices: Device, days: int = 3) -> list[tuple[int | None, int | None]]:
    found = reads.read_visitors(
        devices, zone=SEATTLE, start=NOW - (days - 1) * DAY - dt.timedelta(hours=1), end=NOW, now=NOW
    )
    return [(day.visitors, day.guests) for day in found]


def api(user: User, path: str, **query: str) -> Any:
    client = APIClient()
    client.force_login(user)
    return client.get(f"/api/v1/{path}/", query)


def test_whoever_comes_often_is_one_visitor_a_day(decide: Any, seattle01: Device, seattle02: Device) -> None:
    decide(Mode.ENROLLED)
    ada, bob = somebody(seattle01.site), somebody(seattle01.site, "Bob")
    for hours in (0, 1, 2, 24):
        see(seattle01, NOW - dt.timedelta(hours=hours), ada, None)
    see(seattle02, NOW, ada, bob)
    assert visitors(seattle01, seattle02) == [(0, 0), (1, 0), (2, 0)]
    assert visitors(seattle01) == [(0, 0), (1, 0), (1, 0)]


def test_a_day_is_the_sites_own(decide: Any, seattle01: Device) -> None:
    decide(Mode.ENROLLED)
    see(seattle01, dt.datetime(2026, 11, 20, 7, 59, 59, tzinfo=dt.UTC), somebody(seattle01.site))
    assert visitors(seattle01) == [(0, 0), (1, 0), (0, 0)]


def test_a_day_is_the_one_that_the_pinned_zone_data_say(decide: Any, seattle01: Device) -> None:
    """Cuba has kept summer time since 2026, which neither an older system nor its database knows."""
    decide(Mode.ENROLLED)
    half_past_midnight = dt.datetime(2026, 11, 20, 0, 30, tzinfo=HAVANA).astimezone(dt.UTC)
    see(seattle01, half_past_midnight, somebody(seattle01.site))
    found = reads.read_visitors([seattle01], zone=HAVANA, start=NOW - DAY, end=NOW, now=NOW)
    assert [(str(day.start.date()), day.visitors) for day in found] == [("2026-11-19", 0), ("2026-11-20", 1)]


def test_the_number_is_unknown_and_not_zero_where_recognition_is_off(decide: Any, seattle01: Device) -> None:
    assert visitors(seattle01) == [(None, None)] * 3
    decide(Mode.ENROLLED)
    see(seattle01, NOW, somebody(seattle01.site))
    decide(Mode.OFF)
    assert visitors(seattle01) == [(None, None)] * 3


def test_before_it_was_decided_on_nobody_could_be_recognised(decide: Any, seattle01: Device) -> None:
    decide(Mode.ENROLLED, NOW - DAY)
    assert visitors(seattle01) == [(None, None), (0, 0), (0, 0)]
    see(seattle01, NOW - 2 * DAY, somebody(seattle01.site))
    assert visitors(seattle01) == [(1, 0), (0, 0), (0, 0)]


def test_a_day_that_has_not_begun_has_no_number(decide: Any, seattle01: Device) -> None:
    decide(Mode.ENROLLED)
    found = reads.read_visitors([seattle01], zone=SEATTLE, start=NOW, end=NOW + DAY, now=NOW)
    assert [day.visitors for day in found] == [0, None]


def test_guests_are_counted_while_the_policy_gives_them_numbers(decide: Any, seattle01: Device) -> None:
    decide(Mode.EVERYONE)
    see(seattle01, NOW, somebody(seattle01.site), somebody(seattle01.site, "Guest 1", guest=1))
    assert visitors(seattle01, days=1) == [(2, 1)]
    decide(Mode.ENROLLED)
    assert visitors(seattle01, days=1) == [(1, 0)]


def test_visitors_take_two_queries_however_long(
    decide: Any, seattle01: Device, seattle02: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    decide(Mode.EVERYONE)
    for days in range(20):
        see(seattle01, NOW - days * DAY, somebody(seattle01.site, f"P{days}"))
    for days in (1, 20, 300):
        with django_assert_num_queries(2):
            assert len(visitors(seattle01, seattle02, days=days)) == days


FIRST, LAST = dt.datetime(2026, 3, 5, tzinfo=SEATTLE), dt.datetime(2026, 3, 12, tzinfo=SEATTLE)
"""A week in which clocks are set forward."""

moments = st.integers(int(FIRST.timestamp()), int(LAST.timestamp())).map(
    lambda at: dt.datetime.fromtimestamp(at, dt.UTC)
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seen=st.lists(st.tuples(moments, st.integers(0, 3)), max_size=8))
def test_visitors_equal_a_count_over_all_sightings(
    decide: Any, seattle01: Device, seen: list[tuple[dt.datetime, int]]
) -> None:
    with undone():
        decide(Mode.ENROLLED, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        people = [somebody(seattle01.site, f"P{number}") for number in range(4)]
        for at, number in seen:
            see(seattle01, at, people[number])
        for day in reads.read_visitors([seattle01], zone=SEATTLE, start=FIRST, end=LAST, now=NOW):
            walked = {number for at, number in seen if at.astimezone(SEATTLE).date() == day.start.date()}
            assert day.visitors == len(walked)


def test_the_api_tells_numbers_and_no_names(decide: Any, viewer: User, seattle01: Device) -> None:
    decide(Mode.EVERYONE)
    see(seattle01, NOW, somebody(seattle01.site, "Ada Lovelace"))
    answer = api(viewer, "visitors", site="seattle", **{"from": "2026-11-20"})
    assert answer.json() == [
        {"start": "2026-11-20T00:00:00-08:00", "end": "2026-11-21T00:00:00-08:00", "visitors": 1, "guests": 0}
    ]


@pytest.mark.parametrize("path", ["/visitors/", "/reactions/"])
def test_another_sites_are_not_found(path: str, outsider: User, seattle01: Device) -> None:
    assert api(outsider, path.strip("/"), site="seattle").status_code == 404
    assert api(outsider, path.strip("/"), device="Seattle01").status_code == 404
    assert set(api(outsider, path.strip("/")).json()["errors"]) == {"site"}


class TestReactions:
    def crowd(self, device: Device, at: dt.datetime, *, settled: bool = True, **counts: int) -> None:
        ExpressionQuarter.objects.create(device=device, start=at, counts=counts, settled=settled)

    def shares(self, *devices: Device) -> list[Any]:
        found = reads.read_reactions(devices, zone=SEATTLE, start=NOW - 2 * DAY, end=NOW, now=NOW)
        return [day.shares and {name: round(share, 3) for name, share in day.shares.items() if share} for day in found]

    def test_shares_are_those_of_all_settled_quarter_hours_of_a_day_that_is_over(self, seattle01: Device) -> None:
        self.crowd(seattle01, NOW - DAY, happy=5, calm=1)
        self.crowd(seattle01, NOW - DAY + dt.timedelta(hours=1), happy=1, calm=1)
        self.crowd(seattle01, NOW - DAY + dt.timedelta(hours=2), sad=9, settled=False)
        self.crowd(seattle01, NOW, happy=5)
        assert self.shares(seattle01) == [None, {"happy": 0.75, "calm": 0.25}, None]

    def test_devices_add_up(self, seattle01: Device, seattle02: Device) -> None:
        self.crowd(seattle01, NOW - DAY, happy=5)
        self.crowd(seattle02, NOW - DAY, sad=5)
        assert self.shares(seattle01)[1] == {"happy": 1.0}
        assert self.shares(seattle01, seattle02)[1] == {"happy": 0.5, "sad": 0.5}

    def test_the_api_tells_no_person_and_no_size_of_a_group(self, viewer: User, seattle01: Device) -> None:
        self.crowd(seattle01, NOW - DAY, happy=5)
        [day] = api(viewer, "reactions", device="Seattle01", **{"from": "2026-11-19", "to": "2026-11-19"}).json()
        assert set(day) == {"start", "end", "shares"}
        assert day["shares"]["happy"] == 1.0

    def test_they_take_one_query(self, seattle01: Device, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        self.crowd(seattle01, NOW - DAY, happy=5)
        with django_assert_num_queries(1):
            self.shares(seattle01)
