"""COCO: one JSON file with the lists images, annotations and categories; a box is [left, top, width, height]."""

from collections.abc import Mapping, Sequence
from typing import Any

from learning.datasets.formats import documents
from learning.datasets.formats.boxes import Annotated, BadAnnotations, Boxes, Reading, Sizes, resolve, size_of

FILE = "annotations.json"


def is_annotation(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("images"), list) and "categories" in document


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes; an image or annotation that cannot be used is named."""
    reading = Reading()
    for path, content in files.items():
        try:
            _read_one(path, documents.parse(content), sizes, reading)
        except BadAnnotations as error:
            reading.refuse(path, str(error))
    return reading


def _read_one(path: str, document: dict[str, Any], sizes: Sizes, reading: Reading) -> None:
    labels = {
        documents.number(each.get("id")): documents.text(each.get("name"))
        for each in documents.dicts(document.get("categories"))
    }
    reading.labels += [label for label in labels.values() if label not in reading.labels]
    found: dict[float | None, tuple[str, tuple[int, int], Boxes]] = {}
    refused = set()
    for image in documents.dicts(document["images"]):
        key, name = documents.number(image.get("id")), documents.text(image.get("file_name"))
        where = f"{path}, image {name or key}"
        name = resolve(name, path, sizes)
        size, wrong = size_of(name, documents.size_in(image), sizes)
        if size is None or key in found:
            reading.refuse(where, wrong or "another image has the same id")
            refused.add(key)
        else:
            found[key] = name, size, Boxes(reading, where, size)
    for number, each in enumerate(documents.dicts(document.get("annotations")), 1):
        image_key, label = documents.number(each.get("image_id")), labels.get(documents.number(each.get("category_id")))
        where = f"{path}, annotation {each.get('id', number)}"
        box = each.get("bbox")
        values = [documents.number(value) for value in box] if isinstance(box, list) else []
        if image_key not in found:
            if image_key not in refused:
                reading.refuse(where, f"there is no image with the id {each.get('image_id')}")
        elif label is None:
            reading.refuse(where, f"there is no category with the id {each.get('category_id')}")
        elif len(values) != 4 or None in values:
            reading.refuse(where, "its bbox is not a list of four numbers")
        else:
            left, top, width, height = (value for value in values if value is not None)
            boxes = found[image_key][2]
            boxes.at(where)
            boxes.add(label, left, top, left + width, top + height)
    reading.pictures += [Annotated(name, *size, tuple(boxes.boxes)) for name, size, boxes in found.values()]


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the document as the only file. Ids begin at 1, as in COCO's own files."""
    number = {label: index for index, label in enumerate(labels, 1)}
    boxes = [(image, box) for image, picture in enumerate(pictures, 1) for box in picture.boxes]
    document = {
        "images": [
            {"id": image, "file_name": each.name, "width": each.width, "height": each.height}
            for image, each in enumerate(pictures, 1)
        ],
        "annotations": [
            {
                "id": index,
                "image_id": image,
                "category_id": number[box.label],
                "bbox": [box.left, box.top, box.width, box.height],
                "area": box.width * box.height,
                "iscrowd": 0,
            }
            for index, (image, box) in enumerate(boxes, 1)
        ],
        "categories": [{"id": key, "name": label} for label, key in number.items()],
    }
    return {FILE: documents.render(document)}
