"""Small pictures and data sets for the tests of learning."""

import io
import zipfile
from collections.abc import Mapping
from zlib import crc32

import numpy as np
from django.contrib.auth.models import User
from PIL import Image

from devices.models import Site
from learning.datasets.archives import GivenFiles
from learning.datasets.boxes import LabelledBox, set_boxes
from learning.datasets.pictures import add, prepare
from learning.datasets.services import create_data_set
from learning.models import DataSet, Picture, Review
from tests.world import places


def jpeg(number: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a JPEG that differs from that of every other number."""
    pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(out, "JPEG")
    return out.getvalue()


def files(contents: Mapping[str, bytes]) -> GivenFiles:
    return GivenFiles({name: lambda content=content: content for name, content in contents.items()})  # type: ignore[misc]


def archive(contents: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return out.getvalue()


def data_set(name: str = "hands", site: Site | None = None, **values: object) -> DataSet:
    return create_data_set(site=site or places.seattle(), name=name, by=None, **values)


def picture(of: DataSet, number: int, *, recording: str = "lobby", boxes: list[LabelledBox] | None = None) -> Picture:
    """Return a picture of 64 × 48 pixels; with boxes it is kept."""
    row, _ = add(
        prepared=prepare(
            data_set=of,
            name=f"{recording}/{number:03}.jpg",
            data=jpeg(crc32(f"{recording}/{number}".encode())),
            recording=recording,
        )
    )
    if boxes is not None:
        set_boxes(picture=row, boxes=boxes, review=Review.KEPT, by=annotator())
    return row


def annotator() -> User:
    return User.objects.filter(username="annotator").first() or places.superuser("annotator")
