"""What a DeepLens says, in each of its dialects, becomes what it means."""

import datetime as dt
import json
import zoneinfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.reading import deeplens
from devices.reading.deeplens import BadValue, DeepLensMessage, Unreadable
from edge_agent.messages import Face, Labelled

THING_TOPIC = "$aws/things/deeplens_bmTWwitIRUi_mASjZASUHA/infer"


def read(payload: str) -> DeepLensMessage:
    return deeplens.read(payload.encode())


@pytest.mark.parametrize(
    ("payload", "level"),
    [
        ("Loading object detection model", "info"),
        ("Opened Pipe", "info"),
        ("deeplens_HoVip9KQTXiC3UFub47lJA", "info"),
        ("uploaded to s3: images/frame-20181009-101500.jpg", "info"),
        ("Response: {'ResponseMetadata': {'HTTPStatusCode': 200}}", "info"),
        ('"Face detection starts now"', "info"),
        ("Test failed: Failed to get frame from the stream", "error"),
        ("Error in object detection lambda: no frame", "error"),
        ("NO DETECTIONS MADE", "info"),
    ],
)
def test_plain_text_is_a_line_of_log(payload: str, level: str) -> None:
    assert read(payload) == DeepLensMessage(text=payload.strip('"'), level=level)  # type: ignore[arg-type]


def frame(*confidences: float) -> DeepLensMessage:
    return DeepLensMessage(has_frame=True, faces=tuple(Face(each) for each in confidences))


@pytest.mark.parametrize(
    ("payload", "faces"),
    [
        ('{"face": 0.5654296875}', [0.5654296875]),
        ('{"1": 0.53,"1": 0.61,"1": 0.97,"null": 0.0}', [0.53, 0.61, 0.97]),
        ('{"prob": 0.98,"prob": 0.71,"face": "true"}', [0.98, 0.71]),
        ('{"null": 0.0}', []),
        ('{"face": "false"}', []),
        ('{"face": false}', []),
        ('{"Prob": 0.98, "FACE": 0.7, " 1.0 ": 0.6}', [0.98, 0.7, 0.6]),
        ('{"face": 1}', [1.0]),
        ('{"face": 0}', [0.0]),
    ],
)
def test_faces_are_counted_however_often_a_key_repeats(payload: str, faces: list[float]) -> None:
    assert msgspec.structs.replace(read(payload), record=()) == frame(*faces)


@pytest.mark.parametrize("payload", ['{"face": "true"}', '{"face": true}', '{"prob": "True", "null": 0.0}'])
def test_a_flag_that_there_are_faces_is_not_read_as_none(payload: str) -> None:
    with pytest.raises(BadValue, match="no probability tells how many"):
        read(payload)


@pytest.mark.parametrize("payload", ['{"thumbs-up": true}', '{"thumbs-up": "false"}', '{"night": "true", "face": 0.9}'])
def test_a_flag_of_anything_but_faces_tells_nothing_of_faces(payload: str) -> None:
    with pytest.raises(Unreadable, match="neither a probability nor a known field"):
        read(payload)


@pytest.mark.parametrize("payload", ["{}", '{"timestamp": "20180816-183152"}'])
def test_a_message_that_names_nothing_does_not_tell_whether_the_device_looks_for_faces(payload: str) -> None:
    said = read(payload)
    assert (said.has_frame, said.is_empty, said.faces) == (True, True, None)


def test_a_console_export_is_unwrapped_and_keeps_its_time_and_topic() -> None:
    export = {"format": "json", "payload": {"face": 0.5}, "qos": 0, "timestamp": 1554853281975, "topic": THING_TOPIC}
    said = read(json.dumps(export))
    assert (said.faces, said.taken_at, said.claimed_topic) == ((Face(0.5),), 1554853281975, THING_TOPIC)


def test_a_thumbs_up_record_leaves_the_faces_unknown_and_names_its_picture() -> None:
    said = read(
        '{"link_to_img": "https://s3.amazonaws.com/b/images/image_at_20180816-183152.jpg",'
        '"timestamp": "20180816-183152", "objects": [{"index": 0, "confidence": 0.998046875, "object": "thumbs-up"},'
        '{"index": 1, "confidence": 0.994140625, "object": "thumbs-up"}], "device_id": "Seattle01"}'
    )
    assert said.faces is None
    assert said.gestures == (Labelled("thumbs-up", 0.998046875), Labelled("thumbs-up", 0.994140625))
    assert said.taken_at == dt.datetime(2018, 8, 16, 18, 31, 52, tzinfo=dt.UTC).timestamp() * 1000
    assert (said.claimed_device, said.picture_url) == (
        "Seattle01",
        "https://s3.amazonaws.com/b/images/image_at_20180816-183152.jpg",
    )


def test_a_time_stamp_is_read_in_the_zone_the_device_was_set_to() -> None:
    said = deeplens.read(b'{"timestamp": "20180816-113152"}', zone=zoneinfo.ZoneInfo("America/Los_Angeles"))
    assert said.taken_at == dt.datetime(2018, 8, 16, 18, 31, 52, tzinfo=dt.UTC).timestamp() * 1000


def test_a_picture_link_alone_is_no_frame() -> None:
    said = read('{"img":"https://s3.amazonaws.com/b/images/image_at_20180816-183152.jpg"}')
    assert not said.has_frame
    assert said.picture_url is not None


def test_a_gesture_alone_leaves_the_faces_unknown() -> None:
    said = read('{"thumbs-up": 0.93}')
    assert (said.faces, said.gestures) == (None, (Labelled("thumbs-up", 0.93),))


def test_another_label_is_an_object() -> None:
    assert read('{"Coffee Cup": 0.7}').objects == (Labelled("coffee cup", 0.7),)


def test_a_face_crop_brings_its_picture_its_time_and_its_face() -> None:
    said = read('{"image_string": "/9j/4AAQ", "unix_time": 1540710101060, "face": 0.94}')
    assert (said.image_string, said.taken_at, said.faces) == ("/9j/4AAQ", 1540710101060, (Face(0.94),))


@pytest.mark.parametrize(
    "payload", ['{"face": NaN}', '{"face": Infinity}', '{"face": 17}', '{"face": -0.1}', '{"a": 1e999}']
)
def test_what_is_no_probability_is_refused(payload: str) -> None:
    with pytest.raises(BadValue, match="not a probability"):
        read(payload)


@pytest.mark.parametrize(
    "payload",
    [
        '{"timestamp": "20180816-183152", "objects": [{"index": 0, "conf',
        "[0.5]",
        "[1",
        '{"note": "hello"}',
        '{"objects": 3}',
        '{"objects": [3]}',
        '{"objects": [{"confidence": 0.5}]}',
        '{"timestamp": "20181399-000000"}',
        '{"timestamp": "19690101-000000"}',
        '{"timestamp": -5}',
        '{"unix_time": 1e300}',
        '{"image_string": 5}',
        '{"payload": 5, "topic": "t"}',
        "",
        "   ",
        "a\x00b",
        "[" * 100_000,
        '{"face": ' + "9" * 5000 + "}",
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(payload: str) -> None:
    with pytest.raises(Unreadable, match=r"^[A-Z“0-9].{5,300}\.$"):
        read(payload)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Unreadable, match="0xFF"):
        deeplens.read(b"\xff\xfe")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(deeplens.NOT_LABELS)), inner),
)


@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary() | st.text().map(str.encode))
def test_whatever_comes_is_an_utterance_or_a_clear_refusal(payload: bytes) -> None:
    try:
        said = deeplens.read(payload)
    except Unreadable:
        return
    found: list[Face | Labelled] = [*(said.faces or ()), *said.gestures, *said.objects]
    assert all(0 <= each.confidence <= 1 for each in found)


CHICAGO = zoneinfo.ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("stamp", "arrived", "taken"),
    [
        ("20261101-013000", "06:30:02", "06:30:00"),
        ("20261101-013000", "07:30:02", "07:30:00"),
        ("20261101-014500", "07:45:02", "07:45:00"),
        ("20261101-015959", "06:59:58", "06:59:59"),  # by a clock that is a second ahead
        ("20261101-010000", "07:00:00", "07:00:00"),
        ("20261101-013000", "07:05:00", "06:30:00"),  # half an hour late rather than half an hour early
        ("20261101-013000", "12:00:00", "07:30:00"),
        ("20261101-013000", None, "06:30:00"),
        ("20261101-003000", "05:30:02", "05:30:00"),
        ("20261101-020000", "08:00:02", "08:00:00"),
        ("20260308-023000", "08:30:02", "08:30:00"),  # a time that does not come
    ],
)
def test_a_stamp_of_the_hour_that_comes_twice_is_placed_by_its_arrival(
    stamp: str, arrived: str | None, taken: str
) -> None:
    day = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}"
    arrived_at = arrived and dt.datetime.fromisoformat(f"{day}T{arrived}+00:00")
    read = deeplens.read(f'{{"timestamp": "{stamp}"}}'.encode(), zone=CHICAGO, arrived_at=arrived_at or None)
    assert read.taken_at == dt.datetime.fromisoformat(f"{day}T{taken}+00:00").timestamp() * 1000
