"""What a message means: frames, pictures, a line of log, a status; or why it must be set aside. Writes nothing.

The types are msgspec's because several are made for each message, and a frozen dataclass takes ten times as long.
"""

import datetime as dt
import hashlib
import zoneinfo
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from devices.intake import deeplens
from devices.intake.pictures import BadPicture, sanitised_jpeg
from devices.models import Device, Reason
from edge_agent import messages

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND = dt.timedelta(milliseconds=1)

MAX_LEAD = dt.timedelta(hours=1)
"""How far in the future a device's time may lie."""

DEEPLENS = "infer"
"""The kind of what an AWS DeepLens says; an agent's kinds are those of `messages.KINDS`."""

TOPICS_KEPT = 4_096
"""Topics whose parts are remembered: a platform's devices say the same few over and over."""

MAX_TEXT = 2_000
"""Characters of a log line that are kept."""


class Carriage(msgspec.Struct, frozen=True):
    """How a broker brought a message of QoS 1: tells a redelivered one from a new one of the same words."""

    client: str
    """The client id of the session that it came on."""
    packet_id: int
    sequence: int
    """Grows by one with each message of this client, restarts included."""
    redelivered: bool = False
    """The broker marks it as sent before."""


class Arrival(msgspec.Struct, frozen=True):
    """A message as it came, whatever way: `received_at` is UTC, by our clock."""

    topic: str
    payload: bytes
    received_at: dt.datetime
    carriage: Carriage | None = None
    """None where it came without a broker, or with QoS 0."""
    retained: bool = False


class SeenFrame(msgspec.Struct, frozen=True):
    """A frame that a registered device reported. Times are UTC."""

    device: Device
    taken_at: dt.datetime
    received_at: dt.datetime
    key: int
    """64-bit signed hash of what the device said; `(device, taken_at, key)` is one frame, however often it arrives."""
    frame: messages.Frame


class SeenGesture(msgspec.Struct, frozen=True):
    """A gesture held up once, as a registered device told it. Times are UTC."""

    device: Device
    label: str
    began_at: dt.datetime
    ended_at: dt.datetime
    """As far as it was told: the same as `began_at` while it lasts."""
    confidence: float


class TakenPicture(msgspec.Struct, frozen=True):
    """A picture that a registered device took, or the address of one it put into S3. Times are UTC."""

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
    area: messages.Box | None = None
    """Which part of the original frame it shows, in that frame's pixels; None where the device did not say."""


class LogLine(msgspec.Struct, frozen=True):
    device: Device
    at: dt.datetime
    received_at: dt.datetime
    key: int
    level: str
    text: str


class Decoded(msgspec.Struct):
    """What one message of a registered device means. `timed` is False where our time of arrival stands for its own."""

    device: Device
    frames: Sequence[SeenFrame] = ()
    gestures: Sequence[SeenGesture] = ()
    pictures: Sequence[TakenPicture] = ()
    log: Sequence[LogLine] = ()
    status: messages.Status | None = None
    message_id: str | None = None
    clock: dt.datetime | None = None
    """The device's clock as it sent this message, where the message tells."""
    timed: bool = True


class SetAside(Exception):
    """The message must be quarantined: `reason` is its code, the text one sentence of detail."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def decode(arrival: Arrival, device: Device | None, *, retention: dt.timedelta) -> Decoded:
    """The meaning of this message. `device` is the one registered under the topic's thing name, if any is.

    Raises `SetAside`.
    """
    if len(arrival.payload) > messages.MAX_MESSAGE_BYTES:
        raise SetAside(Reason.TOO_LARGE, f"A message has at most {messages.MAX_MESSAGE_BYTES:,} bytes.")
    kind, thing = _route_of(arrival.topic)
    if not kind:
        raise SetAside(Reason.UNKNOWN_TOPIC, f"Known are dt/headcount/<thing>/{'|'.join(messages.KINDS)}.")
    if device is None:
        raise SetAside(Reason.UNKNOWN_DEVICE, f"Register “{thing}” in the admin, then replay.")
    decoded = _from_deeplens(arrival, device) if kind == DEEPLENS else _from_agent(arrival, device, kind)
    _check_times(decoded, arrival.received_at, retention)
    return decoded


def thing_of(topic: str) -> str:
    """The thing name in a device's topic, or "" where the topic has none."""
    return _route_of(topic)[1]


def things_of(arrivals: Iterable[Arrival]) -> set[str]:
    """The thing names in these messages' topics, "" for a topic that has none."""
    return {thing_of(topic) for topic in {arrival.topic for arrival in arrivals}}


@lru_cache(TOPICS_KEPT)
def _route_of(topic: str) -> tuple[str, str]:
    """What kind of message comes on this topic, "" where none that we know does, and the thing name in it."""
    match topic.split("/"):
        case ["$aws", "things", thing, "infer"]:
            return DEEPLENS, thing
        case ["dt", "headcount", thing, kind] if kind in messages.KINDS:
            return kind, thing
        case [_, _, thing, _]:
            return "", thing
    return "", ""


def message_id_of(payload: bytes) -> str | None:
    """The agent's message id, also of a message that is otherwise unusable; None where it has none."""
    try:
        return msgspec.json.decode(payload, type=_Identified).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Identified(msgspec.Struct):
    id: messages.MessageId


def digest(*parts: bytes | str) -> int:
    """A 64-bit signed BLAKE2b hash, the same in every process."""
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(_framed(data))
    return int.from_bytes(state.digest(), signed=True)


def words(arrival: Arrival) -> int:
    """A hash of what was said and where, whenever it came: the `digest` of topic and payload."""
    state = _said_on(arrival.topic).copy()
    state.update(_framed(arrival.payload))
    return int.from_bytes(state.digest(), signed=True)


@lru_cache(TOPICS_KEPT)
def _said_on(topic: str) -> hashlib.blake2b:
    """What `digest` has of a message once it knows its topic."""
    return hashlib.blake2b(_framed(topic.encode()), digest_size=8)


def _framed(part: bytes) -> bytes:
    """With its length, so that two parts are told from others that make the same bytes."""
    return len(part).to_bytes(8) + part


def _time(milliseconds: int) -> dt.datetime:
    # Half the time of a `timedelta` made anew, and as exact.
    return EPOCH + MILLISECOND * milliseconds


def _from_agent(arrival: Arrival, device: Device, kind: str) -> Decoded:
    try:
        message = messages.decode(kind, arrival.payload)
    except msgspec.ValidationError as error:
        raise SetAside(Reason.BAD_VALUE, f"{error}.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise SetAside(Reason.UNREADABLE, f"Broken JSON: {error}.") from None
    decoded = Decoded(device)
    if isinstance(message, messages.Status):
        decoded.status = message
        if message.sent_at is not None and not arrival.retained:
            decoded.clock = _time(message.sent_at)
        return decoded
    decoded.message_id = message.id
    if isinstance(message, messages.Frames):
        decoded.frames = [
            SeenFrame(device, _time(frame.taken_at), arrival.received_at, digest(msgspec.json.encode(frame)), frame)
            for frame in message.frames
        ]
        if message.gesture_episodes:
            decoded.gestures = [_gesture(told, device) for told in message.gesture_episodes]
    elif isinstance(message, messages.Image):
        decoded.pictures = [_agent_picture(message, arrival, device)]
    else:
        decoded.log = [
            LogLine(
                device,
                _time(message.at),
                arrival.received_at,
                digest(message.id),
                message.level,
                storable(message.text),
            )
        ]
    return decoded


def _gesture(told: messages.GestureEpisode, device: Device) -> SeenGesture:
    began_at = _time(told.began_at)
    ended_at = began_at if told.ended_at is None else _time(told.ended_at)
    if ended_at < began_at:
        sentence = f"A gesture “{told.label}” ended at {ended_at.isoformat()}, before it began."
        raise SetAside(Reason.BAD_VALUE, sentence)
    return SeenGesture(device, told.label, began_at, ended_at, told.confidence)


def _agent_picture(image: messages.Image, arrival: Arrival, device: Device) -> TakenPicture:
    return TakenPicture(
        device,
        _time(image.taken_at),
        arrival.received_at,
        digest("image", image.image_string, str(image.taken_at)),
        _jpeg(image.image_string),
        shows=image.shows,
        faces=image.faces,
        area=image.area,
    )


def _from_deeplens(arrival: Arrival, device: Device) -> Decoded:
    try:
        said = deeplens.read(arrival.payload, zone=zoneinfo.ZoneInfo(device.clock_timezone))
    except deeplens.BadValue as error:
        raise SetAside(Reason.BAD_VALUE, str(error)) from None
    except deeplens.Unreadable as error:
        raise SetAside(Reason.UNREADABLE, str(error)) from None
    _check_claims(said, arrival, device)
    decoded = Decoded(device, timed=said.taken_at is not None)
    if said.text is not None:
        if said.text != deeplens.SIGN_OF_LIFE:
            text = storable(said.text)
            key = digest(text, identity_of_untimed(arrival))
            decoded.log = [LogLine(device, arrival.received_at, arrival.received_at, key, said.level, text)]
        return decoded
    taken_at = arrival.received_at if said.taken_at is None else _time(said.taken_at)
    decoded.clock = None if said.taken_at is None else taken_at
    if said.saw_frame:
        decoded.frames = [_deeplens_frame(said, taken_at, arrival, device)]
    if said.image_string is not None:
        key = digest("image", said.image_string, str(said.taken_at))
        jpeg = _jpeg(said.image_string)
        decoded.pictures = [
            TakenPicture(device, taken_at, arrival.received_at, key, jpeg, shows="crop", faces=said.faces or ())
        ]
    elif said.picture_url is not None:
        key = digest("url", said.picture_url)
        decoded.pictures = [TakenPicture(device, taken_at, arrival.received_at, key, None, said.picture_url)]
    return decoded


def _deeplens_frame(said: deeplens.Utterance, taken_at: dt.datetime, arrival: Arrival, device: Device) -> SeenFrame:
    frame = messages.Frame(
        taken_at=round(taken_at.timestamp() * 1000), faces=said.faces, objects=said.objects, gestures=said.gestures
    )
    # What has no time of its own is taken to be of its arrival, which is part of a frame's identity anyway.
    identity = "" if said.taken_at is not None else _packet(arrival)
    return SeenFrame(device, taken_at, arrival.received_at, digest(msgspec.json.encode(frame), identity), frame)


def identity_of_untimed(arrival: Arrival) -> str:
    """What tells two messages of the same words apart that carry no time of their own."""
    return f"{arrival.received_at.isoformat()} {_packet(arrival)}"


def _packet(arrival: Arrival) -> str:
    carriage = arrival.carriage
    return f"{carriage.client} {carriage.packet_id}" if carriage else ""


def _check_claims(said: deeplens.Utterance, arrival: Arrival, device: Device) -> None:
    if said.claims_device is not None and said.claims_device not in (device.name, device.thing_name):
        raise SetAside(
            Reason.OTHER_DEVICE, f"The payload says “{said.claims_device:.80}”, the topic belongs to {device.name}."
        )
    if said.claims_topic is not None and said.claims_topic != arrival.topic:
        raise SetAside(Reason.OTHER_DEVICE, f"The payload was exported from the topic “{said.claims_topic:.160}”.")


def _check_times(decoded: Decoded, received_at: dt.datetime, retention: dt.timedelta) -> None:
    told = [frame.taken_at for frame in decoded.frames]
    if decoded.pictures or decoded.log or decoded.gestures:
        told += [picture.taken_at for picture in decoded.pictures]
        told += [line.at for line in decoded.log]
        told += [at for gesture in decoded.gestures for at in (gesture.began_at, gesture.ended_at)]
    oldest, latest = received_at - retention, received_at + MAX_LEAD
    for at in told:
        if not oldest <= at <= latest:
            check_time(at, received_at, retention)


def check_time(at: dt.datetime, received_at: dt.datetime, retention: dt.timedelta) -> None:
    """Raises `SetAside` where what was seen at this time cannot be counted any more, or not yet."""
    if at < received_at - retention:
        raise SetAside(Reason.TOO_OLD, f"{at.isoformat()} is more than {retention.days} days before its arrival.")
    if at > received_at + MAX_LEAD:
        raise SetAside(Reason.IN_FUTURE, f"{at.isoformat()} is more than an hour after its arrival.")


def _jpeg(image_string: str) -> bytes:
    try:
        return safe_jpeg(messages.picture_bytes(image_string))
    except ValueError as error:
        raise SetAside(Reason.BAD_PICTURE, str(error)) from None


def safe_jpeg(data: bytes) -> bytes:
    """The picture as it may be kept. Raises `SetAside`."""
    try:
        return sanitised_jpeg(data)
    except BadPicture as error:
        raise SetAside(Reason.BAD_PICTURE, str(error)) from None


def storable(text: str) -> str:
    # PostgreSQL stores no NUL in a text.
    return text.replace("\x00", "�")[:MAX_TEXT]
