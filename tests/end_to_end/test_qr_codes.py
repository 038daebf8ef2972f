"""Every QR code that a page shows can be scanned: on a phone and a desktop, in light and dark, and on paper."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from analytics.features.galaxy.serving.services import create_wall_token
from devices.models import Device
from faces.models import Person
from faces.notices.current import current_notice
from tests import clock
from tests.programs.chromium import Browser

if TYPE_CHECKING:
    from cv2.typing import MatLike

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
MEDIA: list[Literal["screen", "print"]] = ["screen", "print"]


def scanned(page: Page) -> list[str]:
    """Return what a scanner reads from each QR code of the page."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = []
    for code in page.locator(".qr").all():
        picture = cv2.imdecode(np.frombuffer(code.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        found.append(next(filter(None, _attempts(picture)), ""))
    return found


def _attempts(picture: "MatLike") -> Iterator[str]:
    """As a phone that moves: a detector misses a code now and then that it reads a little larger."""
    detectors = cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco()
    for size in (1, 2, 3):
        larger = cv2.resize(picture, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
        yield from (detector.detectAndDecode(larger)[0] for detector in detectors)


def check(page: Page) -> set[str]:
    """Check all codes of the page, as it is now, everywhere; return what they hold."""
    texts = set()
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            for media in MEDIA:
                page.emulate_media(media=media, color_scheme=scheme)
                codes = scanned(page)
                assert codes
                assert all(codes), f"{page.url} at {width} pixels, {scheme}, {media}: {codes}"
                texts |= set(codes)
    page.emulate_media(media="screen")
    assert all(text in (page.text_content("body") or "") for text in texts), "the text beside the code is the same"
    return texts


def test_every_code_of_a_page_is_scanned(
    seattle01: Device, owner: User, live_server: LiveServer, browser: Browser
) -> None:
    page, site = browser.page, seattle01.site
    ada = Person.objects.create(site=site, name="Ada")
    _, token = create_wall_token(name="Lobby", sites=[site], by=owner)
    notice = current_notice(seattle01, now=clock.now())
    browser.sign_in_as(owner, live_server.url)

    page.goto(f"{live_server.url}/wall/t/{token}/of/3")
    walls = check(page)
    assert {
        f"{live_server.url}/wall/t/{token}/seattle/today",
        f"{live_server.url}/wall/t/{token}/seattle/today/of/3",
    } <= walls

    page.goto(live_server.url + reverse("display-notice", args=[notice.code]))
    assert check(page) == {page.url}

    page.goto(live_server.url + reverse("site-person", args=[site.slug, ada.pk]))
    page.click("form[action$='/link/'] button")
    (own,) = check(page)
    assert page.request.get(own).ok

    page.goto(live_server.url + reverse("add-camera", args=[site.slug]))
    page.fill("[name=name]", "Front desk")
    page.press("[name=name]", "Enter")
    page.wait_for_url("**/setup/")
    (command,) = check(page)
    assert command.startswith("curl -fsSL ")
