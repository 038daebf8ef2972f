"""`python -m demo.cameras.deeplens --thing T --name N --mqtt-url U [--seed S]`: plays an old DeepLens.

It publishes on `$aws/things/<thing>/infer` by MQTT v3.1.1 with QoS 1, as those devices did: without an outbox, without
receipts, in dialects that are barely JSON. People come and go as in the other simulated rooms.
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

from demo.cameras import dialects
from demo.cameras.scene import Scene, person_of
from demo.cameras.visits import Visit, visits_at
from edge_agent.config import Broker, ConfigError, broker_of
from edge_agent.pictures.encoding import cut, head_and_shoulders, jpeg

log = logging.getLogger(__name__)

TICK = 0.6
"""Seconds between two looks; now and then a look is two messages, so 1.7 messages a second or a little more."""

PICTURE_AFTER = 4.0
"""Seconds after somebody's coming at which the device sends her face: its countdown."""

THUMB_CHANCE, THUMB_AFTER, THUMB_SECONDS = 0.4, 6.0, 3.0
"""How many visitors hold up a thumb, when after their coming, and for how long."""

SIGN_OF_LIFE_EVERY = 25
"""Ticks between two lines that are no frames."""

CONNECT_SECONDS = 2.0
CROP_MARGIN = 0.6
ROOM = "cafe"


class DeepLens:
    """What an old DeepLens says at each tick: a pure function of its seed and the tick.

    `name` is the device's name (`Chicago02`), which its thumbs-up records carry. Tick n is at epoch second n × `TICK`.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name, self._seed = name, seed
        self._scene = Scene(ROOM, seed)

    def says(self, tick: int) -> list[bytes]:
        """The payloads of this tick, in order."""
        now = tick * TICK
        random = np.random.default_rng((self._seed, tick))
        visits = visits_at(self._seed, now)
        said = [self._frame(visits, now, random)]
        if tick % SIGN_OF_LIFE_EVERY == 0:
            said.append(dialects.no_detections())
        for visit in visits:
            said += self._picture(visit, now, random)
        return said

    def _frame(self, visits: Sequence[Visit], now: float, random: np.random.Generator) -> bytes:
        thumbs = [_confidence(random) for visit in visits if _holds_thumb(visit, now)]
        if thumbs:
            return dialects.thumbs_up(thumbs, now, self._name)
        found = [_confidence(random) for _ in visits]
        if len(found) == 1:
            return dialects.one_face(found[0])
        return dialects.faces(found) if found or random.random() < 0.5 else dialects.empty()

    def _picture(self, visit: Visit, now: float, random: np.random.Generator) -> Iterator[bytes]:
        person = person_of(visit, now)
        if person is None or not _just_passed(visit, PICTURE_AFTER, now):
            return
        picture = self._scene.picture_at(now)
        crop = cut(picture, head_and_shoulders(person.face, picture, CROP_MARGIN))
        yield dialects.face_crop(jpeg(crop)[0], round(now * 1000), _confidence(random))


def _just_passed(visit: Visit, seconds: float, now: float) -> bool:
    """Whether this moment of the visit came since the last tick, so that it counts once."""
    return now - TICK < visit.started + seconds <= now


def _holds_thumb(visit: Visit, now: float) -> bool:
    return visit.dress < THUMB_CHANCE and 0 <= now - visit.started - THUMB_AFTER < THUMB_SECONDS


def _confidence(random: np.random.Generator) -> float:
    return float(random.beta(9, 2) * 0.45 + 0.54)


def play(device: DeepLens, client: mqtt.Client, topic: str, stop: threading.Event) -> None:
    """Say what the device says, tick by tick, until `stop` is set. What it says while it is offline is lost."""
    for line in dialects.START_UP:
        client.publish(topic, dialects.log_line(line), qos=1)
    tick = int(time.time() / TICK) + 1
    while not stop.wait(max(tick * TICK - time.time(), 0)):
        for payload in device.says(tick) if client.is_connected() else ():
            client.publish(topic, payload, qos=1)
        # A clock that was set, or a machine that slept, must not make it speak for hours that are over.
        tick = max(tick, int(time.time() / TICK)) + 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until SIGTERM or SIGINT, then 0; 2 with one sentence on stderr for a wrong argument."""
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
    parser = argparse.ArgumentParser(prog="python -m demo.cameras.deeplens", description="Plays a DeepLens.")
    parser.add_argument("--thing", required=True, help="its AWS IoT thing name")
    parser.add_argument("--name", help="its name in its thumbs-up records (default: the thing name)")
    parser.add_argument("--mqtt-url", required=True, help="mqtt://[user:password@]host[:port]")
    parser.add_argument("--seed", type=int, default=0, help="another number, other visitors")
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
