"""Each display has a notice in plain words, made from the settings that are in force, for people and programs."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from devices.models import Device, DeviceState, Site
from faces import tasks
from faces.models import Capture, DisplayNotice, Mode
from faces.notices.current import current_notice
from faces.notices.statements import statements
from faces.people.feelings import confirm_feelings
from faces.services import set_policy, set_retention
from learning.models import TrainingPolicy
from tests.clock import SetClock
from tests.faces.conftest import NOON

pytestmark = pytest.mark.django_db


def said(device: Device) -> dict[str, str]:
    device = Device.objects.select_related("site", "thing__state").get(pk=device.pk)
    return {each["key"]: each["text"] for each in statements(device)}


def page(device: Device) -> str:
    notice = current_notice(device, now=NOON)
    return str(Client().get(reverse("display-notice", args=[notice.code])).content.decode())


def test_a_display_that_only_counts_says_so(seattle01: Device) -> None:
    text = said(seattle01)
    assert text["nobody-recognised"] == "Nobody is recognised. A face is counted, and not compared."
    assert text["no-expressions"] == "Nobody's feelings are guessed."
    assert text["no-pictures"] == "No pictures are kept."
    assert "bodies" not in text


def test_it_tells_what_the_device_has_reported_to_look_for(seattle01: Device) -> None:
    DeviceState.objects.create(
        thing=seattle01.thing, last_seen_at=NOON, reported_config={"detectors": ["objects"], "bodies": True}
    )
    text = said(seattle01)
    assert {"cups", "bodies"} <= text.keys()
    assert "faces" not in text
    assert "gestures" not in text


def test_it_tells_the_terms_and_whom_to_ask(seattle01: Device, owner: User) -> None:
    Capture.objects.create(device=seattle01, taken_at=NOON, received_at=NOON, key=1)
    assert "deleted after 12 hours, and" in said(seattle01)["pictures"]
    set_policy(site=seattle01.site, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
    assert "deleted after 30 days, and" in said(seattle01)["pictures"]
    set_retention(
        site=seattle01.site, picture_hours=48, unmatched_hours=1, guest_days=90, unseen_days=30, contact="Jo, room 5"
    )
    text = said(seattle01)
    assert "deleted after 2 days, and pictures of a single face that nobody knows after 1 hour." in text["pictures"]
    assert text["guests"] == "Guests are forgotten after 90 days."
    assert "when no camera has seen them for 30 days" in text["people"]
    assert text["contact"] == "Ask Jo, room 5."


def test_it_tells_of_expressions_and_of_pictures_for_training_where_an_owner_has_decided_so(
    seattle01: Device, owner: User, settings: Any
) -> None:
    settings.RECOGNISER = "rekognition"
    confirm_feelings(
        site=seattle01.site,
        jurisdiction="Utah",
        nobody_at_work_or_school=True,
        notice_is_public=True,
        by=owner,
        now=NOON,
    )
    TrainingPolicy.objects.create(site=seattle01.site, is_on=True, keep_days=20, confirmed_by=owner, confirmed_at=NOON)
    text = said(seattle01)
    assert "at least 5 people" in text["expressions"]
    assert text["training"].startswith("Some pictures are kept for 20 days")


def test_it_says_since_when_and_changes_with_the_settings(seattle01: Device, owner: User) -> None:
    first = current_notice(seattle01, now=NOON)
    assert current_notice(seattle01, now=NOON + dt.timedelta(hours=1)).since == NOON
    set_policy(site=seattle01.site, mode=Mode.ENROLLED, confirmed_by=owner, now=NOON)
    changed = current_notice(seattle01, now=NOON + dt.timedelta(hours=2))
    assert (changed.code, changed.since) == (first.code, NOON + dt.timedelta(hours=2))


def test_the_hourly_task_keeps_all_notices(seattle01: Device, chicago01: Device) -> None:
    assert tasks.refresh_notices() == Device.objects.open().count()
    assert DisplayNotice.objects.count() == Device.objects.open().count()


def test_everybody_with_its_code_reads_it_and_programs_too(seattle01: Device, set_clock: SetClock) -> None:
    set_clock(NOON)
    shown = page(seattle01)
    assert "What this camera does" in shown
    assert "In force since 20 November 2026, 12:00" in shown
    assert "<svg" in shown
    code = DisplayNotice.objects.get().code
    told = Client().get(reverse("display-notice-json", args=[code])).json()
    assert (told["site"], told["display"], told["since"]) == ("Seattle", "Seattle01", "2026-11-20T20:00:00+00:00")
    assert {each["group"] for each in told["statements"]} == {"looks", "keeps", "ask"}


def test_no_code_and_a_camera_that_has_gone_are_not_found(seattle01: Device) -> None:
    code = current_notice(seattle01, now=NOON).code
    assert Client().get(reverse("display-notice", args=["x"])).status_code == 404
    Device.objects.filter(pk=seattle01.pk).update(since=NOON - dt.timedelta(days=1), until=NOON)
    assert Client().get(reverse("display-notice", args=[code])).status_code == 404


def test_members_find_the_notices_of_their_sites_displays(viewer: User, outsider: User, seattle: Site) -> None:
    client = Client()
    client.force_login(viewer)
    address = reverse("site-display-notices", args=["seattle"])
    assert client.get(address).status_code == 200
    client.force_login(outsider)
    assert client.get(address).status_code == 404
