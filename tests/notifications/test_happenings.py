"""What happens is noted once, in the transaction that stores it, and not when it comes late."""

import datetime as dt
import json

import pytest
from pytest_django import DjangoAssertNumQueries

from devices.intake.batches import accept, draft
from devices.models import Device, DeviceState
from devices.reading import picture_budget
from devices.reading.arrivals import Arrival
from devices.reading.places import read_whereabouts
from devices.services import register_device
from edge_agent import messages
from faces.coffees.counting import count_coffees
from faces.models import Capture, Person, Sighting
from faces.services import create_person
from notifications.happenings import watching
from notifications.models import Happening, Kind
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db

TOPIC = f"$aws/things/{places.SEATTLE01}/infer"


def thumb(after_s: float) -> Arrival:
    at = clock.NOW + dt.timedelta(seconds=after_s)
    return Arrival(TOPIC, json.dumps({"thumbs-up": 0.9 - after_s / 1e4}).encode(), at)


def test_a_label_is_noted_when_it_begins_and_again_after_a_gap(seattle01: Device, set_clock: clock.SetClock) -> None:
    set_clock(clock.NOW + dt.timedelta(seconds=60))
    accept([thumb(after) for after in (0, 1, 2, 3)])
    accept([thumb(after) for after in (4, 9, 30, 31)])
    noted = Happening.objects.order_by("at")
    assert [(each.kind, each.label, each.device) for each in noted] == [(Kind.LABEL, "thumbs-up", seattle01)] * 2
    assert [(each.at - clock.NOW).total_seconds() for each in noted] == [0, 30]


def test_what_begins_in_a_batch_is_noted_also_if_the_batch_is_drafted_again(
    seattle01: Device, set_clock: clock.SetClock
) -> None:
    set_clock(clock.NOW + dt.timedelta(seconds=60))
    arrivals = [thumb(after) for after in (0, 1, 30, 31)]
    prepared = draft(arrivals, read_whereabouts())
    Device.objects.update(labels_sought=["ok"])  # as another ingester learns, so that the draft does not hold
    accept(arrivals, prepared)
    noted = Happening.objects.order_by("at")
    assert [(each.at - clock.NOW).total_seconds() for each in noted] == [0, 30]


def test_a_gesture_that_a_device_reports_is_noted_once(seattle01: Device) -> None:
    began = clock.epoch_ms()
    for number, ended in enumerate((None, began + 900)):
        episode = messages.GestureEpisode("thumbs-up", began, 0.9, ended)
        frame = messages.Frame(began, gestures=(messages.Labelled("thumbs-up", 0.9),))
        payload = messages.encode(messages.Frames(f"m{number}", (frame,), (episode,)))
        accept([Arrival(f"dt/headcount/{places.SEATTLE01}/frames", payload, clock.now())])
    assert Happening.objects.count() == 1


def test_what_comes_late_is_not_noted(seattle01: Device) -> None:
    old = clock.epoch_ms() - 3_600_000
    frame = messages.Frame(old, gestures=(messages.Labelled("thumbs-up", 0.9),))
    payload = messages.encode(messages.Frames("m", (frame,)))
    accept([Arrival(f"dt/headcount/{places.SEATTLE01}/frames", payload, clock.now())])
    assert not Happening.objects.exists()


def test_a_coffee_is_noted_with_its_number_and_without_a_name(seattle01: Device) -> None:
    person: Person = create_person(site=seattle01.site, name="Ada", line="")
    for number in range(2):
        taken_at = clock.now() - dt.timedelta(minutes=30 * (1 - number))
        capture = Capture.objects.create(device=seattle01, taken_at=taken_at, received_at=taken_at, key=number)
        sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9)
        count_coffees(device=seattle01, taken_at=taken_at, holders=[sighting])
    # The first was taken too long ago to be told, and counts all the same.
    assert list(Happening.objects.values_list("person", "count")) == [(person.pk, 2)]
    assert "Ada" not in str(list(Happening.objects.values()))


def test_a_camera_goes_off_once_and_is_back_once(seattle01: Device, set_clock: clock.SetClock) -> None:
    state = DeviceState.objects.create(thing=seattle01.thing, online=True, last_seen_at=clock.NOW)
    for minutes, seen, expected in (
        (1, 0, []),
        (6, 0, ["camera-off"]),
        (7, 0, ["camera-off"]),
        (8, 8, ["camera-off", "camera-back"]),
        (9, 9, ["camera-off", "camera-back"]),
    ):
        state.last_seen_at = clock.NOW + dt.timedelta(minutes=seen)
        state.save()
        now = clock.NOW + dt.timedelta(minutes=minutes)
        set_clock(now)
        watching.watch(now)
        assert list(Happening.objects.order_by("pk").values_list("kind", flat=True)) == expected


def test_watching_takes_no_more_queries_for_more_cameras(
    seattle01: Device, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def watched(most: int) -> int:
        with django_assert_max_num_queries(most) as queries:
            watching.watch(clock.now())
        return len(queries)

    DeviceState.objects.create(thing=seattle01.thing, online=True, last_seen_at=clock.now())
    one = watched(100)
    for number in range(3):
        more = register_device(site=seattle01.site, name=f"Camera{number}", thing_name=f"camera-{number}")
        DeviceState.objects.update_or_create(thing=more.thing, defaults={"online": True, "last_seen_at": clock.now()})
    watched(one)


def test_a_camera_that_was_never_seen_is_not_off(seattle01: Device) -> None:
    DeviceState.objects.create(thing=seattle01.thing)
    assert watching.watch(clock.now()) == 0


def test_a_bad_picture_is_told_once(seattle01: Device) -> None:
    DeviceState.objects.create(
        thing=seattle01.thing,
        online=True,
        last_seen_at=clock.now(),
        picture_problem="covered",
        picture_problem_since=clock.NOW,
    )
    assert watching.watch(clock.now()) == 1
    assert watching.watch(clock.now()) == 0
    assert Happening.objects.get().label == "covered"


def test_a_growing_quarantine_is_told_once_an_hour(seattle01: Device) -> None:
    accept([Arrival(TOPIC, b'{"face": %d}' % (17 + n), clock.now()) for n in range(watching.QUARANTINED_IN_AN_HOUR)])
    assert watching.watch(clock.now()) == 1
    assert watching.watch(clock.now()) == 0
    assert Happening.objects.get().count == watching.QUARANTINED_IN_AN_HOUR


def test_a_camera_that_sends_more_pictures_than_it_may_is_noted_once_a_day(
    seattle01: Device, set_clock: clock.SetClock
) -> None:
    spend = picture_budget.budget_of(seattle01.thing_name, clock.now())
    spend(2 * picture_budget.MOST_PIXELS)
    for hours in (0, 1, 24):
        set_clock(clock.NOW + dt.timedelta(hours=hours))
        with pytest.raises(picture_budget.OverBudget):
            picture_budget.budget_of(seattle01.thing_name, clock.now())(1)
        accept([thumb(hours * 3600)])
        picture_budget.note_stored(seattle01.thing_name, 10**12, clock.now())
    assert Happening.objects.filter(kind=Kind.PICTURES, device=seattle01).count() == 2
