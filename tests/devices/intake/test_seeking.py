"""The platform learns from messages what a device looks for, and takes a correction as the last word."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import EngagementQuarter, Frame
from devices.intake import seeking
from devices.intake.batches import accept
from devices.models import Device, Thing
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests.devices.intake.test_batches import NOW, from_agent, from_deeplens, gesture, milliseconds

pytestmark = pytest.mark.django_db


def sought(device: Device) -> tuple[bool | None, list[str]]:
    device.refresh_from_db()
    return device.faces_sought, device.labels_sought


def frame(at: int = 0, **found: Any) -> Any:
    taken = messages.Frame(milliseconds(NOW) + at, **found)
    return from_agent(messages.Frames(id=f"m{at}", frames=(taken,)), "frames")


def test_an_agent_tells_with_each_frame_whether_it_looks_for_faces(seattle01: Device) -> None:
    assert sought(seattle01) == (None, [])
    accept([frame(faces=None)])
    assert sought(seattle01) == (False, [])
    accept([frame(1, faces=())])
    assert sought(seattle01) == (True, [])
    accept([frame(2, faces=None)])
    assert sought(seattle01) == (True, [])


def test_labels_of_objects_and_gestures_are_added(seattle01: Device) -> None:
    accept([frame(objects=(messages.Labelled("cup", 0.9),), gestures=(messages.Labelled("thumbs-up", 0.9),))])
    accept([from_agent(gesture(milliseconds(NOW)), "frames"), frame(1, objects=(messages.Labelled("person", 0.9),))])
    assert sought(seattle01) == (False, ["cup", "person", "thumbs-up"])


def test_a_deeplens_tells_it_by_a_face_alone(chicago01: Device) -> None:
    for payload, faces in (("{}", None), ('{"thumbs-up": 0.93}', None), ('{"face": 0.56}', True)):
        accept([from_deeplens(payload)])
        assert sought(chicago01)[0] is faces
    assert sought(chicago01)[1] == ["thumbs-up"]


def test_what_somebody_corrected_is_changed_by_no_message(seattle01: Device) -> None:
    Device.objects.update(faces_sought=False, labels_sought=["cup"], sought_is_corrected=True)
    accept([frame(faces=(messages.Face(0.9),), objects=(messages.Labelled("person", 0.9),))])
    assert sought(seattle01) == (False, ["cup"])


def test_a_device_that_invents_labels_has_a_limit(seattle01: Device) -> None:
    many = tuple(messages.Labelled(f"label {number:03}", 0.9) for number in range(seeking.MOST_LABELS))
    accept([frame(objects=many[:-1])])
    accept([frame(1, objects=(*many, messages.Labelled("one more", 0.9)))])
    assert sought(seattle01)[1] == [labelled.label for labelled in many]


def faces() -> list[int | None]:
    return list(Frame.objects.order_by("taken_at").values_list("faces", flat=True))


def said(*payloads: str) -> list[Arrival]:
    """What a DeepLens says, a second apart."""
    return [from_deeplens(payload, at=NOW + dt.timedelta(seconds=second)) for second, payload in enumerate(payloads)]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_device_that_has_said_face_sees_nobody_when_it_names_nothing(chicago01: Device, batch: int) -> None:
    arrivals = said('{"face": 0.91}', "{}", "{}")
    for start in range(0, len(arrivals), batch):
        accept(arrivals[start : start + batch])
    assert faces() == [1, 0, 0]
    accept(arrivals)
    assert faces() == [1, 0, 0]


def test_a_device_that_has_never_said_face_leaves_the_faces_unknown_and_was_on(chicago01: Device) -> None:
    accept(said("{}", '{"thumbs-up": 0.93}', "{}"))
    assert faces() == [None, None, None]
    quarter = EngagementQuarter.objects.get()
    assert (quarter.frames, quarter.minutes_seen.bit_count()) == (0, 1)


@pytest.mark.parametrize(("corrected", "expected"), [(True, [0, 1]), (False, [None, 1])])
def test_a_correction_says_what_a_message_means_that_names_nothing(
    chicago01: Device, corrected: bool, expected: list[int | None]
) -> None:
    Device.objects.update(faces_sought=corrected, sought_is_corrected=True)
    accept(said("{}", '{"face": 0.91}'))
    assert faces() == expected


def test_a_message_that_names_only_null_is_of_a_model_of_faces(chicago01: Device) -> None:
    accept(said('{"null": 0.0}', '{"thumbs-up": 0.9, "null": 0.0}'))
    assert faces() == [0, None]


def test_a_fleet_that_begins_learns_the_same_in_one_statement(seattle01: Device) -> None:
    fleet = [Thing.objects.create(name=f"camera-{number}") for number in range(20)]
    Device.objects.bulk_create(Device(site=seattle01.site, name=each.name, thing=each) for each in fleet)
    cups = (messages.Labelled("cup", 0.9),)
    arrivals = [
        from_agent(
            messages.Frames(
                id="m", frames=(messages.Frame(milliseconds(NOW), faces=(), objects=cups if number == 0 else ()),)
            ),
            "frames",
            thing=each.name,
        )
        for number, each in enumerate(fleet)
    ]
    with CaptureQueriesContext(connection) as queries:
        accept(arrivals)
    learned = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "devices_device"')]
    assert len(learned) == 2
    of_fleet = Device.objects.filter(thing__in=fleet).order_by("pk")
    assert list(of_fleet.values_list("faces_sought", "labels_sought")) == [(True, ["cup"]), *[(True, [])] * 19]
