"""dlib's XML of `imglab`: one file with all pictures; a box has left, top, width and height, and may have a label."""

from collections.abc import Mapping, Sequence

from lxml import etree

from learning.datasets.formats.boxes import Annotated, BadAnnotations, Boxes, Reading, Sizes, resolve, size_of
from learning.datasets.formats.voc import root_of

FILE = "dlib.xml"

UNLABELLED = "object"
"""The label of boxes without one: a file of `imglab` that knows one class only leaves the label out."""

_SIDES = ("left", "top", "width", "height")


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes without the ignored ones; what cannot be used is named."""
    reading = Reading()
    for path, content in files.items():
        try:
            root = root_of(content)
        except (BadAnnotations, ValueError) as error:
            reading.refuse(path, str(error))
            continue
        for number, image in enumerate(root.iterfind("images/image"), 1):
            picture = _read_image(image, f"{path}, image {image.get('file') or number}", path, sizes, reading)
            if picture is not None:
                reading.pictures.append(picture)
    return reading


def _read_image(image: etree._Element, where: str, path: str, sizes: Sizes, reading: Reading) -> Annotated | None:
    name = resolve(image.get("file") or "", path, sizes)
    width, height = _whole(image.get("width")), _whole(image.get("height"))
    size, wrong = size_of(name, None if width is None or height is None else (width, height), sizes)
    if size is None:
        reading.refuse(where, wrong)
        return None
    boxes = Boxes(reading, where, size)
    for element in image.iterfind("box"):
        values = [_whole(element.get(side)) for side in _SIDES]
        if element.get("ignore") == "1":
            continue
        if None in values:
            boxes.refuse("it lacks a whole number among left, top, width and height")
            continue
        left, top, across, down = (value for value in values if value is not None)
        boxes.add((element.findtext("label") or UNLABELLED).strip(), left, top, left + across, top + down)
    return Annotated(name, *size, tuple(boxes.boxes))


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the document as the only file."""
    root = etree.Element("dataset")
    images = etree.SubElement(root, "images")
    for each in pictures:
        image = etree.SubElement(images, "image", file=each.name, width=str(each.width), height=str(each.height))
        for box in each.boxes:
            sides = {side: str(getattr(box, side)) for side in _SIDES}
            etree.SubElement(etree.SubElement(image, "box", **sides), "label").text = box.label
    etree.indent(root, "  ")
    return {FILE: bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"}
