"""Devices without cameras: they make up what they saw, but keep and send it as real ones do."""

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
    """A device's clock: right but for `off_s`, which somebody may change at any time."""

    def __init__(self) -> None:
        self.off_s = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.off_s * 1000


class Device(Protocol):
    def say(self) -> object:
        """Say something."""

    def close(self) -> None:
        """Switch it off for good."""


class Agent:
    """An edge agent: the real outbox and the real link. What the outbox took is in the ledger."""

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
        """Speak of one frame; whether the outbox took it."""
        return self.put(self.frame())

    def frame(self) -> messages.Frame:
        """A frame of now with up to three faces, which no other frame is like."""
        return messages.Frame(
            taken_at=self._clock(),
            faces=tuple(messages.Face(self._chance.random()) for _ in range(self._chance.randint(1, 3))),
        )

    def put(self, *frames: messages.Frame, aside: str = "", id: str = "") -> bool:
        """Speak of these frames, which will be set aside where `aside` names a reason."""
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
        """What an impatient owner does; the outbox's file stays."""
        self._link.stop(GOODBYE_S)
        self._link = self._new_link()
        self._link.start()

    def close(self) -> None:
        self._link.stop(GOODBYE_S)
        self.outbox.close()

    def _new_link(self) -> Link:
        return Link(self._config, self.outbox, software="chaos", epoch_ms=self._clock)


class DeepLens:
    """A DeepLens: QoS 1 and no outbox. What the broker acknowledged is in the ledger once it is settled.

    It tells no times unless `clock` is given; one of three messages is then word for word like others.
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
        """Speak of a frame that will be set aside for this reason."""
        taken_at = self._clock() if self._clock else None
        payload = _deeplens_payload(taken_at, (self._chance.random(),))
        info = self._client.publish(_infer(self.thing), payload, qos=1)
        info.wait_for_publish(CONNECTS_WITHIN)
        self._ledger.note_aside(Aside(_infer(self.thing), payload, reason))

    def settle(self, within: float) -> bool:
        """Wait for the broker's acknowledgements and note what has one; whether all have."""
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
    """One connection for messages of any device, with valid ones of its own between them.

    Receipts for its own tell how far the platform is; `has_room` keeps the sender from being far ahead, as its
    messages would then measure nothing but the queue before them.
    """

    AHEAD = 5
    """Valid messages that may wait for their receipts."""

    def __init__(self, thing: str, url: str, ledger: Ledger, *, chance: random.Random) -> None:
        self.thing, self._ledger, self._chance, self._clock = thing, ledger, chance, Clock()
        self._waiting: set[str] = set()
        self._client = connected(url, receipts_for=thing)
        self._client.on_message = self._on_receipt

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def say(self) -> None:
        """Send a valid message of its own."""
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
    """A plain client of the broker, its network running in a thread. Raises `Standstill`."""
    broker = AgentConfig(thing="any", mqtt_url=url).broker
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(0)
    client.on_subscribe = lambda *_: ready.set()
    # To its own receipts, or to the topic where nothing comes: a subscription shows that the connection works.
    topic = messages.topic_to_device(receipts_for or "nobody", "receipt")

    def subscribe(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(topic, qos=1)

    client.on_connect = subscribe
    client.connect(broker.host, broker.port)
    client.loop_start()
    if not ready.wait(CONNECTS_WITHIN):
        raise Standstill(f"The broker at {url} did not answer within {CONNECTS_WITHIN:.0f} s.")
    return client


@contextmanager
def speaking(rates: Mapping[Device, float]) -> Iterator[None]:
    """The devices speak at these rates (messages per second), each in a thread of its own."""
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
        # What a busy machine delays is made up for, so that the rate holds on the whole.
        due += period_s


def _infer(thing: str) -> str:
    return f"$aws/things/{thing}/infer"


def _deeplens_payload(taken_at: int | None, faces: tuple[float, ...]) -> bytes:
    """The key repeats once for each face, as the device writes it."""
    pairs = [f'"unix_time": {taken_at}'] if taken_at is not None else []
    pairs += [f'"face": {face!r}' for face in faces]
    return ("{" + ", ".join(pairs) + "}").encode()
