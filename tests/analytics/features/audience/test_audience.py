"""Visits in buckets of time: their numbers, their API (`/api/v1/audience/`, `/api/v1/visits/`) and their card."""

import datetime as dt
import statistics
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from analytics.counting.visits import VisitRow, VisitSums, duration_rows, visit_rows
from analytics.features.galaxy.reads import TODAY
from analytics.models.quarters import DURATION_EDGES_MS, duration_bin
from analytics.numbers.intervals import wilson
from analytics.numbers.measures import EngagementBucket
from analytics.numbers.reads import Selection, read_engagement
from analytics.numbers.visits import VisitBucket, first_visits, merge_visits, quantile, read_visits
from devices.models import Device, Site
from tests.analytics.frames import count, seen
from tests.analytics.rest.test_api import NINE, NOW, ask
from tests.analytics.visits import report, visited
from tests.clock import SetClock

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _ten_o_clock(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def morning(seattle01: Device, chicago01: Device) -> None:
    """Three visits at nine in Seattle, one without a glance; in Chicago a camera that does not follow people."""
    for device in (seattle01, chicago01):
        count(*(seen(device, NINE + minute * MINUTE, faces=[0.9]) for minute in range(-60, 60, 10)))
    report(
        visited(seattle01, NINE, dwell=4, attention=0.5, key="a"),
        visited(seattle01, NINE + MINUTE, dwell=8, attention=6, key="b"),
        visited(seattle01, NINE + 2 * MINUTE, dwell=30, attention=15, key="c"),
    )


def read(*devices: Device, bucket: Any = "hour", start: dt.datetime = NINE, end: dt.datetime = NINE + HOUR) -> Any:
    selections = [Selection(devices, ZoneInfo("UTC"), start, end)]
    engagement = read_engagement(selections, bucket=bucket, now=NOW)
    (buckets,) = read_visits(selections, bucket=bucket, engagement=engagement, followed_from=first_visits(devices))
    return buckets


def test_an_hour_has_its_visits_viewers_durations_and_attraction(morning: None, seattle01: Device) -> None:
    (hour,) = read(seattle01)
    assert (hour.known_visits, hour.known_viewers) == (3, 2)
    assert hour.median_dwell_seconds == pytest.approx(8, rel=0.05)
    assert hour.p90_dwell_seconds == pytest.approx(30, rel=0.05)
    assert hour.median_attention_seconds == pytest.approx(6, rel=0.05)
    assert hour.attraction == 21.5 / 42


def test_nothing_is_known_where_no_device_follows_people(morning: None, chicago01: Device) -> None:
    (hour,) = read(chicago01)
    assert (hour.known_visits, hour.known_viewers, hour.median_dwell_seconds, hour.attraction) == (None,) * 4


def test_before_the_first_visit_nothing_is_known_and_afterwards_no_visit_means_nobody(
    morning: None, seattle01: Device
) -> None:
    count(seen(seattle01, NINE - 5 * HOUR), seen(seattle01, NINE + 70 * MINUTE))
    before, at_nine, after = read(seattle01, start=NINE - HOUR, end=NINE + 2 * HOUR)
    assert (before.known_visits, at_nine.known_visits, after.known_visits) == (None, 3, 0)


def test_hours_add_up_to_the_period(morning: None, seattle01: Device) -> None:
    report(visited(seattle01, NINE + 61 * MINUTE, dwell=2, attention=1))
    parts = read(seattle01, end=NINE + 2 * HOUR)
    selections = [Selection([seattle01], ZoneInfo("UTC"), NINE, NINE + 2 * HOUR, single_bucket=True)]
    engagement = read_engagement(selections, bucket="hour", now=NOW)
    ((whole,),) = read_visits(selections, bucket="hour", engagement=engagement, followed_from=first_visits([seattle01]))
    assert merge_visits(parts) == whole


def test_people_who_come_together_make_the_interval_wider(seattle01: Device) -> None:
    count(seen(seattle01, NINE, faces=[0.9]))
    shares = [0.2, 0.4, 0.6, 0.8]
    report(*(visited(seattle01, NINE + n * MINUTE, attention=10 * s, key=f"{n}") for n, s in enumerate(shares)))
    (alone,) = read(seattle01)
    report(
        *(
            visited(seattle01, NINE + n * MINUTE, attention=10 * share, key=f"{n}-{friend}")
            for n, share in enumerate(shares)
            for friend in range(9)
        )
    )
    (together,) = read(seattle01)
    assert alone.attraction == together.attraction == 0.5
    # Ten times as many people in the same four groups tell no more than four people alone.
    assert together.attraction_interval.low == pytest.approx(alone.attraction_interval.low)
    assert together.attraction_interval.high == pytest.approx(alone.attraction_interval.high)
    assert alone.attraction_interval.low < 0.2
    assert alone.attraction_interval.high > 0.8


def test_viewers_of_the_passers_by_are_the_conversion_with_its_interval(seattle01: Device) -> None:
    count(seen(seattle01, NINE, faces=[0.9]))
    passed = [
        visited(seattle01, NINE + n * MINUTE, attention=2.0 * (n < 10), bodies=True, key=f"{n}") for n in range(40)
    ]
    report(*passed)
    (hour,) = read(seattle01)
    assert (hour.known_passers_by, hour.known_viewers, hour.conversion) == (40, 10, 0.25)
    expected = wilson(10, 40)
    assert expected is not None
    assert hour.conversion_interval.low == pytest.approx(expected.low, abs=0.01)
    assert hour.conversion_interval.high == pytest.approx(expected.high, abs=0.01)


def test_passers_by_who_all_look_leave_the_conversion_uncertain(seattle01: Device) -> None:
    count(seen(seattle01, NINE, faces=[0.9]))
    report(*(visited(seattle01, NINE + n * MINUTE, attention=2.0, bodies=True, key=f"{n}") for n in range(8)))
    (hour,) = read(seattle01)
    assert hour.conversion == 1.0
    assert hour.conversion_interval.low < 0.75


def test_without_bodies_passers_by_and_conversion_are_unknown(morning: None, seattle01: Device) -> None:
    report(visited(seattle01, NINE + 3 * MINUTE, attention=2.0, bodies=True, key="d"))
    (hour,) = read(seattle01)
    assert hour.known_passers_by is None, "three of the four visits are of faces only"
    (other,) = read(seattle01, start=NINE + HOUR, end=NINE + 2 * HOUR)
    assert (other.known_passers_by, other.conversion, other.conversion_interval) == (None, None, None)


def test_intervals_of_medians_contain_the_true_median_although_friends_stay_alike() -> None:
    """Two hundred hours with 60 groups of one to four people, who stay as long as their group to a few seconds."""
    random = np.random.default_rng(7)
    hits = 0
    for _ in range(200):
        sizes = random.integers(1, 5, 60)
        stays = np.repeat(np.log(20) + random.normal(0, 0.8, 60), sizes) + random.normal(0, 0.15, sizes.sum())
        began = np.repeat(np.arange(60), sizes)
        visits = [
            VisitRow(1, NINE + int(minute) * MINUTE, f"{n}", round(1000 * np.exp(stay)), None, None, True, False)
            for n, (minute, stay) in enumerate(zip(began, stays, strict=True))
        ]
        interval = bucket_of(visits).dwell_interval(0.5)
        assert interval is not None
        hits += interval.low <= 20 <= interval.high
    assert 180 <= hits <= 199


def bucket_of(visits: list[VisitRow]) -> VisitBucket:
    """A bucket of these visits, as if read from their tallies."""
    sums = [VisitSums(*row[2:]) for row in visit_rows(visits)]
    bins = [0] * len(DURATION_EDGES_MS)
    for *_, number, people in duration_rows(visits):
        bins[number] += people
    engagement = EngagementBucket(NINE, NINE + HOUR, 60, 1, 0, 0, 1, 0, 1)
    total = VisitSums(*map(sum, zip(*sums, strict=True)))
    return VisitBucket(engagement, True, total, tuple(bins), (0,) * len(bins))


@given(st.lists(st.integers(1, 4_000_000), min_size=1, max_size=60))
def test_a_median_from_the_histogram_is_nearly_that_of_the_durations(milliseconds: list[int]) -> None:
    bins = [0] * len(DURATION_EDGES_MS)
    for each in milliseconds:
        bins[duration_bin(each)] += 1
    median = quantile(tuple(bins), 0.5)
    true = statistics.median_low(milliseconds)
    number = duration_bin(true)
    assert median is not None
    low, high = (*DURATION_EDGES_MS, 7 * 86_400_000)[number : number + 2]
    # Floats of seconds; a thousandth of a millisecond is no error.
    assert low - 0.001 <= median * 1000 <= high + 0.001


def test_the_api_returns_visits_by_hour_and_device_and_says_what_is_unknown(morning: None, superuser: User) -> None:
    answer = ask(superuser, "audience", each="device", since="2026-11-20T17:00Z", to="2026-11-20T18:00Z")
    chicago, seattle = sorted(answer.json(), key=lambda row: row["site"])
    assert (seattle["visits"], seattle["viewers"], seattle["passers_by"], seattle["conversion"]) == (3, 2, None, None)
    for number in ("attraction", "median_dwell", "p90_dwell", "median_attention"):
        value = seattle.get(number, seattle.get(f"{number}_seconds"))
        assert seattle[f"{number}_low"] <= value <= seattle[f"{number}_high"]
    assert (chicago["visits"], chicago["viewers"], chicago["attraction"]) == (None, None, None)


def test_the_api_lists_single_visits_of_one_s_own_sites_only(morning: None, viewer: User, outsider: User) -> None:
    results = ask(viewer, "visits", min_seconds=8).json()["results"]
    assert [(row["dwell_seconds"], row["attention_seconds"]) for row in results] == [(30.0, 15.0), (8.0, 6.0)]
    assert ask(outsider, "visits").json()["results"] == []


def test_a_read_takes_the_same_queries_for_any_number_of_devices(
    morning: None, seattle01: Device, chicago01: Device
) -> None:
    counts = []
    for devices in ([seattle01], [seattle01, chicago01]):
        with CaptureQueriesContext(connection) as queries:
            read(*devices, start=NINE - 40 * HOUR)
        counts.append(len(queries))
    assert counts == [4, 4]


def test_the_wall_s_day_counts_visits_where_a_device_follows_people(
    morning: None, seattle: Site, chicago: Site
) -> None:
    today = TODAY.read([seattle], NOW)
    assert (today.visits, today.viewers, today.conversion) == (3, 2, None)
    assert TODAY.read([chicago], NOW).visits is None


def test_an_empty_bucket_has_no_durations() -> None:
    assert quantile((0,) * len(DURATION_EDGES_MS), 0.5) is None


def test_the_card_names_the_numbers_and_what_is_unknown(morning: None, viewer: User, outsider: User) -> None:
    page, other = Client(), Client()
    page.force_login(viewer)
    other.force_login(outsider)
    with_visits = page.get("/sites/seattle/?days=1").content.decode()
    assert "People who came" in with_visits
    assert "Passers-by and conversion are unknown" in with_visits
    assert "median while the face was seen (95% interval " in with_visits
    assert "People who came" not in other.get("/sites/chicago/?days=1").content.decode()
