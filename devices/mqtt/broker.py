"""The broker, seen from the platform: with `devices/mqtt/wire.py`, all of the platform that speaks MQTT."""

import datetime as dt
import itertools
import logging
import queue
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
import paho.mqtt.client as paho
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.intake.decoding import Arrival, Carriage, thing_of
from devices.intake.deliveries import UNACKNOWLEDGED
from devices.mqtt.routes import Route
from devices.mqtt.wire import Client, Published
from edge_agent.messages import MAX_PACKET_BYTES

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps our session and its messages while we are away; AWS IoT Core's largest."""

AT_ONCE_BYTES = 8 * 1024 * 1024
"""Of payload in one take, so that pictures neither hold a transaction open for long nor pile up in memory."""

KEEPALIVE_S = 30
TIMEOUT_S = 10


class BrokerUnavailable(Exception):
    """The broker cannot be reached or does not take what it is given; the message says which."""


class Delivered(msgspec.Struct, frozen=True):
    """A message in our hands that the broker still holds: it may go only after `Subscription.ack`."""

    arrival: Arrival
    packet_id: int
    qos: int
    connection: int
    """Which of our connections it came on."""


class Subscription:
    """Our session at the broker: takes the devices' messages, acknowledges each only when told to.

    On a persistent route the broker keeps the session, and what comes for it, while we are away. On any other
    it forgets both as soon as the connection ends: that is for messages whose senders wait for receipts.

    The network runs in a thread of its own, which hands over to a queue and never waits. All other methods may be
    called from any thread, `take` from one at a time. The queue is bounded: by the protocol the broker sends at most
    `UNACKNOWLEDGED` messages of QoS 1 ahead of our acknowledgements (540 MB, were each as large as
    `MAX_PACKET_BYTES`), and of QoS 0 no more than that are let in. A broker that sends more than both together is
    disconnected, and keeps what it sent.
    """

    def __init__(
        self,
        url: str,
        route: Route,
        *,
        first_sequence: int,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._clock = clock
        self._route = route
        self._sequence = itertools.count(first_sequence)
        self._waiting: queue.SimpleQueue[Delivered] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._connection = 0
        self.overflowed = 0
        """Messages of QoS 0 that came while the queue was full: nobody holds them any more."""
        self._client, self._address = Client(route.client_id, self._on_published), _address(urlsplit(url))
        _prepare(self._client, urlsplit(url))
        self.subscribed = threading.Event()
        """Set once the broker has taken our subscriptions, and so keeps what is published for us."""
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect

    def start(self) -> None:
        """Connect, and connect again whenever the connection ends. Raises `BrokerUnavailable` the first time only."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = SESSION_EXPIRY_S if self._route.persistent else 0
        session.ReceiveMaximum = UNACKNOWLEDGED
        session.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.reconnect_delay_set(1, 30)
        _connect(self._client, self._address, clean_start=not self._route.persistent, properties=session)
        self._client.loop_start()

    def take(self, most: int, *, timeout_s: float) -> list[Delivered]:
        """What has arrived, in its order; waits up to `timeout_s` for the first.

        Answers at most so many messages, and no further ones once it has `AT_ONCE_BYTES` of payload.
        """
        delivered: list[Delivered] = []
        room = AT_ONCE_BYTES
        with suppress(queue.Empty):
            while len(delivered) < most and room > 0:
                next_one = self._waiting.get(timeout=timeout_s) if not delivered else self._waiting.get_nowait()
                delivered.append(next_one)
                room -= len(next_one.arrival.payload)
        return delivered

    def ack(self, delivered: Sequence[Delivered]) -> None:
        """Let the broker forget these, in their order.

        What came on an earlier connection is passed over: its packet ids now mean other messages. The broker will
        redeliver it, and the intake knows it again.
        """
        with self._lock:
            self._client.acknowledge(
                each.packet_id for each in delivered if each.connection == self._connection and each.qos > 0
            )

    def publish(self, topic: str, payload: bytes) -> None:
        """Send once, without waiting; what gets lost is made up for by the receiver."""
        self._client.publish(topic, payload, qos=0)

    @property
    def client_id(self) -> str:
        return self._route.client_id

    def takes(self, arrival: Arrival) -> bool:
        """Whether the message is ours; another's needs no more than our acknowledgement."""
        return self._route.takes(thing_of(arrival.topic))

    def is_alive(self) -> bool:
        """Whether the network thread runs; that it does says nothing about the connection."""
        return self._client._thread is not None and self._client._thread.is_alive()

    def waiting(self) -> int:
        """Messages that are here but not taken."""
        return self._waiting.qsize()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            log.error("The broker refused the connection: %s.", reason)
            return
        log.info("Connected to the broker; its session is %s.", "resumed" if flags.session_present else "new")
        if flags.session_present:
            self._drop_what_comes_again()
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._route.topics])

    def _on_subscribe(self, client: paho.Client, data: Any, packet_id: int, reasons: Any, properties: Any) -> None:
        answers = zip(self._route.topics, reasons, strict=True)
        refused = [f"{topic} ({reason})" for topic, reason in answers if reason.is_failure]
        if refused:
            log.error("The broker refused the subscription to %s: check its access rules.", ", ".join(refused))
        else:
            self.subscribed.set()

    def _drop_what_comes_again(self) -> None:
        """Empty the queue of what the resumed session redelivers; a new session has forgotten it, so then it stays."""
        waiting = []
        while not self._waiting.empty():
            try:
                waiting.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        for each in waiting:
            if each.qos == 0:
                self._waiting.put(each)

    def _on_disconnect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        # From here on a late ack would be sent on the next connection, where its packet id names another message.
        with self._lock:
            self._connection += 1
        if reason.is_failure:
            log.warning("The connection to the broker ended: %s.", reason)

    def _on_published(self, message: Published) -> None:
        if self._waiting.qsize() >= 2 * UNACKNOWLEDGED:
            raise MalformedPacket("The broker has sent more messages than it may have under way.")
        # An exception here would end the network thread without a word.
        try:
            if message.qos == 0 and self._waiting.qsize() >= UNACKNOWLEDGED:
                self.overflowed += 1
                log.error(
                    "Full: lost a message of QoS 0; %d so far. Have the device publish with QoS 1.", self.overflowed
                )
            else:
                self._waiting.put(self._delivered(message))
        except Exception:
            log.exception("A message could not be handed over; the broker keeps it.")

    def _delivered(self, message: Published) -> Delivered:
        carriage = None
        if message.qos > 0 and self._route.persistent:
            carriage = Carriage(self.client_id, message.packet_id, next(self._sequence), message.redelivered)
        arrival = Arrival(
            topic=message.topic.decode("utf-8", "backslashreplace"),
            payload=message.payload,
            received_at=self._clock(),
            carriage=carriage,
            retained=message.retained,
        )
        return Delivered(arrival, message.packet_id, message.qos, self._connection)


def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Send one message as `publish_all` does. Raises `BrokerUnavailable`."""
    publish_all({topic: payload}, retain=retain)


def publish_all(messages: Mapping[str, bytes], *, retain: bool = False) -> None:
    """Send each topic's message with QoS 1, on one connection, and wait until the broker has all of them.

    With `retain` the broker keeps them for whoever subscribes later, until the next one; an empty payload ends that.
    Raises `BrokerUnavailable`; some of them may have been taken then.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    _prepare(client, urlsplit(settings.MQTT_URL))
    _connect(client, _address(urlsplit(settings.MQTT_URL)), clean_start=True, properties=None)
    client.loop_start()
    sent = {}
    try:
        for topic, payload in messages.items():
            sent[topic] = client.publish(topic, payload, qos=1, retain=retain)
        deadline = time.monotonic() + TIMEOUT_S
        for topic, message in sent.items():
            message.wait_for_publish(max(0.0, deadline - time.monotonic()))
            if not message.is_published():
                raise BrokerUnavailable(f"The broker did not take the message on {topic} within {TIMEOUT_S} s.")
    except (RuntimeError, ValueError) as error:
        raise BrokerUnavailable(f"The message on {topic} could not be sent: {error}.") from None
    finally:
        client.disconnect()
        client.loop_stop()


Address = tuple[str, int]


def _prepare(client: paho.Client, url: SplitResult) -> None:
    client.connect_timeout = TIMEOUT_S
    if url.username:
        client.username_pw_set(unquote(url.username), unquote(url.password or ""))
    if url.scheme == "mqtts":
        client.tls_set_context(_tls())


def _address(url: SplitResult) -> Address:
    return url.hostname or "", url.port or (8883 if url.scheme == "mqtts" else 1883)


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.MQTT_CA_FILE or None)
    if settings.MQTT_CERT_FILE:
        context.load_cert_chain(settings.MQTT_CERT_FILE, settings.MQTT_KEY_FILE or None)
    return context


def _connect(client: paho.Client, address: Address, *, clean_start: bool, properties: Properties | None) -> None:
    host, port = address
    try:
        client.connect(host, port, keepalive=KEEPALIVE_S, clean_start=clean_start, properties=properties)
    except (OSError, ValueError) as error:
        raise BrokerUnavailable(f"The broker at {host}:{port} cannot be reached: {error}.") from None
