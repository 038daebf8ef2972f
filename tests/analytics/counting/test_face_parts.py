"""Faces that a device sends one by one are counted as the frames that they were found in."""

import base64
import datetime as dt
import io
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from analytics.counting import corrections
from analytics.counting.face_parts import LONGEST_PAUSE, USUAL_PAUSE, longest_pause
from analytics.models import Detection, EngagementQuarter, Episode, Frame, FramePart, LabelQuarter
from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival, Delivery
from faces.models import Capture
from tests import clock
from tests.world import places

MILLISECOND = dt.timedelta(milliseconds=1)

pytestmark = pytest.mark.django_db


def picture(number: int) -> str:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (4 * number, 0, 255 - 4 * number)).save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


PICTURES = [picture(number) for number in range(60)]


def sent(milliseconds: list[int], **delivered: bool) -> list[Arrival]:
    """One message a face, which arrive so many milliseconds after the test's time."""
    return [
        Arrival(
            f"$aws/things/{places.CHICAGO01}/infer",
            f'{{"face": 0.{70 + number % 30}, "image_string": "{PICTURES[number]}"}}'.encode(),
            clock.NOW + after * MILLISECOND,
            Delivery("ingest", number + 1, number + 1, **delivered),
        )
        for number, after in enumerate(milliseconds)
    ]


def bursts(frames: int, faces: int, *, every: int = 600, within: int = 40) -> list[int]:
    return [frame * every + face * within for frame in range(frames) for face in range(faces)]


def engagement() -> tuple[int, int, int]:
    """Frames with a known number of faces, their faces, and the most faces in one of them."""
    rows = EngagementQuarter.objects.values_list("frames", "faces_sum", "faces_peak")
    return tuple(map(sum, zip(*rows, strict=True)))  # type: ignore[return-value]


def nothing_is_wrong(device: Device) -> bool:
    """Whether the tallies and episodes are those of the frames."""
    stretches = corrections.stretches(devices=[device], now=clock.NOW)
    return [corrections.rebuild(stretch) for stretch in stretches] == [0] * len(stretches)


@pytest.mark.parametrize("batch", [1, 2, 7, 30])
def test_ten_frames_of_three_faces_are_ten_frames_of_three_faces(chicago01: Device, batch: int) -> None:
    arrivals = sent(bursts(10, 3))
    for start in range(0, len(arrivals), batch):
        accept(arrivals[start : start + batch])
    assert engagement() == (10, 30, 3)
    assert set(Frame.objects.values_list("faces", flat=True)) == {3}
    assert Detection.objects.count() == Capture.objects.count() == FramePart.objects.count() == 30
    assert sum(LabelQuarter.objects.values_list("count", flat=True)) == 30
    assert Episode.objects.get().peak == 3
    assert nothing_is_wrong(chicago01)


@pytest.mark.parametrize(("every", "within"), [(400, 0), (400, 40), (1000, 80), (3000, 150), (500, 5)])
def test_frames_are_told_apart_at_the_devices_own_beat(chicago01: Device, every: int, within: int) -> None:
    for arrival in sent(bursts(12, 3, every=every, within=within)):
        accept([arrival])
    assert engagement() == (12, 36, 3)


def test_single_faces_are_frames_of_their_own(chicago01: Device) -> None:
    for arrival in sent(bursts(20, 1, every=450)):
        accept([arrival])
    assert engagement() == (20, 20, 1)


def test_each_part_counts_once_however_often_and_in_whatever_order_it_is_redelivered(chicago01: Device) -> None:
    arrivals = sent(bursts(10, 3))
    accept(arrivals)
    rng = random.Random(3)
    later = [
        Arrival(
            arrival.topic,
            arrival.payload,
            arrival.received_at + dt.timedelta(minutes=1),
            Delivery("ingest", arrival.delivery.packet_id, arrival.delivery.sequence + 100, redelivered=True),
        )
        for arrival in arrivals
        if arrival.delivery
    ]
    for again in (arrivals, later):
        rng.shuffle(again)
        for start in range(0, len(again), 4):
            accept(again[start : start + 4])
    assert engagement() == (10, 30, 3)
    assert Detection.objects.count() == 30


@pytest.mark.parametrize("delivered", [{"was_kept": True}, {"redelivered": True}])
def test_of_faces_that_the_broker_kept_the_average_is_unknown(chicago01: Device, delivered: dict[str, bool]) -> None:
    arrivals = sent(list(range(30)), **delivered)
    for _ in range(2):
        accept(arrivals)
    assert engagement() == (0, 0, 0)
    assert Detection.objects.filter(label="face").count() == 30
    assert EngagementQuarter.objects.get().minutes_seen
    assert nothing_is_wrong(chicago01)


def test_of_faces_in_a_file_without_times_the_average_is_unknown(chicago01: Device) -> None:
    (arrival,) = sent([0])
    accept([Arrival(arrival.topic, arrival.payload, arrival.received_at, arrival_known=False)])
    assert (engagement(), Detection.objects.count()) == ((0, 0, 0), 1)


def test_faces_that_arrive_without_any_rhythm_are_kept_and_their_average_is_unknown(chicago01: Device) -> None:
    accept(sent(list(range(0, 60 * 20, 20))))
    assert (engagement(), Detection.objects.count()) == ((0, 0, 0), 60)


def test_faces_with_a_time_of_their_own_are_frames_of_their_own(chicago01: Device) -> None:
    times = [clock.epoch_ms() + number for number in range(3)]
    payloads = [f'{{"face": 0.9, "unix_time": {at}, "image_string": "{PICTURES[at % 60]}"}}' for at in times]
    topic = f"$aws/things/{places.CHICAGO01}/infer"
    accept([Arrival(topic, payload.encode(), clock.now()) for payload in payloads])
    assert engagement() == (3, 3, 1)


def test_parts_are_kept_as_long_as_frames(chicago01: Device) -> None:
    accept(sent([0]))
    list(corrections.forget_old_frames(now=clock.NOW + dt.timedelta(days=3650)))
    assert not FramePart.objects.exists()


@given(
    st.lists(st.integers(1, 6), min_size=8, max_size=20),
    st.integers(0, 100),
    st.lists(st.integers(400, 1500), min_size=20, max_size=20),
)
def test_a_rhythm_of_bursts_is_found(faces: list[int], within: int, every: list[int]) -> None:
    starts = itertools.accumulate(pause + 5 * within for pause in every)
    times = [start + face * within for start, count in zip(starts, faces, strict=False) for face in range(count)]
    pause = longest_pause([clock.NOW + time * MILLISECOND for time in times])
    assert pause is not None
    assert within * MILLISECOND <= pause <= LONGEST_PAUSE < 400 * MILLISECOND


def test_before_the_rhythm_is_known_the_usual_pause_holds() -> None:
    assert longest_pause([clock.NOW]) == USUAL_PAUSE
