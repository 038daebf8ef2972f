"""The name of an archived object tells what it is, whose it is, and when it was taken."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faces.sources.layouts import Kind, Named, parse_name

STAMP = "20180816-183152"


@pytest.mark.parametrize(
    ("name", "named"),
    [
        (f"json/record_at_{STAMP}.json", Named(Kind.RECORD, "", f"json/record_at_{STAMP}.json", "", STAMP)),
        (
            f"hall/2/json/record_Seattle01_{STAMP}.json",
            Named(Kind.RECORD, "hall/2", f"json/record_Seattle01_{STAMP}.json", "Seattle01", STAMP),
        ),
        ("latest/latest.json", Named(Kind.RECORD, "", "latest/latest.json")),
        (f"images/image_at_{STAMP}.jpg", Named(Kind.FRAME, "", f"images/image_at_{STAMP}.jpg", "", STAMP)),
        (f"images/frame-{STAMP}.JPG", Named(Kind.FRAME, "", f"images/frame-{STAMP}.JPG", "", STAMP)),
        (
            f"raw_images/retrain_A_b_{STAMP}.jpg",
            Named(Kind.FRAME, "", f"raw_images/retrain_A_b_{STAMP}.jpg", "A_b", STAMP, rank=1),
        ),
        (
            f"frames_resized/resized_Seattle01_{STAMP}.jpg",
            Named(Kind.FRAME, "", f"frames_resized/resized_Seattle01_{STAMP}.jpg", "Seattle01", STAMP, rank=2),
        ),
        (
            "a/faces/8_16/18_31/1534444312_0.jpg",
            Named(Kind.FACE, "a", "faces/8_16/18_31/1534444312_0.jpg", epoch_ms=1_534_444_312_000),
        ),
        ("1540710101060.jpg", Named(Kind.FACE, "", "1540710101060.jpg", epoch_ms=1_540_710_101_060)),
        ("export.json", Named(Kind.LOG, "", "export.json")),
        ("logs/2019.JSONL", Named(Kind.LOG, "logs", "2019.JSONL")),
    ],
)
def test_each_layout_is_known(name: str, named: Named) -> None:
    found = parse_name(name)
    assert isinstance(found, Named)
    if name.startswith("logs/"):  # a folder that is no layout's belongs to the prefix
        assert (found.kind, found.prefix, found.tail) == (Kind.LOG, "logs", "2019.JSONL")
    else:
        assert found == named


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (f"elsewhere/retrain_Seattle01_{STAMP}.xml", "does not end like that of a picture"),
        ("images/.DS_Store", "the system has made it"),
        (f"images/._image_at_{STAMP}.jpg", "a note of macOS"),
        ("json/._record.json", "a note of macOS"),
        ("images/1.heic", "HEIC is not read"),
        ("model_algo_1.params", "does not end like that of a picture"),
    ],
)
def test_anything_else_is_passed_over_with_a_reason(name: str, why: str) -> None:
    found = parse_name(name)
    assert isinstance(found, str)
    assert why in found


def test_a_stamp_is_in_the_device_s_zone_and_an_epoch_in_none() -> None:
    chicago = zoneinfo.ZoneInfo("America/Chicago")
    stamped, epoch = parse_name(f"images/image_at_{STAMP}.jpg"), parse_name("1540710101060.jpg")
    assert isinstance(stamped, Named)
    assert isinstance(epoch, Named)
    assert stamped.taken_at(chicago) == dt.datetime(2018, 8, 16, 23, 31, 52, tzinfo=dt.UTC)
    assert epoch.taken_at(chicago) == dt.datetime(2018, 10, 28, 7, 1, 41, 60_000, tzinfo=dt.UTC)


@given(st.text(st.sampled_from("jsonimgae_/.0129-~$é\udce9 "), max_size=40))
def test_any_name_at_all_is_known_or_passed_over(name: str) -> None:
    found = parse_name(name)
    assert found
    assert isinstance(found, Named | str)
