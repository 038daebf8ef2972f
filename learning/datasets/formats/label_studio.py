"""Label Studio: a JSON list of tasks; a box is a `rectanglelabels` in percent of the picture."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from learning.datasets.formats import documents
from learning.datasets.formats.boxes import Annotated, BadAnnotations, Box, Boxes, Reading, Sizes, resolve, size_of

FILE = "tasks.json"
LOCAL = "/data/local-files/?d="
"""The beginning of the address of a picture that Label Studio reads from its own disk."""

_SIDES = ("x", "y", "width", "height")


def is_annotation(document: Any) -> bool:
    return isinstance(document, list) and any("data" in each for each in documents.dicts(document))


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes; a task or box that cannot be used is named."""
    reading = Reading()
    for path, content in files.items():
        try:
            tasks = documents.dicts(documents.parse(content))
        except BadAnnotations as error:
            reading.refuse(path, str(error))
            continue
        for number, task in enumerate(tasks, 1):
            picture = _read_task(task, f"{path}, task {task.get('id', number)}", path, sizes, reading)
            if picture is not None:
                reading.pictures.append(picture)
    return reading


def _read_task(task: dict[str, Any], where: str, path: str, sizes: Sizes, reading: Reading) -> Annotated | None:
    data = task.get("data")
    addresses = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    if not addresses:
        reading.refuse(where, "its data name no picture")
        return None
    results = list(_results(task))
    name = resolve(_name_in(addresses[0]), path, sizes)
    told = next(filter(None, (documents.size_in(each, "original_width", "original_height") for each in results)), None)
    size, wrong = size_of(name, told, sizes)
    if size is None:
        reading.refuse(where, wrong)
        return None
    boxes = Boxes(reading, where, size)
    for each in results:
        value = each.get("value")
        values = documents.numbers(value, _SIDES) if isinstance(value, dict) else None
        labels = value.get("rectanglelabels") if isinstance(value, dict) else None
        if values is None or not isinstance(labels, list) or not labels:
            boxes.refuse("it is no rectangle with a label")
        elif documents.number(value.get("rotation", 0)):  # type: ignore[union-attr]
            boxes.refuse("the box is turned, which no other format can hold")
        else:
            x, y, width, height = (number / 100 for number in values)
            boxes.add(
                documents.text(labels[0]), x * size[0], y * size[1], (x + width) * size[0], (y + height) * size[1]
            )
    return Annotated(name, *size, tuple(boxes.boxes))


def _results(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the boxes of the first annotation that was not cancelled."""
    for annotation in documents.dicts(task.get("annotations")):
        if not annotation.get("was_cancelled"):
            yield from documents.dicts(annotation.get("result"))
            return


def _name_in(address: str) -> str:
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path).removeprefix("/data/upload/")


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the tasks as the only file."""
    return {FILE: documents.render([_task(number, each) for number, each in enumerate(pictures, 1)])}


def _task(number: int, picture: Annotated) -> dict[str, Any]:
    results = [_result(f"{number}-{index}", box, picture) for index, box in enumerate(picture.boxes, 1)]
    return {"id": number, "data": {"image": LOCAL + quote(picture.name)}, "annotations": [{"result": results}]}


def _result(key: str, box: Box, picture: Annotated) -> dict[str, Any]:
    return {
        "id": key,
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": picture.width,
        "original_height": picture.height,
        "image_rotation": 0,
        "value": {
            "x": 100 * box.left / picture.width,
            "y": 100 * box.top / picture.height,
            "width": 100 * box.width / picture.width,
            "height": 100 * box.height / picture.height,
            "rotation": 0,
            "rectanglelabels": [box.label],
        },
    }
