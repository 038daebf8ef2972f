"""The screens of walls in a real Chromium."""

import datetime as dt
import io
import itertools
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from analytics.features.galaxy.drawing.canvas import SMALLEST_TEXT
from analytics.features.galaxy.drawing.layout import SCREEN_HEIGHT, SCREEN_WIDTH, Wall, screens
from analytics.features.galaxy.serving import responses, views
from analytics.features.galaxy.serving.services import create_wall_token
from analytics.models import Episode, Question
from devices.models import Device, Site
from faces.models import Capture, Coffee, Person, Sighting
from tests.analytics.features.galaxy.conftest import NOW, people
from tests.programs.chromium import Browser, until

BEZEL = 60
SLOW_MS = 250
"""How far apart two pages of a busy machine may draw what they should draw at the same instant."""

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def full_wall(past: None, seattle: Site, seattle01: Device, chicago: Site) -> None:
    """A day that has something in every hour so far, people with awkward names, and a site with one."""
    for hour in range(-6, -1):
        people(seattle01, NOW.replace(minute=0, second=0) + dt.timedelta(hours=hour), *[-hour % 4, 1, 3] * 9)
    Site.objects.filter(pk=chicago.pk).update(name="Wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww Chicago")
    question = Question(site=seattle, text="Would you recommend Wwwwwwwwwwwwwwwwwwwwwwwwwwwwww to a friend? " * 3)
    question.asked_from = NOW.replace(minute=0, second=0) - dt.timedelta(hours=6)
    question.asked_until = question.asked_from + dt.timedelta(hours=9)
    question.save()
    for minute in range(60):
        label, at = ("thumbs-down", "thumbs-up")[minute % 3 > 0], question.asked_from + dt.timedelta(minutes=5 * minute)
        Episode.objects.create(device=seattle01, label=label, started=at, ended=at, peak=1, confidence=0.9)
    names = ["Wilhelmina Featherstonehaugh-Cholmondeley", "M" * 80, "李小龍" * 20, "i", "<b>& “Q”", "Ȧ̇ḃ" * 9]
    for number, name in enumerate([*names, *(f"Number {n}" for n in range(9))]):
        person = Person.objects.create(site=seattle, name=name)
        capture = Capture.objects.create(device=seattle01, taken_at=NOW, received_at=NOW, key=number)
        sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9)
        Coffee.objects.create(person=person, device=seattle01, taken_at=NOW, sighting=sighting)


@pytest.fixture
def wall(live_server: LiveServer, token: str) -> str:
    """Where a wall that sees Seattle begins."""
    return f"{live_server.url}/wall/t/{token}"


def screenshot(browser: Browser, address: str, width: int) -> Any:
    """The picture of a page in a window of this width and of a screen's height."""
    browser.page.set_viewport_size({"width": width, "height": SCREEN_HEIGHT})
    browser.page.goto(address)
    browser.page.wait_for_selector("svg")
    return np.asarray(Image.open(io.BytesIO(browser.page.screenshot())).convert("RGB")).astype(int)


TEXTS = """() => Array.from(document.querySelectorAll("svg text"), text => {
  const box = text.getBBox();
  return [box.x, box.x + box.width, text.textContent, parseFloat(text.getAttribute("font-size"))];
})"""


@pytest.mark.usefixtures("at_half_past", "full_wall")
class TestOnePicture:
    @pytest.mark.parametrize(("board", "of"), [("today", 3), ("question", 3), ("leaderboard", 5), ("week", 7)])
    def test_screens_side_by_side_are_the_whole_picture(self, wall: str, board: str, of: int, browser: Browser) -> None:
        geometry = Wall(of, BEZEL)
        whole = screenshot(browser, f"{wall}/seattle/{board}/of/{of}?bezel={BEZEL}", geometry.width)
        assert whole.std() > 10, "an empty page would be like any other"
        for screen in screens(of):
            address = f"{wall}/seattle/{board}/of/{of}/{screen.number}?bezel={BEZEL}"
            part = screenshot(browser, address, SCREEN_WIDTH)
            left = geometry.left(screen.position)
            other = np.abs(part - whole[:, left : left + SCREEN_WIDTH]).max(axis=2) > 40
            assert other.mean() < 0.001, f"screen {screen.number} differs"
        assert browser.troubles == []

    def test_no_text_lies_across_a_seam_and_all_can_be_read(
        self, live_server: LiveServer, superuser: User, browser: Browser
    ) -> None:
        both = create_wall_token(name="Both", sites=list(Site.objects.all()), by=superuser)[1]
        boards = ["seattle/today", "seattle/week", "seattle/question", "seattle/leaderboard", "all/sites"]
        for board, of in itertools.product(boards, (1, 2, 3, 5, 7, 8)):
            geometry = Wall(of, BEZEL)
            browser.page.goto(f"{live_server.url}/wall/t/{both}/{board}/of/{of}?bezel={BEZEL}")
            texts = browser.page.evaluate(TEXTS)
            assert len(texts) > 8
            for start, end, words, size in texts:
                left = geometry.left(geometry.position_at((start + end) / 2))
                assert left <= start, (board, of, words)
                assert end <= left + SCREEN_WIDTH, (board, of, words)
                assert size >= SMALLEST_TEXT, (board, of, words)

    def test_a_wall_shows_no_cursor_and_no_scroll_bar_and_says_that_it_is_ready(
        self, wall: str, browser: Browser
    ) -> None:
        browser.page.add_init_script("window.heard = []; addEventListener('message', e => heard.push(e.data.type))")
        browser.page.goto(f"{wall}/seattle/today/of/3/1")
        until(browser.page, "heard.includes('DIRECTOR_WINDOW_READY')")
        look = "[getComputedStyle(document.body).cursor, innerWidth - document.documentElement.clientWidth]"
        assert browser.page.evaluate(look) == ["none", 0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots of three seconds."""
    for module in ("time_slots", "serving.views"):
        monkeypatch.setattr(f"analytics.features.galaxy.{module}.REFRESH_S", 3)
        monkeypatch.setattr(f"analytics.features.galaxy.{module}.SHOW_AFTER_S", 1)


NOTE_SWAPS = """
  window.swaps = {};
  new MutationObserver(() => {
    const pictures = document.querySelectorAll("#wall > svg");
    swaps[pictures[0].dataset.slot] = [Date.now(), pictures.length];
  }).observe(document.getElementById("wall"), { childList: true });
"""


@pytest.mark.usefixtures("quick")
def test_all_screens_swap_at_the_same_instant(past: None, wall: str, browser: Browser) -> None:
    assert browser.page.context.browser
    other = browser.page.context.browser.new_page()
    for page, number in ((browser.page, 3), (other, 1)):
        page.goto(f"{wall}/seattle/today/of/3/{number}")
        page.evaluate(NOTE_SWAPS)

    def swaps() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        one, two = (page.evaluate("swaps") for page in (browser.page, other))
        return one, two

    def have_met() -> bool:
        """Whether both have drawn one slot together: of two slots at least, as a busy machine may draw one late."""
        one, two = swaps()
        apart = [abs(one[slot][0] - two[slot][0]) for slot in one.keys() & two.keys()]
        return len(apart) >= 2 and min(apart) < SLOW_MS

    until(browser.page, have_met)  # Pages that each have a rhythm of their own never meet.
    one, two = swaps()
    for slot in one.keys() & two.keys():
        assert one[slot][0] - int(slot) + SLOW_MS >= 1000
        assert {one[slot][1], two[slot][1]} == {1}, "at no time there are two pictures, or none"
    assert browser.troubles == []


@pytest.mark.usefixtures("quick")
def test_a_page_of_an_older_version_loads_itself_anew(
    past: None, wall: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.page.goto(f"{wall}/seattle/today/of/3/1")
    version = "document.getElementById('wall').dataset.version"
    assert browser.page.evaluate(version) == responses.VERSION
    monkeypatch.setattr(views, "VERSION", "an upgrade")
    expect(browser.page.locator("#wall")).to_have_attribute("data-version", "an upgrade")
