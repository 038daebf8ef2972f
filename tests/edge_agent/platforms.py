"""A stand-in for the platform: it subscribes to the devices' topics, and sends receipts or withholds them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent import messages
from tests.programs.brokers import Mosquitto
from tests.programs.waiting import PATIENCE_S


class Platform:
    """Collects what devices publish; confirms it while `confirms` is true."""

    def __init__(self, broker: Mosquitto, *, confirms: bool = True, topics: str = "dt/headcount/+/+") -> None:
        self.confirms = confirms
        self.received: list[tuple[str, bytes]] = []
        self.subscribed = threading.Event()
        self._topics = topics
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics, qos=1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self.subscribed.wait(PATIENCE_S)

    def of_kind(self, kind: str) -> list[messages.FromDevice]:
        return [messages.decode(kind, payload) for topic, payload in list(self.received) if topic.endswith(f"/{kind}")]

    def ids(self) -> list[str]:
        """The ids of all that came and has one, in order of arrival, repetitions included."""
        kept = [self.of_kind(kind) for kind in ("frames", "image", "log")]
        return [message.id for group in kept for message in group if not isinstance(message, messages.Status)]

    def tell(self, thing: str, kind: str, payload: bytes) -> None:
        self._client.publish(messages.topic_to_device(thing, kind), payload, qos=1).wait_for_publish(PATIENCE_S)

    def retain(self, thing: str, kind: str, payload: bytes) -> None:
        """The same for whoever comes later too; an empty payload takes it back."""
        topic = messages.topic_to_device(thing, kind)
        self._client.publish(topic, payload, qos=1, retain=True).wait_for_publish(PATIENCE_S)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        confirms = self.confirms  # Whoever sees the message below may change that.
        self.received.append((message.topic, bytes(message.payload)))
        _, _, thing, kind = message.topic.split("/")[-4:]
        decoded = messages.decode(kind, bytes(message.payload)) if kind in messages.KINDS else None
        if confirms and decoded is not None and not isinstance(decoded, messages.Status):
            receipt = messages.encode(messages.Receipt((decoded.id,)))
            client.publish(messages.topic_to_device(thing, "receipt"), receipt, qos=1)


@contextmanager
def platform(broker: Mosquitto, *, confirms: bool = True, topics: str = "dt/headcount/+/+") -> Iterator[Platform]:
    listening = Platform(broker, confirms=confirms, topics=topics)
    try:
        yield listening
    finally:
        listening.stop()
