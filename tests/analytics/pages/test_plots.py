import datetime as dt
import json
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import FACE
from devices.models import Device
from tests.analytics.frames import count, seen
from tests.clock import SetClock

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
IDS = {
    *("engagement-figure", "week-figure", "spells-figure", "coverage-figure"),
    *("hourly-figure", "daily-figure", "raw-figure", "histogram-figure", "thresholds"),
}


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


def of_device() -> str:
    return reverse("device-plots", args=["seattle", "Seattle01"])


def of_site() -> str:
    return reverse("site-plots", args=["seattle"])


both = pytest.mark.parametrize("address", [of_device, of_site])


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@both
def test_one_request_has_every_plot_that_the_page_names(
    seattle01: Device, viewer: User, address: Callable[[], str]
) -> None:
    count(seen(seattle01, NOW, faces=[0.9], labels=[("thumbs-up", 0.9)]))
    client = signed_in(viewer)
    of_a_week = client.get(address()).content.decode()
    assert all(f'<script id="{each}" type="application/json">' in of_a_week for each in IDS)
    page = client.get(seattle01.get_absolute_url()).content.decode()
    assert all(f'data-figure="{each}"' in page for each in IDS - {"thresholds"})
    assert page.count("data-plots=") == 1
    assert "daily-figure" not in client.get(address(), {"days": 1}).content.decode()


@both
def test_another_sites_plots_are_not_found(
    seattle01: Device, outsider: User, viewer: User, address: Callable[[], str]
) -> None:
    assert signed_in(outsider).get(address()).status_code == 404
    assert signed_in(viewer).get(address(), {"days": "x"}).status_code == 404
    assert Client().get(address()).status_code == 302


@both
def test_plots_take_as_many_queries_however_long_the_period(
    seattle01: Device, viewer: User, address: Callable[[], str]
) -> None:
    count(*(seen(seattle01, NOW - dt.timedelta(hours=3 * hours), faces=[0.9]) for hours in range(200)))
    client = signed_in(viewer)
    for days in (1, 30):
        with CaptureQueriesContext(connection) as queries:
            client.get(address(), {"days": days})
        expected = (
            "session, user, place, devices, opening hours twice, engagement, episodes, confidences, nine weeks, setups"
        )
        assert len(queries) <= 13, expected


def test_a_label_cannot_end_the_script_that_names_it(seattle01: Device, viewer: User) -> None:
    label = "</script><b>&amp;"
    count(seen(seattle01, NOW, labels=[(label, 0.9)]))
    answer = signed_in(viewer).get(of_device(), {"label": label}).content.decode()
    assert answer.count("</script>") == len(IDS) + 1, "the page ends today, so that it has today's plot too"
    figures = [json.loads(text) for text in re.findall(r">(.*?)</script>", answer)]
    assert f"{label} once" in str(figures)


def test_a_site_with_one_device_has_the_plots_of_the_device(seattle01: Device, viewer: User) -> None:
    count(*(seen(seattle01, NOW - dt.timedelta(minutes=minutes), faces=[0.9] * (minutes % 3)) for minutes in range(90)))
    client = signed_in(viewer)
    for label in (FACE, "thumbs-up"):
        of_both = [client.get(address(), {"label": label, "days": "30"}).content for address in (of_device, of_site)]
        assert of_both[0] == of_both[1]
