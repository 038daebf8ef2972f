"""Taking in a picture that somebody put into a bucket: whose it is, when it was taken, and what it shows."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from django.conf import settings

from devices.intake import batches, decoding
from devices.intake.decoding import Arrival, Rejection, TakenPicture
from devices.intake.pictures import MAX_BYTES
from devices.models import Device, Reason
from faces import aws
from faces.models import Capture, State
from faces.sources.s3_events import StoredObject, UnreadableNotification, stored_object

TOPIC = "s3/"
"""Before the bucket's name: the topic under which an event stands in the quarantine."""

THING, TAKEN_AT = "thing", "taken-at"
"""Metadata by which whoever puts a picture may say the device's thing name, and the time in epoch milliseconds."""

_GONE = {"NoSuchKey", "404"}


def take_in_event(arrival: Arrival) -> None:
    """Take in the picture that a record of S3's tells of, once, however often it comes; as `intake.take_in`.

    Raises `Rejection`, and botocore's errors where S3 cannot be asked.
    """
    try:
        record = msgspec.json.decode(arrival.payload, type=dict[str, Any])
        found = stored_object(record)
    except (msgspec.DecodeError, UnicodeDecodeError, UnreadableNotification) as error:
        raise Rejection(Reason.UNREADABLE, str(error)) from None
    if found is not None:
        take_in_object(found, received_at=arrival.received_at)


def take_in_object(found: StoredObject, *, received_at: dt.datetime) -> None:
    """The same, of an object."""
    if found.bucket == settings.PICTURES_BUCKET:
        # All in there is our own.
        return
    if Capture.objects.filter(key__in=_keys(found), source_url=found.source).exists():
        return
    if found.size > MAX_BYTES:
        raise Rejection(Reason.BAD_PICTURE, f"The picture has {found.size:,} bytes; at most {MAX_BYTES:,} are taken.")
    data, metadata = _content(found)
    told = _linked(found) or _owner(found, metadata)
    decoding.check_time(told.taken_at, received_at, decoding.retention())
    jpeg = decoding.safe_jpeg(data)
    batches.take_in_picture(
        TakenPicture(told.device, told.taken_at, received_at, told.key, jpeg, source_url=found.source)
    )


class _Told(msgspec.Struct, frozen=True):
    device: Device
    taken_at: dt.datetime
    key: int


def _linked(found: StoredObject) -> _Told | None:
    """The capture of which a device has only sent the address."""
    linked = Capture.objects.filter(state=State.LINKED, key__in=_keys(found)).select_related("device").first()
    return _Told(linked.device, linked.taken_at, linked.key) if linked else None


def _keys(found: StoredObject) -> list[int]:
    """Of the capture, if it is there: by what the device said, or by what S3 did."""
    return [*(decoding.digest("url", address) for address in found.addresses), decoding.digest("s3", found.source)]


def _owner(found: StoredObject, metadata: Mapping[str, str]) -> _Told:
    """Raises `Rejection` where it is nobody's."""
    names = [metadata[THING]] if THING in metadata else found.folders
    device = Device.objects.filter(thing_name__in=names).first()
    if device is None:
        raise Rejection(
            Reason.UNKNOWN_DEVICE,
            f"No folder of “{found.key:.200}” is a registered thing name, and its metadata “{THING}” says none.",
        )
    return _Told(device, _taken_at(found, metadata, device), decoding.digest("s3", found.source))


def _taken_at(found: StoredObject, metadata: Mapping[str, str], device: Device) -> dt.datetime:
    told = metadata.get(TAKEN_AT)
    try:
        if told is not None:
            return dt.datetime.fromtimestamp(int(told) / 1000, dt.UTC)
        if found.stamp is not None:
            zone = zoneinfo.ZoneInfo(device.clock_timezone)
            return dt.datetime.strptime(found.stamp, "%Y%m%d-%H%M%S").replace(tzinfo=zone).astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Rejection(Reason.BAD_VALUE, f"The picture's time “{told or found.stamp:.40}” is none: {error}.") from None
    return found.at


def _content(found: StoredObject) -> tuple[bytes, Mapping[str, str]]:
    """At most one byte more than is taken, and the metadata."""
    try:
        answer = aws.client("s3").get_object(Bucket=found.bucket, Key=found.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            raise Rejection(Reason.BAD_PICTURE, "The picture is not in the bucket any more.") from None
        raise
    with answer["Body"] as body:
        return body.read(MAX_BYTES + 1), answer.get("Metadata", {})
