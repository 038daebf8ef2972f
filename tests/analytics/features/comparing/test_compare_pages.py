import datetime as dt
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from devices.models import Device, Site
from devices.rules.roles import Role
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import figure, page, words
from tests.clock import SetClock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)
"""09:00 in Seattle, 11:00 in Chicago."""


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def manager(seattle: Site, chicago: Site) -> User:
    """Sees both sites."""
    return places.user("manager", {seattle: Role.VIEWER, chicago: Role.VIEWER})


@pytest.fixture
def frames(seattle01: Device, chicago01: Device, chicago02: Device) -> None:
    """From nine in Seattle, for ten minutes: one face in Seattle, two and four before Chicago's cameras."""
    for device, faces in ((seattle01, 1), (chicago01, 2), (chicago02, 4)):
        count(*(seen(device, NINE + n * dt.timedelta(minutes=1), faces=[0.9] * faces) for n in range(10)))


def compare(user: User, **asked: str | int | list[str]) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(reverse("compare"), asked)


@pytest.mark.parametrize("name", ["sites", "compare"])
def test_the_pages_ask_who_you_are(db: None, name: str) -> None:
    assert page(None, reverse(name)).status_code == HTTPStatus.FOUND


@pytest.mark.parametrize("name", ["sites", "compare"])
def test_whoever_is_a_member_of_nothing_is_told_what_to_do(seattle01: Device, name: str) -> None:
    answer = page(User.objects.create_user("stranger"), reverse(name))
    assert answer.status_code == HTTPStatus.OK
    assert "Seattle" not in answer.content.decode()


def test_the_sites_have_their_numbers(frames: None, manager: User) -> None:
    shown = words(page(manager, reverse("sites")))
    assert "Seattle 0 of 1 1.00 1 100%" in shown
    assert "Chicago 0 of 2 3.00 4 100%" in shown


def test_a_site_is_all_its_devices_together_and_each_by_itself(frames: None, manager: User) -> None:
    answer = page(manager, reverse("site", args=["chicago"]))
    shown = words(answer)
    assert "2 devices together" in shown
    assert "Chicago01 never seen 2.00 2 100%" in shown
    assert "Chicago02 never seen 4.00 4 100%" in shown
    assert "Average facing the display at a time 3.00 people" in shown
    people = [trace for trace in figure(answer, "engagement-figure")["data"] if trace["y"] == [3.0]]
    assert len(people) == 1
    assert figure(answer, "week-figure")["data"][0]["x"] == [11.5], "eleven in Chicago"


def test_an_outsider_finds_no_site(frames: None, viewer: User) -> None:
    assert page(viewer, reverse("site", args=["chicago"])).status_code == HTTPStatus.NOT_FOUND
    assert "Chicago" not in words(page(viewer, reverse("sites")))
    assert compare(viewer, place="chicago").status_code == HTTPStatus.NOT_FOUND
    assert compare(viewer, place="chicago/Chicago01").status_code == HTTPStatus.NOT_FOUND
    assert "Chicago" not in words(compare(viewer))


def test_a_site_without_devices_says_what_to_do(chicago: Site, superuser: User) -> None:
    assert "This site has no device yet" in words(page(superuser, reverse("site", args=["chicago"])))


def test_a_site_whose_devices_never_spoke_leads_to_them(chicago01: Device, outsider: User) -> None:
    answer = page(outsider, reverse("site", args=["chicago"]))
    assert "Nothing has come from this device yet" in words(answer)
    assert f'href="{chicago01.get_absolute_url()}"' in answer.content.decode()


def test_sites_are_compared_unless_it_is_said_otherwise(frames: None, manager: User) -> None:
    answer = compare(manager)
    assert "Chicago: 3.00 people on average" in words(answer)
    assert "against Seattle (no hour in common)" in words(answer), "ten minutes are less than half an hour"
    assert [line["name"] for line in figure(answer, "typical-figure")["data"]] == ["Chicago", "Seattle"]
    assert answer.context["chosen"] == ["chicago", "seattle"]


def test_whoever_has_one_site_compares_its_devices(frames: None, outsider: User) -> None:
    assert compare(outsider).context["chosen"] == ["chicago/Chicago01", "chicago/Chicago02"]


def test_what_is_compared_is_in_the_address(frames: None, manager: User) -> None:
    asked = ["seattle", "chicago/Chicago02", "seattle", "chicago/Chicago01", "chicago", "seattle/Seattle01"]
    answer = compare(manager, place=asked, days=1, by="instant")
    assert answer.context["chosen"] == ["seattle", "chicago/Chicago02", "chicago/Chicago01", "chicago"]
    assert "place=seattle&amp;place=chicago%2FChicago02" in answer.content.decode()
    assert "by=instant" in answer.context["older_period"]
    assert "time in America/Los_Angeles" in words(answer)
    local = compare(manager, place=["seattle", "chicago"], days=1)
    assert "local time in America/Chicago" in words(local)
    assert local.context["period"].name == "Fri 20 Nov 2026"


@pytest.mark.parametrize("asked", [{"by": "weather"}, {"place": "mars"}, {"days": "0"}, {"label": "x" * 65}], ids=str)
def test_what_cannot_be_compared_is_not_found(frames: None, manager: User, asked: dict[str, str]) -> None:
    assert compare(manager, **asked).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("address", ["/sites/", "/sites/chicago/", "/compare/"])
def test_a_page_takes_as_many_queries_for_much(frames: None, manager: User, chicago: Site, address: str) -> None:
    client = Client()
    client.force_login(manager)

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert client.get(address).status_code == HTTPStatus.OK
        return len(made)

    few = queries()
    for number in range(4):
        device = places.device(chicago, f"More{number}", f"more-{number}")
        count(seen(device, NOW, faces=[0.9], labels=[("thumbs-up", 0.9)]))
    assert queries() == few
