"""An archive of the past is imported whole and once, and its numbers are those of the archive's own readers."""

import datetime as dt
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from pytest_django import Settings

from analytics.models import Detection, Frame, LabelQuarter
from devices.models import Device, QuarantinedMessage, Site
from devices.reading import decoding
from faces import aws
from faces.models import Capture, Shows, State
from faces.pictures import storage
from tests.faces import scenes
from tests.faces.sources.amazon import with_bucket
from tests.programs.aws import REGION, Moto, moto
from tests.world import places

pytestmark = pytest.mark.django_db

JPEG, OTHER = scenes.jpeg(scenes.cat()), scenes.jpeg(scenes.cat()[:, ::-1].copy())
FIRST = dt.datetime(2018, 8, 16, 18, 31, 52, tzinfo=dt.UTC)
BUCKET = "thumbs"


def stamp(at: dt.datetime) -> str:
    return f"{at:%Y%m%d-%H%M%S}"


def record(device_id: str, at: dt.datetime, *confidences: float) -> dict[str, Any]:
    return {
        "link_to_img": f"https://s3.amazonaws.com/YOUR-BUCKET-NAME/images/image_{device_id}_{stamp(at)}.jpg",
        "timestamp": stamp(at),
        "objects": [
            {"index": index, "confidence": confidence, "object": "thumbs-up"}
            for index, confidence in enumerate(confidences)
        ],
        "device_id": device_id,
    }


def annotation(device_id: str, at: dt.datetime) -> dict[str, Any]:
    """As AWS' sample for retraining writes it."""
    return {
        "file": f"retrain_{device_id}_{stamp(at)}.jpg",
        "image_size": [{"width": 512, "height": 512, "depth": 3}],
        "annotations": [{"class_id": 0, "left": 100, "top": 50, "width": 60, "height": 500}],
        "categories": [{"class_id": 0, "name": "thumbs_up"}],
    }


def write(folder: Path, name: str, content: bytes | dict[str, Any]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(content).encode() if isinstance(content, dict) else content)


def write_record(folder: Path, device_id: str, at: dt.datetime, *confidences: float) -> None:
    write(folder, f"json/record_{device_id}_{stamp(at)}.json", record(device_id, at, *confidences))


@pytest.fixture
def archive(tmp_path: Path, settings: Settings) -> Path:
    """One frame of each device in every layout, as the programs have written them."""
    settings.MEDIA_ROOT = tmp_path / "pictures"
    folder = tmp_path / "archive"
    for device_id in ("Seattle01", "Chicago01"):
        write_record(folder, device_id, FIRST, 0.998046875, 0.994140625)
        write(folder, f"images/image_{device_id}_{stamp(FIRST)}.jpg", JPEG)
        write(folder, f"raw_images/retrain_{device_id}_{stamp(FIRST)}.jpg", OTHER)
        write(folder, f"frames_resized/resized_{device_id}_{stamp(FIRST)}.jpg", OTHER)
        write(folder, f"training_annotation/retrain_{device_id}_{stamp(FIRST)}.json", annotation(device_id, FIRST))
    write(folder, "latest/latest.json", record("Chicago01", FIRST, 0.998046875, 0.994140625))
    write(folder, "images/.DS_Store", b"x")
    return folder


def import_past(archive: Path | str, *options: str) -> None:
    call_command("import_past", str(archive), *options)


def counts() -> tuple[int, int, int]:
    return Frame.objects.count(), Detection.objects.count(), Capture.objects.count()


def test_without_act_it_says_what_it_would_import_and_writes_nothing(
    archive: Path, seattle01: Device, chicago01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    import_past(archive)
    assert counts() == (0, 0, 0)
    said = capsys.readouterr().out.splitlines()
    assert f"{seattle01.thing_name}: 1 records, 2018-08-16 to 2018-08-16" in said
    assert f"{chicago01.thing_name}: 2 records, 2018-08-16 to 2018-08-16" in said
    assert f"{seattle01.thing_name}: 1 pictures, 2018-08-16 to 2018-08-16" in said
    assert any(line.startswith("4 passed over") and "a copy of another picture" in line for line in said)
    assert f"{seattle01.thing_name}: 1 annotations, 2018-08-16 to 2018-08-16" in said
    assert any(line.startswith("1 passed over, such as images/.DS_Store") for line in said)
    assert said[-1] == "Nothing was imported. Run the command again with --act to import."


def test_records_pictures_and_their_links_are_imported(archive: Path, seattle01: Device, chicago01: Device) -> None:
    import_past(archive, "--act")
    assert counts() == (2, 4, 2)
    for device in (seattle01, chicago01):
        capture = Capture.objects.get(device=device)
        assert (capture.taken_at, capture.state, capture.shows) == (FIRST, State.QUEUED, Shows.FRAME)
        assert storage.read(capture)[:2] == b"\xff\xd8"
        assert Frame.objects.get(device=device).taken_at == FIRST
    assert not QuarantinedMessage.objects.exists()


def test_an_import_counts_once_even_when_the_frames_are_gone_and_the_archive_has_moved(
    archive: Path, seattle01: Device, chicago01: Device, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_past(archive, "--act")
    before = set(LabelQuarter.objects.values_list("device", "start", "count"))
    call_command("forget_old_frames")
    assert not Frame.objects.exists()
    moved = shutil.copytree(archive, tmp_path / "elsewhere" / "archive")
    for again in (archive, moved):
        import_past(again, "--act")
        assert "0 taken in, 0 quarantined (see the admin), 7 taken in before." in capsys.readouterr().out
    call_command("rebuild_tallies")
    assert set(LabelQuarter.objects.values_list("device", "start", "count")) == before
    assert counts() == (0, 0, 2)


def test_an_import_that_was_interrupted_goes_on(
    archive: Path, seattle01: Device, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def interrupted(data: bytes) -> bytes:
        read.append("x")
        if len(read) == 2:
            raise KeyboardInterrupt
        return data

    with monkeypatch.context() as patched:
        patched.setattr(decoding, "safe_jpeg", interrupted)
        with pytest.raises(CommandError, match="Interrupted; run the command again to continue"):
            import_past(archive, "--act")
    assert counts() == (2, 4, 1)
    import_past(archive, "--act")
    assert counts() == (2, 4, 2)


def test_numbers_equal_those_of_pandas_on_the_same_records(
    tmp_path: Path, seattle01: Device, chicago01: Device
) -> None:
    chance = random.Random(7)
    rows = []
    for device_id in ("Seattle01", "Chicago01"):
        moments = {FIRST + dt.timedelta(seconds=chance.randrange(3 * 86_400)) for _ in range(150)}
        for at in moments:
            confidences = [round(chance.uniform(0.2, 1), 6) for _ in range(chance.randint(1, 3))]
            write_record(tmp_path, device_id, at, *confidences)
            rows += [(device_id, stamp(at), confidence) for confidence in confidences]
    import_past(tmp_path, "--act")
    read = pd.DataFrame(rows, columns=["device", "time", "confidence"])
    read["day"], read["hour"] = read["time"].str[:8], read["time"].str[9:11]
    counted = pd.DataFrame(
        LabelQuarter.objects.filter(label="thumbs-up").values(
            "device__name", "start", "count", "confidence_millionths_sum"
        )
    )
    counted["day"], counted["hour"] = counted["start"].dt.strftime("%Y%m%d"), counted["start"].dt.strftime("%H")
    counted["device"] = counted["device__name"]
    for by in (["day"], ["device", "day"], ["device", "day", "hour"]):
        expected = read.groupby(by)["confidence"].agg(["count", "mean"])
        sums = counted.groupby(by)[["count", "confidence_millionths_sum"]].sum()
        assert sums["count"].to_dict() == expected["count"].to_dict()
        means = sums["confidence_millionths_sum"] / sums["count"] / 1e6
        assert means.to_dict() == pytest.approx(expected["mean"].to_dict())


def test_every_object_is_accounted_for(
    archive: Path, seattle01: Device, chicago01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    write(archive, f"json/record_Boston01_{stamp(FIRST)}.json", record("Boston01", FIRST, 0.9))
    write(archive, f"json/record_Seattle01_{stamp(FIRST)}x.json", b"{not json")
    write(archive, f"images/image_Seattle01_{stamp(FIRST + dt.timedelta(1))}.jpg", b"no picture")
    write(archive, "faces/8_16/18_31/1534444312_0.jpg", JPEG)
    import_past(archive, "--act")
    said = capsys.readouterr().out
    assert "no device is named “Boston01”; register one, or add --device Boston01=THING, or --site SLUG" in said
    assert "broken JSON" in said
    assert "the picture is neither a JPEG nor a PNG" in said
    assert "nothing tells their device; add --device FOLDER=THING, or --device THING for all" in said
    assert counts() == (2, 4, 2)


def test_the_user_says_whose_a_folder_is_and_whose_all_else_is(
    tmp_path: Path, settings: Settings, seattle01: Device, chicago01: Device, chicago02: Device
) -> None:
    settings.MEDIA_ROOT = tmp_path / "pictures"
    folder = tmp_path / "archive"
    write(folder, "hall/faces/8_16/18_31/1534444312_0.jpg", JPEG)
    write(folder, f"{chicago01.thing_name}/1540710101060.jpg", JPEG)
    write(folder, "faces/8_16/18_31/1534444399_1.jpg", JPEG)
    import_past(folder, "--act", "--device", f"hall={seattle01.thing_name}", "--device", chicago02.thing_name)
    taken = dict(Capture.objects.values_list("device__name", "taken_at"))
    assert taken == {
        "Seattle01": dt.datetime(2018, 8, 16, 18, 31, 52, tzinfo=dt.UTC),
        "Chicago01": dt.datetime(2018, 10, 28, 7, 1, 41, 60_000, tzinfo=dt.UTC),
        "Chicago02": dt.datetime(2018, 8, 16, 18, 33, 19, tzinfo=dt.UTC),
    }
    assert set(Capture.objects.values_list("shows", flat=True)) == {Shows.CROP}


def test_devices_of_unknown_ids_are_registered_where_the_user_wants_them(
    archive: Path, seattle: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    import_past(archive, "--site", "seattle")
    assert "Chicago01: a new device at Seattle." in capsys.readouterr().out
    assert not Device.objects.exists()
    import_past(archive, "--site", "seattle", "--act")
    assert set(Device.objects.values_list("name", flat=True)) == {"Seattle01", "Chicago01"}
    assert counts() == (2, 4, 2)


def test_a_stamp_is_in_the_zone_of_the_device_s_clock(tmp_path: Path, chicago01: Device) -> None:
    chicago01.thing.clock_timezone = "America/Chicago"
    chicago01.thing.save()
    write_record(tmp_path, "Chicago01", FIRST, 0.9)
    import_past(tmp_path, "--act")
    assert Frame.objects.get().taken_at == FIRST + dt.timedelta(hours=5)


def test_the_logs_of_a_console_are_imported_at_their_own_time(tmp_path: Path, chicago01: Device) -> None:
    topic = f"$aws/things/{places.CHICAGO01}/infer"
    exported = [
        {"format": "json", "payload": {"face": 0.56}, "timestamp": 1554853281975 + n, "topic": topic} for n in range(3)
    ]
    write(tmp_path, "export.json", json.dumps(exported, indent=2).encode())
    for _ in range(2):
        import_past(tmp_path, "--act")
    assert Frame.objects.count() == 3
    assert Frame.objects.earliest("taken_at").taken_at == dt.datetime(2019, 4, 9, 23, 41, 21, 975_000, dt.UTC)


def test_a_picture_without_a_record_is_imported_by_its_name(
    tmp_path: Path, settings: Settings, seattle01: Device
) -> None:
    settings.MEDIA_ROOT = tmp_path / "pictures"
    write(tmp_path / "archive", f"raw_images/retrain_Seattle01_{stamp(FIRST)}.jpg", OTHER)
    write(tmp_path / "archive", f"frames_resized/resized_Seattle01_{stamp(FIRST)}.jpg", JPEG)
    import_past(tmp_path / "archive", "--act")
    capture = Capture.objects.get()
    assert (capture.taken_at, capture.source_url, capture.state) == (FIRST, "", State.QUEUED)


def test_a_picture_whose_name_tells_no_device_is_that_of_the_record_that_links_to_it(
    tmp_path: Path, settings: Settings, seattle01: Device, chicago01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    """As AWS' sample names them: image_at_<stamp>.jpg, of whatever device."""
    settings.MEDIA_ROOT, archive = tmp_path / "pictures", tmp_path / "archive"
    later = FIRST + dt.timedelta(minutes=1)
    for device_id, at in (("Seattle01", FIRST), ("Chicago01", FIRST), ("Chicago01", later)):
        link = f"https://s3.amazonaws.com/b/images/image_at_{stamp(at)}.jpg"
        write(archive, f"json/record_{device_id}_{stamp(at)}.json", {**record(device_id, at, 0.9), "link_to_img": link})
    write(archive, f"images/image_at_{stamp(later)}.jpg", JPEG)
    write(archive, f"images/image_at_{stamp(FIRST)}.jpg", OTHER)
    import_past(archive, "--act")
    capture = Capture.objects.exclude(image="").get()
    assert (capture.device, capture.taken_at, capture.state) == (chicago01, later, State.QUEUED)
    assert f"1 passed over, such as images/image_at_{stamp(FIRST)}.jpg: nothing tells" in capsys.readouterr().out


@pytest.fixture(scope="module")
def server() -> Iterator[Moto]:
    with moto() as running:
        yield running


@pytest.fixture
def upload(server: Moto) -> Iterator[Callable[[Path], None]]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                s3.put_object(Bucket=BUCKET, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())

    yield put
    server.reset()


def test_a_bucket_is_the_same_archive_as_a_folder(
    archive: Path, seattle01: Device, chicago01: Device, upload: Callable[[Path], None]
) -> None:
    upload(archive)
    import_past(f"s3://{BUCKET}", "--act")
    assert counts() == (2, 4, 2)
    assert not Capture.objects.filter(source_url__startswith="s3:").exists()  # nobody removes the archive's originals
    call_command("forget_old_frames")
    for again in (f"s3://{BUCKET}/", archive):
        import_past(again, "--act")
    assert counts() == (0, 0, 2)
    assert LabelQuarter.objects.aggregate(all=Sum("count"))["all"] == 4


def test_a_bucket_and_a_prefix_that_are_set_for_a_device_tell_its_objects(
    tmp_path: Path, settings: Settings, seattle01: Device, chicago01: Device, upload: Callable[[Path], None]
) -> None:
    settings.MEDIA_ROOT = tmp_path / "pictures"
    for device, prefix in ((seattle01, "seattle/"), (chicago01, "chicago/")):
        with_bucket(device, bucket=BUCKET, prefix=prefix)
        write(tmp_path / "archive", f"{prefix}images/image_at_{stamp(FIRST)}.jpg", JPEG)
        link = f"https://s3.amazonaws.com/{BUCKET}/{prefix}images/image_at_{stamp(FIRST)}.jpg"
        told = record(device.name, FIRST, 0.9) | {"link_to_img": link}
        write(tmp_path / "archive", f"{prefix}json/record_at_{stamp(FIRST)}.json", told)
    upload(tmp_path / "archive")
    import_past(f"s3://{BUCKET}", "--act")
    assert counts() == (2, 2, 2)
    assert set(Capture.objects.values_list("device__name", "state")) == {
        ("Seattle01", State.QUEUED),
        ("Chicago01", State.QUEUED),
    }


@pytest.mark.parametrize(
    ("archive", "sentence"),
    [("/nowhere", "/nowhere is neither a folder nor s3://bucket/prefix."), ("s3://nowhere", "cannot be listed")],
)
def test_what_is_no_archive_is_one_sentence(archive: str, sentence: str, server: Moto) -> None:
    with pytest.raises(CommandError) as refused:
        import_past(archive)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
