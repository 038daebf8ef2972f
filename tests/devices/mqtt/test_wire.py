"""Packets are understood wherever the network cuts them, and what is no packet ends the connection."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode

from devices.mqtt.wire import AT_ONCE, Client, Published


class Line:
    """A client whose broker is the other end of a pair of sockets."""

    def __init__(self) -> None:
        self.heard: list[Published] = []
        self.client = Client("tests", self.heard.append)
        self.broker, self.client._sock = socket.socketpair()
        self.client._sock.setblocking(False)

    def send(self, data: bytes) -> MQTTErrorCode:
        self.broker.sendall(data)
        for _ in range(len(data) // AT_ONCE):
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
    ],
)
def test_what_is_no_packet_ends_the_connection(line: Line, data: bytes) -> None:
    assert line.send(data) == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert line.heard == []
    assert line.client._sock is None


def test_a_closed_connection_is_noticed(line: Line) -> None:
    line.broker.close()
    assert line.client.loop_read() == MQTTErrorCode.MQTT_ERR_CONN_LOST
