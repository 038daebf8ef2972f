"""Decoding: what a received message means, or the reason for which it must be quarantined. Writes nothing."""

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import assert_never

import msgspec
from django.conf import settings

from devices.models import Device, Reason, Thing
from devices.reading import buckets, deeplens, identity, labels, version1
from devices.reading.arrivals import Arrival as Arrival
from devices.reading.arrivals import Delivery as Delivery
from devices.reading.clean_pictures import checked_looks as checked_looks
from devices.reading.clean_pictures import received_jpeg, spending_at
from devices.reading.clean_pictures import safe_jpeg as safe_jpeg
from devices.reading.facts import Decoded as Decoded
from devices.reading.facts import LogLine as LogLine
from devices.reading.facts import ReceivedFrame as ReceivedFrame
from devices.reading.facts import ReceivedGesture as ReceivedGesture
from devices.reading.facts import ReceivedPlay as ReceivedPlay
from devices.reading.facts import ReceivedVisit as ReceivedVisit
from devices.reading.facts import SignOfLife as SignOfLife
from devices.reading.facts import TakenPicture as TakenPicture
from devices.reading.identity import digest
from devices.reading.places import Whereabouts
from devices.reading.rejection import Rejection as Rejection
from devices.rules.text import printable, storable
from edge_agent import messages
from edge_agent.text.plain_words import sentence

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND = dt.timedelta(milliseconds=1)

MAX_LEAD = dt.timedelta(hours=1)
"""How far in the future a device's time may lie."""

DEEPLENS = "infer"
"""The kind of an AWS DeepLens's messages. The kinds of an agent's messages are those of `messages.KINDS`."""


def decode(arrival: Arrival, where: Whereabouts | None, *, retention: dt.timedelta, zone: str | None = None) -> Decoded:
    """Return the content of this message, all of it with the latest device of its thing; `placing.py` assigns it.

    `where` tells of the thing in the topic, None where no device is registered under its name. `zone` is the time zone
    of a DeepLens' stamps, None for the one that is set for the thing.
    Raises `Rejection` where the message must be quarantined, for example if it is older than `retention`, and
    `OverBudget` for a picture for which the device has no budget now.
    """
    if len(arrival.payload) > messages.MAX_MESSAGE_BYTES:
        raise Rejection(Reason.TOO_LARGE, f"A message has at most {messages.MAX_MESSAGE_BYTES:,} bytes.")
    kind, thing = _parse_topic(arrival.topic)
    if not kind:
        topics = f"dt/headcount/<thing>/{'|'.join(messages.KINDS)} and $aws/things/<thing>/{DEEPLENS}"
        raise Rejection(Reason.UNKNOWN_TOPIC, f"Devices publish on {topics} only.")
    if where is None:
        raise Rejection(Reason.UNKNOWN_DEVICE, _advice_on(thing))
    decoded = _from_deeplens(arrival, where, zone) if kind == DEEPLENS else _from_agent(arrival, where.latest, kind)
    _check_times(decoded, arrival, retention)
    return decoded


def _advice_on(thing: str) -> str:
    if messages.is_thing_name(thing):
        return f"No device has the thing name “{thing}”. Register one in the admin, then replay this message."
    return f"“{printable(thing)}” cannot be registered as a thing name; {messages.THING_NAME_RULE}. Rename the device."


def thing_of(topic: str) -> str:
    """Return the thing name in a device's topic, or "" where the topic contains none."""
    return _parse_topic(topic)[1]


def is_from_deeplens(topic: str) -> bool:
    """Whether a DeepLens publishes on this topic, and so messages that need not have a time of their own."""
    return _parse_topic(topic)[0] == DEEPLENS


def things_of(arrivals: Iterable[Arrival]) -> set[str]:
    """Return the thing names in the topics of these messages, with "" for a topic that contains none."""
    return {thing for _, thing in map(_parse_topic, {arrival.topic for arrival in arrivals})}


@lru_cache(identity.CACHED_TOPICS)
def _parse_topic(topic: str) -> tuple[str, str]:
    """Return the kind of the messages on this topic, "" where it is unknown, and the thing name in the topic."""
    match topic.split("/"):
        case ["$aws", "things", thing, "infer"]:
            return DEEPLENS, thing
        case ["dt", "headcount", thing, kind] if kind in messages.KINDS:
            return kind, thing
        case [_, _, thing, _]:
            return "", thing
    return "", ""


def message_id_of(payload: bytes) -> str | None:
    """Return the agent's message id, even of a message that cannot be decoded; None where there is none."""
    try:
        return msgspec.json.decode(payload, type=_Identified).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Identified(msgspec.Struct):
    id: messages.MessageId


def _time(milliseconds: int) -> dt.datetime:
    # Half the time of a `timedelta` made anew, and as exact.
    return EPOCH + MILLISECOND * milliseconds


def _from_agent(arrival: Arrival, device: Device, kind: str) -> Decoded:
    try:
        message = messages.decode(kind, arrival.payload)
    except msgspec.ValidationError as error:
        raise Rejection(Reason.BAD_VALUE, sentence(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Rejection(Reason.UNREADABLE, f"Broken JSON: {error}.") from None
    try:
        return _content_of(message, arrival, device)
    except labels.BadLabel as error:
        raise Rejection(Reason.BAD_VALUE, str(error)) from None


def _content_of(message: messages.FromDevice, arrival: Arrival, device: Device) -> Decoded:
    match message:
        case messages.Frames():
            return _decode_frames(message, arrival, device)
        case messages.Status():
            sent_at = None if arrival.retained else message.sent_at
            return Decoded(device, status=message, clock=None if sent_at is None else _time(sent_at))
        case messages.Image():
            return Decoded(device, pictures=[_agent_picture(message, arrival, device)], message_id=message.id)
        case messages.Log():
            text = storable(message.text)
            key = digest(message.id)
            line = LogLine(device, _time(message.at), arrival.received_at, key, message.level, text)
            return Decoded(device, log=[line], message_id=message.id)
        case messages.Play():
            return Decoded(device, plays=_plays(message, arrival, device), message_id=message.id)
    assert_never(message)


def _decode_frames(message: messages.Frames, arrival: Arrival, device: Device) -> Decoded:
    decoded = Decoded(device, message_id=message.id)
    sent = identity.frames_in(arrival.payload)
    decoded.frames = _received_frames(message, sent, arrival, device)
    if message.gesture_episodes:
        decoded.gestures = [_gesture(episode, device) for episode in message.gesture_episodes]
    if message.visits:
        decoded.visits = [_visit(visit, device) for visit in message.visits]
    return decoded


def _received_frames(
    message: messages.Frames, sent: Sequence[msgspec.Raw], arrival: Arrival, device: Device
) -> list[ReceivedFrame]:
    return [
        ReceivedFrame(
            device,
            _time(frame.taken_at),
            arrival.received_at,
            identity.frame_key(raw),
            _with_normalised_labels(frame) if frame.objects or frame.gestures else frame,
            version1.frame_keys,
            raw,
        )
        for frame, raw in zip(message.frames, sent, strict=True)
    ]


def _with_normalised_labels(frame: messages.Frame) -> messages.Frame:
    """Return the frame with the labels' one spelling, which an agent of ours uses already. Raises `BadLabel`."""
    for found in frame.objects + frame.gestures:
        if labels.normalised(found.label) != found.label:
            return msgspec.structs.replace(
                frame, objects=_with_normalised_label(frame.objects), gestures=_with_normalised_label(frame.gestures)
            )
    return frame


def _with_normalised_label(found: Sequence[messages.Labelled]) -> tuple[messages.Labelled, ...]:
    return tuple(msgspec.structs.replace(each, label=labels.normalised(each.label)) for each in found)


def _visit(visit: messages.Visit, device: Device) -> ReceivedVisit:
    if visit.attention is not None and visit.attention > visit.dwell:
        lengths = f"{visit.attention} ms of attention in {visit.dwell} ms of dwell"
        raise Rejection(Reason.BAD_VALUE, f"The visit “{visit.id}” has {lengths}.")
    return ReceivedVisit(device, _time(visit.began_at), visit)


def _plays(message: messages.Play, arrival: Arrival, device: Device) -> list[ReceivedPlay]:
    live = message.sent_at is not None and arrival.arrival_known and not arrival.retained
    ahead = _time(message.sent_at) - arrival.received_at if live and message.sent_at is not None else None
    plays = []
    for number, shown in enumerate(message.plays):
        ended_at = None if shown.ended_at is None else _time(shown.ended_at)
        started_at = _time(shown.started_at)
        if ended_at is not None and ended_at < started_at:
            times = f"ended at {ended_at.isoformat()}, before it started at {started_at.isoformat()}"
            raise Rejection(Reason.BAD_VALUE, f"Play {number} (“{shown.content}”) {times}.")
        plays.append(ReceivedPlay(device, started_at, shown, ended_at, ahead))
    return plays


def _gesture(episode: messages.GestureEpisode, device: Device) -> ReceivedGesture:
    began_at = _time(episode.began_at)
    ended_at = began_at if episode.ended_at is None else _time(episode.ended_at)
    if ended_at < began_at:
        times = f"ended at {ended_at.isoformat()}, before it began at {began_at.isoformat()}"
        raise Rejection(Reason.BAD_VALUE, f"The gesture “{episode.label}” {times}.")
    label = labels.normalised(episode.label)
    sent = episode.label, episode.visit or ""
    return ReceivedGesture(device, label, began_at, ended_at, episode.confidence, *sent)


def _agent_picture(image: messages.Image, arrival: Arrival, device: Device) -> TakenPicture:
    return TakenPicture(
        device,
        _time(image.taken_at),
        arrival.received_at,
        digest("image", image.image_string, str(image.taken_at)),
        received_jpeg(image.image_string, device.thing_name, arrival),
        shows=image.shows,
        faces=image.faces,
        area=image.area,
        looks=checked_looks(image.looks, device.thing_name, spending_at(arrival)),
        training=None if image.training is None else _with_normalised_label(image.training),
    )


def _from_deeplens(arrival: Arrival, where: Whereabouts, zone: str | None) -> Decoded:
    device, zone = where.latest, zone or where.thing.clock_timezone
    try:
        arrived_at = arrival.received_at if arrival.arrival_known else None
        message = deeplens.read(arrival.payload, zone=_zone(zone), arrived_at=arrived_at)
    except deeplens.BadValue as error:
        raise Rejection(Reason.BAD_VALUE, str(error)) from None
    except deeplens.Unreadable as error:
        raise Rejection(Reason.UNREADABLE, str(error)) from None
    if message.claimed_device is not None or message.claimed_topic is not None:
        _check_claims(message, arrival, where)
    decoded = Decoded(device, timed=message.taken_at is not None and not message.placed_by_arrival)
    decoded.is_stamped = message.is_stamped
    if message.text is not None:
        if message.text == deeplens.SIGN_OF_LIFE:
            # The broker may retain the message for as long as it likes, and a file may not tell when it was sent.
            if arrival.arrival_known and not arrival.retained:
                decoded.signs_of_life = [SignOfLife(device, arrival.received_at)]
        else:
            text = storable(message.text)
            key = identity.line_key(arrival.payload, arrival_identity(arrival))
            source = arrival.payload, arrival.received_at, _packet(arrival)
            at = arrival.received_at
            decoded.log = [LogLine(device, at, at, key, message.level, text, version1.line_keys, source)]
        return decoded
    taken_at = arrival.received_at if message.taken_at is None else _time(message.taken_at)
    decoded.clock = None if message.taken_at is None else taken_at
    decoded.waits = message.waits
    if message.has_frame:
        decoded.frames = [_deeplens_frame(message, taken_at, arrival, device, zone)]
    if message.image_string is not None:
        key = digest("image", message.image_string, str(message.taken_at))
        jpeg = received_jpeg(message.image_string, where.thing.name, arrival)
        decoded.pictures = [
            TakenPicture(device, taken_at, arrival.received_at, key, jpeg, shows="crop", faces=message.faces or ())
        ]
    elif message.picture_url is not None and not buckets.is_own_address(where.thing, message.picture_url):
        # An import of the past logs no such line: whoever imports it brings the pictures along.
        decoded.log = [_not_linked(message.picture_url, arrival, device)] if arrival.read_at is None else []
    elif message.picture_url is not None:
        key = digest("url", message.picture_url)
        decoded.pictures = [TakenPicture(device, taken_at, arrival.received_at, key, None, message.picture_url)]
    return decoded


# `ZoneInfo` has a cache too, which takes several times as long.
_zone = cache(zoneinfo.ZoneInfo)


def _not_linked(url: str, arrival: Arrival, device: Device) -> LogLine:
    """Return the line of log for a picture that is not the device's own: one line a day for each place."""
    where, text = buckets.why_not_linked(url)
    day = arrival.received_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return LogLine(device, day, arrival.received_at, digest("not linked", where), "warning", text)


def _deeplens_frame(
    message: deeplens.DeepLensMessage, taken_at: dt.datetime, arrival: Arrival, device: Device, zone: str
) -> ReceivedFrame:
    frame = messages.Frame(
        taken_at=(taken_at - EPOCH) // MILLISECOND,
        faces=message.faces,
        objects=message.objects,
        gestures=message.gestures,
    )
    packet = _packet(arrival)
    # The time of arrival, which stands for a missing `taken_at`, is part of a frame's identity anyway.
    key = identity.record_key(message.record, "" if message.taken_at is not None else packet)
    source = arrival.payload, arrival.received_at, packet, zone
    is_part = message.is_face_crop and message.taken_at is None
    is_timely = is_part and _is_timely(arrival)
    return ReceivedFrame(
        device,
        taken_at,
        arrival.received_at,
        key,
        frame,
        version1.record_keys,
        source,
        is_empty=message.is_empty,
        is_part=is_part,
        is_timely=is_timely,
    )


def _is_timely(arrival: Arrival) -> bool:
    """Whether the message is known to have arrived when its device sent it."""
    delivery = arrival.delivery
    is_direct = delivery is None or not (delivery.was_kept or delivery.redelivered)
    return is_direct and arrival.arrival_known and not arrival.retained


def arrival_identity(arrival: Arrival) -> str:
    """Return a text that tells two messages apart which have equal content and no time of their own."""
    return f"{arrival.received_at.isoformat()} {_packet(arrival)}"


def _packet(arrival: Arrival) -> str:
    delivery = arrival.delivery
    return f"{delivery.client} {delivery.packet_id}" if delivery else ""


def _check_claims(message: deeplens.DeepLensMessage, arrival: Arrival, where: Whereabouts) -> None:
    names = {where.thing.name, *(device.name for device in where.devices)}
    if message.claimed_device is not None and message.claimed_device not in names:
        raise Rejection(
            Reason.OTHER_DEVICE,
            f"The payload names the device “{message.claimed_device:.80}”, but the topic belongs to {where.latest}.",
        )
    if message.claimed_topic is not None and message.claimed_topic != arrival.topic:
        raise Rejection(
            Reason.OTHER_DEVICE,
            f"The payload was exported from the topic “{message.claimed_topic:.160}”, not from the topic it came on.",
        )


def _check_times(decoded: Decoded, arrival: Arrival, retention: dt.timedelta) -> None:
    times = [frame.taken_at for frame in decoded.frames]
    if not decoded.has_only_frames():
        times += [picture.taken_at for picture in decoded.pictures]
        times += [line.at for line in decoded.log]
        times += [at for gesture in decoded.gestures for at in (gesture.began_at, gesture.ended_at)]
        times += [visit.began_at for visit in decoded.visits]
        times += [play.started_at for play in decoded.plays]
    oldest, latest = arrival.received_at - retention, arrival.received_at + MAX_LEAD
    for at in times:
        if not oldest <= at <= latest:
            check_time(at, arrival.received_at, retention)
    if arrival.read_at is not None and not is_before_registration(arrival, decoded.device.thing):
        _check_whether_kept(times, arrival.read_at, retention)


def _check_whether_kept(times: Sequence[dt.datetime], read_at: dt.datetime, retention: dt.timedelta) -> None:
    """Raises `Rejection` for a time beyond the retention: it may have been counted, and its frame deleted since."""
    if times and (oldest := min(times)) < read_at - retention:
        raise Rejection(
            Reason.TOO_OLD,
            f"{oldest.isoformat()} is more than {retention.days} days ago, when the device was registered already; "
            "what it sent then may be counted.",
        )


def is_before_registration(arrival: Arrival, thing: Thing) -> bool:
    """Whether the message was received before its thing was first registered, so that only a file can bring it."""
    return arrival.received_at < thing.created_at


NO_LIMIT_DAYS = 36_500


def retention() -> dt.timedelta:
    """Return how long before its arrival the time of a message may lie."""
    # What is archived is not compared with what comes, so that nothing older may come.
    return dt.timedelta(days=min(settings.FRAME_RETENTION_DAYS, settings.FACTS_IN_DATABASE_DAYS or NO_LIMIT_DAYS))


def check_time(at: dt.datetime, received_at: dt.datetime, retention: dt.timedelta) -> None:
    """Raises `Rejection` if `at` lies more than `retention` before the arrival, or more than an hour after it."""
    if at < received_at - retention:
        raise Rejection(Reason.TOO_OLD, f"{at.isoformat()} is more than {retention.days} days before its arrival.", at)
    if at > received_at + MAX_LEAD:
        raise Rejection(
            Reason.IN_FUTURE, f"{at.isoformat()} is more than an hour after its arrival; set the device's clock.", at
        )
