import datetime as dt
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from analytics.models import EngagementQuarter, Episode
from devices.models import Device, Site
from devices.rules.roles import Role
from tests.analytics.pages.test_pages import page, words
from tests.analytics.rest.test_api import ask
from tests.clock import SetClock
from tests.world import bulk, places

ALL_MINUTES = 2**15 - 1
FIRST = dt.date(2026, 9, 14)
"""A Monday."""

SPELL = ("device_id", "label", "started", "ended", "peak", "confidence", "visit")
"""The columns of an episode."""


@pytest.fixture
def manager(seattle: Site, chicago: Site) -> User:
    """Sees both sites."""
    return places.user("manager", {seattle: Role.VIEWER, chicago: Role.VIEWER})


def watch(device: Device, *, weeks: int, people: int, lift: float = 1.0, hours: range = range(8, 20)) -> None:
    """Let the camera be on in these local hours, with `lift` times as many people in the last week."""
    zone = ZoneInfo(device.site.timezone)
    midnights = [dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time(), zone) for day in range(7 * weeks)]
    quarters, spells = [], []
    for day, midnight in enumerate(midnights):
        busy = people * (lift if day >= 7 * (weeks - 1) else 1) * (1 + day * 5 % 7 / 100)
        for quarter in range(4 * hours.start, 4 * hours.stop):
            start = midnight.astimezone(dt.UTC) + quarter * dt.timedelta(minutes=15)
            masks = {"minutes_seen": ALL_MINUTES, "minutes_occupied": 0b11111, "minutes_told": ALL_MINUTES}
            engagement = {"frames": 1_000, "faces_sum": round(10 * busy), "faces_peak": 2, **masks}
            quarters.append(EngagementQuarter(device=device, start=start, **engagement))
            for second in range(round(busy / 4)):
                began = start + dt.timedelta(seconds=second)
                spells.append((device.pk, "face", began, began, 1, 1.0, ""))
    EngagementQuarter.objects.bulk_create(quarters)
    bulk.store(Episode, SPELL, spells)


def by_measure(answer: Any) -> dict[str, dict[str, Any]]:
    assert answer.status_code == HTTPStatus.OK, answer.json()
    return {row["measure"]: row for row in answer.json()}


def test_whoever_is_nobody_is_refused(db: None) -> None:
    assert APIClient().get("/api/v1/comparisons/?site=chicago").status_code == HTTPStatus.UNAUTHORIZED


def test_a_week_is_compared_with_the_week_before(chicago01: Device, outsider: User) -> None:
    watch(chicago01, weeks=6, people=40, lift=1.5)
    found = by_measure(ask(outsider, "comparisons", site="chicago", since="2026-10-19", to="2026-10-25"))
    assert list(found) == ["average", "occupied", "occupied_spells", "gestures"]
    spells = found["occupied_spells"]
    assert (spells["finding"], spells["hours_in_common"]) == ("more", 7 * 12)
    assert spells["low"] < spells["ratio"] < spells["high"]
    assert spells["ratio"] == pytest.approx(1.5, rel=0.05)
    assert found["occupied"]["finding"] == "about the same"
    assert found["gestures"] == {
        "measure": "gestures",
        "finding": "cannot tell",
        "ratio": None,
        "low": None,
        "high": None,
        "hours_in_common": 7 * 12,
        "notes": [],
    }


def test_two_periods_are_chosen_freely(chicago01: Device, outsider: User) -> None:
    watch(chicago01, weeks=6, people=40, lift=1.5)
    period = {"since": "2026-10-21", "to": "2026-10-22"}
    other = {"other_from": "2026-09-14", "other_to": "2026-10-04"}
    found = by_measure(ask(outsider, "comparisons", device="Chicago01", **period, **other))
    assert (found["occupied_spells"]["finding"], found["occupied_spells"]["hours_in_common"]) == ("more", 2 * 12)


def test_another_place_is_compared_over_the_hours_that_both_saw(
    chicago01: Device, chicago02: Device, seattle01: Device, manager: User
) -> None:
    watch(chicago01, weeks=6, people=40)
    watch(chicago02, weeks=6, people=40)
    watch(seattle01, weeks=6, people=80, hours=range(8, 12))
    period = {"since": "2026-10-19", "to": "2026-10-25"}
    found = by_measure(ask(manager, "comparisons", site="seattle", other_site="chicago", **period))
    assert list(found) == ["average"]
    assert (found["average"]["finding"], found["average"]["hours_in_common"]) == ("more", 7 * 4)
    assert found["average"]["ratio"] == pytest.approx(2)


def test_a_day_is_told_beside_what_is_usual(chicago01: Device, outsider: User, set_clock: SetClock) -> None:
    watch(chicago01, weeks=9, people=40)
    sunday = dt.datetime(2026, 11, 15, 22, tzinfo=dt.UTC)
    set_clock(sunday)
    found = ask(outsider, "comparisons/usual", site="chicago").json()
    assert (found["finding"], found["weeks"]) == ("as usual", 8)
    assert found["low"] < found["median"] < found["high"]
    assert found["median"] == pytest.approx(found["value"])
    shown = words(page(outsider, "/sites/chicago/"))
    spells = f"{found['value']:.0f} occupied spells in the hours that were seen; on a Sunday"
    assert f"Today so far: as usual. {spells}" in shown
    Episode.objects.filter(started__gte=sunday - dt.timedelta(hours=5)).delete()
    caches["process"].clear()
    assert ask(outsider, "comparisons/usual", site="chicago").json()["finding"] == "quieter than usual"
    EngagementQuarter.objects.filter(start__lt=sunday - dt.timedelta(weeks=5)).delete()
    caches["process"].clear()
    shown = words(page(outsider, "/sites/chicago/"))
    found = ask(outsider, "comparisons/usual", site="chicago").json()
    assert f"Today so far: too early to tell. {found.pop('untold')}" in shown
    assert found == {
        "finding": "too early to tell",
        "measure": "occupied_spells",
        **dict.fromkeys(["value", "median", "low", "high"]),
        "weeks": 0,
    }
    assert "Today so far" not in words(page(outsider, "/sites/chicago/?days=7&to=2026-11-14"))


def test_the_usual_range_is_that_of_today(chicago01: Device, outsider: User) -> None:
    refused = ask(outsider, "comparisons/usual", site="chicago", to="2026-01-01")
    assert list(refused.json()["errors"]) == ["to"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "site"),
        ({"site": "chicago", "other_from": "2026-01-01"}, "other_from"),
        ({"site": "chicago", "other_from": "2026-01-01", "other_to": "2026-01-02", "other_site": "x"}, "other_from"),
        (
            {
                "site": "chicago",
                "since": "1970-01-01",
                "to": "1970-01-02",
                "other_from": "2026-01-01",
                "other_to": "2026-01-02",
            },
            "from",
        ),
        ({"site": "chicago", "since": "1926-01-01", "to": "2026-01-01"}, "from"),
        ({"site": "chicago", "other_from": "2026-01-02", "other_to": "2026-01-01"}, "from"),
        ({"site": "chicago", "label": "x" * 65}, "label"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_its_field(
    chicago01: Device, outsider: User, query: dict[str, str], field: str
) -> None:
    answer = ask(outsider, "comparisons", **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (HTTPStatus.BAD_REQUEST, [field])


def test_another_sites_place_is_not_found(chicago01: Device, seattle01: Device, viewer: User) -> None:
    assert ask(viewer, "comparisons", site="chicago").status_code == HTTPStatus.NOT_FOUND
    assert ask(viewer, "comparisons", site="seattle", other_site="chicago").status_code == HTTPStatus.NOT_FOUND


def test_a_comparison_takes_as_many_queries_for_much(chicago01: Device, outsider: User, chicago: Site) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            by_measure(ask(outsider, "comparisons", site="chicago"))
        return len(made)

    few = queries()
    watch(chicago01, weeks=2, people=4)
    places.device(chicago, "More", "more")
    assert queries() == few
