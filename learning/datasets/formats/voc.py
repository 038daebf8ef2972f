"""PASCAL VOC: an XML file for each picture, as labelImg writes it."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from lxml import etree

from learning.datasets.formats.boxes import Annotated, BadAnnotations, Boxes, Reading, Sizes, resolve, size_of, stem_of

_PARSER = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def root_of(content: bytes) -> etree._Element:
    """Return the root of an XML document. No entity is resolved. Raises `BadAnnotations`."""
    try:
        return etree.fromstring(content, etree.XMLParser(**_PARSER))
    except etree.XMLSyntaxError as error:
        raise BadAnnotations(f"it is not XML that can be read: {error.msg}") from None


def read(files: Mapping[str, bytes], sizes: Sizes) -> Reading:
    """Return the pictures with their boxes. A file or box that cannot be used is named, and the rest goes on."""
    reading = Reading()
    for path, content in files.items():
        try:
            picture = _read_one(path, root_of(content), sizes, reading)
        except (BadAnnotations, ValueError) as error:
            reading.refuse(path, str(error))
            continue
        if picture is not None:
            reading.pictures.append(picture)
    return reading


def _read_one(path: str, root: etree._Element, sizes: Sizes, reading: Reading) -> Annotated | None:
    told = _text(root, "filename") or f"{PurePosixPath(path).stem}.jpg"
    name = resolve(told, path, sizes)
    if name not in sizes:  # labelImg keeps the name of the folder in which the picture once was
        stem = stem_of(path)
        name = next((known for known in sizes if stem_of(known) == stem), name)
    width, height = _number(root, "size/width"), _number(root, "size/height")
    size, wrong = size_of(name, (int(width), int(height)) if width and height else None, sizes)
    if size is None:
        reading.refuse(path, wrong)
        return None
    boxes = Boxes(reading, path, size)
    for member in root.findall("object"):
        edges = [_number(member, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
        if None in edges:
            boxes.refuse("its bndbox lacks a number among xmin, ymin, xmax and ymax")
        else:
            boxes.add(_text(member, "name"), *(edge for edge in edges if edge is not None))
    return Annotated(name, *size, tuple(boxes.boxes))


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _number(element: etree._Element, path: str) -> float | None:
    text = _text(element, path)
    try:
        return float(text) if text else None
    except ValueError:
        return None


def write(pictures: Sequence[Annotated], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the files by path, each beside its picture."""
    stems: set[str] = set()
    files = {}
    for picture in pictures:
        stem = stem_of(picture.name)
        path = f"{stem}.xml" if stem not in stems else f"{picture.name}.xml"
        stems.add(stem)
        files[path] = _document(picture)
    return files


def _document(picture: Annotated) -> bytes:
    path = PurePosixPath(picture.name)
    root = etree.Element("annotation")
    etree.SubElement(root, "folder").text = path.parent.name
    etree.SubElement(root, "filename").text = path.name
    size = etree.SubElement(root, "size")
    for tag, number in (("width", picture.width), ("height", picture.height), ("depth", 3)):
        etree.SubElement(size, tag).text = str(number)
    for box in picture.boxes:
        member = etree.SubElement(root, "object")
        etree.SubElement(member, "name").text = box.label
        for tag, text in (("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
            etree.SubElement(member, tag).text = text
        bounds = etree.SubElement(member, "bndbox")
        edges = (box.left, box.top, box.left + box.width, box.top + box.height)
        for tag, number in zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True):
            etree.SubElement(bounds, tag).text = str(number)
    etree.indent(root, "  ")
    return bytes(etree.tostring(root, encoding="UTF-8")) + b"\n"
