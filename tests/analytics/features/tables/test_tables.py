"""The tables (`/detections/`, `/api/v1/detection-tables/`) equal what pandas computes from the same records."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Device, Site
from devices.rules.roles import Role
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import page, words
from tests.analytics.rest.test_api import ask
from tests.clock import SetClock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
LABELS = ("thumbs-up", "thumbs-down", "cup")
GESTURE_GAP = dt.timedelta(seconds=3)


@pytest.fixture(autouse=True)
def _now(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def manager(seattle: Site, chicago: Site) -> User:
    """Sees both sites."""
    return places.user("manager", {seattle: Role.VIEWER, chicago: Role.VIEWER})


@pytest.fixture
def records(seattle01: Device, chicago01: Device, chicago02: Device) -> pd.DataFrame:
    """300 detections of three cameras in two time zones over four days, one in a frame; some follow each other."""
    drawn, rows, frames = random.Random(7), [], []
    for number in range(150):
        device, label = drawn.choice([seattle01, chicago01, chicago02]), drawn.choice(LABELS)
        start = NOW - dt.timedelta(minutes=5 + number * 37)
        for second in (0, drawn.choice([1, 2, 5])):
            at, confidence = start + dt.timedelta(seconds=second), drawn.randint(50, 99) / 100
            frames.append(seen(device, at, faces=[], labels=[(label, confidence)]))
            local = at.astimezone(ZoneInfo(device.site.timezone))
            names = {"site": device.site.slug, "device": device.name, "label": label}
            rows.append({**names, "at": at, "day": local.date().isoformat(), "hour": local.hour, "conf": confidence})
    count(*frames)
    frame = pd.DataFrame(rows).sort_values("at")
    # A detection begins an episode if none of its label came from its device within three seconds before.
    before = frame.groupby(["site", "device", "label"])["at"].shift()
    frame["begins"] = (frame["at"] - before > GESTURE_GAP) | before.isna()
    assert len(frame) == 300
    return frame


def by_pandas(records: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    groups = records.groupby(list(columns)) if columns else [((), records)]
    return [
        {
            **dict(zip(columns, key, strict=True)),
            "raw": len(rows),
            "distinct": int(rows["begins"].sum()),
            "mean_confidence": pytest.approx(rows["conf"].mean(), abs=1e-6),
        }
        for key, rows in groups
    ]


@pytest.mark.parametrize(
    "columns",
    [
        (),
        ("label",),
        ("site",),
        ("site", "device"),
        ("day",),
        ("day", "hour"),
        ("site", "device", "day"),
        ("site", "device", "day", "hour"),
        ("site", "device", "label", "day", "hour"),
    ],
)
def test_the_api_equals_pandas(records: pd.DataFrame, manager: User, columns: Sequence[str]) -> None:
    span = {"since": "2026-11-10", "to": "2026-11-20"}
    rows = ask(manager, "detection-tables", by=",".join(columns), **span).json()
    shown = [{name: value for name, value in row.items() if value is not None} for row in rows]
    assert shown == by_pandas(records, columns)


def test_one_label_at_one_site_equals_pandas(records: pd.DataFrame, manager: User) -> None:
    rows = ask(manager, "detection-tables", by="day", site="chicago", label="cup", since="2026-11-10").json()
    chosen = records[(records["site"] == "chicago") & (records["label"] == "cup")]
    assert [(row["day"], row["raw"], row["distinct"]) for row in rows] == [
        (row["day"], row["raw"], row["distinct"]) for row in by_pandas(chosen, ["day"])
    ]


@pytest.mark.parametrize("number", ["raw", "distinct", "confidence"])
def test_the_page_equals_pandas(records: pd.DataFrame, manager: User, number: str) -> None:
    shown = words(page(manager, f"/detections/?days=14&label=cup&number={number}"))

    def numbers(rows: pd.DataFrame) -> str:
        return f"{len(rows)} {int(rows['begins'].sum())} {rows['conf'].mean():.1%}"

    def cell(rows: pd.DataFrame) -> str:
        if rows.empty:
            return "–"
        return {
            "raw": str(len(rows)),
            "distinct": str(rows["begins"].sum()),
            "confidence": f"{rows['conf'].mean():.1%}",
        }[number]

    cups = records[records["label"] == "cup"]
    for label, rows in records.groupby("label"):
        assert f" {label} {numbers(rows)} " in shown
    assert f" All labels {numbers(records)} " in shown
    for (site, device), rows in cups.groupby(["site", "device"]):
        assert f" {device}, {site} {numbers(rows)} " in shown
    assert f" All devices {numbers(cups)} " in shown
    for day, rows in cups.groupby("day"):
        date = dt.date.fromisoformat(str(day))
        name = f"{date:%a} {date.day} {date:%b}"
        each = [cell(rows[rows["device"] == device]) for device in ("Chicago01", "Chicago02", "Seattle01")]
        assert f" {name} {cell(rows)} {' '.join(each)} " in shown
        hours = [cell(rows[rows["hour"] == hour]) for hour in range(24)]
        assert f" {name} {' '.join(hours)} " in shown


def test_a_member_of_one_site_sees_the_tables_of_that_site(records: pd.DataFrame, outsider: User) -> None:
    assert "Seattle" not in words(page(outsider, "/detections/"))
    rows = ask(outsider, "detection-tables", by="site", since="2026-11-10").json()
    assert [row["site"] for row in rows] == ["chicago"]
    assert page(outsider, "/detections/?site=seattle").status_code == 404
    assert page(outsider, "/detections/?device=Seattle01").status_code == 404


def test_the_tables_take_the_same_queries_however_many_devices(records: pd.DataFrame, manager: User) -> None:
    with CaptureQueriesContext(connection) as few:
        page(manager, "/detections/?site=seattle")
    with CaptureQueriesContext(connection) as many:
        page(manager, "/detections/")
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?number=all", "raw, distinct or confidence, not “all”"),
        ("?site=nowhere", "You have no site “nowhere”"),
        ("?period=decade", "not “decade”"),
        ("?days=36500", "A period of 36,500 days is not possible"),
    ],
)
def test_what_the_page_cannot_show_is_told_in_a_sentence(viewer: User, query: str, sentence: str) -> None:
    answer = page(viewer, f"/detections/{query}")
    assert answer.status_code == 404
    assert sentence in words(answer)


@pytest.mark.parametrize("by", ["colour", "day,day"])
def test_what_the_api_cannot_group_by_is_refused_by_name(viewer: User, by: str) -> None:
    assert list(ask(viewer, "detection-tables", by=by).json()["errors"]) == ["by"]


def test_where_nothing_was_detected_the_page_says_so(viewer: User) -> None:
    assert "Nothing was detected" in words(page(viewer, "/detections/"))


def test_before_there_is_a_site_the_page_says_so(db: None) -> None:
    assert "not a member of any site" in words(page(places.user("new"), "/detections/"))
