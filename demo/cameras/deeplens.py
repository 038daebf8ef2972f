"""`python -m demo.cameras.deeplens --thing T --name N --mqtt-url U [--seed S]`: simulates an old DeepLens.

It publishes on `$aws/things/<thing>/infer` over MQTT v3.1.1 with QoS 1, as the real devices did: without an outbox and
receipts, in dialects that are barely JSON. It has the same kind of visitors as the simulated scenes.
"""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from demo.camera_profiles import PROFILES
from demo.cameras import dialects
from demo.cameras.scene import Scene, person_of, thumb_of
from demo.cameras.visitors import Visitor
from edge_agent.config import Broker, ConfigError, broker_of
from edge_agent.pictures.encoding import cut, head_and_shoulders, jpeg

log = logging.getLogger(__name__)

TICK = 0.6
"""Seconds between two frames. Some frames give two messages, so the device sends about 1.7 messages a second."""

PICTURE_AFTER = 4.0
"""Seconds from a visitor's arrival to the picture of the visitor's face: the device's countdown."""

THUMB_CHANCE = 0.4
"""Share of the visitors who hold up a thumb before a camera that the demo does not know."""

APART_FROM_THUMBS = 3.0
"""No face is photographed for so many seconds around a thumb, because the picture of a face shows no hand."""

HEARTBEAT_TICKS = 25
"""Ticks between two heartbeats."""

CONNECT_SECONDS = 2.0
CROP_MARGIN = 0.6
ROOM = "cafe"


class DeepLens:
    """Generates the messages of an old DeepLens: a pure function of seed and tick. Tick n is at second n × `TICK`.

    `name` is the device's name (`Chicago02`) in its thumbs-up records. If it is that of a camera of the demo, as many
    visitors come as in the camera's history, and as many hold up a thumb.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name, self._seed = name, seed
        profile = next((profile for profile in PROFILES if profile.name == name), None)
        self._scene = Scene(ROOM, seed, profile, (THUMB_CHANCE, 0.0))

    def payloads_at(self, tick: int) -> list[bytes]:
        """Return the payloads of this tick, in order."""
        now = tick * TICK
        random = np.random.default_rng((self._seed, tick))
        visitors = self._scene.visitors_at(now)
        payloads = [self._frame(visitors, now, random)]
        if tick % HEARTBEAT_TICKS == 0:
            payloads.append(dialects.no_detections())
        for visitor in visitors:
            if not any(thumb_of(each, now, around=APART_FROM_THUMBS) for each in visitors):
                payloads += self._picture(visitor, now, random)
        return payloads

    def _frame(self, visitors: Sequence[Visitor], now: float, random: np.random.Generator) -> bytes:
        thumbs = [_confidence(random) for visitor in visitors if thumb_of(visitor, now)]
        if thumbs:
            return dialects.thumbs_up(thumbs, now, self._name)
        found = [_confidence(random) for visitor in visitors if person_of(visitor, now) is not None]
        if len(found) == 1:
            return dialects.one_face(found[0])
        return dialects.faces(found) if found or random.random() < 0.5 else dialects.empty()

    def _picture(self, visitor: Visitor, now: float, random: np.random.Generator) -> Iterator[bytes]:
        person = person_of(visitor, now)
        if person is None or not _just_passed(visitor, PICTURE_AFTER, now):
            return
        picture = self._scene.picture_at(now)
        crop = cut(picture, head_and_shoulders(person.face, picture, CROP_MARGIN))
        yield dialects.face_crop(jpeg(crop)[0], round(now * 1000), _confidence(random))


def _just_passed(visitor: Visitor, seconds: float, now: float) -> bool:
    """Whether `seconds` after the visitor's arrival lies between the last tick and this one, so that it counts once."""
    return now - TICK < visitor.started + seconds <= now


def _confidence(random: np.random.Generator) -> float:
    return float(random.beta(9, 2) * 0.45 + 0.54)


def play(device: DeepLens, client: mqtt.Client, topic: str, stop: threading.Event) -> None:
    """Publish the device's messages, tick by tick, until `stop` is set. Messages while offline are lost."""
    for line in dialects.START_UP:
        client.publish(topic, dialects.log_line(line), qos=1)
    tick = int(time.time() / TICK) + 1
    while not stop.wait(max(tick * TICK - time.time(), 0)):
        for payload in device.payloads_at(tick) if client.is_connected() else ():
            client.publish(topic, payload, qos=1)
        # After a change of the clock or a sleep of the machine, past ticks are skipped.
        tick = max(tick, int(time.time() / TICK)) + 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate the device until SIGTERM or SIGINT. Returns 0, or 2 for a wrong argument: one sentence on stderr."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    try:
        broker = broker_of(options.mqtt_url, "--mqtt-url")
    except ConfigError as error:
        print(f"deeplens: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    client = _connect(broker, options.thing)
    play(DeepLens(options.name or options.thing, options.seed), client, dialects.infer_topic(options.thing), stop)
    client.disconnect()
    client.loop_stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.cameras.deeplens", description="Simulate an AWS DeepLens.")
    parser.add_argument("--thing", required=True, help="AWS IoT thing name of the device")
    parser.add_argument("--name", help="name in the thumbs-up records (default: the thing name)")
    parser.add_argument("--mqtt-url", required=True, help="mqtt://[user:password@]host[:port]")
    parser.add_argument("--seed", type=int, default=0, help="seed of the visitors (0)")
    return parser


def _connect(broker: Broker, thing: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=thing, protocol=mqtt.MQTTv311)
    client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set()
    client.on_connect = lambda client, userdata, flags, reason, properties: log.info("connection: %s", reason)
    client.connect_timeout = CONNECT_SECONDS
    client.reconnect_delay_set(1, 30)
    client.connect_async(broker.host, broker.port)
    client.loop_start()
    return client


if __name__ == "__main__":
    sys.exit(main())
