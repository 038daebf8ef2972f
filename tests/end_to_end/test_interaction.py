"""What the pages' own scripts do: review by keyboard, thresholds, and plots saved as pictures."""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from analytics.models import Detection, LabelQuarter, Review
from devices.models import Device
from tests import clock
from tests.analytics.frames import count, seen
from tests.programs.chromium import Browser, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def thumbs(seattle01: Device) -> list[Detection]:
    """Six thumbs-up in one hour of yesterday, the newest first, with 60, 65, … 85 per cent."""
    at = (clock.now() - dt.timedelta(days=1)).replace(minute=30)
    count(*(seen(seattle01, at - n * dt.timedelta(seconds=10), labels=[("thumbs-up", 0.6 + n / 20)]) for n in range(6)))
    return list(Detection.objects.order_by("confidence"))


def verdicts() -> dict[int, str]:
    return dict(Review.objects.values_list("detection_id", "verdict"))


def told(page: Page, text: str) -> None:
    expect(page.locator("#told")).to_contain_text(text)


def test_detections_are_reviewed_by_keyboard(
    live_server: LiveServer, thumbs: list[Detection], operator: User, browser: Browser
) -> None:
    page = browser.page
    browser.sign_in_as(operator, live_server.url)
    page.goto(f"{live_server.url}{reverse('review')}?show=open")
    page.locator("#shots input").first.focus()
    page.keyboard.press("r")
    told(page, "thumbs-up stays at 6")
    expect(page.locator("#shots input").nth(1)).to_be_focused()
    page.keyboard.press("w")
    told(page, "thumbs-up 6 → 5")
    assert verdicts() == {thumbs[0].pk: "right", thumbs[1].pk: "wrong"}
    expect(page.locator("#live-precision")).to_contain_text("2 decided")

    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("w")
    told(page, "thumbs-up 5 → 2")
    expect(page.locator(".shot[data-mine=wrong]")).to_have_count(4)
    page.keyboard.press("u")
    told(page, "thumbs-up 2 → 5")
    expect(page.locator(".shot[data-mine=wrong]")).to_have_count(1)
    page.locator(".shot").last.get_by_role("button", name="Wrong").click()
    told(page, "thumbs-up 5 → 4")
    expect(page.locator("#live-precision")).to_contain_text("3 decided")
    assert sum(row.count - row.rejected for row in LabelQuarter.objects.filter(label="thumbs-up")) == 4
    assert browser.troubles == []


def test_another_threshold_counts_again_and_plots_are_saved_as_pictures(
    live_server: LiveServer, thumbs: list[Detection], seattle01: Device, viewer: User, browser: Browser, tmp_path: Path
) -> None:
    page = browser.page
    browser.sign_in_as(viewer, live_server.url)
    page.goto(live_server.url + seattle01.get_absolute_url())
    page.locator("#threshold").fill("75")
    expect(page.locator("#threshold-result")).to_have_text("3 of 6 detections count, with a mean confidence of 80 %.")
    raw = page.locator("[data-figure=raw-figure]")
    raw.scroll_into_view_if_needed()
    expect(raw.locator("svg .point path").first).to_be_visible()
    drawn = "Math.max(...document.querySelector('[data-figure=raw-figure]').data[0].y)"
    until(page, f"{drawn} === 3")
    page.locator("#threshold").fill("0")
    until(page, f"{drawn} === 6")

    panel = page.locator(".plot-panel", has=page.locator("#engagement"))
    beginnings = {"PNG": b"\x89PNG", "SVG": b"<svg"}
    for name, beginning in beginnings.items():
        with page.expect_download() as download:
            panel.get_by_role("button", name=f"Save the plot as {name}").click()
        named = rf"seattle-Seattle01-engagement-\d{{4}}-\d\d-\d\d-\d{{4}}-\d\d-\d\d\.{name.lower()}"
        assert re.fullmatch(named, download.value.suggested_filename)
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(beginning)
    drawing = (tmp_path / "SVG").read_text()
    for words in ("People facing the display", "average per hour", "Seattle01, Seattle", "Camera off", "Nobody there"):
        assert words in drawing, "a saved plot has its title, unit, place and legend"
    assert browser.troubles == []


def test_printing_shows_all_plots_and_pictures_and_no_empty_box(
    live_server: LiveServer, thumbs: list[Detection], seattle01: Device, viewer: User, browser: Browser
) -> None:
    page = browser.page
    browser.sign_in_as(viewer, live_server.url)
    page.goto(live_server.url + seattle01.get_absolute_url())
    expect(page.locator("[data-figure=engagement-figure] svg .point path").first).to_be_visible()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    until(page, "[...document.images].every(picture => picture.complete && !picture.hidden)")
    is_drawn = "plot => !plot.offsetHeight || plot.querySelector('svg.main-svg')"
    until(page, f"[...document.querySelectorAll('.plot')].every({is_drawn})")
    is_as_wide = "plot => !plot.offsetHeight || plot.querySelector('svg.main-svg').clientWidth === plot.clientWidth"
    until(page, f"[...document.querySelectorAll('.plot')].every({is_as_wide})")
    assert page.locator("[data-figure=week-figure] .xtick").count() > 1, (
        "a plot drawn on paper first has all its labels"
    )
    assert page.evaluate("[...document.images].filter(picture => picture.loading === 'lazy').length") == 0
    assert browser.troubles == []


def test_the_periods_to_choose_are_on_the_screen_whatever_wraps(
    live_server: LiveServer, thumbs: list[Detection], operator: User, browser: Browser
) -> None:
    page = browser.page
    browser.sign_in_as(operator, live_server.url)
    page.goto(f"{live_server.url}/sites/seattle/devices/Seattle01/")
    page.locator(".periods > summary").click()
    for width in range(360, 1361, 100):
        page.set_viewport_size({"width": width, "height": 800})
        box = page.locator(".periods > .panel").bounding_box()
        assert box is not None
        assert box["x"] >= 0, f"at {width} pixels"
        assert box["x"] + box["width"] <= width, f"at {width} pixels"
