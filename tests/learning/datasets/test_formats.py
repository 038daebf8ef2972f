"""Every format of annotations: what was written is read again, and what cannot be used is named."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.datasets.formats import FORMATS, format_of
from learning.datasets.formats.boxes import Annotated, BadAnnotations, Box, Reading, labels_of

NAMES = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters="-_ "), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool),
    unique_by=str.lower,
    min_size=1,
    max_size=5,
)
SIDE = st.integers(1, 65_500)


@st.composite
def pictures(draw: st.DrawFn) -> list[Annotated]:
    """Pictures with boxes of several labels, with names as they come, in both folders."""
    names = draw(NAMES)
    labels = draw(st.lists(st.sampled_from(["thumbs-up", "our blue mug", "ok_sign", "<&>", "2-fingers"]), min_size=1))
    made = []
    for number, stem in enumerate(names):
        width, height = draw(SIDE), draw(SIDE)
        boxes = []
        for _ in range(draw(st.integers(0 if number else 1, 3))):
            left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
            across, down = draw(st.integers(1, width - left)), draw(st.integers(1, height - top))
            boxes.append(Box(draw(st.sampled_from(labels)), left, top, across, down))
        suffix = draw(st.sampled_from([".jpg", ".jpeg", ".png"]))
        made.append(
            Annotated(f"{stem}{suffix}", width, height, tuple(boxes), draw(st.sampled_from(["train", "validation"])))
        )
    return made


def sizes_of(found: list[Annotated], layout: str) -> dict[str, tuple[int, int]]:
    """The pictures as they stand in an export of this layout."""
    places = {"as named": "{0.name}", "channels": "{0.folder}/{0.name}", "images": "images/{0.name}"}
    return {places[layout].format(each): (each.width, each.height) for each in found}


def boxes_of(found: list[Annotated]) -> dict[str, tuple[Box, ...]]:
    return {each.name.rpartition("/")[2]: each.boxes for each in found if each.boxes}


@pytest.mark.parametrize("key", FORMATS)
@given(found=pictures())
def test_what_a_format_has_written_it_reads_again(key: str, found: list[Annotated]) -> None:
    chosen, labels = FORMATS[key], labels_of(found)
    files = chosen.write(found, labels)
    assert {format_of(path, content) for path, content in files.items()} == {key}
    reading = chosen.read(files, sizes_of(found, chosen.layout))
    assert reading.problems == []
    assert boxes_of(reading.pictures) == boxes_of(found)
    by_name = {each.name.rpartition("/")[2]: each for each in reading.pictures}
    again = [
        Annotated(
            each.name, each.width, each.height, by_name[each.name].boxes if each.name in by_name else (), each.folder
        )
        for each in found
    ]
    assert chosen.write(again, labels) == files


@pytest.mark.parametrize("key", FORMATS)
@given(content=st.binary(max_size=200) | st.text().map(str.encode))
def test_whatever_stands_in_a_file_is_read_or_refused(key: str, content: bytes) -> None:
    for path in ("a.xml", "a.json", "a.csv", "a.txt", "classes.txt", "data.yaml"):
        try:
            found = format_of(path, content)
        except BadAnnotations:
            continue
        FORMATS[found].read({path: content}, {"a.jpg": (10, 10)})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = {
    "sagemaker": ["file", "image_size", "annotations", "categories"],
    "coco": ["images", "annotations", "categories"],
}


@pytest.mark.parametrize("key", KEYS)
@given(data=st.data())
def test_a_document_of_odd_values_is_read_or_refused(key: str, data: st.DataObject) -> None:
    values = {name: data.draw(JSON) for name in KEYS[key]}
    if key == "coco":
        values["images"] = [{"id": 1, "file_name": "a.jpg"}, data.draw(JSON)]
    content = json.dumps(values).encode()
    assert isinstance(FORMATS[key].read({"a.json": content}, {"a.jpg": (10, 10)}), Reading)


VOC = b"""<annotation><filename>a.jpg</filename><size><width>100</width><height>80</height></size>%s</annotation>"""
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
SIZE = {"a.jpg": (100, 80)}


def voc(*objects: tuple[object, ...], sizes: Mapping[str, tuple[int, int]] = SIZE) -> Reading:
    content = VOC % "".join(OBJECT.format(*each) for each in objects).encode()
    return FORMATS["voc"].read({"a.xml": content}, sizes)


@pytest.mark.parametrize(
    ("edges", "why"),
    [
        ((50, 10, 20, 40), "inverted"),
        ((20, 10, 20, 40), "no area"),
        ((200, 10, 220, 40), "outside the picture of 100 × 80"),
        (("", 10, 20, 40), "lacks a number"),
        (("nan", 10, 20, 40), "none of a picture"),
    ],
)
def test_a_box_that_cannot_be_used_is_named_and_the_rest_is_read(edges: tuple[object, ...], why: str) -> None:
    reading = voc(("fist", 0, 0, 10, 10), ("fist", *edges), ("palm", 90, 70, 100, 80))
    (problem,) = reading.problems
    assert problem.where == "a.xml, box 2"
    assert why in problem.what
    assert reading.pictures[0].boxes == (Box("fist", 0, 0, 10, 10), Box("palm", 90, 70, 10, 10))


def test_a_box_over_the_edge_is_cut_off_and_told() -> None:
    reading = voc(("fist", -5, 70, 30, 95))
    assert reading.pictures[0].boxes == (Box("fist", 0, 70, 30, 10),)
    assert "cut off" in reading.problems[0].what


def test_an_annotation_of_another_picture_size_is_refused() -> None:
    reading = voc(("fist", 0, 0, 10, 10), sizes={"a.jpg": (50, 40)})
    assert reading.pictures == []
    assert reading.problems[0].what == "it tells of 100 × 80 pixels, but the picture a.jpg has 50 × 40"


def test_an_xml_document_resolves_no_entity() -> None:
    bomb = (
        b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>"""
    )
    reading = FORMATS["voc"].read({"a.xml": bomb}, {})
    assert "passwd" not in str(reading.problems)
    assert "root:" not in str(reading)


def test_the_table_has_the_columns_of_xml_to_csv() -> None:
    (content,) = FORMATS["csv"].write([Annotated("a.jpg", 100, 80, (Box("thumbs_up", 5, 6, 20, 30),))], []).values()
    assert content == b"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,80,thumbs_up,5,6,25,36\n"


def test_the_json_is_that_of_sagemaker() -> None:
    found = Annotated("img 1.jpeg", 512, 384, (Box("mug", 1, 2, 30, 40), Box("ok", 5, 6, 7, 8)), "validation")
    ((path, content),) = FORMATS["sagemaker"].write([found], ["ok", "mug"]).items()
    assert path == "validation_annotation/img 1.json"
    assert json.loads(content) == {
        "file": "img 1.jpeg",
        "image_size": [{"width": 512, "height": 384, "depth": 3}],
        "annotations": [
            {"class_id": 1, "left": 1, "top": 2, "width": 30, "height": 40},
            {"class_id": 0, "left": 5, "top": 6, "width": 7, "height": 8},
        ],
        "categories": [{"class_id": 0, "name": "ok"}, {"class_id": 1, "name": "mug"}],
    }


def test_dlibs_boxes_without_a_label_are_objects() -> None:
    content = (
        b"<dataset><images><image file='b.jpg'>"
        b"<box top='9' left='19' width='37' height='38'/></image></images></dataset>"
    )
    (picture,) = FORMATS["dlib"].read({"training.xml": content}, {"b.jpg": (100, 80)}).pictures
    assert picture.boxes == (Box("object", 19, 9, 37, 38),)


def test_a_picture_may_have_the_name_of_a_text_beside_a_data_set() -> None:
    box = b"0 0.5 0.5 1.0 1.0\n"
    assert format_of("labels/LICENCE.txt", box) == "yolo"
    with pytest.raises(BadAnnotations):
        format_of("LICENCE.txt", box)
