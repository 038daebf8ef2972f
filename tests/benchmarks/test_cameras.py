"""The simulated fleet speaks MQTT 5 as agents do, and keeps each message until its receipt."""

from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.tools.cameras import Fleet, thing_of
from edge_agent import messages
from tests.programs.brokers import mosquitto

CAMERAS, SECONDS = 5, 2

pytestmark = pytest.mark.real_clock


def test_a_fleet_sends_two_frames_a_second_for_each_camera_and_awaits_the_receipts(tmp_path: Path) -> None:
    heard: list[tuple[str, messages.Frames]] = []

    def take(platform: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        thing, kind = message.topic.split("/")[2:]
        if kind == "frames":
            frames = messages.decode(kind, bytes(message.payload))
            assert isinstance(frames, messages.Frames)
            heard.append((thing, frames))
            receipt = messages.encode(messages.Receipt(ids=(frames.id,)))
            platform.publish(messages.topic_to_device(thing, "receipt"), receipt)

    with mosquitto(tmp_path) as broker:
        platform = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        platform.on_message = take
        platform.connect(broker.host, broker.port)
        platform.subscribe("dt/headcount/+/+", 1)
        platform.loop_start()
        try:
            outcome = Fleet(broker.port, CAMERAS).speak(SECONDS)
        finally:
            platform.disconnect()
            platform.loop_stop()
    assert (outcome.sent, outcome.receipts, outcome.without_receipt) == (CAMERAS * SECONDS, CAMERAS * SECONDS, 0)
    assert {thing for thing, _ in heard} == {thing_of(number) for number in range(CAMERAS)}
    assert len({frames.id for _, frames in heard}) == CAMERAS * SECONDS
    assert all(len(frames.frames) == 2 for _, frames in heard)
    assert any(frames.visits for _, frames in heard)
