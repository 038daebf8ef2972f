"""Publishes the outbox's messages to the broker, and deletes each message on the platform's receipt.

The broker's PUBACK only confirms that the broker has a message. So a message stays in the outbox until the platform's
receipt for it comes, and is sent again where no receipt comes.
"""

import logging
import queue
import random
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent import messages
from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import Message, Outbox
from edge_agent.delivery.sendings import Sendings
from edge_agent.delivery.temperature import processor_temperature
from edge_agent.text.plain_words import sentence
from edge_agent.vision.files import models_id

log = logging.getLogger(__name__)

KEEPALIVE = 30
CONNECT_SECONDS = 2.0
"""Timeout of one attempt to connect; it may delay the end of the program by as much."""

PACE = 100
"""Messages per second at most; AWS IoT Core's quota per connection."""

PUMP_SECONDS = 0.1
LONGEST_FIRST_RECONNECT = 5
"""The first attempt to reconnect comes after one second to so many, by chance, so that the cameras of an outage do not
all come at once."""

COMMANDS = ("receipt", "greeting", "config")
"""The last level of the topics on which the platform publishes to a device."""

NOBODY_LISTENS = 0x10
"""Reason code of a v5 PUBACK: no matching subscribers."""

TAKEN_OVER = 0x8E
"""Reason code of a v5 DISCONNECT: another client has connected under the same client id, which is the thing name."""

SHARED_NAME_PAUSE = 30
"""Seconds before an agent takes its name back from another one, so that the two do not end each other's connections all
the time."""


class Link:
    """Publishes the outbox over MQTT v5, QoS 1, newest first, and keeps the retained status.

    `start` returns at once, even where the broker cannot be reached; the link tries to connect until it is stopped. It
    runs two threads: paho's, which runs the callbacks, and the sender. Only the sender uses `Sendings`; callbacks queue
    their events for it, because paho calls them while it holds locks that publishing needs too.
    `software` is the version in the status, `epoch_ms` returns the time in the status. The platform's commands are
    queued until `take_order` is called.
    """

    def __init__(self, config: AgentConfig, outbox: Outbox, *, software: str, epoch_ms: Callable[[], int]) -> None:
        self._config, self._outbox, self._software, self._epoch_ms = config, outbox, software, epoch_ms
        self._settings, self._settings_error = config.settings, ""
        self._picture_problem: tuple[messages.PictureProblem | None, int | None] = None, None
        self._labels: tuple[str, ...] | None = None
        self._learned: tuple[messages.ModelReport, ...] | None = None
        self._orders: queue.SimpleQueue[messages.Greeting | messages.DesiredSettings] = queue.SimpleQueue()
        self._sendings = Sendings()
        self._published: dict[int, str] = {}
        self._news: deque[Callable[[], None]] = deque()
        self._ready, self._stop = threading.Event(), threading.Event()
        self._complained, self._shares_name = "", False
        self._instance = messages.new_id()
        self._client = self._new_client()
        self._sender = threading.Thread(target=self._send_until_stopped, name="sender", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has granted the subscription to receipts."""
        return self._ready.is_set()

    @property
    def trouble(self) -> str:
        """Why there is no connection to the broker, in one sentence; "" while there is one, or nobody knows."""
        return "" if self._ready.is_set() else self._complained

    def start(self) -> None:
        broker = self._config.broker
        properties = Properties(PacketTypes.CONNECT)
        properties.MaximumPacketSize = messages.MAX_PACKET_BYTES
        self._client.connect_async(broker.host, broker.port, KEEPALIVE, clean_start=True, properties=properties)
        self._client.loop_start()
        self._sender.start()

    def stop(self, timeout: float) -> None:
        """Send messages for at most `timeout` seconds, publish the offline status, and disconnect."""
        deadline = time.monotonic() + timeout
        self._stop.set()
        self._sender.join(timeout)
        if self._ready.is_set():
            self.pump(time.monotonic(), PACE)
            goodbye = self._publish_status(online=False)
            try:
                goodbye.wait_for_publish(max(deadline - time.monotonic(), 0.1))
            except (RuntimeError, ValueError) as error:
                log.warning("the goodbye was not sent: %s", error)
        self._client.disconnect()
        self._client.loop_stop()

    def note_picture(self, problem: messages.PictureProblem | None, since: int | None) -> None:
        """Report from the next status on what is wrong with the picture, and since when in epoch milliseconds."""
        self._picture_problem = problem, since

    def note_learned(self, labels: tuple[str, ...], models: tuple[messages.ModelReport, ...]) -> None:
        """Report from the next status on what is looked for, and which trained models run or were refused."""
        self._labels, self._learned = labels, models

    def report_status(self) -> None:
        """Publish the heartbeat if there is a connection."""
        if self._ready.is_set():
            self._publish_status(online=True)

    def report_settings(self, settings: messages.Settings, error: str = "") -> None:
        """Publish the settings in force, and why the requested settings were not applied ("" where they were)."""
        self._settings, self._settings_error = settings, error
        self.report_status()

    def take_order(self) -> messages.Greeting | messages.DesiredSettings | None:
        """Return the platform's next command, a greeting or settings; None where there is none. Any thread."""
        try:
            return self._orders.get_nowait()
        except queue.Empty:
            return None

    def pump(self, now: float, limit: int) -> int:
        """Send up to `limit` messages that are due at `now` (monotonic seconds); returns their number."""
        while self._news:
            self._news.popleft()()
        room, waiting = self._sendings.room(now), self._sendings.not_due(now)
        count = 0
        for message in self._outbox.pending(min(room, limit), skip=waiting) if room else ():
            if not self._send(message, now):
                break
            count += 1
        return count

    def _send(self, message: Message, now: float) -> bool:
        topic = messages.topic_from_device(self._config.thing, message.kind)
        info = self._client.publish(topic, message.payload, qos=1)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            return False
        self._published[info.mid] = message.id
        self._sendings.sent(message.id, now)
        return True

    def _send_until_stopped(self) -> None:
        while not self._stop.wait(PUMP_SECONDS):
            try:
                if self._ready.is_set():
                    self.pump(time.monotonic(), int(PACE * PUMP_SECONDS))
            except Exception:
                log.exception("sending failed; it is tried again")

    def _publish_status(self, *, online: bool) -> mqtt.MQTTMessageInfo:
        status = messages.Status(
            online=online,
            sent_at=self._epoch_ms(),
            software=self._software,
            outbox_messages=self._outbox.messages,
            outbox_bytes=self._outbox.bytes,
            dropped_messages=self._outbox.dropped,
            settings=self._settings,
            instance=self._instance,
            settings_error=self._settings_error,
            camera=self._config.camera_id,
            models=models_id(),
            picture_problem=self._picture_problem[0],
            picture_problem_since=self._picture_problem[1],
            temperature=processor_temperature(),
            labels=self._labels,
            learned=self._learned,
        )
        topic = messages.topic_from_device(self._config.thing, "status")
        return self._client.publish(topic, messages.encode(status), qos=1, retain=True)

    def _new_client(self) -> mqtt.Client:
        config, broker = self._config, self._config.broker
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=config.thing, protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(PACE)
        client.connect_timeout = CONNECT_SECONDS
        client.reconnect_delay_set(random.randint(1, LONGEST_FIRST_RECONNECT), 30)  # noqa: S311
        client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            _use_tls(client, config)
        will = messages.encode(messages.Status(online=False, software=self._software))
        client.will_set(messages.topic_from_device(config.thing, "status"), will, qos=1, retain=True)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_subscribe = self._on_disconnect, self._on_subscribe
        client.on_publish, client.on_message = self._on_publish, self._on_message
        return client

    def _on_connect(
        self, client: mqtt.Client, userdata: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            self._complain(f"the broker refused the connection: {reason}")
            return
        self._news.append(self._published.clear)
        self._news.append(self._sendings.connected)
        thing = self._config.thing
        client.subscribe([(messages.topic_to_device(thing, kind), 1) for kind in COMMANDS])

    def _on_subscribe(
        self, client: mqtt.Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Any
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._complain(f"the broker refused the subscription to receipts: {', '.join(refused)}")
            return
        self._complained = ""
        if not self._shares_name:
            log.info("connected to the broker at %s:%d", self._config.broker.host, self._config.broker.port)
        self._ready.set()
        self._publish_status(online=True)

    def _on_connect_fail(self, client: mqtt.Client, userdata: Any) -> None:
        # paho calls this while it handles the error, and does not pass the error on.
        broker, reason = self._config.broker, sys.exception()
        self._complain(f"the broker at {broker.host}:{broker.port} cannot be reached: {reason}")

    def _on_disconnect(
        self, client: mqtt.Client, userdata: Any, flags: mqtt.DisconnectFlags, reason: ReasonCode, properties: Any
    ) -> None:
        self._ready.clear()
        if reason.value == TAKEN_OVER:
            self._complain_of_shared_name()
        elif not self._stop.is_set() and not self._shares_name:
            self._complain(f"the connection to the broker ended: {reason}")

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        self._news.append(partial(self._acknowledged, mid, reason))

    def _acknowledged(self, mid: int, reason: ReasonCode) -> None:
        id = self._published.pop(mid, None)
        if id is not None and (reason.is_failure or reason.value == NOBODY_LISTENS):
            self._sendings.undelivered(id, time.monotonic())

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        # An exception here would silently end paho's thread, and with it the connection.
        try:
            self._take(message.topic.rpartition("/")[2], bytes(message.payload))
        except msgspec.DecodeError as error:
            log.warning("a message on %s is invalid: %s", message.topic, _told(error))
        except Exception:
            log.exception("a message on %s could not be handled", message.topic)

    def _take(self, kind: str, payload: bytes) -> None:
        if kind == "greeting":
            greeting = msgspec.json.decode(payload, type=messages.Greeting)
            log.info("greeting somebody who is known")  # the log outlives an erasure, so it names nobody
            self._orders.put(greeting)
            return
        if kind == "config":
            self._take_settings(payload)
            return
        receipt = msgspec.json.decode(payload, type=messages.Receipt)
        if receipt.name_is_shared:
            self._complain_of_shared_name()
        self._outbox.forget(receipt.ids)
        self._news.append(partial(self._sendings.confirmed, receipt.ids, time.monotonic()))

    def _take_settings(self, payload: bytes) -> None:
        try:
            self._orders.put(messages.decode_settings(payload))
        except msgspec.DecodeError as error:
            self._news.append(partial(self.report_settings, self._settings, _told(error)))
            raise

    def _complain(self, sentence: str) -> None:
        """Log a failure once, and not again while attempts fail for the same reason."""
        if sentence != self._complained:
            self._complained = sentence
            log.warning("%s; messages are kept, and the connection is tried again", sentence)

    def _complain_of_shared_name(self) -> None:
        """Log once that another agent has the same name. Not every broker tells it, so the platform does, too."""
        self._client.reconnect_delay_set(SHARED_NAME_PAUSE, SHARED_NAME_PAUSE)
        if not self._shares_name:
            self._shares_name = True
            log.error(
                "another agent uses the thing name “%s” too, such as on a copied card: give each camera its own",
                self._config.thing,
            )


class LinkError(ValueError):
    """A TLS file of the configuration cannot be used; the message is one sentence."""


def _told(error: msgspec.DecodeError) -> str:
    """Return what is wrong with a message in a sentence."""
    return sentence(error) if isinstance(error, msgspec.ValidationError) else f"{error}."


def _use_tls(client: mqtt.Client, config: AgentConfig) -> None:
    try:
        client.tls_set(
            ca_certs=str(config.mqtt_ca) if config.mqtt_ca else None,
            certfile=str(config.mqtt_cert) if config.mqtt_cert else None,
            keyfile=str(config.mqtt_key) if config.mqtt_key else None,
        )
    except (ssl.SSLError, OSError) as error:
        raise LinkError(f"mqtt_ca, mqtt_cert or mqtt_key is not a usable PEM file: {error}.") from error
