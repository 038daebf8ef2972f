"""Open pages follow what cameras publish, without being loaded again: real broker, ingester, web server, browser."""

import datetime as dt
import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from analytics.models import Frame
from devices.models import Device, DeviceState
from edge_agent import messages
from tests import clock
from tests.analytics.frames import count, seen
from tests.devices.mqtt.test_ingest import ingesting, mqtt, peer, publish  # noqa: F401 - mqtt is a fixture
from tests.programs.brokers import Mosquitto
from tests.programs.chromium import Browser, until
from tests.programs.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

NEXT_TIME_MS = 11_000
"""A page asks every ten seconds by its own clock, which is set forward so far."""
AN_HOUR_MS = 3_600_000


@pytest.fixture
def seen_yesterday(seattle01: Device) -> Device:
    """A device whose page has plots and tables."""
    now = clock.now()
    DeviceState.objects.create(thing=seattle01.thing, last_seen_at=now)
    count(seen(seattle01, now - dt.timedelta(days=1), faces=[0.9]))
    return seattle01


@pytest.fixture
def page(browser: Browser) -> Page:
    browser.page.clock.install()
    return browser.page


def opened(browser: Browser, server: LiveServer, user: User, path: str) -> None:
    """The user's page at this path, which knows from then on that it was not loaded again."""
    browser.sign_in_as(user, server.url)
    browser.page.goto(server.url + path)
    browser.page.evaluate("window.opened = true")


def look_hidden(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_published_message_changes_the_open_pages(
    live_server: LiveServer,
    seen_yesterday: Device,
    viewer: User,
    browser: Browser,
    page: Page,
    mqtt: Mosquitto,  # noqa: F811
) -> None:
    device = seen_yesterday
    opened(browser, live_server, viewer, device.get_absolute_url())
    peak = page.locator("#live-headlines .reading", has_text="Peak").locator("dd")
    expect(peak).to_contain_text("1people")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    bars = "[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data).flatMap(bars => bars.y ?? [])"
    assert not page.evaluate(f"({bars}).includes(3)")
    other = page.context.new_page()
    other.clock.install()
    other.goto(live_server.url + reverse("overview"))
    other.evaluate("window.opened = true")

    with ingesting(mqtt), peer(mqtt) as (client, _):
        frame = messages.Frame(taken_at=clock.epoch_ms(), faces=tuple(messages.Face(0.9) for _ in range(3)))
        message = messages.encode(messages.Frames(messages.new_id(), (frame,)))
        publish(client, messages.topic_from_device(device.thing_name, "frames"), message)
        assert eventually(lambda: Frame.objects.filter(faces=3).exists())

    for tab in (page, other):
        tab.clock.fast_forward(NEXT_TIME_MS)
    expect(peak).to_contain_text("3people")
    expect(other.locator("#live-site-seattle .reading", has_text="Peak").locator("dd")).to_have_text("3")
    until(page, f"({bars}).includes(3)")  # the figures come after the numbers
    assert [tab.evaluate("window.opened") for tab in (page, other)] == [True, True]
    assert browser.troubles == []


def test_what_the_reader_did_to_a_part_stays(
    live_server: LiveServer, seen_yesterday: Device, viewer: User, browser: Browser, page: Page
) -> None:
    opened(browser, live_server, viewer, seen_yesterday.get_absolute_url())
    page.locator("details.numbers summary").click()
    expect(page.locator("details.numbers")).to_have_attribute("open", "")
    count(seen(seen_yesterday, clock.now(), faces=[0.9] * 4))
    page.clock.fast_forward(NEXT_TIME_MS)
    expect(page.locator("#live-headlines")).to_contain_text("4people")
    expect(page.locator("details.numbers")).to_have_attribute("open", "")
    expect(page.locator("details.numbers summary")).to_be_focused()


def test_a_hidden_page_asks_nothing_and_a_shown_one_at_once(
    live_server: LiveServer, seen_yesterday: Device, viewer: User, browser: Browser, page: Page
) -> None:
    opened(browser, live_server, viewer, reverse("overview"))
    asked: list[str] = []
    # Not the icon, which the browser loads when it likes.
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None)
    look_hidden(page, True)
    page.clock.fast_forward(AN_HOUR_MS)
    page.wait_for_timeout(300)
    assert asked == []
    with page.expect_request(live_server.url + reverse("overview")):
        look_hidden(page, False)


def test_a_page_says_since_when_the_server_is_away(
    live_server: LiveServer, seen_yesterday: Device, viewer: User, browser: Browser, page: Page
) -> None:
    opened(browser, live_server, viewer, reverse("overview"))
    expect(page.locator("#away")).to_be_hidden()
    page.context.set_offline(True)
    page.clock.fast_forward(NEXT_TIME_MS)
    expect(page.locator("#away")).to_have_text(re.compile(r"^No connection since \d\d:\d\d by your clock\. What you"))
    expect(page.locator("#live-site-seattle")).to_contain_text("Seattle01")
    page.context.set_offline(False)
    while page.locator("#away").is_visible():  # An attempt that was under way may still fail.
        page.clock.fast_forward(AN_HOUR_MS)
        page.wait_for_timeout(100)
    assert page.evaluate("window.opened")


def test_whoever_is_signed_out_elsewhere_sees_the_form(
    live_server: LiveServer, seen_yesterday: Device, viewer: User, browser: Browser, page: Page
) -> None:
    opened(browser, live_server, viewer, reverse("overview"))
    page.context.clear_cookies()
    page.clock.fast_forward(NEXT_TIME_MS)
    expect(page).to_have_url(re.compile(re.escape(reverse("account_login"))))
