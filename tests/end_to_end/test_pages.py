"""What a camera's messages become on the screen of somebody who signs in, in a real browser."""

import datetime as dt
import re
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Locator, expect
from pytest_django.live_server_helper import LiveServer

from devices.intake import batches
from devices.models import Device
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests import clock
from tests.programs.chromium import Browser
from tests.world.places import PASSWORD

HOURS = 6
FRAMES_PER_HOUR = 12


def hour_with(faces: int, start: dt.datetime) -> list[messages.Frame]:
    """An hour in which `faces` people stand before the camera, and the first of them holds up a thumb once."""
    step = dt.timedelta(hours=1) / FRAMES_PER_HOUR
    seen = tuple(messages.Face(0.9, (100 * place, 100, 80, 80)) for place in range(faces))
    thumb = (messages.Labelled("thumbs-up", 0.8),)
    return [
        messages.Frame(
            taken_at=int((start + number * step).timestamp() * 1000), faces=seen, gestures=() if number else thumb
        )
        for number in range(FRAMES_PER_HOUR)
    ]


def take_in(device: Device, frames: list[messages.Frame], now: dt.datetime) -> None:
    payload = messages.encode(messages.Frames(messages.new_id(), tuple(frames)))
    topic = messages.topic_from_device(device.thing_name, "frames")
    assert batches.accept([Arrival(topic, payload, now)]).quarantined == 0


def faces_in_hour(number: int) -> int:
    return number % 3


def bars(plot: Locator) -> list[float]:
    """What the bars stand for that this plot really draws, those for “camera off” included, each of which is 1."""
    plot.scroll_into_view_if_needed()
    expect(plot.locator("svg .point path").first).to_be_visible()
    heights: list[float] = plot.evaluate(
        """plot => [...plot.querySelectorAll(".point")]
            .filter(bar => bar.getBoundingClientRect().height > 1)
            .map(bar => bar.__data__.s)"""
    )
    return heights


@pytest.fixture
def device_with_a_past(transactional_db: None, seattle01: Device) -> Device:
    now = clock.now()
    first = now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=HOURS)
    for number in range(HOURS):
        take_in(seattle01, hour_with(faces_in_hour(number), first + dt.timedelta(hours=number)), now)
    return seattle01


def test_somebody_signs_in_and_sees_the_plots(
    live_server: LiveServer, device_with_a_past: Device, viewer: User, browser: Browser
) -> None:
    page = browser.page
    browser.sign_in(live_server.url + reverse("overview"), viewer.username, PASSWORD)
    expect(page).to_have_url(live_server.url + reverse("overview"))

    page.get_by_role("link", name=re.compile("Seattle01")).first.click()
    expect(page).to_have_url(live_server.url + device_with_a_past.get_absolute_url())
    engagement, raw = (bars(page.locator(f"[data-figure={name}-figure]")) for name in ("engagement", "raw"))
    assert engagement.count(2) == sum(faces_in_hour(number) == 2 for number in range(HOURS))
    assert max(raw) >= HOURS / 2, "six hours, each with a thumb, lie in two days at most"

    page.goto(live_server.url + reverse("leaderboard"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert browser.troubles == []
    assert browser.hosts == {urlsplit(live_server.url).netloc}


def test_a_stranger_sees_the_form_and_nothing_else(
    live_server: LiveServer, device_with_a_past: Device, browser: Browser
) -> None:
    for address in (reverse("overview"), device_with_a_past.get_absolute_url(), reverse("leaderboard")):
        browser.page.goto(live_server.url + address)
        expect(browser.page).to_have_url(re.compile(f"{re.escape(reverse('account_login'))}\\?next="))
        expect(browser.page.locator("body")).not_to_contain_text("Seattle01")
    assert browser.hosts == {urlsplit(live_server.url).netloc}


def test_an_outsider_does_not_find_the_device(
    live_server: LiveServer, device_with_a_past: Device, outsider: User, browser: Browser
) -> None:
    browser.sign_in(live_server.url + reverse("overview"), outsider.username, PASSWORD)
    expect(browser.page).to_have_url(live_server.url + reverse("overview"))
    expect(browser.page.locator("body")).not_to_contain_text("Seattle01")
    answer = browser.page.goto(live_server.url + device_with_a_past.get_absolute_url())
    assert answer is not None
    assert answer.status == 404
