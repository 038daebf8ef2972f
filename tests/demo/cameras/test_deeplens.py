import base64
import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from demo.cameras import dialects
from demo.cameras.deeplens import TICK, DeepLens
from edge_agent.vision.faces import FaceDetector
from tests.edge_agent.platforms import platform
from tests.programs.brokers import mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

START = int(1_790_000_000 / TICK)


@pytest.fixture(scope="module")
def said() -> list[bytes]:
    """All that a DeepLens says in five minutes."""
    device = DeepLens("elsewhere", 2)
    return [payload for tick in range(START, START + round(300 / TICK)) for payload in device.payloads_at(tick)]


def test_the_dialects_are_those_of_the_devices() -> None:
    assert dialects.one_face(0.5654) == b'{"face": 0.5654296875}'
    assert dialects.faces([0.53, 0.61]) == b'{"1": 0.52978515625,"1": 0.60986328125,"null": 0.0}'
    assert dialects.faces([]) == b'{"null": 0.0}'
    assert dialects.flagged_faces([0.98, 0.71]) == b'{"prob": 0.97998046875,"prob": 0.7099609375,"face": "true"}'
    assert dialects.flagged_faces([]) == b'{"face": "false"}'
    assert dialects.empty() == b"{}"
    assert dialects.no_detections() == b"NO DETECTIONS MADE"
    assert dialects.infer_topic("deeplens_x") == "$aws/things/deeplens_x/infer"
    assert dialects.log_line("Opened Pipe") == b"Opened Pipe"


def test_a_thumbs_up_record_carries_its_time_in_utc() -> None:
    record = json.loads(dialects.thumbs_up([0.998, 0.994], 1534444312.9, "Seattle01"))
    assert record == {
        "link_to_img": "https://s3.amazonaws.com/YOUR-BUCKET-NAME/images/image_at_20180816-183152.jpg",
        "timestamp": "20180816-183152",
        "objects": [
            {"index": 0, "confidence": 0.998046875, "object": "thumbs-up"},
            {"index": 1, "confidence": 0.994140625, "object": "thumbs-up"},
        ],
        "device_id": "Seattle01",
    }


def test_the_messages_are_a_pure_function_of_seed_and_tick() -> None:
    ticks = range(START, START + 50)
    assert [DeepLens("a", 1).payloads_at(tick) for tick in ticks] == [
        DeepLens("a", 1).payloads_at(tick) for tick in ticks
    ]
    assert [DeepLens("a", 1).payloads_at(tick) for tick in ticks] != [
        DeepLens("a", 2).payloads_at(tick) for tick in ticks
    ]


def test_all_dialects_are_sent_at_about_two_messages_a_second(said: list[bytes]) -> None:
    kinds = (
        "{}",
        '{"null": 0.0}',
        '{"face": ',
        '{"1": ',
        '{"link_to_img": ',
        '{"image_string": ',
        "NO DETECTIONS MADE",
    )
    assert all(any(payload.startswith(kind.encode()) for payload in said) for kind in kinds)
    assert 1 <= len(said) / 300 <= 2
    assert max(map(len, said)) < 128 * 1024


def test_its_pictures_show_a_face(said: list[bytes], models: Path) -> None:
    records = [json.loads(payload) for payload in said if payload.startswith(b'{"image_string"')]
    detector = FaceDetector(models)
    for record in records:
        jpeg = np.frombuffer(base64.b64decode(record["image_string"]), np.uint8)
        crop = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
        assert crop is not None
        assert len(detector.detect(np.asarray(crop, np.uint8))) >= 1
        assert START * TICK <= record["unix_time"] / 1000 <= START * TICK + 300


def test_the_simulated_deeplens_publishes_to_a_real_broker_and_ends_on_sigterm(tmp_path: Path) -> None:
    thing = "deeplens_Hgs6kj_yQASF2x-3fOxCHA"
    with mosquitto(tmp_path) as broker, platform(broker, topics="$aws/things/#") as listening:
        command = [sys.executable, "-m", "demo.cameras.deeplens", "--thing", thing, "--name", "Chicago02"]
        player = subprocess.Popen([*command, "--mqtt-url", broker.url, "--seed", "3"])
        try:
            assert eventually(lambda: len(listening.received) >= 6)
            player.send_signal(signal.SIGTERM)
            assert player.wait(PATIENCE_S) == 0
        finally:
            player.kill()
    assert {topic for topic, _ in listening.received} == {f"$aws/things/{thing}/infer"}
    assert [payload for _, payload in listening.received][:3] == [line.encode() for line in dialects.START_UP]


def test_a_wrong_url_is_one_sentence() -> None:
    command = [sys.executable, "-m", "demo.cameras.deeplens", "--thing", "t", "--mqtt-url", "http://u:pw@h"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("deeplens: --mqtt-url is wrong: expected mqtt://")
    assert "pw@h" not in ended.stderr
