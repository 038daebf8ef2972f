"""Packets are understood wherever the network cuts them, and what is no packet ends the connection."""

import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode

from devices.mqtt import wire
from devices.mqtt.wire import READ_BYTES, Client, Published
from edge_agent.messages import MAX_MESSAGE_BYTES, MAX_PACKET_BYTES


class Line:
    """A client whose broker is the other end of a pair of sockets."""

    def __init__(self) -> None:
        self.heard: list[Published] = []
        self.client = Client("tests", self.heard.append)
        self.broker, self.client._sock = socket.socketpair()
        self.client._sock.setblocking(False)

    def send(self, data: bytes) -> MQTTErrorCode:
        self.broker.sendall(data)
        for _ in range(len(data) // READ_BYTES):
            self.client.loop_read()
        return self.client.loop_read()

    def close(self) -> None:
        self.broker.close()
        if self.client._sock is not None:
            self.client._sock.close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def packet(message: Published, *, properties: bytes = b"") -> bytes:
    flags = message.redelivered << 3 | message.qos << 1 | message.retained
    number = message.packet_id.to_bytes(2) if message.qos else b""
    topic = len(message.topic).to_bytes(2) + message.topic
    body = topic + number + variable(len(properties)) + properties + message.payload
    return bytes([0x30 | flags]) + variable(len(body)) + body


def variable(number: int) -> bytes:
    """The protocol's integer of one to four bytes."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F)
    return bytes([digit | 0x80 for digit in digits[:-1]] + digits[-1:])


messages = st.builds(
    lambda topic, payload, packet_id, redelivered, retained: Published(
        topic, payload, packet_id, int(packet_id > 0), redelivered, retained
    ),
    st.binary(min_size=1, max_size=200),
    st.binary(max_size=300) | st.just(b"x" * 20_000),
    st.integers(0, 65_535),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(messages, max_size=5), st.binary(max_size=150), st.lists(st.integers(1, 400), max_size=30))
def test_messages_are_what_was_sent_wherever_they_are_cut(
    sent: list[Published], properties: bytes, cuts: list[int]
) -> None:
    line = Line()
    data = b"".join(packet(message, properties=properties) for message in sent)
    while data:
        size = cuts.pop() if cuts else len(data)
        assert line.send(data[:size]) == MQTTErrorCode.MQTT_ERR_SUCCESS
        data = data[size:]
    assert line.heard == sent
    line.close()


class Counted(bytes):
    """Bytes that count how many of them are copied."""

    copied = 0

    def __new__(cls, data: Any = b"") -> "Counted":
        Counted.copied += len(data)
        return super().__new__(cls, data)

    def __add__(self, other: Any) -> "Counted":
        return Counted(bytes.__add__(self, other))

    def __radd__(self, other: Any) -> "Counted":
        return Counted(bytes.__add__(other, self))

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return Counted(found) if isinstance(place, slice) else found


def test_a_byte_is_copied_as_often_in_a_large_packet_as_in_a_small_one(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "bytes", Counted, raising=False)
    receive = line.client._sock_recv
    monkeypatch.setattr(line.client, "_sock_recv", lambda size: Counted(receive(size)))
    for size in (1_000, MAX_MESSAGE_BYTES):
        data = packet(Published(b"t", b"x" * size, 0, 0, False, False))
        Counted.copied = 0
        for start in range(0, len(data), 100):
            assert line.send(data[start : start + 100]) == MQTTErrorCode.MQTT_ERR_SUCCESS
        assert len(line.heard.pop().payload) == size
        assert Counted.copied < 6 * len(data)


@pytest.mark.parametrize("properties", [b"", b"p" * 1_000_000], ids=["of its payload", "of its properties"])
def test_of_a_message_that_is_larger_than_it_may_be_only_the_beginning_is_ever_held(
    line: Line, properties: bytes
) -> None:
    size = 32 * 1024 * 1024
    begins = b"\x32" + variable(2 + 5 + 2 + len(variable(len(properties))) + len(properties) + size)
    begins += b"\x00\x05topic\x00\x07" + variable(len(properties)) + properties
    after = Published(b"topic", b"small", 8, 1, False, False)
    tracemalloc.start()
    for start in range(0, len(begins), READ_BYTES):
        line.send(begins[start : start + READ_BYTES])
    for _ in range(size // READ_BYTES):
        assert line.send(b"x" * READ_BYTES) == MQTTErrorCode.MQTT_ERR_SUCCESS
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line.send(packet(after))
    large, small = line.heard
    assert (large.topic, large.packet_id, small) == (b"topic", 7, after)
    assert len(large.payload) < MAX_PACKET_BYTES
    assert properties or len(large.payload) > MAX_MESSAGE_BYTES
    assert most < 6 * MAX_PACKET_BYTES


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=40), st.binary(max_size=300) | st.just(b"x" * 20_000)), max_size=9)
)
def test_messages_that_are_sent_together_arrive_each_as_it_was(sent: list[tuple[str, bytes]]) -> None:
    one, other = Line(), Line()
    try:
        one.client.send(sent)
        while one.client.want_write():
            other.send(one.broker.recv(READ_BYTES))
            one.client.loop_write()
        one.broker.setblocking(False)
        with suppress(BlockingIOError):
            while data := one.broker.recv(READ_BYTES):
                other.send(data)
    finally:
        one.close()
        other.close()
    assert [(each.topic.decode(), each.payload) for each in other.heard] == sent
    assert {(each.qos, each.retained) for each in other.heard} <= {(0, False)}


def test_what_is_sent_without_a_connection_is_lost(line: Line) -> None:
    connection, line.client._sock = line.client._sock, None
    line.client.send([("cmd/headcount/lobby/receipt", b"{}")])
    assert not line.client.want_write()
    line.client._sock = connection


def test_acknowledgements_go_together_and_in_order(line: Line) -> None:
    line.client.acknowledge([7, 65_535, 1])
    line.client.loop_write()
    assert line.broker.recv(100) == bytes.fromhex("40020007 4002ffff 40020001")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x30\xff\xff\xff\xff\x01", id="a length of five bytes"),
        pytest.param(b"\x32\x03\x00\x09x", id="a topic longer than its packet"),
        pytest.param(b"\x32\x04\x00\x01x\x00", id="half a packet id"),
        pytest.param(b"\x30\x04\x00\x01x\x09", id="properties longer than their packet"),
        pytest.param(b"\x30\x01\x00", id="no topic"),
        pytest.param(b"\x90" + variable(32_000_000) + b"x" * MAX_PACKET_BYTES, id="a large packet that is no message"),
    ],
)
def test_what_is_no_packet_ends_the_connection(line: Line, data: bytes) -> None:
    assert line.send(data) == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert line.heard == []
    assert line.client._sock is None


def test_a_closed_connection_is_noticed(line: Line) -> None:
    line.broker.close()
    assert line.client.loop_read() == MQTTErrorCode.MQTT_ERR_CONN_LOST
