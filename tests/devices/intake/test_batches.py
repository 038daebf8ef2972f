"""Each message is committed and counted once, or quarantined unchanged with its reason."""

import base64
import datetime as dt
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase, TransactionTestCase
from PIL import Image
from skimage import data

from analytics.models import Detection, EngagementQuarter, Frame, LabelQuarter, ReportedGesture
from devices.intake import batches
from devices.intake.batches import accept
from devices.models import DeliveredBatch, Device, DeviceLog, DeviceState, QuarantinedMessage, Reason, Thing
from devices.reading.decoding import Arrival, Delivery
from edge_agent import messages
from faces.models import Capture
from tests.programs.threads import together
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db


def jpeg(width: int = 256) -> bytes:
    out = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((width, width)).save(out, "JPEG")
    return out.getvalue()


def base64_jpeg() -> str:
    return base64.b64encode(jpeg()).decode()


def from_deeplens(payload: str, *, thing: str = places.CHICAGO01, at: dt.datetime = NOW, **carried: Any) -> Arrival:
    delivery = Delivery("test", **carried) if carried else None
    return Arrival(f"$aws/things/{thing}/infer", payload.encode(), at, delivery)


def from_agent(message: Any, kind: str, *, thing: str = places.SEATTLE01, at: dt.datetime = NOW) -> Arrival:
    payload = message if isinstance(message, bytes) else messages.encode(message)
    return Arrival(messages.topic_from_device(thing, kind), payload, at)


def gesture(began_at: int, ended_at: int | None = None) -> messages.Frames:
    """An agent's word on a thumbs-up, without a frame. Epoch milliseconds."""
    told = messages.GestureEpisode("thumbs-up", began_at, 0.9, ended_at)
    return messages.Frames(id="x", frames=(), gesture_episodes=(told,))


def milliseconds(at: dt.datetime) -> int:
    return round(at.timestamp() * 1000)


def frames_message(*faces: int, at: dt.datetime = NOW, id: str = "m1") -> messages.Frames:
    return messages.Frames(
        id=id,
        frames=tuple(
            messages.Frame(
                taken_at=milliseconds(at) + 500 * index, faces=tuple(messages.Face(0.9) for _ in range(count))
            )
            for index, count in enumerate(faces)
        ),
    )


@pytest.mark.usefixtures("chicago01")
class TestDeepLens:
    def test_a_frame_without_a_time_is_taken_when_it_arrives(self) -> None:
        accept([from_deeplens('{"face": 0.5654296875}')])
        frame = Frame.objects.get()
        assert (frame.taken_at, frame.faces) == (NOW, 1)
        assert Detection.objects.get().confidence == 0.5654296875

    def test_three_faces_under_one_key_are_three(self) -> None:
        accept([from_deeplens('{"1": 0.53,"1": 0.61,"1": 0.97,"null": 0.0}')])
        assert Frame.objects.get().faces == 3

    def test_equal_words_at_the_same_moment_are_two_frames_under_two_packet_ids(self) -> None:
        accept([from_deeplens("{}", packet_id=1, sequence=1), from_deeplens("{}", packet_id=2, sequence=2)])
        assert Frame.objects.count() == 2

    def test_a_redelivered_message_without_a_time_is_known_again(self) -> None:
        accept([from_deeplens("{}", packet_id=7, sequence=1)])
        later = NOW + dt.timedelta(minutes=3)
        accept([from_deeplens("{}", at=later, packet_id=7, sequence=9, redelivered=True)])
        assert Frame.objects.get().taken_at == NOW

    def test_a_message_that_was_never_committed_counts_though_the_broker_calls_it_redelivered(self) -> None:
        accept([from_deeplens("{}", packet_id=7, sequence=1, redelivered=True)])
        assert Frame.objects.count() == 1

    def test_a_packet_id_that_came_round_again_is_another_message(self) -> None:
        accept([from_deeplens("{}", packet_id=7, sequence=1)])
        accept([from_deeplens('{"face": 0.5}', packet_id=6, sequence=1 + 65_535)])
        later = NOW + dt.timedelta(hours=3)
        accept([from_deeplens("{}", at=later, packet_id=7, sequence=65_540, redelivered=True)])
        assert Frame.objects.count() == 3

    def test_a_redelivered_line_of_log_is_kept_once(self) -> None:
        accept([from_deeplens("Opened Pipe", packet_id=3, sequence=1)])
        accept([from_deeplens("Opened Pipe", at=NOW + dt.timedelta(1), packet_id=3, sequence=2, redelivered=True)])
        assert DeviceLog.objects.count() == 1

    def test_a_face_crop_is_one_capture_and_one_frame(self) -> None:
        record = {"image_string": base64_jpeg(), "unix_time": milliseconds(NOW), "face": 0.94}
        accept([from_deeplens(json.dumps(record))])
        assert (Capture.objects.get().shows, Frame.objects.get().faces) == ("crop", 1)

    def test_a_sign_of_life_is_neither_frame_nor_log(self) -> None:
        accept([from_deeplens("NO DETECTIONS MADE")])
        assert not Frame.objects.exists()
        assert not DeviceLog.objects.exists()
        assert DeviceState.objects.get().last_seen_at == NOW

    def test_a_picture_link_and_its_record_are_one_picture(self) -> None:
        Thing.objects.update(bucket="b", bucket_prefix="images/")
        url = "https://s3.amazonaws.com/b/images/image_at_20261120-182900.jpg"
        record = {"link_to_img": url, "timestamp": "20261120-182900", "objects": [], "device_id": "Chicago01"}
        accept([from_deeplens(json.dumps({"img": url})), from_deeplens(json.dumps(record))])
        assert Capture.objects.get().state == "linked"


def test_agents_frames_are_counted_and_answered_with_a_receipt(seattle01: Device) -> None:
    accepted = accept([from_agent(frames_message(0, 1, 2), "frames")])
    assert accepted.receipts == {places.SEATTLE01: ["m1"]}
    quarter = EngagementQuarter.objects.get()
    assert (quarter.frames, quarter.faces_sum, quarter.faces_peak) == (3, 3, 2)
    assert quarter.start == NOW


def test_a_picture_becomes_a_capture(seattle01: Device) -> None:
    image = messages.Image(id="i", taken_at=milliseconds(NOW), image_string=base64_jpeg(), area=(0, 0, 1280, 720))
    accept([from_agent(image, "image")])
    capture = Capture.objects.get()
    assert (capture.device, capture.area) == (seattle01, [0, 0, 1280, 720])


def test_a_last_will_turns_the_device_offline_but_is_no_sign_of_life(seattle01: Device) -> None:
    accept([from_agent(messages.Status(online=True, sent_at=milliseconds(NOW), software="1"), "status")])
    accept([from_agent(messages.Status(online=False), "status", at=NOW + dt.timedelta(minutes=5))])
    state = DeviceState.objects.get()
    assert (state.online, state.last_seen_at, state.software) == (False, NOW, "1")


def test_a_clock_that_is_off_is_told_from_the_status(seattle01: Device) -> None:
    late = messages.Status(online=True, sent_at=milliseconds(NOW - dt.timedelta(minutes=2)))
    accept([from_agent(late, "status")])
    state = DeviceState.objects.get()
    assert (state.clock_skew_ms, state.clock_is_off) == (-120_000, True)


def status_of(instance: str, sent_at: dt.datetime) -> Arrival:
    status = messages.Status(online=True, sent_at=milliseconds(sent_at), instance=instance)
    return from_agent(status, "status", at=sent_at)


def after(minutes: float) -> dt.datetime:
    return NOW + dt.timedelta(minutes=minutes)


def test_two_programs_with_one_thing_name_are_noticed_and_logged_once(
    seattle01: Device, caplog: pytest.LogCaptureFixture
) -> None:
    turns = ["a", "b", "a", "b", "a"]
    for minute, instance in enumerate(turns):
        accept([status_of(instance, after(minute))])
    state = DeviceState.objects.get(thing=seattle01.thing)
    assert state.name_is_shared
    assert state.name_shared_at == after(4)
    assert caplog.text.count(f"Two programs use the thing name “{seattle01.thing_name}”") == 1
    for minute in range(5, 16):
        accept([status_of("a", after(minute))])
    assert not DeviceState.objects.get(thing=seattle01.thing).name_is_shared


def test_a_program_that_is_restarted_shares_its_name_with_nobody(seattle01: Device) -> None:
    restarts = [status_of("a", after(0)), status_of("a", after(1)), status_of("b", after(2)), status_of("c", after(3))]
    accept(restarts)
    for again in restarts:  # the broker delivers them again, later
        accept([msgspec.structs.replace(again, received_at=after(4))])
    assert not DeviceState.objects.get(thing=seattle01.thing).name_is_shared


def test_a_line_of_log_is_kept_once_however_often_it_comes(seattle01: Device) -> None:
    line = from_agent(messages.Log(id="l", at=milliseconds(NOW), text="The lens is dirty.", level="warning"), "log")
    accept([line, line])
    accept([line])
    assert DeviceLog.objects.get().level == "warning"


@pytest.mark.parametrize(
    ("arrival", "reason"),
    [
        (Arrival("dt/headcount/x/nonsense", b"{}", NOW), Reason.UNKNOWN_TOPIC),
        (Arrival("nobody/knows", b"{}", NOW), Reason.UNKNOWN_TOPIC),
        (from_deeplens('{"face": 0.9}', thing="deeplens_nobody"), Reason.UNKNOWN_DEVICE),
        (from_deeplens('{"face": 0.9, "device_id": "Chicago01"}', thing=places.SEATTLE01), Reason.OTHER_DEVICE),
        (from_deeplens('{"face": 17}', thing=places.SEATTLE01), Reason.BAD_VALUE),
        (from_deeplens('{"face": 0.', thing=places.SEATTLE01), Reason.UNREADABLE),
        (from_deeplens('{"image_string": "/9j/4AAQ..."}', thing=places.SEATTLE01), Reason.BAD_PICTURE),
        (from_deeplens("x" * 200_000, thing=places.SEATTLE01), Reason.TOO_LARGE),
        (from_deeplens('{"unix_time": 1262304000000}', thing=places.SEATTLE01), Reason.TOO_OLD),
        (from_deeplens('{"unix_time": 2082758400000}', thing=places.SEATTLE01), Reason.IN_FUTURE),
        (from_agent(b'{"id": "x", "frames": [{"taken_at"', "frames"), Reason.UNREADABLE),
        (from_agent(b'{"id": "x", "frames": [{"taken_at": "soon"}]}', "frames"), Reason.BAD_VALUE),
        (from_agent(gesture(began_at=1795285804000, ended_at=1795285803000), "frames"), Reason.BAD_VALUE),
        (from_agent(gesture(began_at=1262304000000), "frames"), Reason.TOO_OLD),
        (from_agent(gesture(began_at=1795285804000, ended_at=2082758400000), "frames"), Reason.IN_FUTURE),
        (from_agent(b'{"id": "x", "taken_at": 1, "image_string": "QUJD"}', "image"), Reason.BAD_PICTURE),
    ],
)
def test_what_cannot_be_counted_is_quarantined_whole_with_its_reason(
    seattle01: Device, arrival: Arrival, reason: Reason
) -> None:
    assert accept([arrival, from_agent(frames_message(1), "frames")]).quarantined == 1
    message = QuarantinedMessage.objects.get()
    assert (message.reason, message.topic, bytes(message.payload)) == (reason, arrival.topic, arrival.payload)
    assert Frame.objects.count() == 1
    assert message.detail


def test_a_gesture_that_an_agent_tells_is_kept_once_however_often_it_comes(seattle01: Device) -> None:
    at = milliseconds(NOW)
    began, ended = (from_agent(gesture(at, end), "frames") for end in (None, at + 2500))
    for arrivals in ([ended], [began, ended, began], [began]):
        assert accept(arrivals).quarantined == 0
    told = ReportedGesture.objects.values_list("device", "label", "began_at", "ended_at").get()
    assert told == (seattle01.pk, "thumbs-up", NOW, NOW + dt.timedelta(seconds=2.5))


def test_an_agent_gets_a_receipt_for_what_was_quarantined_too(seattle01: Device) -> None:
    arrival = from_agent(b'{"id": "x", "frames": [{"taken_at": "soon"}]}', "frames")
    assert accept([arrival]).receipts == {places.SEATTLE01: ["x"]}


def test_one_message_that_a_sink_cannot_take_is_quarantined_and_the_others_count(
    seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ValueError("seven")

    def refuses_seven(batch: batches.Batch) -> batches.Write:
        has_seven = any(frame.frame.faces and len(frame.frame.faces) == 7 for frame in batch.frames)
        return refuse if has_seven else batches.write_nothing

    monkeypatch.setattr(batches, "_sinks", [*batches._sinks, refuses_seven])
    accept([from_agent(frames_message(n, id=f"m{n}", at=NOW - dt.timedelta(minutes=n)), "frames") for n in range(1, 9)])
    assert QuarantinedMessage.objects.get().reason == Reason.REFUSED
    assert list(Frame.objects.order_by("faces").values_list("faces", flat=True)) == [1, 2, 3, 4, 5, 6, 8]


def test_while_the_database_is_away_nothing_is_taken_in(seattle01: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(batches, "_sinks", [*batches._sinks, lambda _: away])
    with pytest.raises(OperationalError):
        accept([from_agent(frames_message(1), "frames")])
    assert not Frame.objects.exists()
    assert not QuarantinedMessage.objects.exists()


def everything() -> dict[str, list[Any]]:
    """All that the intake writes, without the ids that the database makes up."""
    return {
        "frames": sorted(Frame.objects.values_list("device__name", "taken_at", "key", "faces", "received_at")),
        "detections": sorted(Detection.objects.values_list("frame__key", "label", "confidence")),
        "engagement": sorted(
            EngagementQuarter.objects.values_list(
                "device__name", "start", "frames", "faces_sum", "faces_peak", "minutes_seen", "minutes_occupied"
            )
        ),
        "labels": sorted(
            LabelQuarter.objects.values_list(
                "device__name", "start", "label", "confidence_bin", "count", "confidence_millionths_sum"
            )
        ),
        "log": sorted(DeviceLog.objects.values_list("device__name", "at", "key", "text")),
        "quarantine": sorted(QuarantinedMessage.objects.values_list("key", "reason")),
    }


def wipe() -> None:
    for model in (Frame, EngagementQuarter, LabelQuarter, DeviceLog, QuarantinedMessage, DeliveredBatch, DeviceState):
        model._default_manager.all().delete()
    Device.objects.update(faces_sought=None, labels_sought=[])  # also what the devices have shown


seconds = st.integers(0, 7200)
agents_frames = st.builds(
    lambda faces, at, id: from_agent(frames_message(*faces, at=NOW - dt.timedelta(seconds=at), id=id), "frames"),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    seconds,
    st.uuids().map(str),
)
deeplens_words = st.sampled_from(
    [
        "{}",
        '{"null": 0.0}',
        '{"face": 0.75}',
        '{"1": 0.5,"1": 0.25}',
        "Opened Pipe",
        '{"face": 17}',
        '{"thumbs-up": 0.9}',
        '{"fa',
    ]
)


def delivered(words: Sequence[Any]) -> list[Arrival]:
    """The words in turn as one broker session first delivers them, a moment apart."""
    return [
        each
        if isinstance(each, Arrival)
        else from_deeplens(each, at=NOW + dt.timedelta(milliseconds=n), packet_id=n + 1, sequence=n + 1)
        for n, each in enumerate(words)
    ]


def again(arrival: Arrival) -> Arrival:
    """The same message as the broker redelivers it later."""
    if arrival.delivery is None:
        return arrival
    delivery = Delivery("test", arrival.delivery.packet_id, arrival.delivery.sequence + 1000, redelivered=True)
    return Arrival(arrival.topic, arrival.payload, arrival.received_at + dt.timedelta(minutes=1), delivery)


EXAMPLES = int(os.environ.get("ONCE_EXAMPLES", "40"))
"""Of what each property is tried on."""


class TestOnce(TestCase):
    """Holds on whatever database the tests run."""

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(agents_frames | deeplens_words, max_size=25), st.randoms(use_true_random=False), st.integers(1, 9))
    def test_however_often_in_whatever_order_and_batches_each_message_counts_once(
        self, words: list[Any], rng: random.Random, batch: int
    ) -> None:
        places.seattle01(), places.chicago01()
        arrivals = delivered(words)
        accept(arrivals)
        once = everything()
        wipe()
        accept(arrivals)
        for _ in range(3):
            shuffled = [again(each) for each in arrivals]
            rng.shuffle(shuffled)
            for start in range(0, len(shuffled), batch):
                accept(shuffled[start : start + batch])
        assert everything() == once


def ingester(arrivals: Sequence[Arrival], batch: int) -> Callable[[], None]:
    """Takes in the arrivals in batches, on a connection of its own."""

    def run() -> None:
        for start in range(0, len(arrivals), batch):
            accept(arrivals[start : start + batch])

    return run


class TestTwoIngestersAtOnce(TransactionTestCase):
    """Holds on whatever database the tests run."""

    @settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(agents_frames | deeplens_words, max_size=12), st.randoms(use_true_random=False), st.integers(1, 9))
    def test_ten_times_shuffled_makes_the_tables_of_one_clean_pass(
        self, words: list[Any], rng: random.Random, batch: int
    ) -> None:
        places.seattle01(), places.chicago01()
        arrivals = delivered(words)
        accept(arrivals)
        once = everything()
        wipe()
        # A broker's session has one connection, so one ingester is the first to hear of a DeepLens' message.
        of_agents = [each for each in arrivals if each.delivery is None]
        together(ingester(arrivals, batch), ingester(of_agents, batch))
        together(*(ingester(rng.sample(each, len(each)), batch) for each in [[again(a) for a in arrivals] * 5] * 2))
        assert everything() == once
