"""The leaderboard on a large screen: it fills the screen, is readable from afar, follows the coffees, and stays up."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from devices.models import Device
from faces.desk.leaderboard_pages import ROWS_ON_SCREEN
from faces.services import create_person
from tests import clock
from tests.end_to_end.test_live_pages import NEXT_TIME_MS, opened
from tests.faces.coffees.test_leaderboard import add_coffees
from tests.programs.chromium import Browser

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

SCREENS = [(1920, 1080), (1080, 1920), (1280, 720), (3840, 2160)]
SMALLEST_LETTERS = 0.04
"""Of the screen's shorter side: a name on a screen 68 cm high is 27 mm tall, readable from five metres."""

LONG = "Maximiliana Konstantinopolitanska-Wolfeschlegelsteinhausenberg the Younger"
MEASURED = """() => ({
  cursor: getComputedStyle(document.querySelector("main")).cursor,
  spills: [...document.querySelectorAll("main *")].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width && !each.closest(".hidden") && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1);
  }).length,
  bars: document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth,
  letters: parseFloat(getComputedStyle(document.querySelector(".who strong")).fontSize),
})"""


def test_it_fills_the_screen_follows_and_stays(
    live_server: LiveServer, seattle01: Device, viewer: User, browser: Browser
) -> None:
    page, now = browser.page, clock.now()
    for number in range(ROWS_ON_SCREEN + 3):
        person = create_person(site=seattle01.site, name=f"{LONG} {number}"[-80:])
        add_coffees(seattle01, person, [now] * (20 - number))
    page.clock.install()
    opened(browser, live_server, viewer, reverse("leaderboard-screen"))
    expect(page.locator(".ranks li")).to_have_count(ROWS_ON_SCREEN)
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        found = page.evaluate(MEASURED)
        assert (found["cursor"], found["spills"], found["bars"]) == ("none", 0, False), (width, height)
        assert found["letters"] >= SMALLEST_LETTERS * min(width, height), (width, height)

    add_coffees(seattle01, create_person(site=seattle01.site, name="Ada"), [now] * 30)
    page.clock.fast_forward(NEXT_TIME_MS)
    expect(page.locator(".ranks li.first .who strong")).to_have_text("Ada")
    page.context.set_offline(True)
    page.clock.fast_forward(NEXT_TIME_MS)
    expect(page.locator("#away")).to_have_text(re.compile(r"^No connection since \d\d:\d\d"))
    expect(page.locator(".ranks li.first .who strong")).to_have_text("Ada")
    assert page.evaluate("window.opened"), "all without loading the page again"
