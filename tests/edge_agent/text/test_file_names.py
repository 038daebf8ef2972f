"""A file's name tells whether it is a picture that is read, whoever has written it."""

from pathlib import Path

import pytest

from edge_agent.text.file_names import printable, why_passed_over

READ = {".jpg", ".jpeg", ".png"}


@pytest.mark.parametrize("name", ["1.jpg", "IMG_0001.JPG", "Bild 2.Jpeg", "caf\udce9.PNG", "a.b.jpg", "~1.jpg"])
def test_a_picture_is_read_whatever_the_case_and_the_encoding_of_its_name(name: str) -> None:
    assert why_passed_over(name, READ) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".DS_Store", "the system has made it"),
        ("Thumbs.db", "the system has made it"),
        ("desktop.ini", "the system has made it"),
        ("._1.jpg", "it is a note of macOS about another file"),
        ("~$staff.jpg", "it is a lock file of an open document"),
        (".1.jpg", "its name makes it a hidden file"),
        ("1.jpg.part", "its transfer is not finished"),
        ("1.JPG.FILEPART", "its transfer is not finished"),
        ("IMG_0001.HEIC", "HEIC is not read, only JPEG and PNG; have the camera or phone save pictures as JPEG"),
        ("clip.mp4", "its name does not end like that of a picture (JPEG and PNG)"),
        ("picture", "its name does not end like that of a picture (JPEG and PNG)"),
    ],
)
def test_anything_else_is_passed_over_with_a_reason(name: str, why: str) -> None:
    assert why_passed_over(name, READ) == why


def test_the_formats_that_are_read_are_named() -> None:
    assert why_passed_over("1.tif", READ | {".heic", ".heif"}).startswith("TIF is not read, only HEIC, JPEG and PNG;")


def test_a_name_that_is_not_utf_8_can_be_printed() -> None:
    printable(Path("caf\udce9.jpg")).encode()
    assert printable("caf\udce9.jpg") == "caf\\xe9.jpg"
