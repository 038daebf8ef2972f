"""The counting page in a real browser: big buttons, and no count lost by a reload, a lost connection or a sleep."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device
from tests.programs.chromium import Browser, until
from tests.world.places import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

SAVED = "All counts are saved."


@pytest.fixture
def phone(live_server: LiveServer, seattle01: Device, operator: User, browser: Browser) -> Browser:
    """Signed in, on the counting page of a session that began with one person there."""
    browser.page.set_viewport_size({"width": 360, "height": 640})
    address = f"{live_server.url}/sites/seattle/devices/Seattle01/ground-truth/"
    browser.sign_in(address, operator.username, PASSWORD)
    browser.page.get_by_label("People facing the display now").fill("1")
    browser.page.get_by_role("button", name="Start").click()
    expect(browser.page.locator("#told")).to_have_text(SAVED)
    return browser


def tap(page: Page, name: str, times: int = 1) -> None:
    for _ in range(times):
        page.get_by_role("button", name=name, exact=True).click()


def kept() -> list[int | None]:
    return list(GroundTruthSession.objects.get().counts.values_list("people", flat=True))


def test_a_person_counts_and_sees_the_result(phone: Browser) -> None:
    page = phone.page
    tap(page, "One more", 2)
    tap(page, "One fewer")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#people")).to_have_text("3")
    expect(page.locator("#told")).to_have_text(SAVED)
    assert kept() == [1, 2, 3, 2, 3]
    box = page.get_by_role("button", name="One more", exact=True).bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) > 100, "a thumb must find it without looking"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.once("dialog", lambda dialog: dialog.accept())
    tap(page, "End the session")
    expect(page.get_by_text("counted by operator")).to_be_visible()
    assert GroundTruthSession.objects.get().ended_at is not None
    assert phone.troubles == []


def test_counts_outlive_a_lost_connection_and_a_reload(phone: Browser) -> None:
    page = phone.page
    page.route("**/counts/", lambda route: route.abort())
    tap(page, "One more", 3)
    expect(page.locator("#told")).to_contain_text("No connection. 3 counts wait on this phone.")
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#people")).to_have_text("4")
    expect(page.locator("#told")).to_contain_text("3 counts wait on this phone")
    assert kept() == [1]
    page.unroute("**/counts/")
    tap(page, "One fewer")
    expect(page.locator("#told")).to_have_text(SAVED)
    assert kept() == [1, 2, 3, 4, 3]


def test_what_was_counted_offline_is_sent_by_whoever_comes_back(live_server: LiveServer, phone: Browser) -> None:
    sessions = f"{live_server.url}/sites/seattle/devices/Seattle01/ground-truth/"
    page = phone.page
    page.context.set_offline(True)
    expect(page.locator("#told")).to_contain_text("No connection. Go on counting")
    tap(page, "One more", 3)
    expect(page.locator("#told")).to_contain_text("3 counts wait on this phone.")
    assert page.evaluate("!dispatchEvent(new Event('beforeunload', {cancelable: true}))"), "it asks before it is left"
    # A page that is closed may have the network back for a moment, and would send the counts then.
    page.evaluate("void (fetch = () => Promise.reject())")
    page.close()
    page = page.context.new_page()
    page.context.set_offline(False)
    page.goto(sessions)
    expect(page.get_by_text("Counts wait on this phone.")).to_be_visible()
    assert kept() == [1]
    page.locator("tbody a").click()
    expect(page.locator("#told")).to_have_text(SAVED)
    assert kept() == [1, 2, 3, 4]
    page.goto(sessions)
    expect(page.get_by_text("Counts wait on this phone.")).to_be_hidden()


def test_an_answer_that_was_under_way_does_not_bring_the_connection_back(phone: Browser) -> None:
    page, held = phone.page, list[Route]()
    page.route("**/counts/", lambda route: held.append(route))
    tap(page, "One more")
    until(page, lambda: held)  # Not before the page's first word has been answered.
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#told")).to_contain_text("No connection. 1 count waits on this phone.")
    held[0].continue_()
    expect(page.locator("#told")).to_contain_text("No connection. Go on counting")
    assert kept() == [1, 2]


def test_a_lost_response_loses_no_count(phone: Browser) -> None:
    """The server took the counts, and the page never heard so: it sends them again."""
    page = phone.page
    page.route("**/counts/", lambda route: (route.fetch(), route.abort()))
    tap(page, "One more", 2)
    expect(page.locator("#told")).to_contain_text("2 counts wait on this phone")
    page.unroute_all(behavior="wait")
    tap(page, "One more")
    expect(page.locator("#told")).to_have_text(SAVED)
    assert kept() == [1, 2, 3, 4]


def test_whoever_was_away_was_not_counting(phone: Browser) -> None:
    page = phone.page
    page.evaluate("state.alive -= 600_000; awake()")
    expect(page.locator("#told")).to_contain_text("You were away")
    page.get_by_role("button", name="Go on with 1").click()
    expect(page.locator("#told")).to_have_text(SAVED)
    assert kept()[-2:] == [None, 1]
    assert len(kept()) == 3
