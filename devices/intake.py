"""The intake: every message, whatever way it came, ends here, and is committed, counted once, or set aside."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from devices.models import Device
from edge_agent import messages


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame that a registered device reported. Times are UTC."""

    device: Device
    taken_at: dt.datetime
    received_at: dt.datetime
    key: int
    """64-bit signed hash of what the device said; `(device, taken_at, key)` is one frame, however often it arrives."""
    frame: messages.Frame


@dataclass(frozen=True, slots=True)
class TakenPicture:
    """A picture that a registered device took, or the address of one it put into S3."""

    device: Device
    taken_at: dt.datetime
    received_at: dt.datetime
    key: int
    """64-bit signed hash; `(device, key)` is one picture, however often it arrives."""
    jpeg: bytes | None
    """Checked, re-encoded and without EXIF; None where only the address is known."""
    source_url: str = ""
    shows: str = "frame"
    """"frame" or "crop"."""
    faces: tuple[messages.Face, ...] = ()
    """Boxes in the picture's own pixels."""


@dataclass(slots=True)
class Batch:
    """What one transaction of the intake takes in. May name the same frame or picture twice."""

    frames: list[SeenFrame] = field(default_factory=list)
    pictures: list[TakenPicture] = field(default_factory=list)


Sink = Callable[[Batch], None]

_sinks: list[Sink] = []


def register_sink(sink: Sink) -> None:
    """Have this sink called with every batch, inside the batch's transaction.

    A sink must be idempotent. What it raises undoes the whole batch; the intake then takes the messages one by one.
    """
    if sink not in _sinks:
        _sinks.append(sink)
