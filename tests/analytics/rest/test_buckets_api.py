"""Buckets in the API: several series, weekdays, clocks of several sites, thresholds, and episodes."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from analytics.rest.bucket_serializers import CountSerializer, EngagementSerializer
from devices.models import Device
from tests.analytics.frames import count, seen
from tests.analytics.rest.test_api import NINE, NOW, ask
from tests.clock import SetClock

SECOND = dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _ten_o_clock(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def morning(seattle01: Device, chicago01: Device) -> None:
    """Nine o'clock in Seattle and in Chicago: a spell of 12 s at each, and a thumb held up for 2 s in Seattle."""
    for device, at in ((seattle01, NINE), (chicago01, NINE - dt.timedelta(hours=2))):
        count(*(seen(device, at + second * SECOND, faces=[0.9]) for second in (0, 6, 12)))
    count(
        *(
            seen(seattle01, NINE + (second + 1) * SECOND, labels=[("thumbs-up", 0.5 + second / 10)])
            for second in range(3)
        )
    )
    count(seen(seattle01, NINE + dt.timedelta(minutes=61)))


def rows(user: User, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = ask(user, path, **query)
    assert answer.status_code == 200, answer.json()
    return list(answer.json())


def test_spells_gestures_and_a_camera_that_was_off_are_told_apart(morning: None, viewer: User) -> None:
    eight, nine, ten = rows(viewer, "engagement", site="seattle", since="2026-11-20T08:00", to="2026-11-20T11:00")
    assert (nine["occupied_spells"], nine["mean_spell_seconds"], nine["median_spell_seconds"]) == (1, 12.0, 12.0)
    assert (ten["occupied_spells"], ten["average_faces"], ten["peak_faces"]) == (0, 0.0, 0)
    assert (eight["occupied_spells"], eight["average_faces"], eight["peak_faces"], eight["coverage"]) == (
        None,
        None,
        None,
        0.0,
    )
    counts = rows(viewer, "counts", site="seattle", label="thumbs-up", since="2026-11-20T08:00", to="2026-11-20T11:00")
    assert [(row["count"], row["distinct"]) for row in counts] == [(None, None), (3, 1), (0, 0)]


def test_each_device_and_each_site_is_a_series_of_its_own(morning: None, superuser: User) -> None:
    day = {"since": "2026-11-20", "to": "2026-11-20", "bucket": "day"}
    found = rows(superuser, "engagement", each="device", align="local", **day)
    assert [(row["site"], row["device"]) for row in found] == [("chicago", "Chicago01"), ("seattle", "Seattle01")]
    found = rows(superuser, "counts", each="site", label="face", **day, align="local")
    assert [(row["site"], row["device"], row["count"]) for row in found] == [("chicago", None, 3), ("seattle", None, 3)]
    assert [row["start"][10:] for row in found] == ["T00:00:00-06:00", "T00:00:00-08:00"]


def test_sites_lie_beside_each_other_by_their_clocks_or_by_the_same_instant(morning: None, superuser: User) -> None:
    local = rows(superuser, "engagement", align="local", since="2026-11-20T09:00", to="2026-11-20T10:00")
    assert [(row["start"], row["end"], row["occupied_spells"]) for row in local] == [("2026-11-20T09:00:00", None, 2)]
    instants = rows(superuser, "engagement", zone="Asia/Kathmandu", since="2026-11-20T20:45", to="2026-11-20T22:45")
    assert [(row["start"], row["occupied_spells"]) for row in instants] == [
        ("2026-11-20T20:00:00+05:45", 1),
        ("2026-11-20T21:00:00+05:45", None),
        ("2026-11-20T22:00:00+05:45", 1),
    ]
    (utc,) = rows(superuser, "engagement", bucket="day", since="2026-11-20", to="2026-11-20")
    assert (utc["start"], utc["occupied_spells"], utc["site"]) == ("2026-11-20T00:00:00Z", 2, None)


@pytest.mark.parametrize("query", [{}, {"align": "local"}, {"bucket": "weekday_hour"}])
def test_each_start_is_as_it_is_described(morning: None, superuser: User, query: dict[str, str]) -> None:
    described = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]["Engagement"]
    kinds = described["properties"]["start"]
    start = rows(superuser, "engagement", **query)[0]["start"]
    zoned, local = (kind.get("pattern", r"T.+(Z|[+-]\d\d:\d\d)$") for kind in kinds["anyOf"])
    assert kinds["nullable"] if start is None else re.search(local if query else zoned, start)


def test_a_typical_week_has_168_hours(morning: None, viewer: User) -> None:
    week = rows(viewer, "engagement", site="seattle", bucket="weekday_hour", since="2026-11-14", to="2026-11-20")
    assert [(row["weekday"], row["hour"]) for row in week] == [(day, hour) for day in range(7) for hour in range(24)]
    friday = week[4 * 24 + 9]
    assert (friday["occupied_spells"], friday["start"]) == (1, None)
    assert week[3 * 24 + 9]["occupied_spells"] is None


def test_a_whole_period_is_what_its_page_says(morning: None, viewer: User, superuser: User) -> None:
    """Another spell lasts for a minute, so that the median is no bucket's own."""
    count(*(seen(Device.objects.get(name="Seattle01"), NINE - n * 15 * SECOND, faces=[0.8]) for n in range(6, 11)))
    asked = {"site": "seattle", "bucket": "period", "since": "2026-11-20", "to": "2026-11-20"}
    (row,) = rows(viewer, "engagement", **asked)
    assert (row["start"], row["end"]) == ("2026-11-20T00:00:00-08:00", "2026-11-21T00:00:00-08:00")
    assert (row["occupied_spells"], row["median_spell_seconds"], row["mean_spell_seconds"]) == (2, 36.0, 36.0)
    assert (row["frames"], row["faces_sum"], row["peak_faces"]) == (12, 8, 1)
    client = Client()
    client.force_login(viewer)
    page = client.get("/sites/seattle/devices/Seattle01/").context["report"].total
    period = {"since": page.engagement.start.isoformat(), "to": page.engagement.end.isoformat()}
    (row,) = rows(viewer, "engagement", **{**asked, **period})
    assert row["occupied_share"] == page.engagement.occupied_share
    assert (row["coverage"], row["median_spell_seconds"]) == (page.engagement.coverage, page.spells.median_seconds)
    (local,) = rows(superuser, "engagement", **{**asked, "align": "local", "site": "chicago"})
    assert (local["start"], local["end"], local["occupied_spells"]) == ("2026-11-20T00:00:00", None, 1)
    each = rows(superuser, "engagement", each="site", bucket="period", since="2026-11-20", to="2026-11-20")
    assert [(row["site"], row["occupied_spells"]) for row in each] == [("chicago", 1), ("seattle", 2)]


def test_a_threshold_recounts_and_the_histogram_says_why(morning: None, viewer: User) -> None:
    asked = {"site": "seattle", "label": "thumbs-up", "bucket": "day", "since": "2026-11-20", "to": "2026-11-20"}
    found = [rows(viewer, "counts", **asked, threshold=threshold)[0] for threshold in (0, 0.6, 0.7, 0.75)]
    assert [(row["count"], row["distinct"]) for row in found] == [(3, 1), (2, 1), (1, 1), (0, 0)]
    (row,) = rows(viewer, "counts", **asked, threshold=0.7, histogram="true")
    assert row["histogram"] == [0] * 10 + [1, 0, 1, 0, 1] + [0] * 5
    assert row["mean_confidence"] == 0.7


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("counts", {"label": "cup", "threshold": "0.51"}, "threshold"),
        ("counts", {"label": "cup", "threshold": "nan"}, "threshold"),
        ("engagement", {"zone": "Europe/Atlantis"}, "zone"),
        ("engagement", {"zone": "UTC", "align": "local"}, "zone"),
        ("engagement", {"each": "person"}, "each"),
        ("counts", {"label": "cup", "bucket": "weekday_hour"}, "bucket"),
        ("episodes", {"min_seconds": "1e300"}, "min_seconds"),
    ],
)
def test_a_wrong_parameter_is_named(viewer: User, path: str, query: dict[str, str], field: str) -> None:
    answer = ask(viewer, path, **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_all_series_together_have_a_limit(morning: None, superuser: User) -> None:
    period = {"since": "2026-01-01", "to": "2026-11-20", "each": "device"}
    assert ask(superuser, "engagement", **period).status_code == 400
    assert ask(superuser, "engagement", **period, site="seattle").status_code == 200


def test_the_documentation_names_what_a_row_has(morning: None, viewer: User) -> None:
    (row,) = rows(viewer, "engagement", site="seattle", bucket="day", since="2026-11-20", to="2026-11-20")
    assert list(row) == list(EngagementSerializer().fields)
    (row,) = rows(
        viewer, "counts", site="seattle", label="cup", bucket="day", since="2026-11-20", to="2026-11-20", histogram=1
    )
    assert list(row) == list(CountSerializer().fields)


@pytest.mark.parametrize("each", ["device", "site"])
def test_more_devices_take_no_more_queries(
    morning: None, chicago02: Device, superuser: User, viewer: User, each: str
) -> None:
    numbers = []
    for user in (viewer, superuser):
        with CaptureQueriesContext(connection) as captured:
            rows(user, "engagement", each=each, bucket="day")
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]


def test_episodes_newest_first_and_filtered(morning: None, viewer: User, outsider: User) -> None:
    found = ask(viewer, "episodes").json()["results"]
    assert [(row["label"], row["seconds"], row["peak"]) for row in found] == [("thumbs-up", 2.0, 1), ("face", 12.0, 1)]
    assert found[1] | {"id": 0} == {
        "id": 0,
        "site": "seattle",
        "device": "Seattle01",
        "label": "face",
        "started": "2026-11-20T17:00:00Z",
        "ended": "2026-11-20T17:00:12Z",
        "seconds": 12.0,
        "peak": 1,
        "confidence": 0.9,
        "visit": None,
    }
    for query, number in (
        ({"label": "face"}, 1),
        ({"min_seconds": 12}, 1),
        ({"min_seconds": 12.001}, 0),
        ({"min_confidence": 0.8, "device": "Seattle01"}, 1),
        ({"since": "2026-11-20T09:00:01", "site": "seattle"}, 1),
        ({"to": "2026-11-20T09:00:01", "site": "seattle"}, 1),
    ):
        assert len(ask(viewer, "episodes", **query).json()["results"]) == number, query
    assert ask(viewer, f"episodes/{found[0]['id']}").json() == found[0]
    assert ask(outsider, f"episodes/{found[0]['id']}").status_code == 404
    assert {row["site"] for row in ask(outsider, "episodes").json()["results"]} == {"chicago"}
    assert ask(outsider, "episodes", site="seattle").status_code == 404


def test_nobody_sees_buckets_of_other_sites(morning: None, viewer: User, outsider: User) -> None:
    (row,) = rows(viewer, "engagement", bucket="day", each="site", since="2026-11-20", to="2026-11-20")
    assert (row["site"], row["occupied_spells"]) == ("seattle", 1)
    (row,) = rows(outsider, "engagement", bucket="day", since="2026-11-20", to="2026-11-20")
    assert row["occupied_spells"] == 1
    assert ask(None, "engagement").status_code in (401, 403)


def test_who_has_no_site_gets_empty_answers(django_user_model: type[User]) -> None:
    nobody = django_user_model.objects.create_user("nobody")
    assert {row["occupied_spells"] for row in rows(nobody, "engagement", bucket="day")} == {None}
    assert rows(nobody, "engagement", bucket="day", each="device") == []
