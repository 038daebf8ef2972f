"""Boxes are drawn by mouse, finger and keyboard in a real browser, and are stored."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from learning.annotating.proposals import Proposal
from learning.models import Annotation, DataSet, Picture, Review
from learning.pages import annotate
from tests.learning import samples
from tests.programs.chromium import Browser, until
from tests.world import places

pytestmark = pytest.mark.django_db(transaction=True)

Open = Callable[..., Page]


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """A data set of two labels with three pictures to annotate; a model proposes one box for each."""
    monkeypatch.setattr(annotate, "propose", lambda picture: [Proposal("fist", "hand", 0.9, (40, 30, 16, 12))])
    made = samples.data_set()
    for number in range(3):
        samples.picture(made, number)
    samples.picture(made, 9, boxes=[("ok sign", 1, 1, 5, 5), ("fist", 9, 9, 5, 5)])
    return made


@pytest.fixture
def shown(hands: DataSet, browser: Browser, live_server: LiveServer) -> Page:
    """The page with the first picture."""
    browser.sign_in_as(places.superuser(), live_server.url)
    browser.page.goto(f"{live_server.url}{reverse('data-set-annotate', args=[hands.pk])}")
    expect(browser.page.locator("#place")).to_contain_text("1 of 3")
    until(browser.page, "document.querySelector('.proposal') !== null")
    return browser.page


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the picture is on the screen."""
    found = page.evaluate(
        "([x, y]) => { const svg = document.getElementById('canvas');"
        " const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM()); return [at.x, at.y]; }",
        [x, y],
    )
    return found[0], found[1]


def drag(page: Page, one: tuple[float, float], other: tuple[float, float]) -> None:
    page.mouse.move(*point(page, *one))
    page.mouse.down()
    page.mouse.move(*point(page, (one[0] + other[0]) / 2, (one[1] + other[1]) / 2))
    page.mouse.move(*point(page, *other))
    page.mouse.up()


def boxes_of(number: int) -> list[tuple[Any, ...]]:
    rows = Annotation.objects.filter(picture=Picture.objects.order_by("pk")[number])
    return list(rows.values_list("label__name", "left", "top", "width", "height"))


def saved(page: Page, number: int) -> None:
    key = Picture.objects.order_by("pk")[number].pk
    until(page, f"document.getElementById('annotate').dataset.saved === '{key}'")


def test_a_box_is_drawn_moved_and_sized_with_the_mouse(shown: Page) -> None:
    drag(shown, (4, 4), (24, 20))
    drag(shown, (14, 12), (18, 15))
    drag(shown, (28, 23), (34, 29))
    shown.click("button[data-do=keep]")
    saved(shown, 0)
    ((label, left, top, width, height),) = boxes_of(0)
    assert label == "ok sign"
    assert (left, top, width, height) == pytest.approx((8, 7, 26, 22), abs=1)
    assert Picture.objects.order_by("pk")[0].review == Review.KEPT


def test_the_keyboard_alone_makes_moves_labels_copies_and_undoes_boxes(shown: Page) -> None:
    page = shown.locator("#stage")
    page.focus()
    for key in ("b", "2", "ArrowRight", "Shift+ArrowDown", "Alt+ArrowRight", "b", "u", "Escape", "n"):
        shown.keyboard.press(key)
    saved(shown, 0)
    assert boxes_of(0) == [("fist", 25, 28, 17, 12)]
    for key in ("c", "1", "n", "p"):
        shown.keyboard.press(key)
    saved(shown, 1)
    assert boxes_of(1) == [("ok sign", 25, 28, 17, 12)]
    expect(shown.locator("#place")).to_contain_text("2 of 3")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Delete")
    shown.keyboard.press("x")
    until(shown, lambda: Picture.objects.order_by("pk")[1].review == Review.DISCARDED)
    assert boxes_of(1) == []


def test_a_proposal_is_taken_with_a_click_and_keeps_its_label(shown: Page) -> None:
    shown.mouse.click(*point(shown, 48, 36))
    expect(shown.locator("#boxes")).to_contain_text("fist: 16 × 12 at 40, 30")
    shown.keyboard.press("n")
    saved(shown, 0)
    assert boxes_of(0) == [("fist", 40, 30, 16, 12)]


def test_a_finger_draws_a_box(hands: DataSet, browser: Browser, live_server: LiveServer) -> None:
    context = browser.page.context.browser.new_context(  # type: ignore[union-attr]
        viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True
    )
    browser.sign_in_as(places.superuser(), live_server.url)
    context.add_cookies(browser.page.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{live_server.url}{reverse('data-set-annotate', args=[hands.pk])}")
    until(page, "document.querySelector('.proposal') !== null")
    page.locator("#stage").scroll_into_view_if_needed()
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        places_ = [dict(zip("xy", point(page, *each), strict=True)) for each in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places_})

    send("touchStart", (4, 4))
    send("touchMove", (12, 10))
    send("touchMove", (24, 20))
    send("touchEnd")
    page.click("button[data-do=keep]")
    saved(page, 0)
    assert boxes_of(0)[0][1:] == pytest.approx((4, 4, 20, 16), abs=1)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360


def test_a_box_without_a_label_is_not_kept(
    browser: Browser, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotate, "propose", lambda picture: [])
    empty = samples.data_set("empty")
    samples.picture(empty, 1)
    browser.sign_in_as(places.superuser(), live_server.url)
    page = browser.page
    page.goto(f"{live_server.url}{reverse('data-set-annotate', args=[empty.pk])}")
    expect(page.locator("#place")).to_contain_text("1 of 1")
    page.locator("#stage").focus()
    page.keyboard.press("b")
    page.keyboard.press("n")
    expect(page.locator("#told")).to_contain_text("Choose a label for this box first")
    page.fill("#new-label input", "thumb")
    page.click("#new-label button")
    page.keyboard.press("n")
    until(page, lambda: boxes_of(0) and boxes_of(0)[0][0] == "thumb")
    assert browser.troubles == []


def test_the_next_pictures_are_there_without_waiting_for_the_server(shown: Page, hands: DataSet) -> None:
    until(shown, "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('.jpg')).length >= 3")
    shown.context.set_offline(True)
    for number in (2, 3):
        shown.keyboard.press("n")
        expect(shown.locator("#place")).to_contain_text(f"{number} of 3")
        is_there = """async () => {
            const image = new Image();
            image.src = document.querySelector("#canvas image").getAttribute("href");
            await image.decode();
            return image.naturalWidth > 0;
        }"""
        assert shown.evaluate(is_there)
    shown.context.set_offline(False)
    saved(shown, 1)
    assert hands.pictures.filter(review=Review.KEPT).count() == 3


def test_viewers_draw_nothing(hands: DataSet, viewer: User, client: Any) -> None:
    client.force_login(viewer)
    assert client.get(reverse("data-set-annotate", args=[hands.pk])).status_code == 403
    picture = hands.pictures.first()
    assert picture is not None
    answer = client.post(reverse("annotate-save", args=[picture.pk]), b"{}", content_type="application/json")
    assert answer.status_code == 403
    assert client.get(reverse("annotate-pictures", args=[hands.pk]), {"ids": picture.pk}).json()["pictures"][0]["name"]
