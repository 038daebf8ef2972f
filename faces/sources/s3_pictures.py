"""Takes in pictures from buckets: finds the device and the time of each picture."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from django.conf import settings
from django.utils import timezone

from devices.intake import batches
from devices.intake.placing import device_at
from devices.models import Device, Reason, Thing
from devices.reading import decoding, deeplens, identity
from devices.reading.buckets import is_own_object
from devices.reading.decoding import Arrival, Rejection, TakenPicture
from devices.reading.picture_budget import budget_of
from devices.reading.pictures import MAX_BYTES, BadPicture, check_bytes
from devices.reading.places import read_whereabouts
from faces import aws
from faces.models import Capture, Shows, State
from faces.sources.layouts import Named, parse_name
from faces.sources.s3_events import StoredObject, UnreadableNotification, stored_object

TOPIC = "s3/"
"""The prefix, before the bucket's name, of the topic that a quarantined event has."""

THING, TAKEN_AT = "thing", "taken-at"
"""Optional metadata of an object: the device's thing name, and the time in milliseconds since the epoch."""

GONE = {"NoSuchKey", "404"}


def take_in_event(arrival: Arrival) -> None:
    """Take in the picture of a quarantined record of S3. Idempotent, as the intake of messages.

    Raises `Rejection`, and botocore's errors if S3 cannot be reached.
    """
    try:
        record = msgspec.json.decode(arrival.payload, type=dict[str, Any])
        stored = stored_object(record)
    except (msgspec.DecodeError, UnicodeDecodeError, UnreadableNotification) as error:
        raise Rejection(Reason.UNREADABLE, str(error)) from None
    if stored is not None:
        take_in_object(stored, received_at=arrival.received_at, is_replayed=True)


def take_in_object(stored: StoredObject, *, received_at: dt.datetime, is_replayed: bool = False) -> None:
    """Take in the picture that is stored in this object. Idempotent.

    Raises as `take_in_event` does, and `OverBudget` where the picture must wait. One that somebody replays does not.
    """
    if stored.bucket == settings.PICTURES_BUCKET:
        # The platform's own pictures are in this bucket.
        return
    if Capture.objects.filter(key__in=_keys(stored), source_url=stored.source).exists():
        return
    owners = _owners(stored)
    try:
        check_bytes(stored.size)
    except BadPicture as error:
        raise Rejection(Reason.BAD_PICTURE, str(error)) from None
    now = timezone.now()  # the event may have waited
    # Before the download, as far as the key tells whose the picture is.
    likely = owners if len(owners) == 1 else [each for each in owners if each.name in stored.folders]
    for thing in likely if not is_replayed else ():
        budget_of(thing.name, now)(0)
    data, metadata = _content(stored)
    origin = _origin_of_linked_capture(stored, owners)
    if origin is None:
        origin = _origin_of_object(stored, metadata, owners)
        decoding.check_time(origin.taken_at, received_at, decoding.retention())
    jpeg = decoding.safe_jpeg(data, origin.device.thing_name, None if is_replayed else now)
    named = parse_name(stored.key)
    batches.take_in_picture(
        TakenPicture(
            origin.device,
            origin.taken_at,
            received_at,
            origin.key,
            jpeg,
            source_url=stored.source,
            shows=Shows.CROP if isinstance(named, Named) and named.is_crop else Shows.FRAME,
        )
    )


class _Origin(msgspec.Struct, frozen=True):
    device: Device
    taken_at: dt.datetime
    key: int


def _owners(stored: StoredObject) -> list[Thing]:
    """Return the things whose bucket and prefix fit the object, the longest prefixes first. Raises `Rejection`."""
    in_bucket = Thing.objects.filter(bucket=stored.bucket)
    owners = [thing for thing in in_bucket if is_own_object(thing, stored.bucket, stored.key)]
    if not owners:
        raise Rejection(
            Reason.UNKNOWN_DEVICE,
            f"“{stored.key:.200}” is in the bucket “{stored.bucket:.80}”, but in the bucket and under the prefix of no "
            "device. Set them at the device in the admin, then replay this event.",
        )
    return sorted(owners, key=lambda thing: len(thing.bucket_prefix), reverse=True)


def _origin_of_linked_capture(stored: StoredObject, owners: Sequence[Thing]) -> _Origin | None:
    """The origin by a capture in the state `linked`, of which a device has sent only the URL; None if there is none."""
    captures = Capture.objects.filter(
        state=State.LINKED, key__in=_keys(stored), device__thing__name__in=[thing.name for thing in owners]
    )
    linked = captures.select_related("device").first()
    return _Origin(linked.device, linked.taken_at, linked.key) if linked else None


def _keys(stored: StoredObject) -> list[int]:
    """Return the possible keys of the picture's capture: by the URLs that a device may send, and by S3's source."""
    return [*(identity.digest("url", address) for address in stored.addresses), identity.digest("s3", stored.source)]


def _origin_of_object(stored: StoredObject, metadata: Mapping[str, str], owners: Sequence[Thing]) -> _Origin:
    """The origin by the object's metadata, key and time. Raises `Rejection` if it belongs to no single device.

    Of the owners with the longest prefix, the one whose thing name the metadata or a folder is; a single owner needs
    no name.
    """
    longest = [thing for thing in owners if len(thing.bucket_prefix) == len(owners[0].bucket_prefix)]
    names = [metadata[THING]] if THING in metadata else stored.folders
    thing = next((thing for thing in longest if thing.name in names), None)
    if THING in metadata and thing is None:
        raise Rejection(
            Reason.OTHER_DEVICE,
            f"The metadata “{THING}” is “{metadata[THING]:.128}”, but “{stored.key:.200}” is another device's.",
        )
    if thing is None and len(longest) == 1:
        thing = longest[0]
    where = None if thing is None else read_whereabouts([thing.name]).get(thing.name)
    if where is None:
        raise Rejection(
            Reason.UNKNOWN_DEVICE,
            f"The bucket and prefix of several devices fit “{stored.key:.200}”, and no folder is the thing name of one "
            f"of them, nor is the metadata “{THING}”.",
        )
    taken_at = _taken_at(stored, metadata, where.thing)
    return _Origin(device_at(where, taken_at, taken_at), taken_at, identity.digest("s3", stored.source))


def _taken_at(stored: StoredObject, metadata: Mapping[str, str], thing: Thing) -> dt.datetime:
    text = metadata.get(TAKEN_AT)
    try:
        if text is not None:
            return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
        named = parse_name(stored.key)
        if isinstance(named, Named) and named.is_crop and named.epoch_ms is not None:
            return dt.datetime.fromtimestamp(named.epoch_ms / 1000, dt.UTC)
        if stored.stamp is not None:
            zone = zoneinfo.ZoneInfo(thing.clock_timezone)
            milliseconds = deeplens.stamp_time(stored.stamp, zone=zone, arrived_at=stored.at)
            return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    except deeplens.BadValue as error:
        raise Rejection(Reason.BAD_VALUE, str(error)) from None
    except (ValueError, OverflowError, OSError) as error:
        detail = f"The picture's time “{text:.40}” is not a time: {error}."
        raise Rejection(Reason.BAD_VALUE, detail) from None
    return stored.at


def _content(stored: StoredObject) -> tuple[bytes, Mapping[str, str]]:
    """Return the object's content, cut off after `MAX_BYTES` + 1 bytes, and its metadata. Raises `Rejection`."""
    try:
        response = aws.client("s3").get_object(Bucket=stored.bucket, Key=stored.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise Rejection(Reason.BAD_PICTURE, "The picture has been removed from the bucket.") from None
        raise
    with response["Body"] as body:
        return body.read(MAX_BYTES + 1), response.get("Metadata", {})
