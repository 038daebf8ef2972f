"""The wire contract between a device and the platform, used by both sides.

A device publishes on `dt/headcount/<thing>/<kind>`, the platform on `cmd/headcount/<thing>/<kind>`.
Payloads are UTF-8 JSON. Times are epoch milliseconds, UTC, by the sender's clock. Boxes are pixels of the
original frame: `[left, top, width, height]`. Confidences are probabilities, 0 to 1.

Unknown keys are ignored (except in `config`), so that either side may be upgraded first.
"""

import base64
import binascii
import re
import uuid
from typing import Annotated, Literal, get_args

import msgspec

MAX_MESSAGE_BYTES = 128 * 1024
"""AWS IoT Core refuses larger messages (service quota, November 2026)."""

MAX_PACKET_BYTES = MAX_MESSAGE_BYTES + 4 * 1024
"""The largest MQTT packet that either side takes: a message, and room for its topic, which AWS IoT Core limits to 256
bytes, and for properties, which neither side sends. Both ask the broker to send them nothing larger."""

MAX_PICTURE_BYTES = 96 * 1024
"""The largest JPEG that may travel inside a message; as base64 it still fits `MAX_MESSAGE_BYTES`."""

MAX_LOOK_BYTES = 6 * 1024
"""The largest JPEG of a look at a face."""

MAX_LOOKS = 8
"""The most looks that travel with a picture."""

MAX_TRAINING_BOXES = 50
"""The most detections of a picture for training."""

Probability = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""Epoch milliseconds up to the end of the year 9999, the last year of a `datetime`."""
Pixels = Annotated[int, msgspec.Meta(ge=-65_536, le=65_536)]
Box = tuple[Pixels, Pixels, Pixels, Pixels]
MessageId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*\Z")]
"""A text without the character NUL, which PostgreSQL cannot store."""
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""The platform refuses a label with the character NUL, too, but not by a pattern: that takes longer than the frame."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
THING_CHARACTERS = "A-Za-z0-9:_-"
"""The characters of a thing name, as the inside of a regular expression's brackets."""

THING_NAME = rf"^[{THING_CHARACTERS}]{{1,128}}\Z"
THING_NAME_RULE = "it has 1 to 128 letters of A to Z, digits, “:”, “_” and “-” only"
ThingName = Annotated[str, msgspec.Meta(pattern=THING_NAME)]
"""A thing's name as AWS IoT Core accepts it."""

VisitId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z-]{1,32}\Z")]
"""A random text that names one person's visit and ends with it."""
Duration = Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 3_600_000)]
"""Milliseconds, at most a week."""
Metres = Annotated[float, msgspec.Meta(gt=0.0, le=1_000.0)]

Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=3600.0)]
Cadence = Annotated[float, msgspec.Meta(gt=0.0, le=60.0)]
"""Frames analysed per second."""
Margin = Annotated[float, msgspec.Meta(ge=0.0, le=3.0)]
Degrees = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
Detector = Literal["faces", "hands", "objects"]
Accuracy = Literal["balanced", "high"]
Celsius = Annotated[float, msgspec.Meta(ge=-100.0, le=200.0)]
FacingAngle = Annotated[float, msgspec.Meta(gt=0.0, le=90.0)]
"""Degrees."""


class Face(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A face found in a frame."""

    confidence: Probability
    box: Box | None = None
    facing: bool | None = None
    """Whether the face is turned to the display; None from a device that does not tell."""
    yaw: Degrees | None = None
    """How far the face is turned towards the right edge of the picture; 0 faces the camera. None where unknown."""
    pitch: Degrees | None = None
    """How far the face is turned up; 0 faces the camera, negative looks down. None where unknown."""
    visit: VisitId | None = None
    """The visit of the person; None from a device that does not follow people."""


class Labelled(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An object ("cup") or a gesture ("thumbs-up") found in a frame."""

    label: Label
    confidence: Probability
    box: Box | None = None
    face: Count | None = None
    """Index in the frame's `faces` of the person whose hand or thing this is; None where unknown."""
    visit: VisitId | None = None
    """The visit of this person; None from a device that does not follow people."""


class Frame(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The detections in one frame of the camera.

    `faces` is None where the device does not detect faces, and empty where it found none.
    """

    taken_at: Milliseconds
    faces: tuple[Face, ...] | None = None
    objects: tuple[Labelled, ...] = ()
    gestures: tuple[Labelled, ...] = ()
    size: tuple[Pixels, Pixels] | None = None
    """Width and height of the original frame."""


class GestureEpisode(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A gesture that was made once, however many frames show it. It is reported when it begins and when it has ended.

    Label, `began_at` and `visit` identify an episode of a device.
    """

    label: Label
    began_at: Milliseconds
    confidence: Probability
    """The highest confidence of its frames so far."""
    ended_at: Milliseconds | None = None
    """Time of the last frame that showed the gesture; None while it lasts."""
    visit: VisitId | None = None
    """The visit of the person who makes the gesture, with however many hands; None from a device that does not follow
    people."""


class Visit(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A person's visit so far. It is reported when it begins, every few seconds while it lasts, and when it has ended.

    Id and `began_at` identify a visit of a device. Reports may arrive in any order and several times: dwell and
    attention only grow, the nearest distance only shrinks. A visit whose end is never reported lasted at least `dwell`.
    """

    id: VisitId
    began_at: Milliseconds
    dwell: Duration
    """How long the person has been seen so far, measured by a clock that never jumps."""
    attention: Duration | None = None
    """How long of it the face was turned to the display; None where the device does not tell."""
    nearest: Metres | None = None
    """Distance from the camera at the nearest; None where the device does not know its lens."""
    bodies: bool = False
    """Whether the device looks for bodies too. Then whoever passes without a glance has a visit, and dwell is how long
    the person was seen; otherwise dwell is how long the face was seen."""
    ended: bool = False


class Frames(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Payload of `frames`: one or more frames. Frames without any detection are sent too."""

    id: MessageId
    frames: tuple[Frame, ...]
    gesture_episodes: tuple[GestureEpisode, ...] = ()
    """The gesture episodes that began or ended with these frames."""
    visits: tuple[Visit, ...] | None = None
    """The visits that began, went on or ended since the last message; None from a device that does not follow
    people."""


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """A face of a picture as it was seconds before. The platform compares whose face it is, and keeps no look."""

    face: Count
    """Index in the picture's `faces`."""
    image_string: Annotated[str, msgspec.Meta(max_length=MAX_LOOK_BYTES * 4 // 3)]
    """A JPEG of the face with some margin, base64."""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of `image`: a JPEG of at most `MAX_PICTURE_BYTES`, and what it shows."""

    id: MessageId
    taken_at: Milliseconds
    image_string: str
    """The JPEG, base64."""
    shows: Literal["frame", "crop"] = "frame"
    faces: tuple[Face, ...] = ()
    """The faces for which the picture was taken; boxes are pixels of this picture."""
    area: Box | None = None
    """The part of the original frame that the picture shows; the picture itself may be scaled down."""
    looks: Annotated[tuple[Look, ...], msgspec.Meta(max_length=MAX_LOOKS)] = ()
    """The picture's faces in earlier frames: several frames vote before a name is spoken."""
    training: Annotated[tuple[Labelled, ...], msgspec.Meta(max_length=MAX_TRAINING_BOXES)] | None = None
    """What the device has detected in a picture that is sent to train models with, and for nothing else; boxes are
    pixels of this picture. None in all other pictures."""


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Settings that may be changed on a running device. None stands for the value of the device's own configuration.

    `edge_agent.config.AgentConfig` describes each setting.
    """

    detectors: tuple[Detector, ...] | None = None
    cadence: Cadence | None = None
    face_threshold: Probability | None = None
    gesture_threshold: Probability | None = None
    object_threshold: Probability | None = None
    face_probability: Probability | None = None
    countdown: Seconds | None = None
    cooldown: Seconds | None = None
    picture: Literal["frame", "crop"] | None = None
    crop_margin: Margin | None = None
    accuracy: Accuracy | None = None
    facing_angle: FacingAngle | None = None
    bodies: bool | None = None


class DesiredSettings(Settings, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Payload of `config`, retained. `{}` restores the device's own configuration. Unknown keys are refused."""


PictureProblem = Literal["dark", "covered", "blurred", "turned"]


class ModelReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device says of a trained model that the platform wants on it."""

    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    state: Literal["running", "refused"]
    note: Annotated[Text, msgspec.Meta(max_length=300)] = ""
    """One sentence that says why the model was refused or switched off, or runs less often than frames come."""


class TrainingRule(msgspec.Struct, frozen=True):
    """Which frames a device keeps to train models with, as the owner of its site has decided."""

    every: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    """At most one frame in so many detections."""
    megabytes: Annotated[float, msgspec.Meta(gt=0.0, le=1_000.0)]
    """At most so many of pictures in a day, UTC."""
    labels: tuple[Label, ...] = ()
    """The labels that count; empty for all."""


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of `status`, retained; the broker sends `online: false` as the device's last will."""

    online: bool
    sent_at: Milliseconds | None = None
    """None in a last will, which is written before the connection whose end it announces."""
    software: Text = ""
    outbox_messages: Count = 0
    outbox_bytes: Count = 0
    dropped_messages: Count = 0
    """Messages that were lost to a full outbox or a full disk since the outbox was created."""
    settings: Settings | None = None
    """The current settings, each with a value; None from a device whose settings the platform cannot change."""
    instance: Annotated[Text, msgspec.Meta(max_length=64)] = ""
    """A random id of the running program, by which the platform notices two programs with one thing name."""
    settings_error: Text = ""
    """One sentence that says why the latest `config` was not applied; "" where it was applied."""
    camera: Annotated[Text, msgspec.Meta(max_length=64)] = ""
    """A hash of the source and its lens, by which the platform notices another camera; "" from a device that does not
    tell."""
    models: Annotated[Text, msgspec.Meta(max_length=64)] = ""
    """A hash of the models of the detectors; "" from a device that does not tell."""
    picture_problem: PictureProblem | None = None
    """What is wrong with the camera's picture, beside its own past; None where nothing is, or nobody looks."""
    picture_problem_since: Milliseconds | None = None
    temperature: Celsius | None = None
    """The temperature of the box's processor; None where the box does not tell."""
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=200)] | None = None
    """All labels of objects and gestures that the device looks for; None from a device that does not tell."""
    learned: Annotated[tuple[ModelReport, ...], msgspec.Meta(max_length=64)] | None = None
    """The trained models that run on the device, and those that it refused; None from a device that runs none."""


class Log(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of `log`: a line for the device's log."""

    id: MessageId
    at: Milliseconds
    text: str
    level: Literal["info", "warning", "error"] = "info"


ContentName = Annotated[Text, msgspec.Meta(min_length=1, max_length=128)]
"""How a player calls a content or a layout."""


class Shown(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One showing of a content. Content and `started_at` identify it, so that it may be sent again with its end."""

    content: ContentName
    started_at: Milliseconds
    ended_at: Milliseconds | None = None
    """None while it goes on: it then lasts until the next one."""
    name: Annotated[Text, msgspec.Meta(max_length=128)] = ""
    layout: Annotated[Text, msgspec.Meta(max_length=128)] = ""
    position: Annotated[int, msgspec.Meta(ge=0, le=32_767)] = 0
    """The place in the sequence, from 1 on; 0 where the player does not tell."""


class Play(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of `play`: what a player has shown, or shows now."""

    id: MessageId
    plays: Annotated[tuple[Shown, ...], msgspec.Meta(max_length=1_000)]
    sent_at: Milliseconds | None = None
    """The player's clock when it sends, by which the platform knows how far the clock is off."""


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of `receipt`: the messages with these ids are committed or quarantined, and may be deleted."""

    ids: tuple[str, ...]
    name_is_shared: bool = False
    """Whether the platform has noticed that another program uses the device's thing name too."""


class Greeting(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of `greeting`: somebody was recognised in a picture of this device."""

    name: str
    coffees: int
    """This person's coffees so far, including today's."""
    line: str = ""
    external_id: str = ""
    """The person's name in another system of the site, if it has set one."""
    profile: str = ""
    """Some sentences about the person, if there are any; at most 1,000 characters."""


FromDevice = Frames | Image | Status | Log | Play

KINDS: dict[str, type[FromDevice]] = {message.__name__.lower(): message for message in get_args(FromDevice)}
"""The class of each kind of message. The kind is the class's name in lower case, and the last level of the topic."""

_DECODERS = {kind: msgspec.json.Decoder(message) for kind, message in KINDS.items()}


def is_thing_name(text: str) -> bool:
    return re.match(THING_NAME, text) is not None


def topic_from_device(thing: str, kind: str) -> str:
    return f"dt/headcount/{thing}/{kind}"


def topic_to_device(thing: str, kind: str) -> str:
    return f"cmd/headcount/{thing}/{kind}"


def encode(message: FromDevice | Receipt | Greeting | Settings) -> bytes:
    return msgspec.json.encode(message)


def decode(kind: str, payload: bytes) -> FromDevice:
    """Return the message of this kind.

    Raises `KeyError` for a kind that is not in `KINDS`. Raises `msgspec.DecodeError`, of which `ValidationError` is a
    kind, with one sentence that says where the payload is wrong.
    """
    decoder = _DECODERS[kind]
    try:
        return decoder.decode(payload)
    except UnicodeDecodeError as error:
        # msgspec raises this error too, though it is no `DecodeError`.
        raise msgspec.DecodeError(f"a text in it is not UTF-8 ({error.reason})") from None


def decode_settings(payload: bytes) -> DesiredSettings:
    """Return the settings of a `config`; an empty payload has none. Raises `msgspec.DecodeError`."""
    if not payload:
        return DesiredSettings()
    try:
        return msgspec.json.decode(payload, type=DesiredSettings)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"a text in it is not UTF-8 ({error.reason})") from None


def new_id() -> str:
    """Return a message id that is unique among all devices."""
    return uuid.uuid4().hex


def picture_bytes(image_string: str) -> bytes:
    """Return the JPEG's bytes. Raises `ValueError` where the text is too long, no base64, or no JPEG."""
    if len(image_string) > MAX_MESSAGE_BYTES * 4 // 3:
        raise ValueError(f"the picture has {len(image_string)} base64 characters, more than a message may carry")
    try:
        picture = base64.b64decode(image_string, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the picture is not base64: {error}") from error
    if not picture.startswith(b"\xff\xd8\xff"):
        raise ValueError("the picture is not a JPEG: it does not begin with FF D8 FF")
    return picture
