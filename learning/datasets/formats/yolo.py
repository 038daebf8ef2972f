"""YOLO: `classes.txt`, and a text file for each picture.

A line has class, centre x, centre y, width and height of a box; the last four are shares of the picture.

The text file of `images/a.jpg` is `labels/a.txt`; a text file beside its picture is read too.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from learning.datasets.formats.boxes import Annotated, Boxes, Reading, Sizes, stem_of

CLASSES = "classes.txt"
LISTS = (CLASSES, "obj.names", "data.yaml", "data.yml", "notes.json")
"""Files that may hold the names of the classes."""

_NOT_LABELS = {"readme.txt", "license.txt", "licence.txt", "requirements.txt", "notes.txt"}
_LINE = re.compile(r"\s*\d+(\s+[-+.\deE]+){4,}\s*")
_YAML_LIST = re.compile(r"^names\s*:\s*(\[.*?\])\s*$", re.DOTALL | re.MULTILINE)
_YAML_ITEM = re.compile(r"^\s+(?:-|\d+\s*:)\s*(.+?)\s*$")


def is_label_file(path: str, content: bytes) -> bool:
    """Whether a text file holds boxes, or nothing, as that of a picture without any."""
    place = PurePosixPath(path)
    # A picture may be called README, too; its text file lies in the folder of labels.
    if place.name.lower() in _NOT_LABELS and place.parent.name != "labels":
        return False
    first = content[:300].decode("utf-8", "replace").strip().partition("\n")[0]
    return not first or _LINE.fullmatch(first) is not None


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes; a line that cannot be used is named."""
    reading = Reading(labels=_labels(files))
    by_stem: dict[str, str] = {}
    for name in sizes:
        by_stem.setdefault(_key(name), name)
    for path, content in files.items():
        if PurePosixPath(path).name in LISTS:
            continue
        found = by_stem.get(_key(path))
        if found is None:
            reading.refuse(
                path, f"there is no picture of the name {PurePosixPath(path).stem}, whose size its boxes need"
            )
            continue
        boxes = Boxes(reading, path, sizes[found])
        for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), 1):
            if line.strip():
                boxes.at(f"{path}, line {number}")
                _read_line(line.split(), boxes, reading.labels, sizes[found])
        reading.pictures.append(Annotated(found, *sizes[found], tuple(boxes.boxes)))
    return reading


def _read_line(words: list[str], boxes: Boxes, labels: Sequence[str], size: tuple[int, int]) -> None:
    try:
        number = int(words[0])
        x, y, width, height = (float(word) for word in words[1:5])
    except ValueError:
        boxes.refuse("the line is not a class and four numbers")
        return
    if not 0 <= number < len(labels):
        boxes.refuse(f"the list of classes has no number {number}")
        return
    boxes.add(
        labels[number],
        (x - width / 2) * size[0],
        (y - height / 2) * size[1],
        (x + width / 2) * size[0],
        (y + height / 2) * size[1],
    )


def _key(path: str) -> str:
    """Return what the paths of a picture and of its text file have in common."""
    parts = PurePosixPath(stem_of(path)).parts
    return "/".join(part for part in parts if part not in ("images", "labels"))


def _labels(files: Mapping[str, bytes]) -> list[str]:
    found: list[str] = []
    for path, content in files.items():
        name, text = PurePosixPath(path).name, content.decode("utf-8-sig", "replace")
        if name in (CLASSES, "obj.names"):
            found = found or [line.strip() for line in text.splitlines() if line.strip()]
        elif name.startswith("data.y"):
            found = found or _yaml_names(text)
    return found


def _yaml_names(text: str) -> list[str]:
    listed = _YAML_LIST.search(text)
    if listed:
        try:
            return [str(name) for name in json.loads(listed[1].replace("'", '"'))]
        except ValueError:
            return []
    _, _, rest = text.partition("names:")
    items = []
    for line in rest.splitlines()[1:]:
        item = _YAML_ITEM.match(line)
        if item is None:
            break
        items.append(item[1].strip("'\""))
    return items


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the list of classes and the text files. A picture's file must stand at `images/NAME`."""
    number = {label: index for index, label in enumerate(labels)}
    files = {CLASSES: "".join(f"{label}\n" for label in labels).encode()}
    for each in pictures:
        lines = [
            f"{number[box.label]} {_share(box.left + box.width / 2, each.width)}"
            f" {_share(box.top + box.height / 2, each.height)} {_share(box.width, each.width)}"
            f" {_share(box.height, each.height)}\n"
            for box in each.boxes
        ]
        files[f"labels/{stem_of(each.name)}.txt"] = "".join(lines).encode()
    return files


def _share(pixels: float, side: int) -> str:
    """Return the share with enough digits for whole pixels of the longest side that a picture may have."""
    return f"{pixels / side:.8f}"
