"""The layout of SageMaker's built-in object detection with JSON files.

The folders `train` and `validation` hold the pictures; `train_annotation` and `validation_annotation` hold a JSON file
for each picture, with `file`, `image_size`, `annotations` (`class_id`, `left`, `top`, `width`, `height`) and
`categories`.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from learning.datasets.formats import documents
from learning.datasets.formats.boxes import (
    CHANNELS,
    Annotated,
    BadAnnotations,
    Boxes,
    Reading,
    Sizes,
    resolve,
    size_of,
    stem_of,
)

DEPTH = 3


def is_annotation(document: Any) -> bool:
    return isinstance(document, dict) and "image_size" in document and "annotations" in document


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes; a file or box that cannot be used is named."""
    reading = Reading()
    by_number: dict[int, str] = {}
    for path, content in files.items():
        try:
            document = documents.parse(content)
        except BadAnnotations as error:
            reading.refuse(path, str(error))
            continue
        picture = _read_one(path, document, sizes, reading, by_number)
        if picture is not None:
            reading.pictures.append(picture)
    reading.labels = [by_number[key] for key in sorted(by_number)]
    return reading


def _read_one(
    path: str, document: dict[str, Any], sizes: Sizes, reading: Reading, by_number: dict[int, str]
) -> Annotated | None:
    told = next(iter(documents.dicts(document.get("image_size"))), {})
    file = documents.text(document.get("file")) or f"{PurePosixPath(path).stem}.jpg"
    name = resolve(file, path, sizes)
    size, wrong = size_of(name, documents.size_in(told), sizes)
    if size is None:
        reading.refuse(path, wrong)
        return None
    names: dict[float, str] = {}
    for category in documents.dicts(document.get("categories")):
        key = documents.number(category.get("class_id"))
        if key is not None:
            names[key] = documents.text(category.get("name"))
            by_number.setdefault(int(key), names[key])
    boxes = Boxes(reading, path, size)
    for each in documents.dicts(document.get("annotations")):
        values = documents.numbers(each, ("class_id", "left", "top", "width", "height"))
        if values is None:
            boxes.refuse("it lacks a number among class_id, left, top, width and height")
        elif values[0] not in names:
            boxes.refuse(f"the categories have no class_id {values[0]:g}")
        else:
            key, left, top, width, height = values
            boxes.add(names[key], left, top, left + width, top + height)
    return Annotated(name, *size, tuple(boxes.boxes), folder_of(path))


def folder_of(path: str) -> str:
    """Return `train` or `validation` where the path says so, else ""."""
    folder = PurePosixPath(path).parent.name
    return next((channel for channel in CHANNELS if folder in (channel, f"{channel}_annotation")), "")


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the JSON files by path. A picture's file must stand at `train/NAME` or `validation/NAME`."""
    number = {label: index for index, label in enumerate(labels)}
    return {
        f"{each.folder or CHANNELS[0]}_annotation/{stem_of(each.name)}.json": documents.render(_document(each, number))
        for each in pictures
    }


def _document(picture: Annotated, number: Mapping[str, int]) -> dict[str, Any]:
    used = sorted({number[box.label]: box.label for box in picture.boxes}.items())
    return {
        "file": picture.name,
        "image_size": [{"width": picture.width, "height": picture.height, "depth": DEPTH}],
        "annotations": [
            {
                "class_id": number[box.label],
                "left": box.left,
                "top": box.top,
                "width": box.width,
                "height": box.height,
            }
            for box in picture.boxes
        ],
        "categories": [{"class_id": key, "name": label} for key, label in used],
    }
