"""Pictures that are too large for a message: announced, brought in pieces or put into the bucket, then taken in.

A device needs to remember nothing. It announces the same picture as often as it likes, and is told each time what is
still to be done.
"""

import datetime as dt
import hashlib
import logging
import secrets

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from devices.intake import batches, decoding
from devices.intake.decoding import SetAside, TakenPicture
from devices.models import Device, Upload
from devices.uploads import pieces
from edge_agent.messages import Box, Face

log = logging.getLogger(__name__)

LASTS = dt.timedelta(days=1)
"""An upload that nobody has asked about for so long is given up."""

FORGOTTEN_AFTER = dt.timedelta(hours=1)
"""A device that has not asked for so long may have died after its last byte: whether all is here is looked after."""

REMEMBERED_FOR = dt.timedelta(hours=1)
"""An upload that is taken in answers a device that did not hear so; after that, the picture is known by its key."""

MOST_UNFINISHED = 16
"""Of one device. One more takes the place of the one that was asked about least lately, so that nobody gets stuck and
no device fills the disk."""

NAME_BYTES = 16
"""Random, in the name under which the bytes lie."""


class Announced(msgspec.Struct, frozen=True):
    """What a device says about a picture before it brings it. Times are UTC."""

    size: int
    sha256: str
    """Hexadecimal."""
    taken_at: dt.datetime
    shows: str
    faces: tuple[Face, ...] = ()
    area: Box | None = None

    @property
    def key(self) -> int:
        return decoding.digest("upload", self.sha256, self.taken_at.isoformat(), self.shows)


def announce(*, device: Device, announced: Announced, now: dt.datetime) -> Upload:
    """The upload of this picture, the same one each time; once all its bytes are here, it is taken in.

    Raises `SetAside` where the picture can never be taken; then nothing of it is kept.
    """
    decoding.check_time(announced.taken_at, now, dt.timedelta(days=settings.FRAME_RETENTION_DAYS))
    upload = _known_or_new(device, announced, now)
    _complete(upload, now)
    return upload


def take_in_object(*, name: str, now: dt.datetime) -> bool:
    """Take in the upload whose bytes are complete under this name in the bucket; whether there is such an upload.

    Raises `SetAside` as `announce` does.
    """
    upload = Upload.objects.select_related("device").filter(name=name).first()
    if upload is None:
        return False
    _complete(upload, now)
    return True


def tidy(*, now: dt.datetime) -> int:
    """Take in what is complete though its device never asked again, and remove what has expired; how many went."""
    forgotten = Q(taken_in_at=None, expires_at__lt=now + LASTS - FORGOTTEN_AFTER) | Q(expires_at__lt=now)
    return sum(_tidied(upload, now) for upload in Upload.objects.select_related("device").filter(forgotten))


def _tidied(upload: Upload, now: dt.datetime) -> bool:
    try:
        _complete(upload, now)
        if upload.expires_at >= now:
            return False
        _discard(upload)
    except SetAside as reason:
        log.error("A picture of %s was refused, and its device does not ask why: %s", upload.device, reason)
    except Exception:
        # The storage may be a bucket, whose errors are of many kinds; the others' turn must come.
        log.exception("An upload of %s could not be looked after; it is tried again.", upload.device)
        return False
    return True


def _known_or_new(device: Device, announced: Announced, now: dt.datetime) -> Upload:
    with transaction.atomic():
        upload, is_new = Upload.objects.update_or_create(
            device=device,
            key=announced.key,
            defaults={"expires_at": now + LASTS},
            create_defaults={
                "name": f"uploads/{secrets.token_hex(NAME_BYTES)}.jpg",
                "size": announced.size,
                "sha256": announced.sha256,
                "taken_at": announced.taken_at,
                "shows": announced.shows,
                "faces": msgspec.to_builtins(announced.faces),
                "area": announced.area,
                "expires_at": now + LASTS,
            },
        )
    if is_new:
        unfinished = Upload.objects.filter(device=device, taken_in_at=None).order_by("-expires_at", "-pk")
        for oldest in unfinished.exclude(pk=upload.pk)[MOST_UNFINISHED - 1 :]:
            _discard(oldest)
    return upload


def _complete(upload: Upload, now: dt.datetime) -> None:
    """Take the picture in if it is all there and was not taken in before. Raises `SetAside`."""
    if upload.taken_in_at is not None or pieces.arrived(upload) < upload.size:
        return
    data = pieces.content(upload)
    if hashlib.sha256(data).hexdigest() != upload.sha256:
        log.warning("An upload of %s arrived with wrong bytes, and begins again.", upload.device)
        pieces.remove(upload)
        return
    try:
        picture = _picture(upload, data, now)
    except SetAside:
        _discard(upload)
        raise
    with transaction.atomic():
        batches.take_in_picture(picture)
        upload.taken_in_at, upload.expires_at = now, now + REMEMBERED_FOR
        upload.save(update_fields=["taken_in_at", "expires_at"])
    # What the device sent may say more than the picture that was made of it.
    pieces.remove(upload)


def _picture(upload: Upload, data: bytes, now: dt.datetime) -> TakenPicture:
    return TakenPicture(
        upload.device,
        upload.taken_at,
        now,
        upload.key,
        decoding.safe_jpeg(data),
        shows=upload.shows,
        faces=msgspec.convert(upload.faces, tuple[Face, ...]),
        area=msgspec.convert(upload.area, Box | None),
    )


def _discard(upload: Upload) -> None:
    pieces.remove(upload)
    upload.delete()
