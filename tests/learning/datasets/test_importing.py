"""Imports and exports of data sets: whole archives, and what is wrong in them, named at the item."""

import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Site
from learning.datasets.archives import MAX_FILES, Archive, BadArchive
from learning.datasets.exporting import export_files, write_archive
from learning.datasets.formats import FORMATS
from learning.datasets.importing import Report, import_files
from learning.datasets.reads import summarise
from learning.models import Annotation, DataSet, Picture, Review
from tests.learning.datasets.test_formats import OBJECT
from tests.learning.samples import archive, data_set, files, jpeg, picture
from tests.world.pictures import jpeg_of_many_scans, png_that_claims

pytestmark = pytest.mark.django_db


def xml(filename: str, *objects: tuple[object, ...], size: tuple[int, int] = (64, 48)) -> bytes:
    inner = "".join(OBJECT.format(*each) for each in objects)
    head = f"<filename>{filename}</filename><size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation>{head}{inner}</annotation>".encode()


def imported(into: DataSet, contents: dict[str, bytes], recording: str = "lobby") -> Report:
    return import_files(data_set=into, files=files(contents), recording=recording, by=None)


def boxes(of: DataSet) -> list[tuple[object, ...]]:
    rows = Annotation.objects.filter(picture__data_set=of).order_by("picture__name", "pk")
    return list(rows.values_list("picture__name", "label__name", "left", "top", "width", "height"))


def test_pictures_and_their_boxes_are_imported_with_recordings_by_folder(seattle: Site) -> None:
    hands = data_set()
    report = imported(
        hands,
        {
            "monday/a 1.jpeg": jpeg(1),
            "monday/a 1.xml": xml("a 1.jpeg", ("thumbs-up", 1, 2, 11, 22), ("fist", 3, 4, 9, 9)),
            "tuesday/a 1.jpeg": jpeg(2),
            "tuesday/a 1.xml": xml("a 1.jpeg", ("fist", 5, 6, 15, 16)),
            "b.jpg": jpeg(3),
        },
    )
    assert (report.added, report.annotated, report.boxes, report.without_annotation) == (3, 2, 3, 1)
    assert report.problems == []
    assert boxes(hands) == [
        ("monday/a 1.jpeg", "thumbs-up", 1, 2, 10, 20),
        ("monday/a 1.jpeg", "fist", 3, 4, 6, 5),
        ("tuesday/a 1.jpeg", "fist", 5, 6, 10, 10),
    ]
    assert list(hands.pictures.order_by("name").values_list("recording", "review")) == [
        ("lobby", Review.OPEN),
        ("monday", Review.KEPT),
        ("tuesday", Review.KEPT),
    ]


@pytest.mark.parametrize("key", FORMATS)
def test_an_exported_data_set_is_imported_with_the_same_boxes_and_exported_alike(key: str, seattle: Site) -> None:
    first, second = data_set("first"), data_set("second")
    for number, recording in enumerate(("monday", "tuesday", "friday")):
        picture(first, number, recording=recording, boxes=[("mug", number, 1, 9, 9), ("ok sign", 5, 5, 20 + number, 9)])
    exported = dict(export_files(data_set=first, format=key, with_pictures=True))
    report = imported(second, exported)
    assert report.problems == []
    assert (report.added, report.boxes) == (3, 6)
    assert [row[1:] for row in boxes(second)] == [row[1:] for row in boxes(first)] or key == "sagemaker"
    assert sorted(row[1:] for row in boxes(second)) == sorted(row[1:] for row in boxes(first))
    assert sorted(hands for hands in second.pictures.values_list("recording", flat=True)) == [
        "friday",
        "monday",
        "tuesday",
    ]


def test_the_archive_of_a_data_set_is_always_the_same_bytes(seattle: Site) -> None:
    hands = data_set()
    picture(hands, 1, boxes=[("mug", 1, 1, 9, 9)])

    def bytes_of() -> bytes:
        out = io.BytesIO()
        write_archive(data_set=hands, format="voc", with_pictures=True, to=out)
        return out.getvalue()

    assert bytes_of() == bytes_of()


def test_bad_items_are_named_and_the_rest_goes_on(seattle: Site) -> None:
    hands = data_set()
    report = imported(
        hands,
        {
            "good.jpg": jpeg(1),
            "good.xml": xml("good.jpg", ("fist", 1, 2, 11, 22)),
            "half.jpg": jpeg(2)[:300],
            "bomb.png": png_that_claims(60_000, 60_000),
            "scans.jpg": jpeg_of_many_scans(1_166),
            "lonely.xml": xml("lonely.jpg", ("fist", 1, 2, 11, 22)),
            "twin.jpg": jpeg(1),
            "broken.xml": b"<annotation><filename>",
            "odd.json": b"[1, 2]",
            "notes.docx": b"PK",
        },
    )
    named = {problem.where: problem.what for problem in report.problems}
    assert named.keys() >= {"half.jpg", "bomb.png", "scans.jpg", "twin.jpg", "broken.xml", "odd.json", "notes.docx"}
    assert any("lonely.jpg" in where for where in named)
    assert named["twin.jpg"] == "it is the same picture as good.jpg, which is taken instead"
    assert (report.added, report.boxes) == (1, 1)
    assert "items have a problem" in report.sentences[-1]


def test_labels_that_differ_in_their_spelling_only_are_one(seattle: Site) -> None:
    hands = data_set()
    report = imported(
        hands,
        {
            "a.jpg": jpeg(1),
            "a.xml": xml("a.jpg", ("thumbs_up", 1, 2, 9, 9), ("Thumbs-Up", 1, 2, 9, 9), ("OK  sign", 0, 0, 5, 5)),
        },
    )
    assert [(label.name, label.key) for label in hands.labels.all()] == [
        ("thumbs_up", "thumbs-up"),
        ("OK sign", "ok sign"),
    ]
    assert report.joined == {"Thumbs-Up": "thumbs_up"}


def test_a_second_import_replaces_boxes_and_adds_no_picture_twice(seattle: Site) -> None:
    hands = data_set()
    imported(hands, {"a.jpg": jpeg(1), "a.xml": xml("a.jpg", ("fist", 1, 2, 9, 9))})
    report = imported(hands, {"renamed.jpg": jpeg(1), "a.xml": xml("a.jpg", ("palm", 3, 3, 9, 9))})
    assert (report.added, report.known) == (0, 1)
    assert boxes(hands) == [("a.jpg", "palm", 3, 3, 6, 6)]


def test_an_import_takes_as_many_queries_for_many_annotations_as_for_few(seattle: Site) -> None:
    def queries(count: int) -> int:
        hands = data_set(f"of {count}")
        for number in range(count):
            picture(hands, number)
        table = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        table += [f"lobby/{number:03}.jpg,64,48,fist,1,2,{9 + number % 3},9" for number in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            report = imported(hands, {"all.csv": "\n".join(table).encode()})
        assert report.boxes == count
        return len(captured)

    assert queries(3) == queries(12)


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(BadArchive, match="times its size"):
        Archive(io.BytesIO(archive({"a.json": b" " * 30_000_000})))
    with pytest.raises(BadArchive, match="no ZIP archive"):
        Archive(io.BytesIO(b"PK\x03\x04 not really"))


def test_an_archive_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learning.datasets.archives.MAX_FILES", 3)
    with pytest.raises(BadArchive, match="has 4 files; at most 3"):
        Archive(io.BytesIO(archive({f"{number}.txt": b"" for number in range(4)})))
    assert MAX_FILES >= 10_000


def test_a_file_of_an_archive_is_never_read_beyond_the_size_that_it_claims(seattle: Site) -> None:
    content = bytearray(archive({"a.xml": b"x" * 5_000, "b.jpg": jpeg(1)}))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as packed:
        entry = packed.getinfo("a.xml")
    at = content.rindex(entry.filename.encode()) - 46 + 24
    content[at : at + 4] = (100).to_bytes(4, "little")
    report = import_files(data_set=data_set(), files=Archive(io.BytesIO(bytes(content))), recording="x", by=None)
    assert [problem.where for problem in report.problems] == ["a.xml"]
    assert report.added == 1


def test_names_cannot_leave_the_data_set(seattle: Site) -> None:
    hands = data_set()
    imported(hands, {"../../etc/a.jpg": jpeg(1), "/abs/b.jpg": jpeg(2), "c\\d.jpg": jpeg(3)})
    assert list(hands.pictures.order_by("name").values_list("name", flat=True)) == ["abs/b.jpg", "c/d.jpg", "etc/a.jpg"]


def test_the_file_of_a_deleted_picture_is_deleted(seattle: Site, django_capture_on_commit_callbacks: object) -> None:
    row = picture(data_set(), 1)
    name = str(row.image)
    assert default_storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        row.delete()
    assert not default_storage.exists(name)


def test_the_command_imports_and_exports(seattle: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "monday"
    source.mkdir()
    (source / "a.jpg").write_bytes(jpeg(1))
    (source / "a.xml").write_bytes(xml("a.jpg", ("fist", 1, 2, 9, 9), ("fist", 9, 9, 1, 1)))
    call_command("data_set", "import", "seattle", "hands", str(source))
    said = capsys.readouterr()
    assert "1 pictures were added, and 1 boxes in 1 pictures." in said.out
    assert "a.xml, box 2: the box is inverted" in said.err
    assert Picture.objects.get().recording == "monday"
    call_command("data_set", "export", "seattle", "hands", "coco", str(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "annotations.json"]
    call_command("data_set", "export", "seattle", "hands", "coco", str(tmp_path / "out.zip"), "--without-pictures")
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        assert packed.namelist() == ["annotations.json"]
    with pytest.raises(CommandError, match="no site “nowhere”"):
        call_command("data_set", "import", "nowhere", "hands", str(source))


def test_the_summary_takes_as_many_queries_for_many_pictures_as_for_few(seattle: Site) -> None:
    few, many = data_set("few"), data_set("many")
    for of, count in ((few, 2), (many, 8)):
        for number in range(count):
            picture(of, number, recording=f"recording {number}", boxes=[("fist", 1, 1, 9, 9)])
    counts = []
    for of in (few, many):
        with CaptureQueriesContext(connection) as captured:
            summary = summarise(of)
        counts.append(len(captured))
        assert summary.labels[0].train + summary.labels[0].validation == summary.boxes
    assert counts[0] == counts[1]
