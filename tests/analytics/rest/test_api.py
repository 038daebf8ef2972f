import csv
import datetime as dt
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from analytics.counting.corrections import review
from analytics.models import Detection, Verdict
from devices import services
from devices.models import Device, Membership, Site
from devices.rules.roles import Role
from tests.analytics.frames import count, seen
from tests.clock import SetClock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)
"""09:00 in Seattle."""


@pytest.fixture(autouse=True)
def _ten_o_clock(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def frames(seattle01: Device, chicago01: Device) -> None:
    """Half an hour at each, a frame a minute; every other frame in Seattle shows two faces and a cup."""
    for minute in range(30):
        at = NINE + dt.timedelta(minutes=minute)
        count(
            seen(seattle01, at, faces=[0.9, 0.8] * (minute % 2), labels=[("cup", 0.75)] * (minute % 2)),
            seen(chicago01, at, labels=[("thumbs-up", 0.9)]),
        )


def ask(user: User | None, path: str, **query: Any) -> Any:
    client = APIClient()
    if user is not None:
        client.force_login(user)
    return client.get(f"/api/v1/{path}/", {"from" if name == "since" else name: value for name, value in query.items()})


def labelled(path: str) -> dict[str, str]:
    """Return the parameter `label` for the lists that have it."""
    return {} if path == "engagement" else {"label": "cup"}


def test_engagement_of_a_site_hour_by_hour(frames: None, viewer: User) -> None:
    answer = ask(viewer, "engagement", site="seattle", since="2026-11-20T09:00", to="2026-11-20T11:00")
    assert answer.json() == [
        {
            "site": "seattle",
            "device": None,
            "start": "2026-11-20T09:00:00-08:00",
            "end": "2026-11-20T10:00:00-08:00",
            "weekday": 4,
            "hour": 9,
            "average_faces": 1.0,
            "peak_faces": 2,
            "faces_sum": 30,
            "frames": 30,
            "coverage": 0.5,
            "occupied_share": 0.5,
            "occupied_spells": 15,
            "mean_spell_seconds": 0.0,
            "median_spell_seconds": 0.0,
        },
        {
            "site": "seattle",
            "device": None,
            "start": "2026-11-20T10:00:00-08:00",
            "end": "2026-11-20T11:00:00-08:00",
            "weekday": 4,
            "hour": 10,
            "average_faces": None,
            "peak_faces": None,
            "faces_sum": 0,
            "frames": 0,
            "coverage": 0.0,
            "occupied_share": None,
            "occupied_spells": None,
            "mean_spell_seconds": None,
            "median_spell_seconds": None,
        },
    ]


def test_counts_of_a_device_day_by_day(frames: None, viewer: User) -> None:
    answer = ask(
        viewer, "counts", device="Seattle01", label="cup", bucket="day", since="2026-11-19", to="2026-11-20"
    ).json()
    assert answer == [
        {
            "site": None,
            "device": "Seattle01",
            "start": "2026-11-19T00:00:00-08:00",
            "end": "2026-11-20T00:00:00-08:00",
            "count": None,
            "distinct": None,
            "mean_confidence": None,
        },
        {
            "site": None,
            "device": "Seattle01",
            "start": "2026-11-20T00:00:00-08:00",
            "end": "2026-11-21T00:00:00-08:00",
            "count": 15,
            "distinct": 15,
            "mean_confidence": 0.75,
        },
    ]


def test_the_last_seven_days_hour_by_hour_unless_said_otherwise(frames: None, viewer: User) -> None:
    answer = ask(viewer, "engagement", site="seattle").json()
    assert len(answer) == 7 * 24
    assert (answer[0]["start"], answer[-1]["end"]) == ("2026-11-13T10:00:00-08:00", "2026-11-20T10:00:00-08:00")
    assert answer[-1]["frames"] == 30


def test_a_review_changes_the_count_at_once(frames: None, viewer: User, operator: User) -> None:
    review(verdicts={Detection.objects.filter(label="cup")[0]: Verdict.WRONG}, by=operator, now=NOW)
    (answer,) = ask(viewer, "counts", site="seattle", label="cup", bucket="day", since="2026-11-20").json()
    assert answer["count"] == 14


@pytest.mark.parametrize("moment", ["2026-11-20", "2026-11-20T00:00", "2026-11-20T08:00Z", "2026-11-20 03:00-05:00"])
def test_a_day_may_be_written_in_many_ways(frames: None, viewer: User, moment: str) -> None:
    (answer,) = ask(viewer, "engagement", site="seattle", bucket="day", since=moment).json()
    assert answer["start"] == "2026-11-20T00:00:00-08:00"


def test_a_site_without_devices_has_empty_buckets(seattle: Site, viewer: User) -> None:
    (answer,) = ask(viewer, "engagement", site="seattle", bucket="day", since="2026-11-20").json()
    assert (answer["frames"], answer["coverage"]) == (0, 0.0)


@pytest.mark.parametrize("path", ["engagement", "counts", "detections"])
@pytest.mark.parametrize(
    "place",
    [
        {"site": "seattle"},
        {"device": "Seattle01"},
        {"site": "chicago", "device": "Seattle01"},
        {"site": "atlantis"},
        {"device": "Atlantis01"},
    ],
)
def test_what_is_another_sites_or_nowhere_is_a_404(
    frames: None, outsider: User, path: str, place: dict[str, str]
) -> None:
    answer = ask(outsider, path, **labelled(path), **place)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["detail"].startswith("You have no ")


@pytest.mark.parametrize("path", ["engagement", "counts", "detections"])
def test_a_superuser_sees_every_site(frames: None, superuser: User, path: str) -> None:
    for site in ("seattle", "chicago"):
        assert ask(superuser, path, site=site, **labelled(path)).status_code == 200


@pytest.mark.parametrize("path", ["engagement", "counts", "detections"])
def test_nobody_sees_anything_without_logging_in(frames: None, path: str) -> None:
    assert ask(None, path, site="seattle", label="cup").status_code in (401, 403)


def test_a_name_that_several_sites_use_needs_the_site(frames: None, viewer: User, chicago: Site) -> None:
    places.device(chicago, "Seattle01", "another")
    assert ask(viewer, "engagement", device="Seattle01").status_code == 200, "the viewer has only one"
    Membership.objects.create(user=viewer, site=chicago, role=Role.VIEWER)
    problem = ask(viewer, "engagement", device="Seattle01")
    assert problem.status_code == 400
    assert problem.json()["errors"] == {
        "device": ["Several of your sites have a device “Seattle01”; add “site” to select one."]
    }
    assert ask(viewer, "engagement", device="Seattle01", site="seattle").status_code == 200


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"since": "yesterday"}, "from", "“yesterday” is neither a date such as"),
        ({"to": "2026-13-01"}, "to", "“2026-13-01” is neither"),
        ({"since": "2026-11-20T00:00:00 01:00"}, "from", "a + in an address stands for a space"),
        ({"since": "0001-01-01"}, "from", "outside the years 1970 to 9998"),
        ({"to": "9999-12-31T23:59:59-12:00"}, "to", "outside the years"),
        ({"since": "2026-11-20", "to": "2026-11-19"}, "from", "from must lie before to."),
        ({"since": "2026-11-21"}, "from", "from lies in the future"),
        ({"bucket": "fortnight"}, "bucket", "fortnight"),
        ({"since": "2000-01-01"}, "bucket", "the limit is 10,000"),
        ({"since": "1970-01-01", "to": "9998-12-31"}, "bucket", "the limit is 10,000"),
    ],
)
def test_a_wrong_question_is_answered_by_the_field_and_a_sentence(
    frames: None, viewer: User, query: dict[str, str], field: str, words: str
) -> None:
    for path in ("engagement", "counts"):
        answer = ask(viewer, path, site="seattle", **labelled(path), **query)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert list(answer.json()["errors"]) == [field]
        assert words in answer.json()["errors"][field][0]


def test_what_must_be_said_is_named(frames: None, viewer: User) -> None:
    assert list(ask(viewer, "counts", site="seattle").json()["errors"]) == ["label"]


def test_detections_newest_first_page_by_page(frames: None, viewer: User) -> None:
    first = ask(viewer, "detections", page_size=20).json()
    assert first["results"][0] == {
        "id": Detection.objects.filter(frame__device__name="Seattle01").latest("frame__taken_at", "pk").pk,
        "site": "seattle",
        "device": "Seattle01",
        "taken_at": "2026-11-20T17:29:00Z",
        "label": "cup",
        "confidence": 0.75,
        "box": None,
        "visit": None,
        "review": None,
        "picture": None,
    }
    client = APIClient()
    client.force_login(viewer)
    found, page = first["results"], first
    while page["next"]:
        page = client.get(page["next"]).json()
        found += page["results"]
    assert len({each["id"] for each in found}) == len(found) == 45
    assert [each["taken_at"] for each in found] == sorted((each["taken_at"] for each in found), reverse=True)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"label": "cup"}, 15),
        ({"label": "thumbs-up"}, 0),
        ({"min_confidence": "0.8"}, 30),
        ({"min_confidence": "0.81"}, 15),
        ({"site": "seattle", "since": "2026-11-20T09:10", "to": "2026-11-20T09:20"}, 15),
        ({"since": "2026-11-20T17:10", "to": "2026-11-20T17:20", "label": "cup"}, 5),
        ({"device": "Seattle01", "to": "2026-11-19"}, 0),
    ],
)
def test_detections_can_be_filtered(frames: None, viewer: User, query: dict[str, str], number: int) -> None:
    assert len(ask(viewer, "detections", **query).json()["results"]) == number


@pytest.mark.parametrize(
    ("query", "field"),
    [({"min_confidence": "high"}, "min_confidence"), ({"min_confidence": "2"}, "min_confidence"), ({"to": "x"}, "to")],
)
def test_a_wrong_filter_is_named(frames: None, viewer: User, query: dict[str, str], field: str) -> None:
    answer = ask(viewer, "detections", **query)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_another_sites_detection_is_a_404(frames: None, viewer: User, outsider: User) -> None:
    cup = Detection.objects.filter(label="cup").earliest("pk")
    assert ask(viewer, f"detections/{cup.pk}").json()["id"] == cup.pk
    assert ask(outsider, f"detections/{cup.pk}").status_code == 404
    assert {each["site"] for each in ask(outsider, "detections").json()["results"]} == {"chicago"}


def test_lists_come_as_csv_too(frames: None, viewer: User) -> None:
    query = {"site": "seattle", "since": "2026-11-20", "format": "csv"}
    for path, column, value in (
        ("engagement", "average_faces", "1.0"),
        ("counts", "count", "15"),
        ("detections", "device", "Seattle01"),
    ):
        bucket = {} if path == "detections" else {"bucket": "day"}
        answer = ask(viewer, path, **query, **labelled(path), **bucket)
        assert answer["Content-Type"].startswith("text/csv")
        assert next(csv.DictReader(b"".join(answer).decode().splitlines()))[column] == value


def test_a_page_of_detections_takes_the_same_queries_however_many(frames: None, viewer: User) -> None:
    def queries(size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(ask(viewer, "detections", page_size=size).json()["results"]) == size
        return len(captured)

    assert queries(40) == queries(1)


@pytest.mark.parametrize(("since", "hours"), [("2026-10-20", 32 * 24), ("2026-11-20", 24)])
def test_engagement_takes_the_same_queries_however_long(frames: None, viewer: User, since: str, hours: int) -> None:
    client = APIClient()
    client.force_login(viewer)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get("/api/v1/engagement/", {"site": "seattle", "from": since, "to": "2026-11-20"})
    assert len(answer.json()) == hours + (since < "2026-11-01")
    assert len(captured) == 7  # session, user, site, devices, opening hours, tallies, spells


def test_today_comes_in_pages_of_spots_by_site_and_name_whose_queries_do_not_grow(
    seattle01: Device, chicago: Site, superuser: User, set_clock: SetClock
) -> None:
    places.device(seattle01.site, "Seattle00", "zero")
    places.device(chicago, "Desk", "desk")
    services.replace_device(device=seattle01, thing_name="new-box", at=NOW - dt.timedelta(hours=1))
    set_clock(NOW + dt.timedelta(minutes=1))
    with CaptureQueriesContext(connection) as of_two:
        first = ask(superuser, "today", page_size=2).json()
    cursor = parse_qs(urlsplit(first["next"]).query)["cursor"][0]
    rest = ask(superuser, "today", page_size=2, cursor=cursor).json()
    assert [(row["site"], row["device"]) for row in [*first["results"], *rest["results"]]] == [
        ("chicago", "Desk"),
        ("seattle", "Seattle00"),
        ("seattle", "Seattle01"),  # one row for both cameras of the spot
    ]
    assert rest["next"] is None
    with CaptureQueriesContext(connection) as of_three:
        ask(superuser, "today")
    assert len(of_three) <= len(of_two)
