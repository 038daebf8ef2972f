"""`python -m benchmarks.tools.cameras PORT CAMERAS SECONDS`: a fleet of simulated agents in one process.

Each camera has one MQTT 5 connection, with the will, the subscriptions and the retained status of an agent. Each second
it sends the two frames of that second in one message, and the visit of who stands there. A message stays with the
camera until the platform's receipt. `edge_agent/delivery/sendings.py` decides when it is sent, and sent again, as on a
camera box. The cameras speak one after the other, evenly over the second. An MQTT library takes more processor time for
a message than the platform does, so the few packets of MQTT that a camera needs are made here.

Prints three lines of JSON: the number of connections once they stand, the time of the first message (epoch), and at the
end the `Outcome`.
"""

import argparse
import itertools
import json
import random
import select
import socket
import struct
import time
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec
import numpy as np

from edge_agent import messages
from edge_agent.delivery.link import COMMANDS, KEEPALIVE, PACE
from edge_agent.delivery.sendings import Sendings
from edge_agent.tracking.visits import UPDATE_SECONDS

FRAMES_A_MESSAGE = 2
VISIT_S, CYCLE_S = 30, 60
"""Somebody stands before a camera for half of the time, half a minute each."""

CONNECTIONS_PER_S = 500
TICK_S = 0.005
"""The loop waits at least this long, so that it handles many events at a time."""

PUMPS_EVERY_TICKS = 200
"""How often the cameras that are silent look for messages to send: every second or two."""

DRAINS_WITHIN_S = 300.0
CONNECT, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ = 0x10, 0x30, 0x40, 0x82, 0x90, 0xC0
_RECEIPT = msgspec.json.Decoder(messages.Receipt)
WILL_FLAGS = 0x02 | 0x04 | 0x08 | 0x20
"""Clean start, and a retained will of QoS 1."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run. Delays are from the later frame of a message until its receipt."""

    sent: int
    receipts: int
    receipts_in_time: int
    """How many receipts came before the cameras fell silent."""
    again: int
    """How many messages were sent a second time or more."""
    without_receipt: int
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    """How late the cameras themselves spoke, because this process or the machine was busy."""
    processor_s: float
    """The processor time of this process while the cameras spoke."""


def thing_of(number: int) -> str:
    return f"camera-{number:05}"


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _packet(kind: int, body: bytes) -> bytes:
    """Return an MQTT packet: its kind, the length of the rest in groups of seven bits, and the rest."""
    length, left = b"", len(body)
    while True:
        left, low = left >> 7, left & 0x7F
        length += bytes([low | 0x80 if left else low])
        if not left:
            return bytes([kind]) + length + body


class _Kept(msgspec.Struct):
    """A message without a receipt."""

    taken_at: float
    payload: bytes
    was_sent: bool = False


class Camera:
    """One agent, as far as the platform sees it."""

    __slots__ = (
        *("_last_sent", "_packet_id", "_received", "_sendings", "_topic", "_unsent"),
        *("outbox", "socket", "thing", "visit"),
    )

    def __init__(self, number: int, port: int) -> None:
        self.thing = thing_of(number)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.outbox: dict[str, _Kept] = {}
        """Messages without a receipt by id, the oldest first."""
        self.visit = ("", 0.0)
        self._sendings = Sendings()
        self._packet_id, self._received, self._unsent = 0, b"", b""
        self._last_sent = time.monotonic()
        self._topic = _text(messages.topic_from_device(self.thing, "frames"))
        self._greet()

    def _greet(self) -> None:
        status = _text(messages.topic_from_device(self.thing, "status"))
        will = messages.encode(messages.Status(online=False))
        about = b"\x00\x04MQTT\x05" + struct.pack(">BH", WILL_FLAGS, KEEPALIVE) + b"\x00"
        self.send(_packet(CONNECT, about + _text(self.thing) + b"\x00" + status + struct.pack(">H", len(will)) + will))
        topics = b"".join(_text(messages.topic_to_device(self.thing, kind)) + b"\x01" for kind in COMMANDS)
        self.send(_packet(SUBSCRIBE, self._next_id() + b"\x00" + topics))
        online = messages.encode(messages.Status(online=True, sent_at=time.time_ns() // 1_000_000))
        self.send(_packet(PUBLISH | 0x03, status + self._next_id() + b"\x00" + online))

    def _next_id(self) -> bytes:
        self._packet_id = self._packet_id % 0xFFFF + 1
        return struct.pack(">H", self._packet_id)

    def send(self, data: bytes) -> None:
        """Send what is left, and this. What the network does not take waits for the next call."""
        self._unsent += data
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return

    def pump(self, now: float) -> int:
        """Send what may be sent at `now` (monotonic seconds), the newest first; return how many were sent again."""
        room = min(self._sendings.room(now), PACE)
        again, not_due = 0, self._sendings.not_due(now) if room else ()
        due = (id for id in reversed(self.outbox) if id not in not_due)
        for id in [*itertools.islice(due, room)]:
            kept = self.outbox[id]
            again += kept.was_sent
            kept.was_sent = True
            self._last_sent = now
            self._sendings.sent(id, now)
            self.send(_packet(PUBLISH | 0x02, self._topic + self._next_id() + b"\x00" + kept.payload))
        if now - self._last_sent > KEEPALIVE / 2:
            self._last_sent = now
            self.send(_packet(PINGREQ, b""))
        return again

    def confirm(self, ids: Sequence[str], now: float) -> list[float]:
        """Forget these messages; return when the later frame of each was taken."""
        self._sendings.confirmed(ids, now)
        return [kept.taken_at for id in ids if (kept := self.outbox.pop(id, None)) is not None]

    def receive(self) -> tuple[int, list[str]]:
        """Read what has come. Return how many subscriptions were granted, and the ids of the receipts."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError(f"The broker has ended the connection of {self.thing}.")
        self._received += data
        granted = 0
        ids: list[str] = []
        while (found := _first(self._received)) is not None:
            kind, body, self._received = found
            if kind == SUBACK:
                granted += 1
            elif kind & 0xF0 == PUBLISH:
                ids += self._read(kind, body)
        return granted, ids

    def _read(self, kind: int, body: bytes) -> tuple[str, ...]:
        (length,) = struct.unpack_from(">H", body)
        topic, at = body[2 : 2 + length], 2 + length
        if kind & 0x06:
            self.send(_packet(PUBACK, body[at : at + 2]))
            at += 2
        if not topic.endswith(b"/receipt"):
            return ()
        return _RECEIPT.decode(body[at + 1 + body[at] :]).ids


def _first(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return the kind and body of the first packet, and what follows it; None while it is not whole."""
    length = shift = 0
    for at in range(1, min(len(data), 5)):
        length |= (data[at] & 0x7F) << shift
        shift += 7
        if not data[at] & 0x80:
            ends = at + 1 + length
            return (data[0], data[at + 1 : ends], data[ends:]) if len(data) >= ends else None
    return None


class Fleet:
    """All cameras, and what they have to say second by second."""

    def __init__(self, port: int, count: int) -> None:
        self._epoll = select.epoll()
        self._by_file: dict[int, Camera] = {}
        self._cameras: list[Camera] = []
        self._random = random.Random(count)
        self._ids = itertools.count()
        self._run = messages.new_id()
        self._again = self._receipts = 0
        self._delays, self._late = array("d"), array("d")
        granted = 0
        for number in range(count):
            camera = Camera(number, port)
            self._cameras.append(camera)
            self._by_file[camera.socket.fileno()] = camera
            self._epoll.register(camera.socket, select.EPOLLIN)
            granted += self._listen(1 / CONNECTIONS_PER_S)
        while granted < count:
            granted += self._listen(0.1)

    def _listen(self, wait: float) -> int:
        """Handle what has come until the wait is over; return how many subscriptions were granted."""
        granted = 0
        for file, _ in self._epoll.poll(wait, maxevents=4096):
            camera = self._by_file[file]
            more, ids = camera.receive()
            granted += more
            if ids:
                now, at = time.time(), time.monotonic()
                for taken_at in camera.confirm(ids, at):
                    self._receipts += 1
                    self._delays.append((now - taken_at) * 1000)
                if camera.outbox:
                    self._again += camera.pump(at)
        return granted

    def speak(self, seconds: int) -> Outcome:
        """Let every camera send a message each second, and wait for the receipts of all."""
        count, sent = len(self._cameras), 0
        processor, began = time.process_time(), time.monotonic() + 1
        starts = time.time() + 1
        print(json.dumps(starts), flush=True)
        while sent < count * seconds:
            now = time.monotonic()
            while sent < count * seconds and began + sent / count <= now:
                self._late.append((now - began - sent / count) * 1000)
                self._say(sent % count, sent // count, starts + sent / count)
                sent += 1
            self._listen(0.0)
            time.sleep(TICK_S)
        in_time, processor = self._receipts, time.process_time() - processor
        ends = time.monotonic() + DRAINS_WITHIN_S
        while (left := self._without_receipt()) and time.monotonic() < ends:
            self._pump_all(time.monotonic())
            for _ in range(PUMPS_EVERY_TICKS):
                self._listen(TICK_S)
                time.sleep(TICK_S)
        delays = np.asarray(self._delays)
        middle, most = (float(each) for each in np.percentile(delays, [50, 99])) if len(delays) else (0.0, 0.0)
        late = float(np.percentile(np.asarray(self._late), 99))
        return Outcome(sent, self._receipts, in_time, self._again, left, middle, most, late, processor)

    def _without_receipt(self) -> int:
        return sum(len(camera.outbox) for camera in self._cameras)

    def _pump_all(self, now: float) -> None:
        self._again += sum(camera.pump(now) for camera in self._cameras)

    def _say(self, number: int, second: int, now: float) -> None:
        """Have a camera send what it has at this time. Where this process is late, the frames are not: two frames of a
        camera at the same time would be one."""
        camera = self._cameras[number]
        taken_at = int(now * 1000)
        at = (second + 7 * number) % CYCLE_S
        if at == 0 or not camera.visit[0]:
            camera.visit = (messages.new_id()[:32], now)
        # Before the first camera there is always somebody, for whoever asks how new the newest detection is.
        is_there = at < VISIT_S or number == 0
        id, began = camera.visit
        faces: tuple[messages.Face, ...] = ()
        if is_there:
            box = (self._random.randrange(1100), self._random.randrange(600), 96, 118)
            faces = (messages.Face(self._random.random(), box, facing=True, yaw=-4.5, pitch=2.5, visit=id),)
        frames = tuple(
            messages.Frame(taken_at=taken_at - 500 * (FRAMES_A_MESSAGE - 1 - each), faces=faces, size=(1280, 720))
            for each in range(FRAMES_A_MESSAGE)
        )
        visits: tuple[messages.Visit, ...] = ()
        if at <= VISIT_S and at % UPDATE_SECONDS == 0:
            dwell = int((now - began) * 1000)
            told = messages.Visit(id, int(began * 1000), dwell, attention=dwell, nearest=1.8, ended=at == VISIT_S)
            visits = (told,)
        message = messages.Frames(id=f"{self._run[:24]}-{next(self._ids)}", frames=frames, visits=visits)
        camera.outbox[message.id] = _Kept(now, messages.encode(message))
        self._again += camera.pump(time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("cameras", type=int)
    parser.add_argument("seconds", type=int)
    asked = parser.parse_args()
    fleet = Fleet(asked.port, asked.cameras)
    print(json.dumps(asked.cameras), flush=True)
    print(json.dumps(asdict(fleet.speak(asked.seconds))), flush=True)


if __name__ == "__main__":
    main()
