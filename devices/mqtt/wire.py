"""paho's MQTT client with a fast path for the most frequent packets: received messages, acknowledgements and receipts.

paho makes four system calls for each message and builds objects that the ingester does not use. That takes 50 µs of
processor time a message; the fast path takes 2 µs. paho handles all other packets: connecting, sessions,
subscriptions, keepalive and what is published with QoS 1. The fast path overrides and calls members of paho that are
not part of its public interface. The requirements therefore pin paho's version, and every test with a real broker uses
this client.

Memory is bounded and time is linear. Each byte is copied a fixed number of times, however the network splits the
packets, and at most `MAX_PACKET_BYTES` of a packet are kept.
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

READ_BYTES = 64 * 1024
"""The most bytes of one read from the socket: hundreds of frames, or the larger part of a picture."""

PUBLISH = 0x30
PUBACK = 0x40

_ACK = struct.Struct("!BBH")
_LENGTH = struct.Struct("!H")


class Published(msgspec.Struct, frozen=True):
    """A message as the broker sent it. `packet_id` is 0 for QoS 0."""

    topic: bytes
    payload: bytes
    packet_id: int
    qos: int
    redelivered: bool
    retained: bool


class Client(paho.Client):
    """An MQTT v5 client that acknowledges a message only when `acknowledge` is called.

    `on_published` is called in the network thread. If a packet exceeds `MAX_PACKET_BYTES`, `on_published` gets its
    topic, its packet id, and as much of the payload as fits.
    """

    def __init__(self, client_id: str, on_published: Callable[[Published], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        self._on_published = on_published
        self._reset()

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Acknowledge these messages of QoS 1 to the broker in one write. Any thread may call this."""
        acks = b"".join(_ACK.pack(PUBACK, 2, packet_id) for packet_id in packet_ids)
        if acks:
            self._packet_queue(PUBACK, acks, 0, 1)

    def send(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish these payloads on their topics with QoS 0, in one write. Any thread may call this.

        Without a connection they are lost, as with paho.
        """
        packets = b"".join(_packet(topic.encode(), payload) for topic, payload in messages)
        if packets and self._sock is not None:
            # As acknowledgements: of its own messages paho would tell a callback.
            self._packet_queue(PUBACK, packets, 0, 0)

    def reconnect(self) -> MQTTErrorCode:
        self._reset()
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read and handle the bytes that the socket holds, at most `READ_BYTES`."""
        try:
            received = self._sock_recv(READ_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            received = b""
        if not received:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        try:
            code = self._parse(received)
        except MalformedPacket:
            code = MQTTErrorCode.MQTT_ERR_PROTOCOL
        return self._loop_rc_handle(code) if code else code

    def _reset(self) -> None:
        """Drop what was read of the former connection."""
        self._unread = bytearray()
        """The beginning of a packet that has not arrived completely."""
        self._needed = 0
        """The number of bytes that `_unread` must hold before it can be parsed."""
        self._unwanted = 0
        """The number of bytes still to come of a packet that exceeds `MAX_PACKET_BYTES`. They are discarded."""

    def _parse(self, received: bytes) -> MQTTErrorCode:
        """Handle the packets that have arrived completely, and keep the beginning of the last one."""
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
            raise MalformedPacket(f"A packet other than a message has more than {MAX_PACKET_BYTES:,} bytes.")
        packet: dict[str, Any] = {"command": command, "remaining_length": len(body), "packet": bytearray(body)}
        self._in_packet.update(packet)  # type: ignore[typeddict-item]
        return self._packet_handle()


def _packet(topic: bytes, payload: bytes) -> bytes:
    """Return the packet of a message with QoS 0 and without properties."""
    body = b"".join((_LENGTH.pack(len(topic)), topic, b"\0", payload))
    length, left = bytearray((PUBLISH,)), len(body)
    while left >= 0x80:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes(length) + body


def _extent(data: bytes, start: int) -> tuple[int, int]:
    """Return the start and the end of the body of the packet at `start`. Both may lie beyond the data.

    If the packet's length has not arrived completely, both are one byte beyond the data.
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
    """Return the message in a packet's body. Raises `MalformedPacket`."""
    qos = command >> 1 & 3
    try:
        topic_end = place = 2 + _LENGTH.unpack_from(body)[0]
        packet_id = 0
        if qos:
            packet_id = _LENGTH.unpack_from(body, place)[0]
            place += 2
        if body[place]:
            # No property is used, so all are skipped. Their length is encoded as the length of a packet is.
            _, place = _extent(body, place - 1)
        else:
            place += 1
    except (struct.error, IndexError):
        place = len(body) + 1
    if place > len(body) and is_whole:
        raise MalformedPacket("A message ends before its payload begins.")
    return Published(body[2:topic_end], body[place:], packet_id, qos, bool(command & 8), bool(command & 1))
