"""`python -m benchmarks.tools.publisher PORT RECORD COUNT [options]`: simulated devices in one process.

Publishes COUNT messages with QoS 1 to the Mosquitto at PORT of this machine, as fast as possible or at a steady rate.
Exits when the broker has acknowledged the last message. RECORD is `deeplens` (a thumbs-up in the format of a DeepLens)
or `agent` (a frame with a face and a cup). Several devices publish in turn.
"""

import argparse
import random
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent import messages

MOST_DEVICES = 16

TOPICS = {"deeplens": "$aws/things/deeplens_{}/infer", "agent": messages.topic_from_device("agent_{}", "frames")}
"""The topic of each kind of record, with a placeholder for the device's number."""

LONGEST_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("record", choices=TOPICS)
    parser.add_argument("count", type=int)
    parser.add_argument("--per-second", type=float)
    parser.add_argument("--devices", type=int, default=1, choices=range(1, MOST_DEVICES + 1), metavar="N")
    options = parser.parse_args()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(1_000)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    began = time.monotonic()
    for number in range(options.count):
        if options.per_second:
            time.sleep(max(0.0, began + number / options.per_second - time.monotonic()))
        topic = TOPICS[options.record].format(number % options.devices)
        sent = client.publish(topic, payload(options.record), qos=1)
    sent.wait_for_publish(LONGEST_S)
    client.disconnect()
    client.loop_stop()


def payload(record: str) -> bytes:
    """Return a payload with random confidences, so that no two messages are duplicates."""
    if record == "deeplens":
        return f'{{"thumbs-up": {random.random()}}}'.encode()
    frame = messages.Frame(
        taken_at=time.time_ns() // 1_000_000,
        faces=(messages.Face(random.random(), (410, 120, 96, 118)),),
        objects=(messages.Labelled("cup", random.random(), (455, 300, 60, 66)),),
        size=(1280, 720),
    )
    return messages.encode(messages.Frames(id=messages.new_id(), frames=(frame,)))


if __name__ == "__main__":
    main()
