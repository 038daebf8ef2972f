"""paho's MQTT client with a short way in and out for what there is most of: messages and their acknowledgements.

paho asks the operating system four times for each message and builds objects for it that nobody here looks at. Together
this takes 50 µs of the processor for each message, and what is done here 2 µs. All that is rare is left to paho:
connecting, sessions, subscriptions, keepalive, whatever is published. To do so this overrides and calls members of paho
that it does not promise to keep; the requirements pin its version, and every test with a real broker passes through
here.

Memory is bounded and time is linear: a byte is copied a fixed number of times, however the network cuts the packets,
and no more than `MAX_PACKET_BYTES` of a packet are kept.
"""

import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

from edge_agent.messages import MAX_PACKET_BYTES

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
    """An MQTT v5 client that acknowledges only when told to. `on_published` is called in the network's thread.

    Of a message whose packet has more than `MAX_PACKET_BYTES`, `on_published` gets the beginning: the topic, the packet
    id, and as much of the payload as fits. Where `on_published` raises `MalformedPacket`, the connection ends.
    """

    def __init__(self, client_id: str, on_published: Callable[[Published], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        self._on_published = on_published
        self._begin()

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Tell the broker that these messages of QoS 1 are done with, in one go. May be called from any thread."""
        acks = b"".join(_ACK.pack(PUBACK, 2, packet_id) for packet_id in packet_ids)
        if acks:
            self._packet_queue(PUBACK, acks, 0, 1)

    def reconnect(self) -> MQTTErrorCode:
        self._begin()
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
            code = self._take(received)
        except MalformedPacket:
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        return self._loop_rc_handle(code) if code else code

    def _begin(self) -> None:
        """A connection begins: nothing is left of the one before."""
        self._unread = bytearray()
        """The beginning of a packet that is not all here."""
        self._needed = 0
        """Bytes that `_unread` must have before a look at it is worth the while."""
        self._unwanted = 0
        """Bytes still to come of a packet that is larger than we take."""

    def _take(self, received: bytes) -> MQTTErrorCode:
        """Handle the packets that are all here, and keep the beginning of one that is not."""
        data = received
        if self._unwanted:
            data = received[self._unwanted :]
            self._unwanted -= len(received) - len(data)
        if self._unread:
            self._unread.extend(data)
            if len(self._unread) < self._needed:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            data = bytes(self._unread)
        start, code = 0, MQTTErrorCode.MQTT_ERR_SUCCESS
        self._needed = 0
        while not code and self._sock is not None and start < len(data):
            body, end = _extent(data, start)
            kept = min(end, start + MAX_PACKET_BYTES)
            if kept > len(data):
                self._needed = kept - start
                break
            code = self._handle(data[start], data[body:kept], is_whole=kept == end)
            start = end
        self._unwanted += max(0, start - len(data))
        self._unread = bytearray(data[start:])
        return code

    def _handle(self, command: int, body: bytes, *, is_whole: bool) -> MQTTErrorCode:
        if command & 0xF0 == PUBLISH:
            self._on_published(_published(command, body, is_whole=is_whole))
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        if not is_whole:
            raise MalformedPacket(f"A packet that is no message has more than {MAX_PACKET_BYTES:,} bytes.")
        packet: dict[str, Any] = {"command": command, "remaining_length": len(body), "packet": bytearray(body)}
        self._in_packet.update(packet)  # type: ignore[typeddict-item]
        return self._packet_handle()


def _extent(data: bytes, start: int) -> tuple[int, int]:
    """Where the body of the packet that begins at `start` begins and ends, both perhaps beyond what is here.

    Where its length is not all here, the body is said to be empty and to begin one byte beyond the data.
    """
    length, place = 0, start + 1
    for shift in range(0, 28, 7):
        if place >= len(data):
            return len(data) + 1, len(data) + 1
        byte = data[place]
        length |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return place, place + length
    raise MalformedPacket("A packet's length has more than four bytes.")


def _published(command: int, body: bytes, *, is_whole: bool) -> Published:
    """The message in a packet's body. Raises `MalformedPacket`."""
    qos = command >> 1 & 3
    try:
        topic_end = place = 2 + _LENGTH.unpack_from(body)[0]
        packet_id = 0
        if qos:
            packet_id = _LENGTH.unpack_from(body, place)[0]
            place += 2
        if body[place]:
            # The properties say nothing that we want. They begin with their length, as a packet's body does.
            _, place = _extent(body, place - 1)
        else:
            place += 1
    except (struct.error, IndexError):
        place = len(body) + 1
    if place > len(body) and is_whole:
        raise MalformedPacket("A message ends before its payload begins.")
    return Published(body[2:topic_end], body[place:], packet_id, qos, bool(command & 8), bool(command & 1))
