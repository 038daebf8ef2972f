"""Reads annotations: the boxes and labels that people or programs have drawn on a picture for training. Pure.

Two formats are read: the JSON of Amazon SageMaker's object detection, which AWS' sample for retraining writes, and the
XML of Pascal VOC, which tools such as labelImg write beside the picture.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from xml.etree import ElementTree

import msgspec

from devices.reading.labels import BadLabel, normalised
from devices.reading.picture_files import MAX_SIDE

MAX_BYTES = 1024 * 1024
MOST_BOXES = 1_000
"""Boxes of one annotation; the pictures of the largest public data sets have some hundred."""


class UnreadableAnnotation(ValueError):
    """The annotation cannot be used. The text is the rest of a sentence that says why."""


class DrawnBox(msgspec.Struct, frozen=True):
    label: str
    box: tuple[int, int, int, int]
    """Left, top, width and height in pixels of the annotated picture."""


class DrawnBoxes(msgspec.Struct, frozen=True):
    """What an annotation tells of its picture."""

    width: int
    height: int
    """Pixels of the annotated picture; a stored picture of the same frame may have another size."""
    boxes: tuple[DrawnBox, ...]


Side = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE)]


class _Size(msgspec.Struct):
    width: Side
    height: Side


class _Box(msgspec.Struct):
    class_id: int
    left: int
    top: int
    width: int
    height: int


class _Category(msgspec.Struct):
    class_id: int
    name: str


class _SageMaker(msgspec.Struct):
    image_size: Annotated[list[_Size], msgspec.Meta(min_length=1)]
    annotations: Annotated[list[_Box], msgspec.Meta(max_length=MOST_BOXES)]
    categories: list[_Category] = []


def read_annotation(content: bytes) -> DrawnBoxes:
    """Return what the annotation tells, its boxes cut off at the picture's edges. Raises `UnreadableAnnotation`."""
    if len(content) > MAX_BYTES:
        raise UnreadableAnnotation(f"an annotation has at most {MAX_BYTES:,} bytes")
    try:
        if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return _from_xml(content)
        return _from_json(content)
    except BadLabel as error:
        raise UnreadableAnnotation(f"a label in it cannot be used: {error}".rstrip(".")) from None


def _from_json(content: bytes) -> DrawnBoxes:
    try:
        read = msgspec.json.decode(content, type=_SageMaker)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnnotation(f"it is no annotation as SageMaker reads it: {error}") from None
    names = {category.class_id: category.name for category in read.categories}
    unnamed = sorted({box.class_id for box in read.annotations} - names.keys())
    if unnamed:
        raise UnreadableAnnotation(f"its categories do not name the class {unnamed[0]}")
    size = read.image_size[0]
    drawn = ((names[box.class_id], (box.left, box.top, box.width, box.height)) for box in read.annotations)
    return DrawnBoxes(size.width, size.height, tuple(_within(size, drawn)))


def _from_xml(content: bytes) -> DrawnBoxes:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableAnnotation("its XML is not UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnreadableAnnotation("its XML has declarations, which no annotation needs")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - the attacks need declarations
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadableAnnotation(f"its XML is broken: {error}") from None
    objects = root.findall("object")
    if root.tag != "annotation" or len(objects) > MOST_BOXES:
        raise UnreadableAnnotation(f"it is no annotation of Pascal VOC with at most {MOST_BOXES:,} objects")
    width, height = (_number(root, f"size/{name}") for name in ("width", "height"))
    try:
        size = msgspec.convert({"width": width, "height": height}, _Size)
    except msgspec.ValidationError as error:
        raise UnreadableAnnotation(f"the size of its picture is wrong: {error}") from None
    return DrawnBoxes(width, height, tuple(_within(size, map(_drawn, objects))))


def _drawn(element: Any) -> tuple[str, tuple[int, int, int, int]]:
    left, top, right, bottom = (_number(element, f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax"))
    return element.findtext("name", ""), (left, top, right - left, bottom - top)


def _number(element: Any, path: str) -> int:
    text = element.findtext(path, "").strip()
    try:
        # Some tools write fractions of pixels.
        return round(float(text)) if len(text) < 20 else _no_number(path)
    except (ValueError, OverflowError):
        return _no_number(path)


def _no_number(path: str) -> int:
    raise UnreadableAnnotation(f"its <{path.replace('/', '><')}> is no number")


def _within(size: _Size, drawn: Iterable[tuple[str, tuple[int, int, int, int]]]) -> Iterator[DrawnBox]:
    for name, (left, top, width, height) in drawn:
        right, bottom = min(left + width, size.width), min(top + height, size.height)
        left, top = max(left, 0), max(top, 0)
        if right <= left or bottom <= top:
            raise UnreadableAnnotation("a box in it lies outside of its picture, or has no area")
        yield DrawnBox(normalised(name), (left, top, right - left, bottom - top))
