import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import OpeningPlan
from analytics.models.opening import DAYS
from devices.models import Device, Site
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import figure, page, words
from tests.analytics.rest.test_api import ask
from tests.clock import SetClock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 20, 30, tzinfo=dt.UTC)
"""Friday 14:30 in Chicago."""
MINUTE = dt.timedelta(minutes=1)
PERIOD = {"since": "2026-11-20", "to": "2026-11-20", "bucket": "day"}


@pytest.fixture(autouse=True)
def _half_past_two(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def frames(chicago01: Device) -> None:
    """Two faces a minute from 13:00 to 14:00 and one from 05:00 to 06:00."""
    for hours_ago, faces in ((1.5, 2), (9.5, 1)):
        start = NOW - dt.timedelta(hours=hours_ago)
        count(*(seen(chicago01, start + n * MINUTE, faces=[0.9] * faces) for n in range(60)))


def opening(site: Site, hours: str) -> None:
    OpeningPlan.objects.create(site=site, **dict.fromkeys(DAYS, hours))


def average(answer: Any) -> str:
    text = words(answer)
    return text[text.index("Average facing the display at a time") :].split()[7]


def test_a_page_is_about_open_hours_until_all_are_asked_for(
    frames: None, chicago: Site, chicago01: Device, outsider: User
) -> None:
    address = chicago01.get_absolute_url() + "?days=1&to=2026-11-20"
    assert average(page(outsider, address)) == "1.50"
    assert "All hours" not in words(page(outsider, address)), "without opening hours there is nothing to switch"
    opening(chicago, "09:00-18:00")
    answer = page(outsider, address)
    assert average(answer) == "2.00"
    assert answer.context["all_hours"].endswith("hours=all")
    everything = page(outsider, address + "&hours=all")
    assert average(everything) == "1.50"
    assert "hours=all" in everything.context["older_period"]
    assert "hours=all" in everything.context["hours_as"]["csv"]
    for shown, people in ((answer, [2.0]), (everything, [1.0, 2.0])):
        assert [trace["y"] for trace in figure(shown, "engagement-figure")["data"] if trace["y"] == people]


def test_a_site_that_is_closed_throughout_says_so(frames: None, chicago: Site, outsider: User) -> None:
    opening(chicago, "")
    answer = page(outsider, reverse("site", args=["chicago"]))
    assert "the site was closed throughout this period. Show all hours" in words(answer)
    assert "camera off" not in words(answer)
    assert "Coverage of the time the camera was on –" in words(answer), "no camera had to be on"
    assert "Closed today so far, by its opening hours." in words(page(outsider, reverse("overview")))
    assert "Chicago: closed throughout by its opening hours" in words(page(outsider, "/compare/?place=chicago"))
    assert average(page(outsider, reverse("site", args=["chicago"]) + "?hours=all")) == "1.50"


@pytest.mark.parametrize("name", ["sites", "compare"])
def test_lists_and_comparisons_have_the_switch_too(frames: None, chicago: Site, outsider: User, name: str) -> None:
    opening(chicago, "09:00-18:00")
    assert " 2.00 " in words(page(outsider, reverse(name) + "?days=7"))
    everything = page(outsider, reverse(name) + "?days=7&hours=all")
    assert " 1.50 " in words(everything)
    assert "Open hours" in words(everything)


def test_hours_that_are_neither_open_nor_all_are_not_found(chicago: Site, outsider: User) -> None:
    answer = page(outsider, reverse("site", args=["chicago"]) + "?hours=night")
    assert answer.status_code == 404


def test_the_overview_is_about_open_hours(frames: None, chicago: Site, outsider: User) -> None:
    opening(chicago, "09:00-18:00")
    assert "Average 2.00" in words(page(outsider, reverse("overview")))


def test_the_api_says_which_hours_count(frames: None, chicago: Site, outsider: User) -> None:
    opening(chicago, "09:00-18:00")
    (default,) = ask(outsider, "engagement", site="chicago", **PERIOD).json()
    (open_hours,) = ask(outsider, "engagement", site="chicago", hours="open", **PERIOD).json()
    (everything,) = ask(outsider, "engagement", site="chicago", hours="all", **PERIOD).json()
    assert default == open_hours
    assert (open_hours["average_faces"], everything["average_faces"]) == (2, 1.5)
    assert open_hours["coverage"] == pytest.approx(60 / 330)
    assert ask(outsider, "counts", site="chicago", label="face", hours="open", **PERIOD).json()[0]["count"] == 120
    refused = ask(outsider, "engagement", site="chicago", hours="night", **PERIOD)
    assert list(refused.json()["errors"]) == ["hours"]


def test_a_page_takes_as_many_queries_for_many_devices_as_for_two(
    frames: None, chicago: Site, chicago02: Device, outsider: User
) -> None:
    """With one device, the numbers of the site are those of the device, and read once."""
    opening(chicago, "09:00-18:00")
    client = Client()
    client.force_login(outsider)

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            client.get(reverse("site", args=["chicago"]))
        return len(made)

    count(seen(chicago02, NOW, faces=[0.9]))
    few = queries()
    for number in range(3):
        device = places.device(chicago, f"More{number}", f"more-{number}")
        count(seen(device, NOW, faces=[0.9]))
    assert queries() == few


def test_the_admin_proposes_the_hours_in_which_people_came(
    frames: None, chicago: Site, seattle: Site, superuser: User
) -> None:
    client = Client()
    client.force_login(superuser)
    address = reverse("admin:analytics_openingplan_add")
    assert not client.get(address).context["adminform"].form.initial.get("friday"), "two sites, so none is meant"
    form = client.get(address, {"site": chicago.pk}).context["adminform"].form
    assert (form.initial["friday"], form.initial["monday"]) == ("05:00-14:00", "")
    answer = client.post(address, {"site": chicago.pk, "since": "2026-01-01", "friday": "18:00-09:00"})
    assert "ends before it starts" in answer.content.decode()
    client.post(address, {"site": chicago.pk, "since": "2026-01-01", "friday": "18:00-09:00 next day"})
    assert OpeningPlan.objects.get().friday == "18:00-09:00 next day"


def test_only_members_of_a_site_see_its_hours(chicago: Site, seattle: Site, superuser: User) -> None:
    opening(seattle, "09:00-18:00")
    assert not OpeningPlan.objects.all().for_user(User.objects.create_user("stranger")).exists()
    assert OpeningPlan.objects.all().for_user(superuser).exists()
