import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import FACE
from analytics.pages import plot_groups
from devices.models import Device
from tests.analytics.frames import count, seen
from tests.clock import SetClock

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
IDS = {
    "engagement": {"engagement-figure", "week-figure", "visits-figure", "coverage-figure"},
    "gestures": {"hourly-figure", "daily-figure", "raw-figure", "histogram-figure", "thresholds"},
}


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


def of_device(group: str) -> str:
    return reverse("device-plots", args=["seattle", "Seattle01", group])


def of_site(group: str) -> str:
    return reverse("site-plots", args=["seattle", group])


both = pytest.mark.parametrize("address", [of_device, of_site])


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@both
@pytest.mark.parametrize("group", plot_groups.GROUPS)
def test_a_group_has_what_the_page_names(
    seattle01: Device, viewer: User, address: Callable[[str], str], group: str
) -> None:
    count(seen(seattle01, NOW, faces=[0.9], labels=[("thumbs-up", 0.9)]))
    client = signed_in(viewer)
    of_a_week = client.get(address(group)).content.decode()
    assert all(f'<script id="{each}" type="application/json">' in of_a_week for each in IDS[group])
    page = client.get(seattle01.get_absolute_url()).content.decode()
    assert all(f'data-figure="{each}"' in page for each in IDS[group] - {"thresholds"})
    assert "daily-figure" not in client.get(address(group), {"days": 1}).content.decode()


@both
def test_another_sites_plots_are_not_found(
    seattle01: Device, outsider: User, viewer: User, address: Callable[[str], str]
) -> None:
    assert signed_in(outsider).get(address("engagement")).status_code == 404
    assert signed_in(viewer).get(address("elsewhere")).status_code == 404
    assert signed_in(viewer).get(address("engagement"), {"days": 3}).status_code == 404
    assert Client().get(address("engagement")).status_code == 302


@both
@pytest.mark.parametrize(("group", "most"), [("engagement", 6), ("gestures", 7)])
def test_plots_take_as_many_queries_however_long_the_period(
    seattle01: Device, viewer: User, address: Callable[[str], str], group: str, most: int
) -> None:
    count(*(seen(seattle01, NOW - dt.timedelta(hours=3 * hours), faces=[0.9]) for hours in range(200)))
    client = signed_in(viewer)
    for days in (1, 30):
        with CaptureQueriesContext(connection) as queries:
            client.get(address(group), {"days": days})
        assert len(queries) <= most


def test_a_label_cannot_end_the_script_that_names_it(seattle01: Device, viewer: User) -> None:
    label = "</script><b>&amp;"
    count(seen(seattle01, NOW, labels=[(label, 0.9)]))
    answer = signed_in(viewer).get(of_device("gestures"), {"label": label}).content.decode()
    assert answer.count("</script>") == len(IDS["gestures"])
    assert "1 times \\u003C/script\\u003E\\u003Cb\\u003E\\u0026amp;" in answer


def test_visits_are_told_of_the_site_as_of_its_device(seattle01: Device, viewer: User) -> None:
    """There is one device, so its site has the same plots."""
    count(*(seen(seattle01, NOW - dt.timedelta(minutes=minutes), faces=[0.9] * (minutes % 3)) for minutes in range(90)))
    client = signed_in(viewer)
    for group in plot_groups.GROUPS:
        answers = [client.get(address(group), {"label": FACE, "days": 30}).content for address in (of_device, of_site)]
        assert answers[0] == answers[1]
