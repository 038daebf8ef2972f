"""The boxes that were drawn on the pictures of an archive are stored with these pictures, for data sets."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from devices.models import Device
from devices.reading.pictures import sanitised_jpeg
from faces.models import Annotation, Capture
from faces.pictures import storage
from tests.faces.importing.test_importing import FIRST, OTHER, annotation, archive, import_past, stamp, write
from tests.faces.sources.amazon import with_bucket

__all__ = ["archive"]

pytestmark = pytest.mark.django_db


def test_an_annotation_belongs_to_the_raw_picture_of_its_name(
    archive: Path, seattle01: Device, chicago01: Device
) -> None:
    for device in (seattle01, chicago01):
        with_bucket(device, bucket="YOUR-BUCKET-NAME", prefix="")
    import_past(archive, "--act")
    for device in (seattle01, chicago01):
        capture = Capture.objects.get(device=device)
        drawn = Annotation.objects.get(capture=capture)
        assert (drawn.width, drawn.height) == (512, 512)
        assert drawn.boxes == [{"label": "thumbs-up", "box": [100, 50, 60, 462]}]
        assert capture.source_url.endswith(f"images/image_{device.name}_{stamp(FIRST)}.jpg")
        assert storage.read(capture) == sanitised_jpeg(OTHER)
    Capture.objects.all().delete()
    assert not Annotation.objects.exists()


VOC = """<?xml version="1.0"?>
<annotation><folder>raw_images</folder><filename>x.jpg</filename><!-- by hand -->
  <size><width>512</width><height>384</height><depth>3</depth></size>
  <object><name>thumbs_up</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
    <bndbox><xmin>10</xmin><ymin>20.6</ymin><xmax>110</xmax><ymax>200</ymax></bndbox></object>
  <object><name>Cup </name><bndbox><xmin>-3</xmin><ymin>0</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>
</annotation>"""


def test_the_xml_of_labelimg_beside_a_picture_is_its_annotation(
    tmp_path: Path, settings: Settings, seattle01: Device
) -> None:
    settings.MEDIA_ROOT = tmp_path / "pictures"
    name = f"archive/raw_images/retrain_Seattle01_{stamp(FIRST)}"
    write(tmp_path, f"{name}.JPG", OTHER)
    write(tmp_path, f"{name}.xml", VOC.encode())
    for _ in range(2):
        import_past(tmp_path / "archive", "--act")
    drawn = Annotation.objects.get()
    assert (drawn.width, drawn.height, drawn.capture.taken_at) == (512, 384, FIRST)
    assert drawn.boxes == [
        {"label": "thumbs-up", "box": [10, 21, 100, 179]},
        {"label": "cup", "box": [0, 0, 9, 9]},
    ]


def test_an_annotation_that_comes_later_finds_the_picture_that_was_imported(
    archive: Path, seattle01: Device, chicago01: Device
) -> None:
    later = list(archive.glob("training_annotation/*"))
    contents = {path: path.read_bytes() for path in later}
    for path in [*later, *archive.glob("images/*.jpg")]:
        path.unlink()
    import_past(archive, "--act")
    for path, content in contents.items():
        path.write_bytes(content)
    import_past(archive, "--act")
    assert (Capture.objects.count(), Annotation.objects.count()) == (2, 2)


def sized(width: Any, **more: Any) -> dict[str, Any]:
    return annotation("Seattle01", FIRST) | {"image_size": [{"width": width, "height": 512}]} | more


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "it is no annotation as SageMaker reads it: Object missing required field"),
        (b"\xff", "it is no annotation as SageMaker reads it"),
        (sized(0), "it is no annotation as SageMaker reads it: Expected `int` >= 1"),
        (sized(512, categories=[]), "its categories do not name the class 0"),
        (sized(512, categories=[{"class_id": 0, "name": "\u200b"}]), "a label in it cannot be used"),
        (sized(90), "a box in it lies outside of its picture, or has no area"),
        (sized(512, annotations=[sized(9)["annotations"][0]] * 1_001), "Expected `array` of length <= 1000"),
        (VOC.replace("<annotation>", "<!DOCTYPE a [<!ENTITY b 'b'>]><annotation>").encode(), "declarations"),
        (VOC.replace("</size>", "").encode(), "its XML is broken"),
        (VOC.replace("512", "9" * 5_000).encode(), "its <size><width> is no number"),
        (VOC.replace("512", "nan").encode(), "its <size><width> is no number"),
        (VOC.encode("utf-16"), "it is no annotation as SageMaker reads it"),
        (b"<annotation>" * 100_000, "an annotation has at most 1,048,576 bytes"),
        (b"<annotation>" * 50_000, "its XML is broken"),
    ],
    ids=str,
)
def test_an_annotation_that_cannot_be_used_is_passed_over_with_a_reason(
    tmp_path: Path,
    settings: Settings,
    seattle01: Device,
    capsys: pytest.CaptureFixture[str],
    content: bytes | dict[str, Any],
    why: str,
) -> None:
    settings.MEDIA_ROOT = tmp_path / "pictures"
    archive, name = tmp_path / "archive", f"retrain_Seattle01_{stamp(FIRST)}"
    write(archive, f"raw_images/{name}.jpg", OTHER)
    write(archive, f"training_annotation/{name}.json", content)
    write(archive, f"training_annotation/another_{name}.json", annotation("Seattle01", FIRST))
    if isinstance(content, bytes) and b"<" in content:
        (archive / f"training_annotation/{name}.json").rename(archive / f"raw_images/{name}.xml")
    import_past(archive, "--act")
    said = capsys.readouterr().out
    assert why in said
    assert "1 passed over, such as training_annotation/another_" in said
    assert "no picture of its name is imported with it" in said
    assert (Capture.objects.count(), Annotation.objects.count()) == (1, 0)
