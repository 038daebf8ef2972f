"""Days on which clocks are set back or forward, in a browser whose own time is far from the site's."""

import datetime as dt
import re

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from devices.models import Device
from tests.analytics.frames import count, seen
from tests.clock import SetClock
from tests.programs.chromium import Browser, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

HOUR = dt.timedelta(hours=1)
FORWARD = dt.datetime(2026, 3, 8, 8, tzinfo=dt.UTC)
BACK = dt.datetime(2026, 11, 1, 7, tzinfo=dt.UTC)
"""Midnight in Seattle before the hour that is lost, and before the hour that comes twice."""


def test_every_hour_of_such_a_day_is_there_once_in_order_and_by_the_site_s_time(
    seattle01: Device, owner: User, live_server: LiveServer, browser: Browser, set_clock: SetClock
) -> None:
    for midnight, hours in ((FORWARD, 23), (BACK, 25)):
        starts = [midnight + number * HOUR for number in range(hours)]
        count(*(seen(seattle01, start, faces=[0.9], labels=[("thumbs-up", 0.9)]) for start in starts))
    set_clock(BACK + 30 * HOUR)
    browser.sign_in_as(owner, live_server.url)
    process = browser.page.context.browser
    assert process is not None
    context = process.new_context(timezone_id="Asia/Tokyo", viewport={"width": 1280, "height": 900})
    context.add_cookies(browser.page.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(60_000)
    for day, length, names in (
        ("2026-03-08", 23, ["01:00 PST–03:00 PDT", "03:00–04:00 PDT"]),
        ("2026-11-01", 25, ["01:00 PDT–01:00 PST", "01:00–02:00 PST"]),
    ):
        page.goto(f"{live_server.url}{seattle01.get_absolute_url()}?days=1&to={day}")
        plot = "document.querySelector('[data-figure=engagement-figure]')"
        until(page, f"Boolean({plot}.data)")
        shown = [re.findall("<b>(.*?)</b>", text)[0] for text in page.evaluate(f"{plot}.data.at(-1).hovertext")]
        assert len(set(shown)) == length
        assert [name.partition(", ")[2] for name in shown[1:3]] == names
        ticks = page.locator("[data-figure=engagement-figure] .xtick text").all_text_contents()
        assert [tick for tick in ticks if ":" in tick] == [f"{hour:02}:00" for hour in range(3, 24, 3)]
        rows = page.locator("details.numbers tbody th").all_text_contents()
        assert len(set(rows)) == len(rows) == length
    page.goto(f"{live_server.url}/detections/?days=7&to=2026-11-03")
    assert "On Sun 1 Nov, clocks are set back: one column has two hours." in (page.text_content("main") or "")
    context.close()
