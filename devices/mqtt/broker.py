"""The platform's connections to the broker. Only this module and `devices/mqtt/wire.py` use MQTT on its side."""

import datetime as dt
import itertools
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
import paho.mqtt.client as paho
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.intake.redelivery import RECEIVE_MAXIMUM
from devices.mqtt.assignments import DEEPLENSES, Assignment, is_loopback
from devices.mqtt.certificates import certificates_end
from devices.mqtt.wire import Client, Published
from devices.reading.decoding import Arrival, Delivery, thing_of
from edge_agent.messages import MAX_PACKET_BYTES

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps a session and its messages while we are away: the most that AWS IoT Core allows."""

MAX_TAKE_BYTES = 8 * 1024 * 1024
"""Payload of the messages that `take` returns at once, so that pictures neither hold a transaction open for long nor
pile up in memory. The last message may exceed it."""

KEEPALIVE_S = 30
TIMEOUT_S = 10

KEPT_FOR = dt.timedelta(seconds=2)
"""After a session is resumed, the broker first sends what it has kept. What comes later was sent just now."""


class BrokerUnavailable(Exception):
    """The broker cannot be reached, or did not take a message. The text is one sentence."""


class Unacknowledged(msgspec.Struct, frozen=True):
    """A received message. The broker keeps it, too, until `Subscription.ack` acknowledges it."""

    arrival: Arrival
    packet_id: int
    qos: int
    connection: int
    """The number of the connection that it came on."""


class Subscription:
    """A session at the broker: receives the devices' messages, and acknowledges each only when `ack` is called.

    With a persistent assignment the broker keeps the session, and the messages for it, while we are away. Otherwise
    the broker forgets both as soon as the connection ends, which suits messages whose senders wait for receipts.

    The network runs in a thread of its own, which puts messages into a queue and never waits. All methods may be
    called from any thread, but `take` only from one at a time. The protocol bounds the queue: the broker may send at
    most `RECEIVE_MAXIMUM` messages of QoS 1 ahead of our acknowledgements (540 MB, were each as large as
    `MAX_PACKET_BYTES`). As many messages of QoS 0 are let in, and further ones are lost. The queue also takes what a
    broker sends beyond the protocol's limit, because ending the connection would leave a large backlog unacknowledged.
    """

    def __init__(
        self,
        url: str,
        assignment: Assignment,
        *,
        first_sequence: int,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._clock = clock
        self._assignment = assignment
        self._sequence = itertools.count(first_sequence)
        self._waiting: queue.SimpleQueue[Unacknowledged] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._connection = 0
        self._kept_until = self._clock()
        self._handed_over: set[bytes] = set()
        """The topics on whose messages this connection has brought the flag of a retained message."""
        self._handing_over_until: dt.datetime | None = None
        """None while the broker has not granted the subscriptions of this connection."""
        self.overflowed = 0
        """Number of messages with QoS 0 that came while the queue was full, and so are lost."""
        self._client, self._address = Client(assignment.client_id, self._on_published), _address(urlsplit(url))
        _prepare(self._client, urlsplit(url))
        self.subscribed = threading.Event()
        """Set once the broker has granted the subscriptions. From then on it keeps the messages for us."""
        self.loopback = assignment.loopback
        self.heard_itself = threading.Event()
        """Set when a message comes on the topic `loopback`."""
        self.delivers: bool | None = None
        """Whether messages come on this connection, as `devices/mqtt/loopback.py` has found out; None: not known."""
        self._certificates_end: float | None = None
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect

    def start(self) -> None:
        """Connect, and reconnect when the connection ends. Raises `BrokerUnavailable` if the first attempt fails."""
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = SESSION_EXPIRY_S if self._assignment.persistent else 0
        session.ReceiveMaximum = RECEIVE_MAXIMUM
        session.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.reconnect_delay_set(1, 30)
        _connect(self._client, self._address, clean_start=not self._assignment.persistent, properties=session)
        self._client.loop_start()

    def take(self, most: int, *, timeout_s: float) -> list[Unacknowledged]:
        """Return the messages that have arrived, in their order; wait up to `timeout_s` for the first.

        Returns at most `most` messages, and no further ones once their payloads have reached `MAX_TAKE_BYTES`.
        """
        taken: list[Unacknowledged] = []
        room = MAX_TAKE_BYTES
        with suppress(queue.Empty):
            while len(taken) < most and room > 0:
                message = self._waiting.get(timeout=timeout_s) if not taken else self._waiting.get_nowait()
                taken.append(message)
                room -= len(message.arrival.payload)
        return taken

    def ack(self, taken: Sequence[Unacknowledged]) -> None:
        """Acknowledge these messages in their order, so that the broker forgets them.

        A message that came on an earlier connection is passed over, because its packet id now means another message.
        The broker redelivers it, and the intake recognises it.
        """
        with self._lock:
            self._client.acknowledge(
                message.packet_id for message in taken if message.connection == self._connection and message.qos > 0
            )

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Send a payload on each topic with QoS 0, without waiting. The receivers must cope with a lost message."""
        self._client.send(messages)

    @property
    def client_id(self) -> str:
        return self._assignment.client_id

    def is_ours(self, arrival: Arrival) -> bool:
        """Whether this ingester takes the message in. Another message only needs an acknowledgement."""
        return self._assignment.includes(thing_of(arrival.topic)) and not is_loopback(arrival.topic)

    def is_connected(self) -> bool:
        return self._client.is_connected()

    def certificate_seconds(self) -> float | None:
        """Return the seconds until the certificate of the broker, or our own, expires. None without TLS."""
        return None if self._certificates_end is None else self._certificates_end - self._clock().timestamp()

    def is_alive(self) -> bool:
        """Whether the network thread runs, with or without a connection."""
        return self._client._thread is not None and self._client._thread.is_alive()

    def waiting(self) -> int:
        """Return the number of received messages that `take` has not returned yet."""
        return self._waiting.qsize()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            log.error("The broker refused the connection: %s.", reason)
            return
        log.info("Connected to the broker with a %s session.", "resumed" if flags.session_present else "new")
        self._certificates_end = certificates_end(client.socket())
        if flags.session_present:
            self._drop_redelivered()
            self._kept_until = self._clock() + KEPT_FOR
        self._handed_over.clear()
        self._handing_over_until = None
        self.delivers = None
        # Of a DeepLens' message, nothing but the flag tells that it is the one that a later connection hands over.
        client.subscribe(
            [
                (topic, SubscribeOptions(qos=1, retainAsPublished=topic == DEEPLENSES))
                for topic in self._assignment.topics
            ]
        )

    def _on_subscribe(self, client: paho.Client, data: Any, packet_id: int, reasons: Any, properties: Any) -> None:
        self._handing_over_until = self._clock() + KEPT_FOR
        outcomes = zip(self._assignment.topics, reasons, strict=True)
        refused = [f"{topic} ({reason})" for topic, reason in outcomes if reason.is_failure]
        if refused:
            self.subscribed.clear()
            log.error("The broker refused the subscription to %s: check its access rules.", ", ".join(refused))
        else:
            self.subscribed.set()

    def _drop_redelivered(self) -> None:
        """Remove from the queue the messages with QoS 1, which a resumed session redelivers (a new one does not)."""
        waiting = []
        while not self._waiting.empty():
            try:
                waiting.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        for message in waiting:
            if message.qos == 0:
                self._waiting.put(message)

    def _on_disconnect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        # A late acknowledgement would be sent on the next connection, where its packet id means another message.
        with self._lock:
            self._connection += 1
        if reason.is_failure:
            log.warning("The connection to the broker ended: %s.", reason)

    def _on_published(self, message: Published) -> None:
        # An exception here would end the network thread silently.
        try:
            if message.qos == 0 and self._waiting.qsize() >= RECEIVE_MAXIMUM:
                self.overflowed += 1
                log.error(
                    "The queue is full: %d messages with QoS 0 are lost so far. Have the devices publish with QoS 1.",
                    self.overflowed,
                )
            else:
                self._waiting.put(self._received(message))
        except Exception:
            log.exception("A message could not be put into the queue; the broker keeps it.")

    def _received(self, message: Published) -> Unacknowledged:
        delivery, received_at = None, self._clock()
        if message.qos > 0 and self._assignment.persistent:
            was_kept = received_at < self._kept_until
            sequence = next(self._sequence)
            delivery = Delivery(self.client_id, message.packet_id, sequence, message.redelivered, was_kept)
        handed_over = message.retained and self._is_handed_over(message.topic, received_at)
        arrival = Arrival(
            topic=message.topic.decode("utf-8", "backslashreplace"),
            payload=message.payload,
            received_at=received_at,
            delivery=delivery,
            retained=handed_over,
            to_be_retained=message.retained and not handed_over,
        )
        if arrival.topic == self.loopback:
            self.heard_itself.set()
        return Unacknowledged(arrival, message.packet_id, message.qos, self._connection)

    def _is_handed_over(self, topic: bytes, received_at: dt.datetime) -> bool:
        """Whether a message with the flag of a retained message was retained before the connection.

        A subscription to DeepLens devices brings the flag also on messages that are sent now. The broker hands over
        what it has retained as soon as it grants the subscription, and one message on each topic. So a later one was
        sent now.
        """
        if not topic.startswith(b"$aws/") or topic not in self._handed_over:
            self._handed_over.add(topic)
            return True
        return self._handing_over_until is None or received_at < self._handing_over_until


def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Publish one message as `publish_all` does. Raises `BrokerUnavailable`."""
    publish_all({topic: payload}, retain=retain)


def publish_all(messages: Mapping[str, bytes], *, retain: bool = False) -> None:
    """Publish a payload on each topic with QoS 1, on one connection, and wait until the broker has taken all of them.

    With `retain` the broker keeps each message for later subscribers until the topic's next one; an empty payload
    removes the retained message. Raises `BrokerUnavailable`; the broker may have taken some of the messages then.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    _prepare(client, urlsplit(settings.MQTT_URL))
    _send(client, _address(urlsplit(settings.MQTT_URL)), messages, retain=retain)


def publish_elsewhere(url: str, ip: str, topic: str, payload: bytes) -> None:
    """Publish one message with QoS 1 at another broker than the platform's, and wait until that broker has taken it.

    The connection goes to `ip`, which the caller has checked; TLS proves the host in `url`, and shows no certificate of
    the platform. Raises `BrokerUnavailable`.
    """
    client, there = _Pinned(ip), urlsplit(url)
    _prepare(client, there, ssl.create_default_context())
    _send(client, _address(there), {topic: payload}, retain=False)


class _Pinned(paho.Client):
    """A client that connects to this address, whatever the name of its host resolves to."""

    def __init__(self, ip: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._ip = ip

    def _create_socket_connection(self) -> socket.socket:
        return socket.create_connection((self._ip, self._port), timeout=self._connect_timeout)


def _send(client: paho.Client, address: "Address", messages: Mapping[str, bytes], *, retain: bool) -> None:
    refused: list[str] = []
    # Both callbacks get the reason as their fourth argument.
    client.on_connect = client.on_publish = lambda *told: refused.extend([str(told[3])] if told[3].is_failure else [])
    _connect(client, address, clean_start=True, properties=None)
    client.loop_start()
    sent = {}
    try:
        for topic, payload in messages.items():
            sent[topic] = client.publish(topic, payload, qos=1, retain=retain)
        deadline = time.monotonic() + TIMEOUT_S
        for topic, message in sent.items():
            while not message.is_published() and not refused and time.monotonic() < deadline:
                message.wait_for_publish(min(0.1, max(0.0, deadline - time.monotonic())))
            if refused:
                raise BrokerUnavailable(f"The broker refused the message on {topic}: {refused[0]}.")
            if not message.is_published():
                raise BrokerUnavailable(f"The broker did not take the message on {topic} within {TIMEOUT_S} s.")
    except (RuntimeError, ValueError) as error:
        raise BrokerUnavailable(f"The message on {topic} could not be sent: {error}.") from None
    finally:
        client.disconnect()
        client.loop_stop()


def ask(topic: str, answer_topic: str, payload: bytes) -> bytes:
    """Publish the payload with QoS 1, and return the first message that comes on `answer_topic` afterwards.

    For a part of the broker itself that answers commands. Raises `BrokerUnavailable` if none comes within `TIMEOUT_S`.
    """
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    granted: queue.SimpleQueue[bool] = queue.SimpleQueue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    _prepare(client, urlsplit(settings.MQTT_URL))
    client.on_connect = lambda client, data, flags, reason, properties: (
        granted.put(False) if reason.is_failure else client.subscribe(answer_topic, qos=1)
    )
    client.on_subscribe = lambda client, data, packet_id, reasons, properties: granted.put(
        not any(reason.is_failure for reason in reasons)
    )
    client.on_message = lambda client, data, message: answers.put(bytes(message.payload))
    _connect(client, _address(urlsplit(settings.MQTT_URL)), clean_start=True, properties=None)
    client.loop_start()
    try:
        if not granted.get(timeout=TIMEOUT_S):
            raise BrokerUnavailable(f"The broker does not let the platform use {topic}: check the user in MQTT_URL.")
        client.publish(topic, payload, qos=1)
        return answers.get(timeout=TIMEOUT_S)
    except queue.Empty:
        raise BrokerUnavailable(f"Nothing at the broker answered on {answer_topic} within {TIMEOUT_S} s.") from None
    finally:
        client.disconnect()
        client.loop_stop()


Address = tuple[str, int]


def _prepare(client: paho.Client, url: SplitResult, tls: ssl.SSLContext | None = None) -> None:
    client.connect_timeout = TIMEOUT_S
    if url.username:
        client.username_pw_set(unquote(url.username), unquote(url.password or ""))
    if url.scheme == "mqtts":
        client.tls_set_context(tls or _tls())


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
