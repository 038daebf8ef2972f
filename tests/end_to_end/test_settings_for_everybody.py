"""The settings of a site, for everybody: nothing serious for axe, in light and dark, and as wide as a phone."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from analytics.features.galaxy.serving.services import create_wall_token
from analytics.models import OpeningException, OpeningPlan
from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Site
from devices.reading.decoding import Arrival
from devices.services import issue_api_token
from tests import clock
from tests.end_to_end.test_accessibility import LONG_NAME, PHONE, WIDEST_LINE, all_complaints
from tests.programs.chromium import Browser
from tests.world import places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


MENUS_IN_ONE_ROW = """[...document.querySelectorAll(".one-row")].every(menu => {
    const entries = [...menu.querySelectorAll("a")].map(entry => entry.getBoundingClientRect());
    const present = menu.querySelector("[aria-current]")?.getBoundingClientRect();
    return new Set(entries.map(entry => entry.top)).size === 1 && entries.every(entry => entry.height >= 44)
        && present?.left >= 0 && present.right <= innerWidth;
})"""


@pytest.fixture
def addresses(seattle01: Device, owner: User) -> list[str]:
    """All pages of a site's settings; what they show has long names."""
    site, now = seattle01.site, clock.now()
    Site.objects.filter(pk=site.pk).update(name=LONG_NAME, address=LONG_NAME)
    places.device(site, "x" * 80, "y" * 128)
    topic = f"$aws/things/{places.SEATTLE01}/infer"
    accept([Arrival(topic, b'{"face": 17}', now), Arrival(topic, b'{"face": ' + b"a" * 3_000, now)])
    create_wall_token(name=LONG_NAME, sites=[site], by=owner)
    issue_api_token(user=owner, name=LONG_NAME)
    plan = OpeningPlan.objects.create(site=site, monday="09:00-12:00, 13:00-18:00", country="US", region="WA")
    OpeningException.objects.create(site=site, date=now.date() + dt.timedelta(days=1), note=LONG_NAME)
    message = QuarantinedMessage.objects.filter(device=seattle01).first()
    assert message is not None
    pages = ("site-settings", "members", "site-devices", "site-quarantine", "site-walls", "site-policy", "site-opening")
    of_device = ("device-place", "device-camera")
    return [
        *(reverse(name, args=[site.slug]) for name in (*pages, "site-audit", "site-opening-plan-new")),
        *(reverse(name, args=[site.slug, seattle01.pk]) for name in of_device),
        *(reverse("device-place-change", args=[site.slug, seattle01.pk, change]) for change in ("move", "retire")),
        reverse("walls"),
        reverse("quarantined-message", args=[site.slug, message.pk]),
        reverse("site-opening-plan", args=[site.slug, plan.pk]),
    ]


def test_the_settings_of_a_site_are_for_everybody(
    live_server: LiveServer, addresses: list[str], owner: User, browser: Browser
) -> None:
    page = browser.page
    found: list[str] = []
    browser.sign_in_as(owner, live_server.url)
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for address in addresses:
        page.goto(f"{live_server.url}{address}")
        found += all_complaints(page)
        if not page.evaluate(MENUS_IN_ONE_ROW):
            found.append(f"{address} has a menu in several rows, too low for a finger, or its entry out of view")
        if (width := page.evaluate(WIDEST_LINE)) > PHONE[0]:
            found.append(f"{address} is {width} pixels wide")
    assert not found, "\n".join(found)
    assert browser.troubles == []
