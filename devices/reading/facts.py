"""What a message tells: frames, gestures, visits, pictures, lines of log and signs of life of a registered device.

The classes are msgspec's because several are made for each message, and a frozen dataclass takes ten times as long.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from devices.models import Device
from devices.reading.identity import FormerKey
from edge_agent import messages


class ReceivedFrame(msgspec.Struct, frozen=True, gc=False):
    """A frame that was received from a registered device. Times are UTC."""

    device: Device
    taken_at: dt.datetime
    received_at: dt.datetime
    key: int
    """A 64-bit signed hash of the frame's bytes. `(device, taken_at, key)` identifies the frame, so that a
    redelivered one is stored once."""
    frame: messages.Frame
    former_keys: Callable[[Any], Sequence[FormerKey]] | None = None
    """Returns for `source` the keys under which a former version may have stored this frame."""
    source: Any = None
    is_empty: bool = False
    """Whether the message names nothing, so that the device tells what that means (`seeking.settle_empty_frames`)."""
    is_part: bool = False
    """Whether this is one face of a frame, whose other faces arrive in messages of their own."""
    is_timely: bool = False
    """Whether a part is known to have arrived when its device sent it."""


class ReceivedGesture(msgspec.Struct, frozen=True, gc=False):
    """One showing of a gesture, received from a registered device. Times are UTC."""

    device: Device
    label: str
    began_at: dt.datetime
    ended_at: dt.datetime
    """Equal to `began_at` while the device has not reported the end."""
    confidence: float
    sent_label: str = ""
    """The label as the device spelled it, under which a former version may have stored the gesture."""
    visit: str = ""
    """The visit of the person; "" from a device that does not follow people."""


class ReceivedVisit(msgspec.Struct, frozen=True, gc=False):
    """A report of one person's visit, received from a registered device."""

    device: Device
    began_at: dt.datetime
    """UTC. `(device, began_at, key)` identifies the visit, of which there are several reports."""
    visit: messages.Visit

    @property
    def key(self) -> str:
        """The random text by which the device names the visit."""
        return self.visit.id


class ReceivedPlay(msgspec.Struct, frozen=True, gc=False):
    """What a registered player showed. Times are UTC, by the player's clock."""

    device: Device
    started_at: dt.datetime
    shown: messages.Shown
    ended_at: dt.datetime | None
    ahead: dt.timedelta | None
    """How far the player's clock was ahead when it sent the message; None where the message does not tell."""


class TakenPicture(msgspec.Struct, frozen=True, gc=False):
    """A picture that a registered device took, or the address of one that the device put into S3. Times are UTC."""

    device: Device
    taken_at: dt.datetime
    received_at: dt.datetime
    key: int
    """A 64-bit signed hash. `(device, key)` identifies the picture, so that a redelivered one is stored once."""
    jpeg: bytes | None
    """The checked and re-encoded picture, without EXIF; None where only its address is known."""
    source_url: str = ""
    shows: str = "frame"
    """"frame" or "crop"."""
    faces: tuple[messages.Face, ...] = ()
    """Boxes are in pixels of this picture."""
    area: messages.Box | None = None
    """The part of the original frame that the picture shows, in pixels of that frame; None where it is unknown."""
    looks: tuple[tuple[int, bytes], ...] = ()
    """Looks at the faces in earlier frames: the index in `faces`, and a checked and re-encoded JPEG."""
    training: tuple[messages.Labelled, ...] | None = None
    """What the device detected in a picture that is for training alone; None for all other pictures."""


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """A line of a device's log. Times are UTC."""

    device: Device
    at: dt.datetime
    received_at: dt.datetime
    key: int
    """A 64-bit signed hash. `(device, at, key)` identifies the line, so that a redelivered one is stored once."""
    level: str
    text: str
    former_keys: Callable[[Any], Sequence[FormerKey]] | None = None
    """Returns for `source` the keys under which a former version may have stored this line."""
    source: Any = None


class SignOfLife(msgspec.Struct, frozen=True, gc=False):
    """A registered device's word that it was on, without a frame."""

    device: Device
    at: dt.datetime
    """UTC, by the platform's clock."""


class Decoded(msgspec.Struct, gc=False):
    """The content of one message of a registered device. The devices of its parts may differ after a move."""

    device: Device
    """The device that the thing was when it sent the message, or else its latest one."""
    frames: Sequence[ReceivedFrame] = ()
    gestures: Sequence[ReceivedGesture] = ()
    visits: Sequence[ReceivedVisit] = ()
    plays: Sequence[ReceivedPlay] = ()
    pictures: Sequence[TakenPicture] = ()
    log: Sequence[LogLine] = ()
    signs_of_life: Sequence[SignOfLife] = ()
    status: messages.Status | None = None
    message_id: str | None = None
    """The id that an agent gave the message and waits to see in a receipt; a DeepLens gives none."""
    clock: dt.datetime | None = None
    """The device's own time when it sent the message, in UTC; None where the message does not contain it."""
    timed: bool = True
    """Whether the message contains its own time; otherwise the time of its arrival was taken instead, or told which of
    two equal hours its time is in."""
    waits: bool = False
    """Whether the message's program is known to wait between uploads, and then to say that it has seen nothing."""
    is_stamped: bool = False
    """Whether the message's time is a stamp without a time zone."""
    has_place: bool = True
    """Whether the thing was registered at a place when it sent the message."""

    def has_only_frames(self) -> bool:
        """Whether there are no other facts in the message than frames, as in nearly all messages."""
        others = self.gestures or self.visits or self.plays or self.pictures or self.log or self.signs_of_life
        return not others and self.status is None
