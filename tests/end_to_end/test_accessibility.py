"""Every page, for everybody: nothing serious for axe, in light and dark, and as wide as a phone or a 4K screen."""

import datetime as dt
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from analytics.counting.corrections import review
from analytics.features.groundtruth import services as groundtruth
from analytics.models import Detection, Verdict
from analytics.models.archive import ArchivedFile
from analytics.models.quarters import quarter_start
from analytics.models.questions import Question
from devices.models import Device, DeviceLog, DeviceState, Site
from faces.models import Coffee, Person, Sighting
from faces.people.consent_texts import PROPOSAL, publish_text
from faces.people.desk_links import make_link
from tests import clock
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import picture
from tests.programs.chromium import Browser
from tests.world import places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

GRAVE = {"serious", "critical"}
LONG_NAME = "Wilhelmina-Featherstonehaugh-Cholmondeley-Marjoribanks-the-Younger-of-Seattle"
PHONE, WALL = (360, 740), (3840, 2160)
WIDEST_LINE = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"


@pytest.fixture
def addresses(seattle01: Device, chicago01: Device, operator: User) -> list[str]:
    """Of all pages, of a site where all kinds of things have happened; its names are long."""
    now = clock.now()
    site, device = seattle01.site, seattle01
    ArchivedFile.objects.create(kind="frames", day=now.date(), file="facts/one", rows=1, digest="1", is_complete=True)
    Site.objects.filter(pk=site.pk).update(name=LONG_NAME)
    Device.objects.filter(pk=device.pk).update(name=LONG_NAME[:60])
    device.refresh_from_db()
    silent = places.device(site, "x" * 80, "y" * 128)
    DeviceState.objects.create(thing=device.thing, last_seen_at=now, clock_skew_ms=90_000, dropped_messages=3)
    DeviceLog.objects.create(device=device, at=now, key=1, received_at=now, level="error", text=LONG_NAME * 3)
    for hour in range(30):
        at = now - dt.timedelta(hours=hour)
        count(seen(device, at, faces=[0.9] * (hour % 3), labels=[("thumbs-up", 0.6)] * (hour % 2)))
    capture = picture(device, 1, now)
    ada = Person.objects.create(site=site, name=LONG_NAME, external_id=LONG_NAME, profile=LONG_NAME * 3)
    sighting = Sighting.objects.create(
        capture=capture, number=0, confidence=0.9, person=ada, similarity=0.9, box=[2, 2, 9, 9]
    )
    publish_text(site=site, by=operator, now=now, method="electronic", term_days=9, **PROPOSAL)
    _, code = make_link(site=site, person=ada, by=operator, now=now)
    Coffee.objects.create(person=ada, device=device, taken_at=now, sighting=sighting)
    thumb = Detection.objects.filter(label="thumbs-up").select_related("frame__device__site")[0]
    review(verdicts={thumb: Verdict.WRONG}, by=operator, now=now)
    quarter = quarter_start(now)
    question = Question.objects.create(
        site=site, text=f"Enjoying {LONG_NAME}?", asked_from=quarter - dt.timedelta(hours=9), asked_until=quarter
    )
    session = groundtruth.start_session(device=device, by=operator, people=2, now=now)
    return [
        reverse("overview"),
        reverse("sites"),
        reverse("site", args=[site.slug]),
        device.get_absolute_url(),
        silent.get_absolute_url(),
        f"{reverse('compare')}?place=seattle&place=seattle/{device.name}&place=seattle/{silent.name}",
        f"{reverse('review')}?show=all",
        reverse("questions"),
        question.get_absolute_url(),
        reverse("question-ask", args=[site.slug]),
        reverse("question-change", args=[question.pk]),
        reverse("ground-truth-device", args=[site.slug, device.name]),
        reverse("ground-truth-session", args=[session.pk]),
        reverse("detection-tables"),
        reverse("shared-pages", args=[site.slug]),
        reverse("wall-pair"),
        f"{device.get_absolute_url()}?period=year",
        reverse("leaderboard"),
        reverse("site-people", args=[site.slug]),
        reverse("site-person", args=[site.slug, ada.pk]),
        reverse("site-enrol", args=[site.slug]),
        reverse("site-consents", args=[site.slug]),
        reverse("site-capture", args=[site.slug, capture.pk]),
        reverse("site-coffees", args=[site.slug]),
        reverse("own-page", args=[code]),
        reverse("account"),
        "/no-such-page/",
    ]


def complaints(page: Page, options: dict[str, object] | None = None) -> list[str]:
    found = Axe().run(page, options=options or {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url}: {violation['id']}: {node['html'][:160]}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def all_complaints(page: Page) -> Iterator[str]:
    page.emulate_media(color_scheme="light")
    yield from complaints(page)
    page.emulate_media(color_scheme="dark")
    yield from complaints(page, {"runOnly": ["color-contrast"]})


def test_axe_finds_nothing_serious_and_no_page_is_wider_than_its_window(
    live_server: LiveServer, addresses: list[str], operator: User, browser: Browser
) -> None:
    page = browser.page
    # A colour that is still on its way from light to dark has no contrast of its own.
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    page.goto(live_server.url + reverse("account_login"))
    found += all_complaints(page)
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<button></button>')")
    assert [line for line in complaints(page) if "button-name" in line], "axe is at work"
    browser.sign_in_as(operator, live_server.url)
    for address in addresses:
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        page.goto(live_server.url + address)
        found += all_complaints(page)
        for width, height in (PHONE, WALL):
            page.set_viewport_size({"width": width, "height": height})
            if page.evaluate(WIDEST_LINE) > width:
                found.append(f"{address} is wider than {width} pixels")
    assert found == []
