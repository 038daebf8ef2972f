"""The consent desk in a real browser: photographs, a drawn signature, and a lost connection that loses nothing."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from faces.models import Consent, Person
from faces.people.consent_texts import PROPOSAL, publish_text
from tests import clock
from tests.faces import scenes
from tests.faces.desk.conftest import FACE, ManyPictures
from tests.faces.scripted import detections
from tests.programs.chromium import Browser

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def desk(live_server: LiveServer, operator: User, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Page:
    """The page to enrol, at a site with a consent text."""
    recogniser = ManyPictures(detections(FACE))
    monkeypatch.setattr("faces.recognisers.recogniser.configured_recogniser", lambda: recogniser)
    site = operator.memberships.get().site
    publish_text(site=site, by=None, now=clock.now(), method="electronic", term_days=100, **PROPOSAL)
    browser.sign_in_as(operator, live_server.url)
    browser.page.goto(f"{live_server.url}/sites/seattle/people/enrol/")
    return browser.page


def photographs(count: int) -> list[Any]:
    pictures: list[Any] = []
    for number in range(count):
        picture = scenes.portrait()
        picture[:8, :8] = number
        pictures.append({"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": scenes.jpeg(picture)})
    return pictures


def test_somebody_is_enrolled_with_three_clicks_and_a_drawn_signature(desk: Page) -> None:
    desk.fill("input[name=name]", "Ada")
    desk.locator("input[multiple]").set_input_files(photographs(3))
    expect(desk.get_by_text("3 of 3")).to_be_visible()
    canvas = desk.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    desk.mouse.move(box["x"] + 20, box["y"] + 80)
    desk.mouse.down()
    desk.mouse.move(box["x"] + 200, box["y"] + 40, steps=5)
    desk.mouse.up()
    desk.get_by_role("button", name="Enrol", exact=True).click()
    expect(desk.get_by_role("heading", name="Ada", exact=True)).to_be_visible()
    assert Person.objects.get().name == "Ada"
    assert len(Consent.objects.get().strokes[0]) >= 4


def test_a_lost_connection_loses_no_photograph(desk: Page, browser: Browser) -> None:
    answers = iter([Route.abort])
    desk.route("**/enrol/**", lambda route: next(answers, Route.continue_)(route))
    desk.locator("input[multiple]").set_input_files(photographs(1))
    again = desk.get_by_role("button", name="Send it again")
    expect(again).to_be_visible()
    again.click()
    expect(desk.get_by_text("1 of 3")).to_be_visible()
    damaged: Any = {"name": "damaged.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    desk.locator("input[multiple]").set_input_files([damaged])
    expect(desk.get_by_text("damaged.jpg: ")).to_be_visible()
    desk.reload()
    expect(desk.get_by_text("1 of 3")).to_be_visible()
    browser.troubles.clear()
