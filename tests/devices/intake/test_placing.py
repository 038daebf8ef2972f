"""Every frame, picture, gesture and log line belongs to the place where its thing was when it was taken."""

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from analytics.models import EngagementQuarter, Frame, ReportedGesture
from devices import services
from devices.intake.batches import accept, draft
from devices.intake.replay import replay_quarantined
from devices.models import Device, DeviceLog, DeviceState, QuarantinedMessage, Reason, Site, Thing
from devices.reading.places import read_whereabouts
from edge_agent import messages
from faces.models import Capture
from tests.clock import NOW
from tests.devices.intake.test_batches import base64_jpeg, from_agent, from_deeplens, milliseconds
from tests.world import places

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)

pytestmark = pytest.mark.django_db


def frames(*times: dt.datetime, id: str = "m") -> messages.Frames:
    return messages.Frames(
        id=id, frames=tuple(messages.Frame(milliseconds(at), faces=(messages.Face(0.9),)) for at in times)
    )


def places_of(model: Any, time: str = "taken_at") -> dict[dt.datetime, str]:
    return {getattr(row, time): row.device.name for row in model.objects.select_related("device")}


@pytest.fixture
def moved(seattle01: Device, chicago: Site) -> Device:
    """The device at its new place, to which it moved an hour ago."""
    return services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW - HOUR)


def test_an_outbox_that_drains_after_a_move_is_counted_at_the_old_place(moved: Device) -> None:
    before, after = NOW - 2 * HOUR, NOW - MINUTE
    accept([from_agent(frames(before, after), "frames", at=NOW)])
    assert places_of(Frame) == {before: "Seattle01", after: "Chicago09"}


def test_pictures_gestures_and_lines_of_log_have_their_places_too(moved: Device) -> None:
    before = NOW - 2 * HOUR
    gesture = messages.GestureEpisode("thumbs-up", milliseconds(before), 0.9, milliseconds(NOW))
    picture = messages.Image(id="i", taken_at=milliseconds(before), image_string=base64_jpeg())
    accept(
        [
            from_agent(picture, "image", at=NOW),
            from_agent(messages.Log(id="l", at=milliseconds(before), level="info", text="Hello."), "log", at=NOW),
            from_agent(messages.Frames(id="g", frames=(), gesture_episodes=(gesture,)), "frames", at=NOW),
        ]
    )
    assert places_of(Capture) == {before: "Seattle01"}
    assert places_of(DeviceLog, "at") == {before: "Seattle01"}
    assert places_of(ReportedGesture, "began_at") == {before: "Seattle01"}


def test_a_message_without_a_time_belongs_to_the_place_of_its_arrival(seattle01: Device, chicago: Site) -> None:
    services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW - HOUR)
    accept([from_deeplens("{}", thing=places.SEATTLE01, at=at) for at in (NOW - 2 * HOUR, NOW)])
    assert places_of(Frame) == {NOW - 2 * HOUR: "Seattle01", NOW: "Chicago09"}


def test_an_export_may_name_the_device_by_a_name_that_it_had(moved: Device) -> None:
    record = {"device_id": "Seattle01", "timestamp": "20261120-180000", "objects": []}
    assert accept([from_deeplens(json.dumps(record), thing=places.SEATTLE01, at=NOW)]).quarantined == 0


def test_what_was_taken_at_no_place_is_quarantined_for_nobody(seattle01: Device) -> None:
    services.retire_device(device=seattle01, at=NOW - HOUR)
    accept([from_agent(frames(NOW - MINUTE), "frames", at=NOW)])
    message = QuarantinedMessage.objects.get()
    assert (message.reason, message.device) == (Reason.NO_PLACE, None)
    assert "was registered at no place at 2026-11-20T19:59:00+00:00, when it was taken" in message.detail
    assert not Frame.objects.exists()


def test_of_a_message_that_straddles_a_retirement_the_first_part_counts_at_once_and_the_other_after_a_correction(
    seattle01: Device,
) -> None:
    services.retire_device(device=seattle01, at=NOW - HOUR)
    before, after = NOW - 2 * HOUR, NOW - MINUTE
    accepted = accept([from_agent(frames(before, after), "frames", at=NOW)])
    assert (accepted.committed, accepted.quarantined, accepted.receipts) == (0, 1, {places.SEATTLE01: ["m"]})
    assert set(places_of(Frame)) == {before}
    message = QuarantinedMessage.objects.get()
    assert "when 1 of its 2 parts was taken" in message.detail
    assert not replay_quarantined(message=message, now=NOW)
    services.reopen_device(device=seattle01)
    assert replay_quarantined(message=message, now=NOW)
    assert set(places_of(Frame)) == {before, after}
    assert sum(EngagementQuarter.objects.values_list("frames", flat=True)) == 2


def test_a_retired_thing_that_still_reports_its_state_fills_no_quarantine(seattle01: Device) -> None:
    services.retire_device(device=seattle01, at=NOW - HOUR)
    status = messages.Status(online=True, sent_at=milliseconds(NOW), software="2.0")
    accept([from_agent(status, "status", at=NOW)])
    assert DeviceState.objects.get().software == "2.0"
    assert not QuarantinedMessage.objects.exists()


@pytest.mark.parametrize("ahead", [-3 * HOUR, 30 * MINUTE])
def test_a_wrong_clock_is_corrected_before_the_place_is_found(moved: Device, ahead: dt.timedelta) -> None:
    status = messages.Status(online=True, sent_at=milliseconds(NOW + ahead), software="2.0")
    accept([from_agent(status, "status", at=NOW)])
    before, after = NOW - HOUR - 5 * MINUTE + ahead, NOW - HOUR + 5 * MINUTE + ahead
    accept([from_agent(frames(before, after), "frames", at=NOW)])
    assert places_of(Frame) == {before: "Seattle01", after: "Chicago09"}


def test_a_message_that_comes_again_after_the_clock_was_set_counts_once(moved: Device) -> None:
    def tells(at: dt.datetime, by_clock: dt.datetime) -> None:
        status = messages.Status(online=True, sent_at=milliseconds(by_clock), software="2.0")
        accept([from_agent(status, "status", at=at)])

    tells(NOW, NOW + 30 * MINUTE)
    at = NOW - HOUR + 10 * MINUTE  # twenty minutes before the move
    line = from_agent(messages.Log(id="l", at=milliseconds(at), level="info", text="Hello."), "log", at=NOW)
    picture = messages.Image(id="i", taken_at=milliseconds(at), image_string=base64_jpeg())
    sent = [from_agent(frames(at), "frames", at=NOW), line, from_agent(picture, "image", at=NOW)]
    accept(sent)
    tells(NOW + MINUTE, NOW + MINUTE)
    accept(sent)
    accept(sent, draft(sent, read_whereabouts([places.SEATTLE01])))
    assert places_of(Frame) == {at: "Seattle01"}
    assert [Frame.objects.count(), DeviceLog.objects.count(), Capture.objects.count()] == [1, 1, 1]


def test_a_draft_of_before_the_move_is_made_anew(seattle01: Device, chicago: Site) -> None:
    arrivals = [from_agent(frames(NOW - MINUTE), "frames", at=NOW)]
    prepared = draft(arrivals, read_whereabouts([places.SEATTLE01]))
    services.move_device(device=seattle01, site=chicago, name="Chicago09", at=NOW - HOUR)
    accept(arrivals, prepared)
    assert places_of(Frame) == {NOW - MINUTE: "Chicago09"}


@pytest.mark.parametrize(
    ("message", "kind", "device"),
    [
        (b"{", "frames", None),  # an outbox may have kept it since before the move
        (messages.encode(frames(NOW + 3 * HOUR)), "frames", "Chicago09"),
        (messages.encode(frames(NOW - dt.timedelta(days=900))), "frames", "Seattle01"),
    ],
)
def test_a_quarantined_message_is_shown_to_no_site_that_it_may_not_come_from(
    moved: Device, message: bytes, kind: str, device: str | None
) -> None:
    accept([from_agent(message, kind, at=NOW)])
    quarantined = QuarantinedMessage.objects.get()
    assert (quarantined.device and quarantined.device.name) == device


STAMPED = json.dumps({"face": 0.9, "timestamp": "20261119-183152"})
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati")


def set_zone(zone: str) -> None:
    thing = Thing.objects.get(name=places.SEATTLE01)
    thing.clock_timezone = zone
    thing.save(update_fields=["clock_timezone"])


def test_a_stamped_record_and_its_picture_count_once_after_the_time_zone_of_the_clock_was_corrected(
    seattle01: Device,
) -> None:
    picture = json.dumps({**json.loads(STAMPED), "image_string": base64_jpeg()})
    sent = [from_deeplens(payload, thing=places.SEATTLE01) for payload in (STAMPED, picture)]
    accept(sent)
    stored = [set(places_of(Frame)), set(places_of(Capture))]
    for zone in ("America/Los_Angeles", "Asia/Kolkata"):
        set_zone(zone)
        accept(sent)
        accept(sent, draft(sent, read_whereabouts([places.SEATTLE01])))
        assert [set(places_of(Frame)), set(places_of(Capture))] == stored
    assert [Frame.objects.count(), Capture.objects.count()] == [2, 1]
    accept([from_deeplens(STAMPED.replace("0.9", "0.8"), thing=places.SEATTLE01)])
    # 18:31:52 in India, where nothing of this record is stored by another zone.
    assert dt.datetime(2026, 11, 19, 13, 1, 52, tzinfo=dt.UTC) in places_of(Frame)


def test_a_stamped_record_keeps_its_place_after_the_time_zone_of_the_clock_was_corrected(
    seattle01: Device, chicago: Site
) -> None:
    # By UTC it was taken before the move, by the corrected zone after it.
    services.move_device(
        device=seattle01, site=chicago, name="Chicago09", at=dt.datetime(2026, 11, 19, 20, tzinfo=dt.UTC)
    )
    sent = [from_deeplens(STAMPED, thing=places.SEATTLE01)]
    accept(sent)
    set_zone("America/Los_Angeles")
    accept(sent)
    assert set(places_of(Frame).values()) == {"Seattle01"}
    assert Frame.objects.count() == 1


class TestZones(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(ZONES), st.integers(0, 3)), max_size=8))
    def test_whatever_zones_are_set_each_stamped_record_counts_once(self, steps: list[tuple[str, int]]) -> None:
        places.seattle01()
        stamps = set()
        for zone, hour in steps:
            set_zone(zone)
            payload = json.dumps({"face": 0.9, "timestamp": f"20261119-0{2 * hour}3000"})
            accept([from_deeplens(payload, thing=places.SEATTLE01)])
            stamps.add(hour)
        assert Frame.objects.count() == len(stamps)
        assert sum(EngagementQuarter.objects.values_list("frames", flat=True)) == len(stamps)


class TestClocks(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(
            st.tuples(st.sampled_from(["clock", "send", "send", "again", "correct"]), st.integers(-90, 90)),
            max_size=16,
        )
    )
    def test_with_any_clock_and_corrected_dates_each_frame_counts_once_and_keeps_its_place(
        self, steps: list[tuple[str, int]]
    ) -> None:
        """The camera has moved an hour ago. Each step is a minute; its number is of minutes."""
        first = places.seattle01()
        moved = services.move_device(device=first, site=first.site, name="Seattle09", at=NOW - HOUR)
        ahead, sent, times = dt.timedelta(), list[Any](), set[dt.datetime]()
        counted: dict[dt.datetime, str] = {}
        for number, (what, minutes) in enumerate(steps):
            now = NOW + number * MINUTE
            with time_machine.travel(now, tick=False):
                if what == "clock":
                    ahead = minutes / 2 * MINUTE
                    status = messages.Status(online=True, sent_at=milliseconds(now + ahead), software="2.0")
                    accept([from_agent(status, "status", at=now)])
                elif what == "send":
                    at = now + ahead - abs(minutes) * MINUTE
                    times.add(at)
                    sent.append(from_agent(frames(at, id=f"{number}"), "frames", at=now))
                    accept(sent[-1:])
                elif what == "again":
                    accept(sent[minutes % len(sent) :] if sent else [])
                else:
                    # A date that would take a fact from its place is refused.
                    with suppress(ValidationError):
                        services.correct_arrival(device=moved, since=NOW - HOUR + minutes / 6 * MINUTE)
            found = places_of(Frame)
            assert counted.items() <= found.items()
            counted = found
        assert Frame.objects.count() == len(counted) == len(times)


BEGIN = NOW - dt.timedelta(days=2)

Step = tuple[str, int, int]
"""What happens, and two numbers that choose with which thing and place, or how long ago."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["move", "retire", "register", "send", "send", "send", "again", "reopen"]),
        st.integers(0, 3),
        st.integers(0, 5),
    ),
    max_size=25,
)

THINGS = ("one", "two")
SPOTS = ("A", "B", "C")


class World:
    """Two things that move among three spots, beside a simple model of where they were and what they saw.

    An hour passes with each step. A thing's message has a frame of now and one of some hours ago, as from an outbox.
    """

    def __init__(self) -> None:
        self.site = places.seattle()
        self.now = BEGIN
        self.stretches: dict[str, list[list[Any]]] = {thing: [] for thing in THINGS}
        """By thing: spot, since and until of each stretch."""
        self.expected: dict[tuple[str, dt.datetime], str] = {}
        """The spot of each frame, by thing and time."""
        self.sent: list[Any] = []
        self.lost: set[tuple[str, dt.datetime]] = set()

    def run(self, steps: Sequence[Step]) -> None:
        for what, number, other in steps:
            self.now += HOUR
            thing, spot = THINGS[number % 2], SPOTS[other % 3]
            with time_machine.travel(self.now, tick=False):
                getattr(self, what)(thing, spot, other)

    def place_at(self, thing: str, at: dt.datetime) -> str | None:
        for spot, since, until in self.stretches[thing]:
            if (since is None or since <= at) and (until is None or at < until):
                return str(spot)
        return None

    def is_free(self, spot: str, since: dt.datetime | None) -> bool:
        return all(
            until is not None and since is not None and until <= since
            for stretches in self.stretches.values()
            for name, _, until in stretches
            if name == spot
        )

    def device(self, thing: str) -> Device | None:
        return Device.objects.filter(thing__name=thing).order_by("pk").last()

    def register(self, thing: str, spot: str, _: int) -> None:
        is_first = not self.stretches[thing] and self.is_free(spot, None)
        if (self.place_at(thing, self.now) is None) and self.is_free(spot, self.now):
            services.register_device(site=self.site, name=spot, thing_name=thing)
            self.stretches[thing].append([spot, None if is_first else self.now, None])

    def move(self, thing: str, spot: str, _: int) -> None:
        device = self.device(thing)
        if device is not None and device.is_open and self.is_free(spot, self.now):
            services.move_device(device=device, site=self.site, name=spot, at=self.now)
            self.stretches[thing][-1][2] = self.now
            self.stretches[thing].append([spot, self.now, None])

    def retire(self, thing: str, _: str, __: int) -> None:
        device = self.device(thing)
        if device is not None and device.is_open:
            services.retire_device(device=device, at=self.now)
            self.stretches[thing][-1][2] = self.now

    def reopen(self, thing: str, _: str, __: int) -> None:
        device = self.device(thing)
        if device is not None and not device.is_open:
            spot, _since, until = self.stretches[thing][-1]
            if all(
                left is not None and left <= until
                for stretches in self.stretches.values()
                for name, _, left in stretches
                if name == spot
            ):
                services.reopen_device(device=device)
                self.stretches[thing][-1][2] = None

    def send(self, thing: str, _: str, ago: int) -> None:
        # Half an hour before the step, because a step is an edge of stretches.
        times = [self.now - HOUR / 2, self.now - HOUR / 2 - ago * HOUR]
        arrival = from_agent(frames(*dict.fromkeys(times), id=f"{self.now}"), "frames", thing=thing, at=self.now)
        self.sent.append((arrival, thing, times))
        self.deliver(arrival, thing, times)

    def again(self, _: str, __: str, number: int) -> None:
        if self.sent:
            self.deliver(*self.sent[number % len(self.sent)])

    def deliver(self, arrival: Any, thing: str, times: Sequence[dt.datetime]) -> None:
        accept([arrival])
        for at in times:
            if (spot := self.place_at(thing, at)) is not None:
                self.expected.setdefault((thing, at), spot)

    def counted(self) -> dict[tuple[str, dt.datetime], str]:
        rows = Frame.objects.values_list("device__thing__name", "taken_at", "device__name")
        return {(thing, at): spot for thing, at, spot in rows}


class TestMoves(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STEPS)
    def test_whatever_moves_and_comes_late_or_again_each_frame_counts_once_where_it_was_taken(
        self, steps: list[Step]
    ) -> None:
        world = World()
        world.run(steps)
        assert world.counted() == world.expected
        assert Frame.objects.count() == len(world.expected)
        # Whatever was sent is either counted or in the quarantine, whole.
        with time_machine.travel(world.now, tick=False):
            for arrival, thing, times in world.sent:
                assert all((thing, at) in world.expected for at in times) or QuarantinedMessage.objects.filter(
                    payload=arrival.payload
                )
        assert sum(EngagementQuarter.objects.values_list("frames", flat=True)) == len(world.expected)
