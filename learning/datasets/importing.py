"""Imports pictures and annotations into a data set. An item that cannot be used is named, and the rest goes on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from devices.reading.pictures import MAX_BYTES, SUFFIXES, BadPicture
from learning.datasets import formats
from learning.datasets.archives import Files, UnreadableFile
from learning.datasets.formats.boxes import Annotated, BadAnnotations, Problem
from learning.datasets.formats.sagemaker import folder_of
from learning.datasets.pictures import add, checked_name, prepare, recording_of
from learning.datasets.rights import check_operator
from learning.datasets.services import label_named
from learning.models import Annotation, DataSet, Label, Picture, Review

if TYPE_CHECKING:
    from devices.models import User

AT_ONCE = 500
"""Pictures whose boxes are written in one transaction."""

MOST_PROBLEMS = 1_000
"""Problems that are listed one by one; the rest is counted."""


@dataclass(slots=True)
class Report:
    """What an import has done, and which items were left out for what reason."""

    added: int = 0
    known: int = 0
    """Pictures that the data set had already."""
    annotated: int = 0
    boxes: int = 0
    without_annotation: int = 0
    joined: dict[str, str] = field(default_factory=dict)
    """Names of labels that were taken for an existing label in another spelling."""
    problems: list[Problem] = field(default_factory=list)
    further_problems: int = 0

    def refuse(self, where: str, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(where, what))
        else:
            self.further_problems += 1

    @property
    def sentences(self) -> list[str]:
        """The report in words, without the problems."""
        said = [f"{self.added:,} pictures were added, and {self.boxes:,} boxes in {self.annotated:,} pictures."]
        if self.known:
            said.append(f"{self.known:,} pictures were in the data set already.")
        if self.without_annotation:
            said.append(f"{self.without_annotation:,} of the new pictures have no annotation yet.")
        said += [f"“{name}” is taken for the label “{label}”." for name, label in self.joined.items()]
        problems = len(self.problems) + self.further_problems
        if problems:
            said.append(f"{problems:,} items have a problem.")
        return said


def import_files(
    *,
    data_set: DataSet,
    files: Files,
    recording: str,
    by: "User | None",
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Add the pictures of `files`, and set the boxes of every picture that an annotation describes.

    Pictures are matched with annotations by path and name, also with pictures that the data set has already. The boxes
    of a picture replace its boxes from before. `recording` is the recording of pictures whose folder tells none. `told`
    hears how many pictures of how many are done. `by` is None where a command of the server's administrator imports.
    Raises `PermissionDenied`.
    """
    if by is not None:
        check_operator(data_set.site, by)
    report = Report()
    names = [name for name in files.names if PurePosixPath(name).name not in _FURNITURE]
    new, by_path = _add_pictures(data_set, files, names, recording, report, told)
    readings = _read_annotations(data_set, files, names, by_path, report)
    described = _write_boxes(data_set, readings, by_path, report)
    report.without_annotation = len(new - described)
    return report


_FURNITURE = frozenset({"Thumbs.db", "desktop.ini", "README.md", "README.txt", "LICENSE", "model-card.json"})
"""Files that belong to no picture."""


def _add_pictures(
    data_set: DataSet,
    files: Files,
    names: Iterable[str],
    recording: str,
    report: Report,
    told: Callable[[int, int], None],
) -> tuple[set[int], dict[str, Picture]]:
    """Return the keys of the new pictures, and the pictures of this import by their path in `files`."""
    new: set[int] = set()
    by_path: dict[str, Picture] = {}
    first: dict[int, str] = {}
    paths = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]
    for number, path in enumerate(paths, 1):
        try:
            picture, is_new = _add_picture(data_set, files, path, recording)
        except (UnreadableFile, BadPicture) as error:
            report.refuse(path, str(error))
            continue
        finally:
            told(number, len(paths))
        if picture.pk in first:
            report.refuse(path, f"it is the same picture as {first[picture.pk]}, which is taken instead")
        first.setdefault(picture.pk, path)
        by_path[path] = picture
        if is_new:
            new.add(picture.pk)
    report.added, report.known = len(new), len(first.keys() - new)
    return new, by_path


def _add_picture(data_set: DataSet, files: Files, path: str, recording: str) -> tuple[Picture, bool]:
    data = files.read(path)
    if len(data) > MAX_BYTES:
        raise BadPicture(f"The picture has {len(data):,} bytes; at most {MAX_BYTES:,} are taken.")
    name = checked_name(path)
    return add(
        prepared=prepare(
            data_set=data_set,
            name=name,
            data=data,
            recording=recording_of(name, recording) or "unknown",
            folder=folder_of(name),
        )
    )


def _read_annotations(
    data_set: DataSet, files: Files, names: Iterable[str], by_path: Mapping[str, Picture], report: Report
) -> dict[str, tuple[str, Annotated]]:
    """Return by picture's path the annotation, and the format that has it."""
    grouped: dict[str, dict[str, bytes]] = {}
    for path in names:
        if PurePosixPath(path).suffix.lower() in SUFFIXES:
            continue
        try:
            content = files.read(path)
            grouped.setdefault(formats.format_of(path, content), {})[path] = content
        except (UnreadableFile, BadAnnotations, ValueError) as error:
            report.refuse(path, str(error))
    if not grouped:
        return {}
    sizes = {
        name: (width, height) for name, width, height in data_set.pictures.values_list("name", "width", "height")
    } | {path: (each.width, each.height) for path, each in by_path.items()}
    found: dict[str, tuple[str, Annotated]] = {}
    for key, contents in grouped.items():
        reading = formats.FORMATS[key].read(contents, sizes)
        for problem in reading.problems:
            report.refuse(*problem)
        for picture in reading.pictures:
            before = found.setdefault(picture.name, (key, picture))
            if before[1] is not picture:
                report.refuse(
                    picture.name, f"a second annotation ({key}) is left out; the first one ({before[0]}) counts"
                )
    return found


def _write_boxes(
    data_set: DataSet,
    readings: Mapping[str, tuple[str, Annotated]],
    by_path: Mapping[str, Picture],
    report: Report,
) -> set[int]:
    """Return the keys of the pictures that have an annotation now."""
    known = {each.name: each for each in data_set.pictures.defer("hands")} if readings else {}
    labels: dict[str, Label | None] = {}
    described: set[int] = set()
    items = iter(readings.items())
    while chunk := list(islice(items, AT_ONCE)):
        rows: list[Annotation] = []
        keys: list[int] = []
        with transaction.atomic():
            for name, (_, annotated) in chunk:
                picture = by_path.get(name) or known.get(name)
                if picture is None:
                    report.refuse(name, "the picture of this annotation is not there")
                    continue
                keys.append(picture.pk)
                rows += _rows(data_set, picture, annotated, labels, report)
            Annotation.objects.filter(picture__in=keys).delete()
            Annotation.objects.bulk_create(rows)
            Picture.objects.filter(pk__in=keys).update(review=Review.KEPT, hands=None)
        described.update(keys)
        report.boxes += len(rows)
    report.annotated = len(described)
    return described


def _rows(
    data_set: DataSet, picture: Picture, annotated: Annotated, labels: dict[str, Label | None], report: Report
) -> Sequence[Annotation]:
    rows = []
    for box in annotated.boxes:
        if box.label not in labels:
            labels[box.label] = _label(data_set, box.label, report)
        label = labels[box.label]
        if label is not None:
            rows.append(
                Annotation(picture=picture, label=label, left=box.left, top=box.top, width=box.width, height=box.height)
            )
    return rows


def _label(data_set: DataSet, name: str, report: Report) -> Label | None:
    try:
        label, _ = label_named(data_set=data_set, name=name)
    except ValidationError as error:
        report.refuse(f"label “{name[:80]}”", " ".join(error.messages))
        return None
    if label.name != name:
        report.joined[name] = label.name
    return label
