"""A scenario with three hostile devices: one sends what is made to take long or to fail, the others flood."""

import base64
import io
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import PIL.Image

from benchmarks.faults.devices import Clock, Device, connected, speaking
from benchmarks.faults.ledger import Aside, Ledger
from benchmarks.faults.scenarios import Result, result_of
from benchmarks.faults.stage import Rig
from devices.models import Reason
from edge_agent import messages
from tests.world import pictures

P99_GOAL_S = 1.0
"""The time in seconds from the sending to the commit that 99 of 100 messages of the other devices must keep."""

BOMB_SCANS, BOMB_SIDE = 1_000, 3_500
"""The scans of a picture that fits into a message, and its side in pixels. libjpeg decodes it for some seconds."""


LARGEST_SIDE = 4_800
"""The side in pixels of a picture that fits into a message and is nearly as large as any picture may be."""


Way = Callable[[str], tuple[str, bytes, Reason]]
"""Takes a message id, and returns the kind, the payload, and the reason for which it must be quarantined."""


class Poisoner:
    """A device whose every message must be quarantined: pictures that take long to decode, and broken messages."""

    def __init__(self, thing: str, url: str, ledger: Ledger) -> None:
        self.thing, self._ledger, self._clock = thing, ledger, Clock()
        self._client = connected(url)
        self.sent = 0
        jpeg = pictures.jpeg_of_many_scans(BOMB_SCANS, side=BOMB_SIDE)
        self._bomb = messages.Image("", self._clock(), base64.b64encode(jpeg).decode())
        self._ways: list[Way] = [self._picture, self._deep, self._half, self._huge]

    def say(self) -> None:
        self.sent += 1
        kind, payload, reason = self._ways[self.sent % len(self._ways)](f"{self.thing}-{self.sent}")
        topic = messages.topic_from_device(self.thing, kind)
        self._client.publish(topic, payload, qos=1)
        self._ledger.note_aside(Aside(topic, payload, reason))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _picture(self, id: str) -> tuple[str, bytes, Reason]:
        return "image", messages.encode(msgspec.structs.replace(self._bomb, id=id)), Reason.BAD_PICTURE

    def _deep(self, id: str) -> tuple[str, bytes, Reason]:
        return "frames", b'{"id": "%b", "frames": ' % id.encode() + b"[" * 100_000, Reason.BAD_VALUE

    def _half(self, id: str) -> tuple[str, bytes, Reason]:
        return "log", b'{"id": "%b", "at": %d, "text": "\\ud83d"}' % (id.encode(), self._clock()), Reason.UNREADABLE

    def _huge(self, id: str) -> tuple[str, bytes, Reason]:
        return "frames", b'{"id": "%b", "frames": [{"taken_at": %b}]}' % (id.encode(), b"9" * 5_000), Reason.BAD_VALUE


class Flooder:
    """A device that sends valid frames far faster than a camera takes them. Nothing is recorded of it."""

    def __init__(self, thing: str, url: str, chance: random.Random) -> None:
        self.thing, self._chance, self._clock = thing, chance, Clock()
        self._client = connected(url)
        self.sent = 0

    def say(self) -> None:
        frame = messages.Frame(taken_at=self._clock(), faces=(messages.Face(self._chance.random()),))
        payload = messages.encode(messages.Frames(messages.new_id(), (frame,)))
        self._client.publish(messages.topic_from_device(self.thing, "frames"), payload, qos=1)
        self.sent += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class PictureFlooder:
    """A device that sends the largest pictures that are accepted, far faster than any camera. Nothing is recorded."""

    def __init__(self, thing: str, url: str) -> None:
        self.thing, self._clock = thing, Clock()
        self._client = connected(url)
        self.sent = 0
        out = io.BytesIO()
        PIL.Image.new("L", (LARGEST_SIDE, LARGEST_SIDE), 128).save(out, "JPEG", quality=1, optimize=True)
        self._picture = messages.Image("", 0, base64.b64encode(out.getvalue()).decode())

    def say(self) -> None:
        picture = msgspec.structs.replace(self._picture, id=messages.new_id(), taken_at=self._clock())
        self._client.publish(messages.topic_from_device(self.thing, "image"), messages.encode(picture), qos=1)
        self.sent += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def poisoned(
    rig: Rig,
    *,
    seconds: float,
    per_second: float,
    poison_per_second: float,
    flood_per_second: float,
    pictures_per_second: float,
) -> Result:
    """Let three hostile devices send while others do. The others' messages are committed in time, and none is lost.

    Before that, the others send alone for a while. Their delay then tells how much of the delay is the machine's.
    """
    with rig.stage("poison") as stage:
        stage.started_ingester()
        poisoner = Poisoner(stage.add_thing("poisoner"), stage.broker.url, stage.ledger)
        flooder = Flooder(stage.add_thing("flooder"), stage.broker.url, random.Random(rig.chance.random()))
        photographer = PictureFlooder(stage.add_thing("photographer"), stage.broker.url)
        devices: list[Device] = [stage.add_agent(), stage.add_agent(), stage.add_deeplens(clock=Clock())]
        rates: dict[Device, float] = dict.fromkeys(devices, per_second / len(devices))
        try:
            hostile: dict[Any, float] = {
                poisoner: poison_per_second,
                flooder: flood_per_second,
                photographer: pictures_per_second,
            }
            with speaking(rates):
                stage.pause(seconds / 3)
            begins = time.time()
            with speaking({**rates, **hostile}):
                ends = time.monotonic() + seconds
                for _ in rig.steps("9 seconds of poison", round(seconds)):
                    stage.pause(max(0.0, min(1.0, ends - time.monotonic())))
            stage.settle()
        finally:
            poisoner.close()
            flooder.close()
            photographer.close()
        sent = poisoner.sent + flooder.sent + photographer.sent
        result = result_of(stage, "9 poison and floods", sent)
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(result.outcome.reasons.items()))
        alone, besides = result.outcome.only_sent(0, begins), result.outcome.only_sent(begins)
        return replace(
            result,
            outcome=besides,
            p99_goal_s=P99_GOAL_S,
            note=f"{flooder.sent:,} frames and {photographer.sent:,} pictures of floods; {reasons}; 99 of 100 messages "
            f"within {besides.delay(0.99) or 0:.2f} s, and within {alone.delay(0.99) or 0:.2f} s before the hostile "
            "devices began",
        )
