"""paho's MQTT client with a short way in and out for what there is most of: messages and their acknowledgements.

paho asks the operating system four times for each message and builds objects for it that nobody here looks at, which
together takes ten times as long as what is done here. All that is rare is left to paho: connecting, sessions,
subscriptions, keepalive, whatever is published. To do so this overrides and calls members of paho that it does not
promise to keep; the requirements pin its version, and every test with a real broker passes through here.
"""

import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

AT_ONCE = 64 * 1024
"""Bytes that are asked of the operating system at a time: hundreds of frames, and the larger part of a picture."""

PUBLISH = 0x30
PUBACK = 0x40

_ACK = struct.Struct("!BBH")
_LENGTH = struct.Struct("!H")


class Published(msgspec.Struct, frozen=True):
    """A message as the broker sent it; `packet_id` is 0 where `qos` is."""

    topic: bytes
    payload: bytes
    packet_id: int
    qos: int
    redelivered: bool
    retained: bool


class Client(paho.Client):
    """An MQTT v5 client that acknowledges only when told to. `on_published` is called in the network's thread."""

    def __init__(self, client_id: str, on_published: Callable[[Published], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        self._on_published = on_published
        self._unread = b""

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Tell the broker that these messages of QoS 1 are done with, in one go. May be called from any thread."""
        acks = b"".join(_ACK.pack(PUBACK, 2, packet_id) for packet_id in packet_ids)
        if acks:
            self._packet_queue(PUBACK, acks, 0, 1)

    def reconnect(self) -> MQTTErrorCode:
        self._unread = b""
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take in what the network holds ready, up to `AT_ONCE` bytes."""
        try:
            received = self._sock_recv(AT_ONCE)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            received = b""
        if not received:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        try:
            code = self._take(self._unread + received)
        except MalformedPacket:
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        return self._loop_rc_handle(code) if code else code

    def _take(self, data: bytes) -> MQTTErrorCode:
        """Handle the packets in `data`, and keep the beginning of one that is not all there."""
        start, code = 0, MQTTErrorCode.MQTT_ERR_SUCCESS
        while not code and self._sock is not None and (body := _body(data, start)) is not None:
            code = self._handle(data[start], data[body])
            start = body.stop
        self._unread = data[start:]
        return code

    def _handle(self, command: int, body: bytes) -> MQTTErrorCode:
        if command & 0xF0 == PUBLISH:
            self._on_published(_published(command, body))
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        packet: dict[str, Any] = {"command": command, "remaining_length": len(body), "packet": bytearray(body)}
        self._in_packet.update(packet)  # type: ignore[typeddict-item]
        return self._packet_handle()


def _body(data: bytes, start: int) -> slice | None:
    """Where the body of the packet that begins at `start` lies; None where it is not all there."""
    length, place = 0, start + 1
    for shift in range(0, 28, 7):
        if place >= len(data):
            return None
        byte = data[place]
        length |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return slice(place, place + length) if place + length <= len(data) else None
    raise MalformedPacket("A packet's length has more than four bytes.")


def _published(command: int, body: bytes) -> Published:
    qos = command >> 1 & 3
    try:
        topic_end = place = 2 + _LENGTH.unpack_from(body)[0]
        packet_id = 0
        if qos:
            packet_id = _LENGTH.unpack_from(body, place)[0]
            place += 2
        payload = body[_end_of_properties(body, place) :]
    except (struct.error, IndexError):
        raise MalformedPacket("A message ends before its payload begins.") from None
    return Published(body[2:topic_end], payload, packet_id, qos, bool(command & 8), bool(command & 1))


def _end_of_properties(body: bytes, place: int) -> int:
    """They say nothing that we want, and are mostly none. They begin with their length, as a packet's body does."""
    if not body[place]:
        return place + 1
    properties = _body(body, place - 1)
    if properties is None:
        raise IndexError("They end after the message.")
    end: int = properties.stop
    return end
