"""Stores and removes the pictures of data sets."""

import datetime as dt
import hashlib
import io
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from devices.models import Device
from devices.reading.pictures import BadPicture, sanitised_jpeg
from devices.rules.text import clean_line, is_printable
from faces.models import Capture
from learning.models import DataSet, Origin, Picture, Review

LONGEST_NAME = 200
"""Characters of a picture's name, as in its column."""

STANDARD_FOLDERS = frozenset(
    {"", "train", "validation", "images", "labels", "train_annotation", "validation_annotation", "JPEGImages"}
)
"""Folders that say nothing of a recording."""


def checked_name(name: str) -> str:
    """Return the name with slashes, and without what would leave the folder. Raises `BadPicture`."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    plain = clean_line("/".join(parts))
    if not plain or not all(map(is_printable, plain)):
        raise BadPicture("The name of the picture is empty or cannot be printed.")
    if len(plain) > LONGEST_NAME:
        raise BadPicture(f"The name of the picture is longer than {LONGEST_NAME} characters.")
    return plain


def prepare(
    *,
    data_set: DataSet,
    name: str,
    data: bytes,
    recording: str,
    origin: Origin = Origin.UPLOAD,
    folder: str = "",
    device: Device | None = None,
    capture: Capture | None = None,
    taken_at: dt.datetime | None = None,
    uncertainty: float = 0.0,
) -> tuple[Picture, bytes]:
    """Return an unsaved row and the JPEG to store with it: re-encoded, upright, without metadata.

    Raises `BadPicture` where the picture or its name cannot be used.
    """
    jpeg = sanitised_jpeg(data)
    with Image.open(io.BytesIO(jpeg)) as decoded:
        width, height = decoded.size
    row = Picture(
        data_set=data_set,
        name=checked_name(name),
        sha256=hashlib.sha256(data).hexdigest(),
        width=width,
        height=height,
        recording=clean_line(recording)[:120],
        folder=folder,
        origin=origin,
        device=device,
        capture=capture,
        taken_at=taken_at,
        uncertainty=uncertainty,
    )
    return row, jpeg


@transaction.atomic
def add(*, prepared: tuple[Picture, bytes]) -> tuple[Picture, bool]:
    """Store the picture, and return it with whether it is new.

    The data set's picture of the same content, or else of the same name, is returned instead of a second one.
    """
    row, jpeg = prepared
    known = Picture.objects.filter(data_set=row.data_set_id)
    found: Picture | None = known.filter(sha256=row.sha256).first() or known.filter(name=row.name).first()
    if found is not None:
        return found, False
    row.image.save(row.name, ContentFile(jpeg), save=False)
    row.save()
    return row, True


def read(picture: Picture) -> bytes:
    """Return the JPEG. Raises `FileNotFoundError`."""
    with default_storage.open(str(picture.image)) as file:
        return bytes(file.read())


def pixels(picture: Picture) -> Any:
    """Return the picture, height × width × 3, RGB. Raises `FileNotFoundError`."""
    import numpy as np

    with Image.open(io.BytesIO(read(picture)), formats=["JPEG"]) as decoded:
        return np.asarray(decoded.convert("RGB"))


def recording_of(name: str, otherwise: str) -> str:
    """Return the folder of the picture, unless it is one of the folders of a format; then what the name tells."""
    path = PurePosixPath(name)
    if path.parent.name not in STANDARD_FOLDERS:
        return str(path.parent)
    before, mark, _ = path.name.partition("__")
    return before if mark and before else otherwise


def remove_file_after_commit(sender: type[Picture], instance: Picture, **_: Any) -> None:
    """Receive `post_delete`: delete the picture's file after the commit."""
    name = str(instance.image)
    if name:
        transaction.on_commit(lambda: default_storage.delete(name), robust=True)


SAME_STAY = dt.timedelta(minutes=2)
"""A picture that a camera sent for training so long before or after it took one of a person may show this person."""


def remove_pictures_of_erased(sender: Any, captures: Any = (), **_: Any) -> None:
    """Receive `person_erased`: delete the copies of the pictures in which the person was recognised.

    Nobody is recognised in the pictures that cameras send for training, so those from the same stay are deleted, too.
    """
    for picture in Picture.objects.filter(capture__in=captures):
        picture.delete()
    for device, taken_at in Capture.objects.filter(pk__in=captures).values_list("device_id", "taken_at"):
        around = (taken_at - SAME_STAY, taken_at + SAME_STAY)
        for picture in Picture.objects.filter(origin=Origin.FIELD, device=device, taken_at__range=around):
            picture.delete()


@transaction.atomic
def set_review(*, picture: Picture, review: Review) -> None:
    """Keep or discard the picture, or have it annotated again."""
    picture.review = review
    picture.save(update_fields=["review"])
