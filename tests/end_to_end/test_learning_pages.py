"""The pages of learning, for everybody: nothing serious for axe, in light and dark, and as wide as a phone."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from learning.annotating.proposals import Proposal
from learning.datasets.policies import set_training_policy
from learning.models import Picture, Run
from learning.pages import annotate
from tests.end_to_end.test_accessibility import LONG_NAME, PHONE, WALL, WIDEST_LINE, all_complaints
from tests.learning.conftest import evaluated, taught
from tests.programs.chromium import Browser

__all__ = ["evaluated", "taught"]
"""The fixtures of this test, which other folders have too."""

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_axe_finds_nothing_serious_and_no_page_of_learning_is_wider_than_its_window(
    live_server: LiveServer, evaluated: Run, owner: User, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotate, "propose", lambda picture: [Proposal("ok sign", "hand", 0.9, (40, 30, 16, 12))])
    into = evaluated.data_set
    set_training_policy(site=into.site, by=owner, is_on=True, keep_days=30)
    into.labels.update(name=LONG_NAME[:60])
    Picture.objects.filter(data_set=into, review="open").update(name=LONG_NAME)
    addresses = [
        reverse("data-sets"),
        reverse("data-set-new", args=[into.site.slug]),
        into.get_absolute_url(),
        reverse("data-set-train", args=[into.pk, "gesture"]),
        reverse("data-set-train", args=[into.pk, "sagemaker"]),
        reverse("data-set-enter", args=[into.pk]),
        reverse("data-set-annotate", args=[into.pk]),
        evaluated.get_absolute_url(),
        reverse("training-policy", args=[into.site.slug]),
    ]
    page = browser.page
    page.emulate_media(reduced_motion="reduce")
    browser.sign_in_as(owner, live_server.url)
    found: list[str] = []
    for address in addresses:
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        page.goto(live_server.url + address)
        found += all_complaints(page)
        for width, height in (PHONE, WALL):
            page.set_viewport_size({"width": width, "height": height})
            if page.evaluate(WIDEST_LINE) > width:
                found.append(f"{address} is wider than {width} pixels")
    assert found == []
    assert browser.troubles == []
