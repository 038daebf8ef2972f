import datetime as dt
import json
import random
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import Detection, DeviceSetup, DeviceSoftware, Frame
from devices.intake import batches
from devices.models import Device
from devices.reading.decoding import Arrival
from devices.storage import sql
from edge_agent import messages
from tests.analytics.frames import (
    count,
    detections,
    engagement_table,
    frames_of,
    identity,
    label_table,
    seen,
    stored_engagement,
    stored_labels,
    undone,
)

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MOMENTS = st.integers(0, 40 * 60_000).map(lambda ms: NOON + dt.timedelta(milliseconds=ms))
MOMENTS |= st.integers(0, 40).map(lambda minutes: NOON + dt.timedelta(minutes=minutes))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_tables_do_not_depend_on_order_repetition_and_batches(
    seattle01: Device, chicago01: Device, data: st.DataObject
) -> None:
    frames = data.draw(st.lists(frames_of([seattle01, chicago01], MOMENTS), unique_by=identity, max_size=12))
    arrivals = data.draw(st.permutations(frames * 2)) if frames else []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arrivals)), max_size=4)))
    with undone():
        for first, last in zip([0, *cuts], [*cuts, len(arrivals)], strict=True):
            count(*arrivals[first:last])
        assert sorted(Frame.objects.values_list("device_id", "taken_at", "key", "faces")) == sorted(
            (*identity(frame), None if frame.frame.faces is None else len(frame.frame.faces)) for frame in frames
        )
        assert sorted(
            Detection.objects.values_list("frame__device", "frame__taken_at", "frame__key", "label", "confidence")
        ) == sorted((*identity(frame), *found) for frame in frames for found in detections(frame))
        assert stored_engagement() == engagement_table(frames)
        assert stored_labels() == label_table(frames)


def test_replaying_everything_shuffled_changes_nothing(seattle01: Device) -> None:
    chance = random.Random(2)
    frames = [
        seen(seattle01, NOON + dt.timedelta(seconds=i), faces=[chance.random()] * chance.randrange(4), key=i)
        for i in range(3000)
    ]
    count(*frames)
    tables = stored_engagement(), stored_labels(), Frame.objects.count(), Detection.objects.count()
    for _ in range(3):
        chance.shuffle(frames)
        for first in range(0, len(frames), 500):
            count(*frames[first : first + 500])
    assert (stored_engagement(), stored_labels(), Frame.objects.count(), Detection.objects.count()) == tables
    assert tables[0] == engagement_table(frames)


def test_the_first_message_about_a_frame_counts(seattle01: Device) -> None:
    count(seen(seattle01, NOON, faces=[0.9]), seen(seattle01, NOON, faces=[]))
    count(seen(seattle01, NOON, faces=[0.9, 0.8]))
    assert Frame.objects.get().faces == 1
    assert stored_engagement() == engagement_table([seen(seattle01, NOON, faces=[0.9])])


def test_a_frame_is_kept_as_the_device_reported_it(seattle01: Device) -> None:
    moment = NOON + dt.timedelta(milliseconds=1)
    count(seen(seattle01, moment, faces=[0.1 + 0.2], labels=[("thumbs-up", 1.0)], key=-5))
    frame = Frame.objects.get()
    assert (frame.device, frame.taken_at, frame.key, frame.faces) == (seattle01, moment, -5, 1)
    assert frame.received_at == moment + dt.timedelta(seconds=1)
    found = Detection.objects.order_by("label").values_list("label", "confidence", "box", "review")
    assert list(found) == [("face", 0.1 + 0.2, [1, 2, 30, 40], None), ("thumbs-up", 1.0, None, None)]


def test_a_batch_takes_as_many_statements_as_a_frame(seattle01: Device) -> None:
    def statements(*frames: Any) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            count(*frames)
        return len(queries)

    def frame(second: int) -> Any:
        return seen(seattle01, NOON + dt.timedelta(seconds=second), faces=[0.5], labels=[("cup", 0.9)])

    # On SQLite a statement takes no more rows; each of these frames has two detections.
    most = 2000 if connection.vendor == "postgresql" else sql.STATEMENT_ROWS // 2
    assert statements(*map(frame, range(1, 1 + most))) == statements(frame(1 + most))


def test_detections_go_with_their_frame_and_device(seattle01: Device) -> None:
    times = [NOON + dt.timedelta(seconds=second) for second in range(3)]
    count(*(seen(seattle01, at, faces=[0.5], labels=[("cup", 0.9)]) for at in times))
    Frame.objects.earliest("taken_at").delete()
    assert Detection.objects.count() == 4
    seattle01.delete()
    assert not Detection.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_frame_of_a_device_that_is_no_more_is_refused(seattle01: Device) -> None:
    late = seen(seattle01, NOON)
    Device.objects.filter(pk=seattle01.pk).delete()
    with pytest.raises(IntegrityError):
        count(late)
    assert not Frame.objects.exists()


def test_an_empty_batch_asks_the_database_nothing(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # the transaction's own savepoint
        count()


def test_a_label_that_is_too_long_is_refused_and_not_shortened(seattle01: Device) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite knows no lengths of texts")
    with pytest.raises(DatabaseError), transaction.atomic():
        count(seen(seattle01, NOON, labels=[("x" * 65, 0.9)]))
    assert not Frame.objects.exists()


def test_messages_of_the_intake_are_counted_once(seattle01: Device) -> None:
    frames = [
        {"taken_at": 1000 * round(NOON.timestamp()), "faces": [{"confidence": 0.9}, {"confidence": 0.8}]},
        {"taken_at": 1000 * round(NOON.timestamp()) + 500, "faces": []},
        {"taken_at": 1000 * round(NOON.timestamp()) + 900, "gestures": [{"label": "thumbs-up", "confidence": 0.7}]},
    ]
    payload = json.dumps({"id": "a1", "frames": frames}).encode()
    arrival = Arrival(f"dt/headcount/{seattle01.thing_name}/frames", payload, NOON + dt.timedelta(seconds=5))
    for _ in range(3):
        assert batches.accept([arrival, arrival]).quarantined == 0
    assert stored_engagement() == [(seattle01.pk, NOON, 2, 2, 2, 1, 1)]
    assert [row[2:] for row in stored_labels()] == [
        ("face", 16, 1, 0, 800_000),
        ("face", 18, 1, 0, 900_000),
        ("thumbs-up", 14, 1, 0, 700_000),
    ]


def test_the_start_of_each_setup_of_a_device_is_stored(seattle01: Device) -> None:
    def status(minute: int, accuracy: messages.Accuracy | None, camera: str = "c1", *, bodies: bool = False) -> Arrival:
        at = NOON + dt.timedelta(minutes=minute)
        given = messages.Settings(accuracy=accuracy, detectors=("faces",), bodies=bodies)
        settings = None if accuracy is None else given
        told = messages.Status(
            online=True,
            sent_at=round(at.timestamp() * 1000),
            software="agent 1",
            settings=settings,
            camera=camera,
        )
        return Arrival(messages.topic_from_device(seattle01.thing_name, "status"), messages.encode(told), at)

    everything = [status(0, "balanced"), status(1, None), status(2, "balanced"), status(3, "high")]
    batches.accept(everything)
    batches.accept([*everything, status(4, "high", camera="c2"), status(5, "high", camera="c2", bodies=True)])
    keys = ("setup__accuracy", "setup__camera", "setup__bodies")
    setups = DeviceSetup.objects.order_by("since").values_list("since", *keys)
    assert [(round((since - NOON) / dt.timedelta(minutes=1)), *setup) for since, *setup in setups] == [
        (0, "balanced", "c1", None),
        (3, "high", "c1", None),
        (4, "high", "c2", None),
        (5, "high", "c2", True),
    ]


def test_the_start_of_each_software_version_of_a_device_is_stored(seattle01: Device) -> None:
    def status(minute: int, software: str) -> Arrival:
        at = NOON + dt.timedelta(minutes=minute)
        told = messages.Status(online=True, sent_at=round(at.timestamp() * 1000), software=software)
        return Arrival(messages.topic_from_device(seattle01.thing_name, "status"), messages.encode(told), at)

    everything = [status(0, "agent 1"), status(1, "agent 1"), status(2, "agent 2"), status(3, ""), status(4, "agent 1")]
    batches.accept(everything)
    batches.accept(everything)
    assert list(DeviceSoftware.objects.order_by("since").values_list("since", "software")) == [
        (NOON, "agent 1"),
        (NOON + dt.timedelta(minutes=2), "agent 2"),
        (NOON + dt.timedelta(minutes=4), "agent 1"),
    ]
