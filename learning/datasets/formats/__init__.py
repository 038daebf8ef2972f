"""The formats of annotations: which there are, and which a file has.

Each format is a module with `read` and `write`. `write` of what `read` has read is the same bytes again.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from learning.datasets.formats import coco, csv_table, dlib_xml, documents, label_studio, sagemaker, voc, yolo
from learning.datasets.formats.boxes import Annotated, BadAnnotations, Reading, Sizes

Layout = Literal["as named", "flat", "channels", "images"]
"""Where the pictures stand beside the annotations: under their names; without folders; in the folders train and
validation; in the folder images."""


class Format(NamedTuple):
    """A format of annotations."""

    key: str
    title: str
    read: Callable[[Mapping[str, bytes], Sizes], Reading]
    write: Callable[[Sequence[Annotated], Sequence[str]], dict[str, bytes]]
    layout: Layout


FORMATS: dict[str, Format] = {
    each.key: each
    for each in (
        Format("voc", "PASCAL VOC (XML for each picture)", voc.read, voc.write, "as named"),
        Format("csv", "CSV (one table)", csv_table.read, csv_table.write, "as named"),
        Format("sagemaker", "SageMaker (JSON for each picture)", sagemaker.read, sagemaker.write, "channels"),
        Format("coco", "COCO (one JSON)", coco.read, coco.write, "as named"),
        Format("yolo", "YOLO (text for each picture)", yolo.read, yolo.write, "images"),
        Format("label-studio", "Label Studio (one JSON)", label_studio.read, label_studio.write, "as named"),
        Format("dlib", "dlib (one XML)", dlib_xml.read, dlib_xml.write, "as named"),
    )
}

SUFFIXES = frozenset({".xml", ".csv", ".json", ".txt", ".names", ".yaml", ".yml"})
"""How the names of annotation files end, in lower case."""

_BY_DOCUMENT = {
    "sagemaker": sagemaker.is_annotation,
    "coco": coco.is_annotation,
    "label-studio": label_studio.is_annotation,
}


def format_of(path: str, content: bytes) -> str:
    """Return the key of the file's format. Raises `BadAnnotations` where it has none of the known formats."""
    name, suffix = PurePosixPath(path).name, PurePosixPath(path).suffix.lower()
    if name in yolo.LISTS:
        return "yolo"
    if suffix == ".xml":
        root = voc.root_of(content).tag
        if root in ("annotation", "dataset"):
            return "voc" if root == "annotation" else "dlib"
        raise BadAnnotations(f"its root is {root}; an annotation has annotation (VOC) or dataset (dlib)")
    if suffix == ".json":
        document = documents.parse(content)
        for key, recognises in _BY_DOCUMENT.items():
            if recognises(document):
                return key
        raise BadAnnotations("it is neither SageMaker's nor COCO's nor Label Studio's JSON")
    if suffix == ".csv":
        if csv_table.is_table(content):
            return "csv"
        raise BadAnnotations(f"its first line must name the columns {', '.join(csv_table.COLUMNS)}")
    if suffix == ".txt" and yolo.is_label_file(path, content):
        return "yolo"
    raise BadAnnotations("it is neither a picture nor an annotation in a known format")
