"""A camera moves, is replaced, retired and renamed, and what it saw stays where it saw it."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from analytics.models import Frame
from devices import services
from devices.intake.batches import accept
from devices.models import Device, DeviceState, Site, Thing
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests import clock
from tests.clock import NOW
from tests.world import places

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def seen(thing: str, *times: dt.datetime, received_at: dt.datetime = NOW, id: str = "m") -> Arrival:
    """A message of the thing with a frame of each time."""
    frames = tuple(messages.Frame(round(at.timestamp() * 1000), faces=()) for at in times)
    topic = messages.topic_from_device(thing, "frames")
    return Arrival(topic, messages.encode(messages.Frames(id=id, frames=frames)), received_at)


def stretches(thing: str) -> list[tuple[str, dt.datetime | None, dt.datetime | None]]:
    devices = Device.objects.filter(thing__name=thing).select_related("site")
    return sorted(
        ((f"{each.site.slug}/{each.name}", each.since, each.until) for each in devices),
        key=lambda each: each[1] or dt.datetime.min.replace(tzinfo=dt.UTC),
    )


def test_a_move_ends_one_stretch_and_begins_another(seattle01: Device, chicago: Site) -> None:
    moved = services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW)
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, NOW), ("chicago/Chicago09", NOW, None)]
    assert (moved.site, moved.pk) != (seattle01.site, seattle01.pk)


def test_what_was_seen_stays_where_it_was_seen(seattle01: Device, chicago: Site) -> None:
    accept([seen(places.SEATTLE01, NOW - HOUR)])
    services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW)
    assert Frame.objects.get().device.site.slug == "seattle"


def test_token_and_settings_and_state_go_along(seattle01: Device, chicago: Site) -> None:
    services.issue_device_token(device=seattle01)
    services.configure_device(device=seattle01, settings=messages.DesiredSettings(cadence=5.0), now=NOW)
    accept([seen(places.SEATTLE01, NOW - HOUR)])
    before = Thing.objects.values().get(), DeviceState.objects.values().get()
    moved = services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW)
    assert before == (Thing.objects.values().get(), DeviceState.objects.values().get())
    assert moved.thing == seattle01.thing


def test_the_old_place_is_not_live_and_the_new_one_not_before_its_first_message(
    seattle01: Device, chicago: Site, set_clock: clock.SetClock
) -> None:
    accept([seen(places.SEATTLE01, NOW)])
    minute = dt.timedelta(minutes=1)
    set_clock(NOW + minute)
    moved = services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW + minute)
    old, new = (Device.objects.get(pk=device.pk) for device in (seattle01, moved))
    assert not old.is_live(NOW + minute)
    assert not new.is_live(NOW + minute)
    assert new.latest_state is None
    accept([seen(places.SEATTLE01, NOW, received_at=NOW + 2 * minute, id="late")])
    old, new = (Device.objects.get(pk=device.pk) for device in (seattle01, moved))
    assert (old.is_live(NOW + 2 * minute), new.is_live(NOW + 2 * minute)) == (False, True)


def test_a_place_with_a_camera_takes_no_other(seattle01: Device, chicago01: Device) -> None:
    with pytest.raises(ValidationError, match="another device of this name"):
        services.move_device(device=seattle01, site=chicago01.site, name="Chicago01", at=NOW)
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, None)]


def test_a_move_into_a_time_with_facts_is_refused_and_says_how_many(seattle01: Device, chicago: Site) -> None:
    accept([seen(places.SEATTLE01, NOW - HOUR, NOW - 2 * HOUR)])
    with pytest.raises(ValidationError, match=r"2 frames"):
        services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW - 3 * HOUR)
    with pytest.raises(ValidationError, match="in the future"):
        services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW + HOUR)
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, None)]


def test_a_replaced_camera_keeps_the_name_of_its_spot(seattle01: Device) -> None:
    services.replace_device(device=seattle01, thing_name="new-box", at=NOW)
    accept([seen("new-box", NOW + HOUR, received_at=NOW + HOUR), seen(places.SEATTLE01, NOW - HOUR, id="late")])
    assert {frame.device.thing_name: str(frame.device) for frame in Frame.objects.all()} == {
        "new-box": "Seattle01",
        places.SEATTLE01: "Seattle01",
    }


def test_a_retired_camera_can_be_reopened(seattle01: Device) -> None:
    services.retire_device(device=seattle01, at=NOW - HOUR)
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, NOW - HOUR)]
    with pytest.raises(ValidationError, match="left Seattle at"):
        services.retire_device(device=seattle01, at=NOW)
    services.reopen_device(device=seattle01)
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, None)]


def test_a_camera_that_moved_on_is_not_reopened_at_its_old_place(seattle01: Device, chicago: Site) -> None:
    services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW)
    with pytest.raises(ValidationError, match="another place in this time"):
        services.reopen_device(device=seattle01)


def test_the_date_of_a_move_is_corrected_on_both_sides(seattle01: Device, chicago: Site) -> None:
    moved = services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW - HOUR)
    services.correct_arrival(device=moved, since=NOW - 3 * HOUR)
    at = NOW - 3 * HOUR
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, at), ("chicago/Chicago09", at, None)]
    services.correct_departure(device=seattle01, until=NOW - 2 * HOUR)
    at = NOW - 2 * HOUR
    assert stretches(places.SEATTLE01) == [("seattle/Seattle01", None, at), ("chicago/Chicago09", at, None)]


def test_a_date_is_not_corrected_past_facts(seattle01: Device, chicago: Site) -> None:
    accept([seen(places.SEATTLE01, NOW - 2 * HOUR)])
    moved = services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW - HOUR)
    accept([seen(places.SEATTLE01, NOW - HOUR / 2, id="new")])
    with pytest.raises(ValidationError, match="Seattle01 at Seattle has 1 frames"):
        services.correct_arrival(device=moved, since=NOW - 3 * HOUR)
    with pytest.raises(ValidationError, match="Chicago09 at Chicago has 1 frames"):
        services.correct_departure(device=seattle01, until=NOW)


def test_a_rename_is_of_the_spot_and_moves_no_fact(seattle01: Device) -> None:
    accept([seen(places.SEATTLE01, NOW - HOUR)])
    services.replace_device(device=seattle01, thing_name="new-box", at=NOW)
    services.rename_device(device=seattle01, name="Door")
    assert {each.name for each in Device.objects.all()} == {"Door"}
    assert Frame.objects.get().device_id == seattle01.pk


def test_a_name_that_another_device_had_is_not_given_again(seattle01: Device) -> None:
    other = places.device(seattle01.site, "Seattle02", "two")
    services.retire_device(device=other, at=NOW)
    with pytest.raises(ValidationError, match="has, or had, another device"):
        services.rename_device(device=seattle01, name="Seattle02")


def test_a_thing_that_is_elsewhere_is_not_registered_again(seattle01: Device, chicago: Site) -> None:
    with pytest.raises(ValidationError, match="place move seattle/Seattle01 chicago/Chicago09"):
        services.register_device(site=chicago, name="Chicago09", thing_name=places.SEATTLE01)
    again = services.register_device(site=seattle01.site, name="Seattle01", thing_name=places.SEATTLE01)
    assert again == seattle01


def test_a_retired_thing_that_is_registered_again_begins_now(
    seattle01: Device, chicago: Site, set_clock: clock.SetClock
) -> None:
    set_clock(NOW)
    services.retire_device(device=seattle01, at=NOW - HOUR)
    again = services.register_device(site=chicago, name="Chicago09", thing_name=places.SEATTLE01)
    assert again.since == NOW


def test_a_thing_is_renamed_until_it_was_heard(seattle01: Device) -> None:
    services.rename_thing(thing=seattle01.thing, name="another")
    assert accept([seen("another", NOW)]).committed == 1
    with pytest.raises(ValidationError, match="replace the device"):
        services.rename_thing(thing=Thing.objects.get(), name="a-third")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot keep it; its writers come one by one")
def test_the_database_keeps_a_thing_and_a_spot_from_two_stretches_at_a_time(
    seattle01: Device, chicago01: Device
) -> None:
    for fields in (
        {"site": chicago01.site, "name": "New", "thing": seattle01.thing, "since": NOW},
        {"site": seattle01.site, "name": "Seattle01", "thing": Thing.objects.create(name="other"), "until": NOW},
    ):
        with pytest.raises(IntegrityError, match="at_a_time"), transaction.atomic():
            Device.objects.create(**fields)


class TestTheCommand:
    def test_it_moves_and_prints_where_the_camera_was(
        self, seattle01: Device, chicago: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("place", "move", "seattle/Seattle01", "chicago/Chicago09", "--at", "2026-11-20T19:00:00Z")
        assert capsys.readouterr().out.splitlines() == [
            f"{places.SEATTLE01} from the first message until 2026-11-20T19:00:00+00:00 at seattle/Seattle01",
            f"{places.SEATTLE01} from 2026-11-20T19:00:00+00:00 until now at chicago/Chicago09",
        ]

    def test_every_action_is_done(self, seattle01: Device, set_clock: clock.SetClock) -> None:
        set_clock(NOW)
        call_command("place", "retire", "seattle/Seattle01", "--at", "2026-11-20T19:00:00Z")
        call_command("place", "left", "seattle/Seattle01", "2026-11-20T18:00:00Z")
        assert Device.objects.get().until == NOW - 2 * HOUR
        call_command("place", "reopen", "seattle/Seattle01")
        call_command("place", "came", "seattle/Seattle01", "2026-11-20T17:00:00Z")
        assert (Device.objects.get().since, Device.objects.get().until) == (NOW - 3 * HOUR, None)
        call_command("place", "rename", "seattle/Seattle01", "Door")
        call_command("place", "replace", "seattle/Door", "new-box")
        assert stretches("new-box") == [("seattle/Door", NOW, None)]

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["move", "seattle/Seattle01", "mars/One"], "“mars/One” is not a place"),
            (["retire", "seattle/None"], "Seattle has no device “None”"),
            (["retire", "seattle/Seattle01", "--at", "2026-11-20T19:00:00"], "has no offset from UTC"),
            (["reopen", "seattle/Seattle01"], "Seattle01 is still at Seattle."),
        ],
    )
    def test_an_error_is_one_sentence(self, seattle01: Device, arguments: list[str], says: str) -> None:
        with pytest.raises(CommandError, match=says):
            call_command("place", *arguments)
