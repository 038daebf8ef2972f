"""After a camera has moved, each site's pages, lists and numbers are about what was seen there."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.features.home_assistant.reads import read_devices_now
from analytics.numbers.reads import Selection, read_engagement
from analytics.pages.overview import sites_today
from devices import services
from devices.intake.batches import accept
from devices.models import Device, Site
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests.analytics.pages.test_pages import page, words
from tests.analytics.rest.test_api import ask
from tests.clock import NOW, SetClock
from tests.world import places

HOUR = dt.timedelta(hours=1)
LATER = NOW + dt.timedelta(minutes=10)
SEEN = LATER - dt.timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def see(thing: str, at: dt.datetime, people: int) -> None:
    faces = tuple(messages.Face(0.9) for _ in range(people))
    sent = messages.Frames(id=f"{at}", frames=(messages.Frame(round(at.timestamp() * 1000), faces=faces),))
    accept([Arrival(messages.topic_from_device(thing, "frames"), messages.encode(sent), at)])


@pytest.fixture
def moved(seattle01: Device, chicago: Site, set_clock: SetClock) -> Device:
    """The device at its new place: three people were seen before the move, and five after it."""
    see(places.SEATTLE01, NOW - 2 * HOUR, 3)
    new = services.move_device(device=seattle01, site=chicago, name="Desk", at=NOW - HOUR)
    see(places.SEATTLE01, SEEN, 5)
    set_clock(LATER)
    found: Device = Device.objects.select_related("site", "thing__state").get(pk=new.pk)
    return found


def test_a_member_of_the_new_site_sees_nothing_of_the_old_one(moved: Device, outsider: User) -> None:
    assert page(outsider, "/sites/seattle/devices/Seattle01/").status_code == 404
    shown = words(page(outsider, f"{moved.get_absolute_url()}?days=7"))
    assert "5 people" in shown
    assert "Seattle" not in shown
    assert {row["site"] for row in ask(outsider, "devices").json()["results"]} == {"chicago"}
    frames = sum(row["frames"] for row in ask(outsider, "engagement", each="device", bucket="period").json())
    assert frames == 1


def test_a_member_of_the_old_site_keeps_what_was_seen_there_and_sees_nothing_of_the_new(
    moved: Device, viewer: User
) -> None:
    assert page(viewer, moved.get_absolute_url()).status_code == 404
    shown = words(page(viewer, "/sites/seattle/devices/Seattle01/?days=7"))
    assert "left 20 Nov, 11:00" in shown
    assert "3 people" in shown
    (device,) = ask(viewer, "devices").json()["results"]
    assert (device["until"], device["state"]) == ("2026-11-20T19:00:00Z", None)


def test_lists_of_live_devices_count_those_that_are_there(moved: Device, superuser: User) -> None:
    sites = {each.site.slug: each for each in sites_today(superuser, now=LATER)}
    assert (sites["seattle"].live, sites["seattle"].open) == (0, 0)
    assert (sites["chicago"].live, sites["chicago"].open) == (1, 1)
    # The day of the old site keeps its numbers.
    assert [each.today.faces_peak for each in sites["seattle"].devices] == [3]
    assert "1 of 1" in words(page(superuser, "/"))


def test_home_assistant_knows_the_camera_where_it_is(moved: Device) -> None:
    (device,) = read_devices_now(now=LATER)
    assert (device.site, device.name, device.people, device.engagement) == ("Chicago", "Desk", 5, 5.0)


def test_the_page_of_a_spot_covers_all_cameras_that_it_had(
    seattle01: Device, viewer: User, set_clock: SetClock
) -> None:
    see(places.SEATTLE01, NOW - 2 * HOUR, 3)
    services.replace_device(device=seattle01, thing_name="new-box", at=NOW - HOUR)
    see("new-box", SEEN, 1)
    set_clock(LATER)
    shown = words(page(viewer, "/sites/seattle/devices/Seattle01/?days=7"))
    assert "thing new-box since 20 Nov 2026" in shown
    assert f"before it {places.SEATTLE01} until 20 Nov 2026" in shown
    assert "2.00 people" in shown
    (row,) = ask(viewer, "engagement", device="Seattle01", bucket="period").json()
    assert (row["frames"], row["faces_sum"]) == (2, 4)
    (site,) = sites_today(viewer, now=LATER)
    assert [(each.device.name, each.today.frames) for each in site.devices] == [("Seattle01", 2)]


def test_a_site_lists_the_cameras_that_left_before_the_period(
    seattle01: Device, viewer: User, set_clock: SetClock
) -> None:
    other = places.device(seattle01.site, "Seattle02", "two")
    services.retire_device(device=other, at=NOW - dt.timedelta(days=3))
    see(places.SEATTLE01, SEEN, 1)
    set_clock(LATER)
    assert "A camera left before: Seattle02" in words(page(viewer, "/sites/seattle/?days=1"))
    assert "Seattle02 left 17 Nov, 12:00" in words(page(viewer, "/sites/seattle/?days=7"))


def minutes(devices: list[Device], hours: int = 4, **selected: Any) -> list[int]:
    selection = Selection(devices, devices[0].site.zone, NOW - hours * HOUR, NOW, **selected)
    ((*buckets,),) = read_engagement([selection], bucket="hour", now=NOW)
    return [each.minutes for each in buckets]


class TestCoverage:
    def test_a_camera_counts_while_it_is_at_its_place(self, seattle01: Device) -> None:
        other = places.device(seattle01.site, "Seattle02", "two")
        assert minutes([seattle01, other]) == [120, 120, 120, 120]
        services.retire_device(device=other, at=NOW - HOUR * 3 / 2)
        other.refresh_from_db()
        assert minutes([seattle01, other]) == [120, 120, 90, 60]

    def test_a_spot_whose_camera_was_replaced_has_one_at_a_time(self, seattle01: Device) -> None:
        new = services.replace_device(device=seattle01, thing_name="new-box", at=NOW - HOUR * 3 / 2)
        seattle01.refresh_from_db()
        assert minutes([seattle01, new]) == [60, 60, 60, 60]
        assert minutes([seattle01, new], single_bucket=True) == [240]

    def test_a_time_without_a_camera_is_one_with_a_camera_that_was_off(self, seattle01: Device) -> None:
        services.retire_device(device=seattle01, at=NOW - 2 * HOUR)
        seattle01.refresh_from_db()
        assert minutes([seattle01]) == [60, 60, 60, 60]
