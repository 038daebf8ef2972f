"""Exports a data set as files or as an archive. The same data set always makes the same bytes."""

import dataclasses
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from django.http import FileResponse
from django.utils.text import slugify

from learning.datasets import pictures as stored
from learning.datasets.formats import FORMATS
from learning.datasets.formats.boxes import CHANNELS, Annotated, flat_names
from learning.datasets.reads import annotated_pictures, split_of
from learning.datasets.splitting import CannotSplit, Split
from learning.models import DataSet, Picture

ARCHIVE_IN_MEMORY = 8 * 1024 * 1024
"""Bytes of an archive that are kept in memory; a larger one goes to a temporary file."""

OLDEST = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a ZIP archive can hold; every entry has it, so that archives are alike."""


class UnknownFormat(ValueError):
    """There is no such format. The text names those that there are."""


def export_files(*, data_set: DataSet, format: str, with_pictures: bool) -> Iterator[tuple[str, bytes]]:
    """Yield paths and contents: the annotations first, then the pictures, one at a time.

    Raises `UnknownFormat`. Discarded pictures are left out; a picture whose file is missing is left out too.
    """
    if format not in FORMATS:
        raise UnknownFormat(f"There is no format “{format[:40]}”; the formats are {', '.join(FORMATS)}.")
    chosen = FORMATS[format]
    found = annotated_pictures(data_set)
    placed = _placed(data_set, found, chosen.layout)
    labels = list(data_set.labels.order_by("number").values_list("name", flat=True))
    yield from sorted(chosen.write([each for _, _, each in placed], labels).items())
    if with_pictures:
        for picture, path, _ in placed:
            try:
                yield path, stored.read(picture)
            except FileNotFoundError:
                continue


def _placed(
    data_set: DataSet, found: list[tuple[Picture, Annotated]], layout: str
) -> list[tuple[Picture, str, Annotated]]:
    """Return each picture with the path of its file, and as the annotations shall name it."""
    if layout == "as named":
        return [(picture, each.name, each) for picture, each in found]
    flat = flat_names(each.name for _, each in found)
    if layout == "images":
        return [
            (picture, f"images/{flat[each.name]}", dataclasses.replace(each, name=flat[each.name]))
            for picture, each in found
        ]
    parts = _parts(data_set)
    return [(picture, f"{each.folder}/{each.name}", each) for picture, each in _in_channels(found, parts)]


def placed_for_sagemaker(data_set: DataSet, split: Split) -> list[tuple[Picture, Annotated]]:
    """Return the pictures of the split with their boxes, as SageMaker's layout names them: flat, in `folder`."""
    found = [(picture, each) for picture, each in annotated_pictures(data_set) if picture.pk in split.part]
    return list(_in_channels(found, split.part))


def _in_channels(
    found: list[tuple[Picture, Annotated]], parts: Mapping[int, str]
) -> Iterator[tuple[Picture, Annotated]]:
    flat = flat_names(_without_channel(each.name) for _, each in found)
    for picture, each in found:
        folder = parts.get(picture.pk) or picture.folder or CHANNELS[0]
        yield picture, dataclasses.replace(each, name=flat[_without_channel(each.name)], folder=folder)


def _without_channel(name: str) -> str:
    first, slash, rest = name.partition("/")
    return rest if slash and first in CHANNELS else name


def _parts(data_set: DataSet) -> dict[int, str]:
    try:
        return dict(split_of(data_set).part)
    except CannotSplit:
        return {}


def write_archive(*, data_set: DataSet, format: str, with_pictures: bool, to: IO[bytes]) -> int:
    """Write the export as a ZIP archive, and return the number of files. Raises `UnknownFormat`."""
    count = 0
    with zipfile.ZipFile(to, "w") as archive:
        for path, content in export_files(data_set=data_set, format=format, with_pictures=with_pictures):
            entry = zipfile.ZipInfo(path, OLDEST)
            is_picture = PurePosixPath(path).suffix.lower() in (".jpg", ".jpeg", ".png")
            entry.compress_type = zipfile.ZIP_STORED if is_picture else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
            count += 1
    return count


def write_folder(*, data_set: DataSet, format: str, with_pictures: bool, to: Path) -> int:
    """Write the export into a folder, and return the number of files. Raises `UnknownFormat` and `OSError`."""
    count = 0
    for path, content in export_files(data_set=data_set, format=format, with_pictures=with_pictures):
        target = to / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        count += 1
    return count


def archive_response(data_set: DataSet, format: str, *, with_pictures: bool) -> FileResponse:
    """Return the archive as a file to save. Raises `UnknownFormat`."""
    file = tempfile.SpooledTemporaryFile(ARCHIVE_IN_MEMORY)  # noqa: SIM115 - the response closes it
    write_archive(data_set=data_set, format=format, with_pictures=with_pictures, to=file)
    file.seek(0)
    name = f"{slugify(data_set.name) or 'data-set'}-{format}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
