"""Simulated devices: their detections are random, but they store and send messages as real devices do."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.faults.ingester import Standstill
from benchmarks.faults.ledger import Aside, Ledger, Said
from edge_agent import messages
from edge_agent.config import AgentConfig
from edge_agent.delivery.link import Link
from edge_agent.delivery.outbox import Message, Outbox

OUTBOX_BYTES = 512_000_000
"""The agent's default."""

CONNECTS_WITHIN = 10.0
GOODBYE_S = 1.0


class Clock:
    """A device's clock: the machine's time plus `off_s` seconds. `off_s` may be changed at any time."""

    def __init__(self) -> None:
        self.off_s = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.off_s * 1000


class Device(Protocol):
    def say(self) -> object:
        """Send one message."""

    def close(self) -> None:
        """Switch the device off for good."""


class Agent:
    """An edge agent with the real outbox and the real link. The ledger records what the outbox accepted."""

    def __init__(
        self,
        thing: str,
        url: str,
        outbox: Path,
        ledger: Ledger,
        *,
        chance: random.Random,
        clock: Callable[[], int],
        outbox_bytes: int = OUTBOX_BYTES,
    ) -> None:
        self.thing, self._ledger, self._chance, self._clock = thing, ledger, chance, clock
        self.outbox = Outbox(outbox, outbox_bytes)
        self._config = AgentConfig(thing=thing, mqtt_url=url)
        self._link = self._new_link()

    def say(self) -> bool:
        """Send one frame. Return whether the outbox accepted it."""
        return self.put(self.frame())

    def frame(self) -> messages.Frame:
        """Return a frame taken now with one to three faces; their random confidences make the frame unique."""
        return messages.Frame(
            taken_at=self._clock(),
            faces=tuple(messages.Face(self._chance.random()) for _ in range(self._chance.randint(1, 3))),
        )

    def put(self, *frames: messages.Frame, aside: str = "", id: str = "") -> bool:
        """Send one message with these frames. Return whether the outbox accepted it.

        `aside` is the reason for which the platform must quarantine the message, or "" if it must count the frames.
        """
        message = messages.Frames(id or messages.new_id(), frames)
        payload, at = messages.encode(message), time.time()
        if not self.outbox.put(Message(message.id, "frames", payload)):
            return False
        if aside:
            self._ledger.note_aside(Aside(messages.topic_from_device(self.thing, "frames"), payload, aside))
        else:
            self._ledger.note([said(self.thing, frame) for frame in frames], at)
        return True

    def switch_on(self) -> None:
        self._link.start()

    def switch_off_and_on(self) -> None:
        """Restart the link, as a power cycle does. The outbox's file stays."""
        self._link.stop(GOODBYE_S)
        self._link = self._new_link()
        self._link.start()

    def close(self) -> None:
        self._link.stop(GOODBYE_S)
        self.outbox.close()

    def _new_link(self) -> Link:
        return Link(self._config, self.outbox, software="chaos", epoch_ms=self._clock)


class DeepLens:
    """A DeepLens: it publishes with QoS 1 and has no outbox. `settle` records the acknowledged messages in the ledger.

    Its messages carry a time only if `clock` is given. Without a clock, a third of the messages show no face, so their
    payloads are identical.
    """

    def __init__(
        self, thing: str, url: str, ledger: Ledger, *, chance: random.Random, clock: Clock | None = None
    ) -> None:
        self.thing, self._ledger, self._chance, self._clock = thing, ledger, chance, clock
        self._sent: list[tuple[mqtt.MQTTMessageInfo, Said, float]] = []
        self._client = connected(url)

    def say(self) -> None:
        faces = tuple(self._chance.random() for _ in range(self._chance.randint(0 if self._clock is None else 1, 2)))
        taken_at = self._clock() if self._clock else None
        self._send(Said(self.thing, taken_at, tuple(sorted(faces))))

    def say_aside(self, reason: str) -> None:
        """Send a frame that the platform must quarantine for this reason."""
        taken_at = self._clock() if self._clock else None
        payload = _deeplens_payload(taken_at, (self._chance.random(),))
        info = self._client.publish(_infer(self.thing), payload, qos=1)
        info.wait_for_publish(CONNECTS_WITHIN)
        self._ledger.note_aside(Aside(_infer(self.thing), payload, reason))

    def settle(self, within: float) -> bool:
        """Record the messages that the broker acknowledges within these seconds. Return whether it acknowledged all."""
        deadline = time.monotonic() + within
        while not all(info.is_published() for info, _, _ in self._sent) and time.monotonic() < deadline:
            time.sleep(0.05)
        acknowledged = [(said, at) for info, said, at in self._sent if info.is_published()]
        for each, at in acknowledged:
            self._ledger.note([each], at)
        everything = len(acknowledged) == len(self._sent)
        self._sent.clear()
        return everything

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self, said: Said) -> None:
        payload, at = _deeplens_payload(said.taken_at, said.faces), time.time()
        self._sent.append((self._client.publish(_infer(self.thing), payload, qos=1), said, at))


class Stream:
    """One connection that sends any device's messages, and valid messages of its own device between them.

    The receipts for the valid messages show how far the platform has come. `has_room` keeps the sender from running far
    ahead of the platform: the delays would then measure only the queue.
    """

    AHEAD = 5
    """The largest number of valid messages that may wait for their receipts."""

    def __init__(self, thing: str, url: str, ledger: Ledger, *, chance: random.Random) -> None:
        self.thing, self._ledger, self._chance, self._clock = thing, ledger, chance, Clock()
        self._waiting: set[str] = set()
        self._client = connected(url, receipts_for=thing)
        self._client.on_message = self._on_receipt

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def say(self) -> None:
        """Send a valid message of the stream's own device."""
        frame = messages.Frame(taken_at=self._clock(), faces=(messages.Face(self._chance.random()),))
        message, at = messages.Frames(messages.new_id(), (frame,)), time.time()
        self._waiting.add(message.id)
        self.send(messages.topic_from_device(self.thing, "frames"), messages.encode(message))
        self._ledger.note([said(self.thing, frame)], at)

    def has_room(self) -> bool:
        return len(self._waiting) <= self.AHEAD

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_receipt(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        self._waiting.difference_update(msgspec.json.decode(message.payload, type=messages.Receipt).ids)


def said(thing: str, frame: messages.Frame) -> Said:
    return Said(thing, frame.taken_at, tuple(sorted(face.confidence for face in frame.faces or ())))


def connected(url: str, *, receipts_for: str = "") -> mqtt.Client:
    """Return a connected MQTT client whose network loop runs in a thread.

    Raises `Standstill` if the broker does not confirm a subscription in time.
    """
    broker = AgentConfig(thing="any", mqtt_url=url).broker
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(0)
    client.on_subscribe = lambda *_: ready.set()
    # The confirmed subscription shows that the connection works. Nothing is published for the thing "nobody".
    topic = messages.topic_to_device(receipts_for or "nobody", "receipt")

    def subscribe(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(topic, qos=1)

    client.on_connect = subscribe
    client.connect(broker.host, broker.port)
    client.loop_start()
    if not ready.wait(CONNECTS_WITHIN):
        raise Standstill(f"The broker at {url} did not confirm a subscription within {CONNECTS_WITHIN:.0f} s.")
    return client


@contextmanager
def speaking(rates: Mapping[Device, float]) -> Iterator[None]:
    """Let each device send messages at its rate (messages per second), in its own thread, until the block ends."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_speak, args=(device, 1 / rate, stop), daemon=True) for device, rate in rates.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _speak(device: Device, period_s: float, stop: threading.Event) -> None:
    due = time.monotonic()
    while not stop.wait(max(due - time.monotonic(), 0)):
        device.say()
        # The schedule does not move when the machine is late, so the average rate holds.
        due += period_s


def _infer(thing: str) -> str:
    return f"$aws/things/{thing}/infer"


def _deeplens_payload(taken_at: int | None, faces: tuple[float, ...]) -> bytes:
    """Return the JSON payload as a DeepLens writes it: the key "face" is repeated for each face."""
    pairs = [f'"unix_time": {taken_at}'] if taken_at is not None else []
    pairs += [f'"face": {face!r}' for face in faces]
    return ("{" + ", ".join(pairs) + "}").encode()
