"""Random odd payloads: variations of valid messages that no device should send. A seed makes them repeatable."""

import base64
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image
from skimage import data

from edge_agent import messages

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
TEXT = re.compile(rb'"[^"]*"')

ODD_NUMBERS = (
    *(b"-1", b"0", b"-0.0", b"1.0000001", b"1e-320", b"1e308", b"1e999", b"NaN", b"-Infinity", b"0x10", b"007"),
    *(str(power).encode() for power in (2**15, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400)),
    *(b"253402300799999", b"253402300800000", b"-62135596800000", b"true", b"null", b"[]", b"{}", b'"1"'),
)
ODD_TEXTS = (
    *(b'""', b'" "', b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\xe2\x80\xae"', b'"\\"'),
    *(b'"' + b"x" * size + b'"' for size in (64, 65, 128, 129, 2_001)),
    *(b'"../../../etc/passwd"', b'"\'; DROP TABLE devices_device; --"', b'"20181345-256199"', b'"true"'),
    *(b"1", b"null", b"[]", b"{}"),
)
KEYS = (
    *("id", "frames", "taken_at", "faces", "objects", "gestures", "size", "confidence", "box", "label", "at"),
    *("image_string", "shows", "online", "sent_at", "text", "level", "face", "1", "prob", "null", "unix_time"),
    *("timestamp", "device_id", "link_to_img", "img", "payload", "topic", "object", "thumbs-up", "", "\u202e", "\x00"),
)
ODD_LEVELS = ("", "frames ", "FRAMES", "receipt", "\u200b", "é" * 40, "infer", "..", "%00", "'", "x" * 500, "$SYS")
DEEPEST = 100_000
LARGEST = messages.MAX_PACKET_BYTES - 1024
"""Bytes of a payload that is larger than a message may be, but small enough for the broker to deliver it."""

Way = Callable[[], tuple[str, bytes]]


class Payloads:
    """An endless stream of topics and payloads. The same seed and clock yield the same stream.

    `agent` and `deeplens` are the thing names in the topics. `clock` returns epoch milliseconds. One message in a
    hundred is valid.
    """

    def __init__(self, seed: int, agent: str, deeplens: str, clock: Callable[[], int]) -> None:
        self._chance = random.Random(seed)
        self._agent, self._deeplens, self._clock = agent, deeplens, clock
        self._jpeg = base64.b64encode(_jpeg()).decode()
        self._ways: dict[Way, int] = {
            self._mutated: 50,
            self._with_an_odd_value: 20,
            self._structure: 12,
            self._noise: 8,
            self._elsewhere: 9,
            self._said: 1,
        }

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        ways, weights = list(self._ways), list(self._ways.values())
        while True:
            # Huge payloads are rare, so that they do not dominate the stream.
            way = self._monster if self._chance.random() < 0.0005 else self._chance.choices(ways, weights)[0]
            yield way()

    def _said(self) -> tuple[str, bytes]:
        """Return a valid message."""
        if self._chance.random() < 0.5:
            kind = self._chance.choices(["frames", "status", "log", "image"], [70, 14, 14, 2])[0]
            return messages.topic_from_device(self._agent, kind), messages.encode(self._agents(kind))
        return f"$aws/things/{self._deeplens}/infer", self._dialect().encode()

    def _agents(self, kind: str) -> messages.FromDevice:
        now, chance, id = self._clock(), self._chance.random(), f"{self._chance.getrandbits(128):032x}"
        face = messages.Face(chance, (410, 120, 96, 118))
        if kind == "status":
            return messages.Status(True, now, "1.0", 3, 700, 0)
        if kind == "log":
            return messages.Log(id, now, "The lens is dirty.", "warning")
        if kind == "image":
            return messages.Image(id, now, self._jpeg, "crop", (face,))
        cup, thumb = messages.Labelled("cup", 0.7, (455, 300, 60, 66)), messages.Labelled("thumbs-up", 0.9)
        return messages.Frames(id, (messages.Frame(now, (face,), (cup,), (thumb,), (1280, 720)),))

    def _dialect(self) -> str:
        now, p = self._clock(), round(self._chance.random(), 10)
        exported = {"format": "json", "payload": {"face": p}, "timestamp": now, "qos": 0}
        found = {"timestamp": "20261120-183000", "objects": [{"object": "cup", "confidence": p}]}
        found |= {"device_id": self._deeplens}
        crop = {"image_string": self._jpeg, "unix_time": now, "face": p}
        ways = (
            *("Opened Pipe", "Model load error: " + str(p), "NO DETECTIONS MADE", "{}", '{"null": 0.0}'),
            *(f'{{"face": {p}}}', f'{{"1": {p}, "1": 0.5, "null": 0.0}}', f'{{"prob": {p}, "face": "true"}}'),
            *(f'{{"thumbs-up": {p}}}', f'{{"face": {p}, "unix_time": {now}}}', '"a text"', '{"face": "false"}'),
            *(json.dumps(exported), json.dumps(found), '{"img": "https://example.com/a_20261120-183000.jpg"}'),
        )
        return json.dumps(crop) if self._chance.random() < 0.01 else self._chance.choice(ways)

    def _mutated(self) -> tuple[str, bytes]:
        """Return a valid message in which a few bytes are changed, removed, repeated or invalid."""
        topic, payload = self._said()
        for _ in range(self._chance.randint(1, 4)):
            payload = self._mutate(payload)
        return topic, payload

    def _mutate(self, payload: bytes) -> bytes:
        chance = self._chance
        start = chance.randint(0, len(payload))
        end = min(start + int(chance.expovariate(0.2)) + 1, len(payload))
        before, part, after = payload[:start], payload[start:end], payload[end:]
        how = chance.randrange(5)
        if how == 0:
            return before + after
        if how == 1:
            return before + part * 2 + after
        if how == 2:
            return before + chance.randbytes(len(part)) + after
        if how == 3:
            return before
        return before + bytes(chance.choices(b'{}[]",:0123456789.-eE\\u \x00\xff', k=3)) + after

    def _with_an_odd_value(self) -> tuple[str, bytes]:
        """Return a valid message in which one number or text is replaced."""
        topic, payload = self._said()
        pattern, odd = self._chance.choice([(NUMBER, ODD_NUMBERS), (TEXT, ODD_TEXTS)])
        places = list(pattern.finditer(payload))
        if not places:
            return topic, payload
        start, end = self._chance.choice(places).span()
        return topic, payload[:start] + self._chance.choice(odd) + payload[end:]

    def _structure(self) -> tuple[str, bytes]:
        """Return JSON of a random structure, with keys of the wire contract."""
        return self._said()[0], json.dumps(self._value(self._chance.randint(1, 5))).encode()

    def _value(self, depth: int) -> Any:
        chance = self._chance
        if depth == 0 or chance.random() < 0.2:
            leaves = (None, True, chance.random(), chance.randint(-5, 5), self._clock(), chance.choice(KEYS), 1e300)
            return chance.choice(leaves)
        inside = [self._value(depth - 1) for _ in range(chance.randint(0, 4))]
        return inside if chance.random() < 0.4 else {chance.choice(KEYS): each for each in inside}

    def _noise(self) -> tuple[str, bytes]:
        return self._said()[0], self._chance.randbytes(int(self._chance.expovariate(1 / 40)))

    def _elsewhere(self) -> tuple[str, bytes]:
        """Return a valid payload on a wrong topic to which the platform subscribes."""
        chance, payload = self._chance, self._said()[1]
        thing = chance.choice([self._agent, self._deeplens, "nobody", *ODD_LEVELS])
        if chance.random() < 0.3:
            return f"$aws/things/{thing}/infer", payload
        return f"dt/headcount/{thing}/{chance.choice([*messages.KINDS, *ODD_LEVELS])}", payload

    def _monster(self) -> tuple[str, bytes]:
        """Return a payload that is far too large or too deeply nested."""
        size = 1 + min(int(self._chance.expovariate(1 / (DEEPEST / 20))), DEEPEST)
        huge = (
            *(b"[" * size, b'{"face":' * size, b"x" * self._chance.randint(1, LARGEST), b"\x00" * size),
            *(b'{"id": "' + b"y" * size + b'"}', b"9" * size, b"[" + b"{}," * size + b"{}]", b" " * size),
        )
        return self._said()[0], self._chance.choice(huge)[:LARGEST]


def _jpeg() -> bytes:
    """Return a JPEG of the smallest size that a face crop may have."""
    out = io.BytesIO()
    portrait: Any = data.astronaut()
    Image.fromarray(portrait[:200, 140:300]).resize((64, 80)).save(out, "JPEG", quality=60)
    return out.getvalue()
