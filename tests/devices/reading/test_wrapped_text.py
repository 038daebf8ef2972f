"""A line of log is what looks like a sentence; what looks like data is read or quarantined, and never a line of log."""

import base64
import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.reading import deeplens
from devices.reading.deeplens import Unreadable
from devices.reading.wrapped_text import python_as_json
from edge_agent.messages import Face

JSON = '{"face": 0.91, "1": 0.5}'


@pytest.mark.parametrize(
    "payload",
    [
        "\ufeff" + JSON,
        " \ufeff\n" + JSON,
        f"'{JSON}'",
        f'"{JSON}"',
        f"`{JSON}`",
        json.dumps(JSON),
        f"b'{JSON}'",
        f"u'{JSON}'",
        repr(JSON.encode()),
        base64.b64encode(JSON.encode()).decode(),
        base64.urlsafe_b64encode(JSON.encode()).decode().rstrip("="),
        base64.encodebytes(JSON.replace("{", "{" + " " * 80).encode()).decode(),
        JSON.encode().hex(),
        JSON.replace('"', "'"),
        "{u'face': 0.91, '1': 0.5}",
    ],
)
def test_wrapped_json_is_the_record_that_was_wrapped(payload: str) -> None:
    read = deeplens.read(payload.encode())
    assert read.faces == (Face(0.91), Face(0.5))
    assert read.record == deeplens.read(JSON.encode()).record


def test_a_record_in_pythons_notation_is_read() -> None:
    payload = (
        "{'device_id': u'Seattle01', 'timestamp': '20180816-183152', 'known': True, 'missing': None, 'size': 12L, "
        "'objects': [{'index': 0, 'object': 'thumbs-up', 'confidence': 0.998046875}]}"
    )
    read = deeplens.read(payload.replace("'known': True, ", "").replace("'missing': None, 'size': 12L, ", "").encode())
    assert (read.claimed_device, [gesture.label for gesture in read.gestures]) == ("Seattle01", ["thumbs-up"])
    assert json.loads(python_as_json(payload))["size"] == 12


@pytest.mark.parametrize(
    "line",
    [
        "Opened Pipe",
        "deeplens_HoVip9KQTXiC3UFub47lJA",
        "uploaded to s3: images/frame-20181009-101500.jpg",
        "Response: {'ResponseMetadata': {'HTTPStatusCode': 200}}",
        "Test failed: Failed to get frame from the stream",
        "exposure set to 5",
        "eyes are open",
        "Frame 12 of 20",
        "[INFO] Opened Pipe",
        "[2018-08-16 18:31:52] [WARN] slow: 3.2 s",
        "Error: 5",
        "<urlopen error [Errno -2] Name or service not known>",
        "<type 'exceptions.KeyError'>: face",
        "Kamera wird geöffnet…",
        "моделта е заредена",
        "Say Cheese!",
        "Data pushed to S3",
        "model loaded, 2 outputs, ready",
        "'Opened Pipe'",
    ],
)
def test_a_sentence_is_a_line_of_log(line: str) -> None:
    assert deeplens.read(line.encode()).text == line.strip("'")


@pytest.mark.parametrize(
    "payload",
    [
        "0.93",
        "-1",
        "1e-5",
        "true",
        "null",
        "NaN",
        "12;0.5;0.93",
        "20180816-183152",
        "face,0.93",
        "face, 0.93",
        "label,confidence\nface,0.93",
        "face\t0.93",
        "face 0.93",
        "face=0.93",
        "face=0.93&hand=0.1",
        "face: 0.93",
        "- face: 0.9\n- hand: 0.8",
        "---\nface: 0.9",
        "[detections]\nface = 0.9",
        "engagement,device=Seattle01 face=0.93 1554853281975",
        "<html><head><title>502 Bad Gateway</title></head></html>",
        "<!DOCTYPE html>\n<h1>Service unavailable</h1>",
        '<html lang="en"><body>cut off',
        "<?xml version='1.0'?><face>0.9</face>",
        "<face>0.9</face>",
        "('face', 0.93)",
        "(0.93, 'face')",
        "OrderedDict([('face', 0.93)])",
        "array([0.93, 0.1])",
        'callback({"face": 0.91});',
        'data = {"face": 0.91}',
        '\\{"face": 0.91\\}',
        "'[0.91, 0.5]'",
        "b'[0.91'",
        "[0.93, 0.1]",
        "['face', 0.93]",
        "%7B%22face%22%3A0.91%7D",
        "{&quot;face&quot;: 0.91}",
        "&quot;face&quot;",
        "x" * 81,
        base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(20)).decode(),
        "{face: 0.91}",
        "{'face': 0.91",
        "{'face': 'it''s}",
        "''",
        "\ufeff",
    ],
)
def test_data_is_refused_with_a_sentence(payload: str) -> None:
    with pytest.raises(Unreadable, match=r"^[A-Z].{5,200}\.$"):
        deeplens.read(payload.encode())


@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        "a,",
        "'",
        "\\'",
        '"',
        "[a",
        "<a ",
        "a=",
        "a\t",
        "-- ",
        "u'",
        "(",
        "%",
        "1",
        "[",
        "a.",
        "é",
        "{'",
        "b'",
        "= ",
    ],
)
@pytest.mark.parametrize("around", ["{}", "{}!", "a{}", "[a{}", "{{'{}", "<a {}", "'{}'", "b'{}'", "[{}"])
def test_no_payload_takes_long(piece: str, around: str) -> None:
    payload = around.format(piece * (50_000 // len(piece))).encode()
    began = time.process_time()
    with contextlib.suppress(Unreadable):
        deeplens.read(payload)
    assert time.process_time() - began < 0.5


literals = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53) | st.floats(0, 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(literals)
def test_what_python_writes_is_read_as_what_json_would_say(value: object) -> None:
    assert json.loads(python_as_json(repr(value))) == value
