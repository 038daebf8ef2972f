"""Fetches the pictures that records link to, from the buckets that are set for their devices.

A device uploads a picture and publishes the record of its frame. S3's event of the picture may come before the record,
when nothing tells the picture's device yet, or never. So the record finds the picture.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Collection, Iterator
from functools import partial
from urllib.parse import quote

import msgspec
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from django.db import InterfaceError, OperationalError

from devices.faults.isolation import each
from devices.intake.replay import replay_quarantined
from devices.models import Device, QuarantinedMessage, Reason
from devices.reading import buckets
from devices.reading.decoding import Rejection
from devices.reading.picture_budget import OverBudget
from faces import aws
from faces.models import Capture, State
from faces.pictures.sink import enqueue_fetch
from faces.sources.s3_events import StoredObject, UnreadableNotification, stored_object
from faces.sources.s3_pictures import GONE, TOPIC, take_in_object

log = logging.getLogger(__name__)

WITHOUT_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)

UNREACHABLE = (HTTPClientError, ConnectionError)

REFUSED = {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
"""S3's codes for credentials that it does not accept; HEAD is answered with the number alone."""

AROUND = dt.timedelta(days=1)
"""The longest time between a picture's event and its record, within which one finds the other."""

TRIED_FOR = dt.timedelta(hours=1)
"""How long the sweep tries to fetch a picture, as the picture may come after its record, or S3 may be away."""

ASKED_EVERY = dt.timedelta(minutes=1)
"""A picture that somebody wants to see is fetched at most once in this time."""

AT_ONCE = 200
"""Pictures of one sweep, and quarantined events that are read for one picture."""


def sweep_linked(*, now: dt.datetime) -> int:
    """Fetch the pictures of the last hour that are linked only; return how many there were in their buckets."""
    with_bucket = Device.objects.exclude(thing__bucket="")
    waiting = Capture.objects.filter(device__in=with_bucket, state=State.LINKED, taken_at__gt=now - TRIED_FOR)
    return fetch_linked(captures=waiting.order_by("-taken_at").values_list("pk", flat=True)[:AT_ONCE], now=now)


def fetch_linked(*, captures: Collection[uuid.UUID], now: dt.datetime) -> int:
    """Fetch the pictures of these captures whose pictures are linked only; return how many there were."""
    linked = Capture.objects.filter(pk__in=list(captures), state=State.LINKED).select_related("device__thing")
    return sum(each(linked, partial(_fetch, now=now), what="fetching the linked picture of"))


def ask_for(captures: Collection[Capture], *, now: dt.datetime) -> None:
    """Have a worker fetch the pictures of these linked captures, which somebody wants to see, unless it just tried."""
    wanted = [capture.pk for capture in captures if capture.next_try_at <= now]
    if not wanted:
        return
    due = Capture.objects.filter(pk__in=wanted, state=State.LINKED, next_try_at__lte=now)
    if due.update(next_try_at=now + ASKED_EVERY):
        enqueue_fetch(wanted)


def _fetch(linked: Capture, *, now: dt.datetime) -> bool:
    """Fetch the picture if it is in the device's bucket; return whether it was.

    Otherwise the capture has the reason, whatever has failed. An error that is none of S3 or of the picture is raised.
    """
    try:
        reason = _take_in(linked, now=now)
    except (BotoCoreError, ClientError) as error:
        reason = _sentence(error)
        log.warning("The linked picture of %s cannot be fetched: %s", linked.device, reason)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        _note(linked, "The platform failed to store it; the log of the task workers says why.")
        raise
    _note(linked, reason)
    return not reason


def _take_in(linked: Capture, *, now: dt.datetime) -> str:
    """Take in the picture and return ""; or why it cannot be taken in, a sentence. Raises botocore's errors."""
    address = buckets.parse_address(linked.source_url)
    if address is None or not buckets.is_own_object(linked.device.thing, *address):
        return f"It is not in the bucket and under the prefix that are set for {linked.device}."
    if _was_taken_in(linked, *address):
        # The picture came first, as a capture of its own, so this one would be the same picture again.
        linked.delete()
        return ""
    stored = _stored_object(*address)
    if stored is None:
        return "It is not in the bucket, or not yet."
    try:
        take_in_object(stored, received_at=now)
    except (Rejection, OverBudget) as refusal:
        return str(refusal)
    _settle_events(stored, linked.received_at, now)
    return ""


def _note(linked: Capture, reason: str) -> None:
    Capture.objects.filter(pk=linked.pk, state=State.LINKED).update(reason=reason)


def _sentence(error: BotoCoreError | ClientError) -> str:
    """Return what S3's or the client's error means for somebody who waits for a picture."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code in REFUSED:
            return "S3 does not let this server read the bucket; allow its AWS credentials s3:GetObject there."
        return f"S3 answered with the error {code or 'without a code'}; it is tried again when the page is opened."
    if isinstance(error, WITHOUT_CREDENTIALS):
        return "This server has no AWS credentials for the bucket; whoever runs the server can set them."
    if isinstance(error, UNREACHABLE):
        return "S3 did not answer; it is tried again when the page is opened."
    return f"It cannot be asked for: {' '.join(str(error).split()).rstrip('.')}."


def _was_taken_in(linked: Capture, bucket: str, key: str) -> bool:
    around = (linked.taken_at - AROUND, linked.taken_at + AROUND)
    same = Capture.objects.filter(device=linked.device, taken_at__range=around)
    return same.filter(source_url__startswith=f"s3://{bucket}/{quote(key)}#").exclude(pk=linked.pk).exists()


def _stored_object(bucket: str, key: str) -> StoredObject | None:
    """Return the object as S3's event describes it; None if it is not there, or not yet. Raises botocore's errors."""
    try:
        head = aws.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
    at = head["LastModified"].astimezone(dt.UTC)
    return StoredObject(bucket, key, head["ETag"].strip('"'), head["ContentLength"], at)


def _settle_events(stored: StoredObject, received_at: dt.datetime, now: dt.datetime) -> None:
    """Replay the quarantined events of this object, which now find the picture's device."""
    for message in _events_around(stored.bucket, received_at):
        try:
            event = stored_object(msgspec.json.decode(bytes(message.payload), type=dict))
        except (msgspec.DecodeError, UnreadableNotification):
            continue
        if event is not None and event.key == stored.key:
            replay_quarantined(message=message, now=now)


def _events_around(bucket: str, at: dt.datetime) -> Iterator[QuarantinedMessage]:
    waiting = QuarantinedMessage.objects.filter(
        topic=f"{TOPIC}{bucket}",
        reason=Reason.UNKNOWN_DEVICE,
        replayed_at=None,
        received_at__range=(at - AROUND, at + AROUND),
    )
    yield from waiting.order_by("-received_at")[:AT_ONCE]
