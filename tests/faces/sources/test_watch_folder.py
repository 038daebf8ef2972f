"""Pictures that cameras put into a folder are taken in once, when they are all there, and moved away."""

import datetime as dt
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from devices.intake import batches
from devices.models import Device
from devices.reading import picture_budget
from devices.reading.places import Whereabouts
from devices.services import register_device
from faces.models import Capture, Erasure, Face, Person
from faces.pictures import storage
from faces.services import forget
from faces.sources import watched_folder
from faces.sources.watched_folder import GIVEN_UP_AFTER, SETTLED_AFTER, TAKEN_KEPT_FOR, TRIED_AGAIN_AFTER, Watcher
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import NOON
from tests.world.places import SEATTLE01

JPEG = scenes.jpeg(scenes.cat())
SETTLED = NOON + SETTLED_AFTER


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path / "pictures"
    (tmp_path / "watched" / SEATTLE01).mkdir(parents=True)
    return tmp_path / "watched"


def put(
    folder: Path, name: str = "1.jpg", content: bytes = JPEG, *, at: dt.datetime = NOON, thing: str = SEATTLE01
) -> Path:
    path = folder / thing / name
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder / SEATTLE01)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.django_db
class TestWatcher:
    def test_pictures_beyond_the_budget_of_their_device_wait_in_their_folder(
        self, folder: Path, seattle01: Device, chicago01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(picture_budget, "MOST_PIXELS", 1)
        (folder / chicago01.thing_name).mkdir()
        for number in range(3):
            put(folder, f"{number}.jpg")
        put(folder, thing=chicago01.thing_name)
        watcher = Watcher(folder)
        assert watcher.step(SETTLED).taken == 2
        assert sorted(path.name for path in (folder / SEATTLE01).glob("*.jpg")) == ["1.jpg", "2.jpg"]
        assert watcher.step(SETTLED + dt.timedelta(minutes=1)).taken == 1

    def test_a_picture_is_taken_in_and_moved(self, folder: Path, seattle01: Device) -> None:
        put(folder)
        counts = Watcher(folder).step(SETTLED)
        assert (counts.taken, counts.refused, files(folder)) == (1, 0, ["taken/1.jpg"])
        capture = Capture.objects.get()
        assert (capture.device, capture.taken_at, capture.received_at) == (seattle01, NOON, SETTLED)
        assert storage.read(capture)[:2] == b"\xff\xd8"

    def test_one_that_is_still_written_is_left_until_it_is_whole(self, folder: Path, seattle01: Device) -> None:
        watcher, half = Watcher(folder), len(JPEG) // 2
        put(folder, content=JPEG[:half])
        for now in (NOON, SETTLED, NOON + GIVEN_UP_AFTER - dt.timedelta(seconds=1)):
            assert watcher.step(now).taken == 0
        put(folder, at=SETTLED)
        assert watcher.step(SETTLED).taken == 0
        assert watcher.step(SETTLED + SETTLED_AFTER).taken == 1

    def test_what_never_becomes_a_picture_is_refused_with_the_reason(self, folder: Path, seattle01: Device) -> None:
        put(folder, content=JPEG[:3000])
        put(folder, "text.png", b"no picture at all")
        put(folder, "old.jpg", at=NOON - dt.timedelta(days=1000))
        counts = Watcher(folder).step(NOON + GIVEN_UP_AFTER)
        assert (counts.taken, counts.refused, Capture.objects.count()) == (0, 3, 0)
        reasons = {path.name: path.read_text() for path in folder.rglob("*.txt")}
        assert set(reasons) == {"1.jpg.txt", "text.png.txt", "old.jpg.txt"}
        assert reasons["text.png.txt"] == "The picture is neither a JPEG nor a PNG.\n"
        assert "damaged" in reasons["1.jpg.txt"]
        assert "days before its arrival" in reasons["old.jpg.txt"]

    def test_refused_pictures_go_when_somebody_is_erased_at_the_site(self, folder: Path, seattle01: Device) -> None:
        put(folder, "text.png", b"no picture at all")
        watcher = Watcher(folder)
        watcher.step(NOON + GIVEN_UP_AFTER)
        refused = folder / SEATTLE01 / "refused" / "text.png"
        came_at = dt.datetime.fromtimestamp(refused.stat().st_ctime, dt.UTC)
        second = dt.timedelta(seconds=1)
        erasure = Erasure.objects.create(
            site=seattle01.site, person_number=1, requested_at=came_at - second, counts={}, digests=[]
        )
        watcher.step(NOON + GIVEN_UP_AFTER)
        assert refused.exists()
        Erasure.objects.filter(pk=erasure.pk).update(requested_at=came_at + second)
        watcher.step(NOON + GIVEN_UP_AFTER)
        assert not list(refused.parent.iterdir())

    def test_other_files_are_left_alone(self, folder: Path, seattle01: Device) -> None:
        for name in (".1.jpg", "1.jpg.part", "notes.txt"):
            put(folder, name)
        assert Watcher(folder).step(NOON + GIVEN_UP_AFTER).taken == 0
        assert len(files(folder)) == 3

    def test_what_is_passed_over_is_said_once_with_the_reason(
        self, folder: Path, seattle01: Device, caplog: pytest.LogCaptureFixture
    ) -> None:
        names = [".DS_Store", "._1.jpg", "Thumbs.db", "~$a.jpg", "1.jpg.part", "1.heic", "1.mp4"]
        for name in names:
            put(folder, name)
        (folder / SEATTLE01 / "20261120").mkdir()
        (folder / "Lobby Süd").mkdir()
        put(folder, "loose.jpg", thing=".")
        (folder / SEATTLE01 / "link.jpg").symlink_to(folder / "loose.jpg")
        os.mkfifo(folder / SEATTLE01 / "pipe.jpg")
        watcher = Watcher(folder)
        for _ in range(2):
            assert watcher.step(NOON + GIVEN_UP_AFTER).taken == 0
        told = [record.getMessage() for record in caplog.records if "passed over" in record.getMessage()]
        for name in (*names[1:], "20261120", "Lobby Süd", "loose.jpg", "link.jpg", "pipe.jpg"):
            if name not in (".DS_Store", "Thumbs.db"):  # these two share a reason
                assert sum(f"/{name} is passed over" in sentence for sentence in told) == 1, name
        assert len(told) == len(names) - 1 + 5

    def test_a_picture_that_is_dated_in_the_future_is_refused_and_not_left_to_wait(
        self, folder: Path, seattle01: Device
    ) -> None:
        put(folder, at=NOON + dt.timedelta(days=365))
        watcher = Watcher(folder)
        assert watcher.step(NOON).refused == 0  # it may still be written
        assert watcher.step(NOON + SETTLED_AFTER).refused == 1
        reason = (folder / SEATTLE01 / "refused" / "1.jpg.txt").read_text()
        assert "more than an hour after its arrival; set the device's clock" in reason

    def test_a_picture_of_a_clock_that_is_a_little_fast_is_taken_in(self, folder: Path, seattle01: Device) -> None:
        at = NOON + dt.timedelta(minutes=30)
        put(folder, at=at)
        watcher = Watcher(folder)
        watcher.step(NOON)
        assert watcher.step(NOON + SETTLED_AFTER).taken == 1
        assert Capture.objects.get().taken_at == at

    def test_a_name_in_another_encoding_and_in_capitals_is_taken_in(self, folder: Path, seattle01: Device) -> None:
        put(folder, "caf\udce9.JPG")
        assert Watcher(folder).step(SETTLED).taken == 1
        assert Capture.objects.get().source_url.endswith("/taken/caf%E9.JPG")

    def test_the_folder_of_no_device_waits_until_one_is_registered(
        self, folder: Path, seattle01: Device, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "new-camera").mkdir()
        put(folder, thing="new-camera")
        watcher = Watcher(folder)
        for _ in range(2):
            assert watcher.step(SETTLED).taken == 0
        assert caplog.text.count("No device is registered as “new-camera”") == 1
        device = register_device(site=seattle01.site, name="New", thing_name="new-camera")
        assert watcher.step(SETTLED).taken == 1
        assert Capture.objects.get().device == device

    def test_one_that_was_committed_but_not_moved_counts_once(
        self, folder: Path, seattle01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        put(folder)
        with monkeypatch.context() as patched:
            patched.setattr(watched_folder, "_move", killed)
            with pytest.raises(KeyboardInterrupt):
                Watcher(folder).step(SETTLED)
        assert Watcher(folder).step(SETTLED).taken == 1
        assert (Capture.objects.count(), files(folder)) == (1, ["taken/1.jpg"])

    def test_during_an_outage_of_the_database_a_picture_stays_in_its_folder(
        self, folder: Path, seattle01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any) -> None:
            raise OperationalError("away")

        put(folder)
        monkeypatch.setattr(batches, "take_in_picture", away)
        with pytest.raises(OperationalError):
            Watcher(folder).step(SETTLED)
        assert files(folder) == ["1.jpg"]

    def test_a_file_where_a_folder_must_be_stops_no_other_devices_pictures(
        self, folder: Path, seattle01: Device, chicago01: Device, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "another").mkdir()
        register_device(site=seattle01.site, name="Another", thing_name="another")
        put(folder, "taken", b"a file of this name", thing="another")
        put(folder, thing="another")
        put(folder)
        watcher = Watcher(folder)
        assert watcher.step(SETTLED).taken == 1
        assert Capture.objects.get().device == seattle01
        assert "“taken” beside it must be a folder, but is a file; rename that" in caplog.text
        (folder / "another" / "taken").unlink()
        assert watcher.step(SETTLED).taken == 0
        assert watcher.step(SETTLED + TRIED_AGAIN_AFTER).taken == 1

    def test_a_picture_that_fails_stops_no_other_of_the_folder(
        self, folder: Path, seattle01: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        put(folder, "1.jpg")
        put(folder, "2.jpg")
        take_in = watched_folder._take_in

        def failing(where: Whereabouts, path: Path, destination: Path, now: dt.datetime) -> None:
            if path.name == "1.jpg":
                raise LookupError("a fault of this picture alone")
            take_in(where, path, destination, now)

        monkeypatch.setattr(watched_folder, "_take_in", failing)
        assert Watcher(folder).step(SETTLED).taken == 1
        assert files(folder) == ["1.jpg", "taken/2.jpg"]
        assert "a fault of this picture alone" in caplog.text

    def test_a_camera_that_floods_its_folder_lets_the_next_one_have_its_turn(
        self, folder: Path, seattle01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watched_folder, "AT_ONCE", 2)
        (folder / "zebra").mkdir()
        last = register_device(site=seattle01.site, name="Zebra", thing_name="zebra")
        for number in range(5):
            put(folder, f"{number}.jpg")
        put(folder, thing="zebra")
        watcher = Watcher(folder)
        assert watcher.step(SETTLED).taken == 3
        assert Capture.objects.filter(device=last).count() == 1
        assert watcher.step(SETTLED).taken + watcher.step(SETTLED).taken == 3

    def test_a_folder_among_the_originals_stops_nothing(self, folder: Path, seattle01: Device) -> None:
        (folder / SEATTLE01 / "taken" / "2026").mkdir(parents=True)
        put(folder)
        assert Watcher(folder).step(clock.now() + dt.timedelta(days=30)).taken == 1

    def test_an_original_whose_name_is_not_utf_8_goes_with_whoever_it_shows(
        self, folder: Path, seattle01: Device
    ) -> None:
        name = os.fsdecode(b"caf\xe9.jpg")
        put(folder, name)
        Watcher(folder).step(SETTLED)
        assert (folder / SEATTLE01 / "taken" / name).exists()
        storage.remove_original(Capture.objects.get())
        assert not (folder / SEATTLE01 / "taken" / name).exists()

    def test_originals_go_after_a_day(self, folder: Path, seattle01: Device) -> None:
        put(folder)
        watcher = Watcher(folder)
        watcher.step(SETTLED)
        # By the file system's clock, which is nobody's to set.
        moved_at = dt.datetime.fromtimestamp((folder / SEATTLE01 / "taken" / "1.jpg").stat().st_ctime, dt.UTC)
        watcher.step(moved_at + TAKEN_KEPT_FOR - dt.timedelta(seconds=1))
        assert files(folder) == ["taken/1.jpg"]
        watcher.step(moved_at + TAKEN_KEPT_FOR)
        assert files(folder) == []

    def test_originals_go_with_whoever_they_show(self, folder: Path, seattle01: Device, ada: Person) -> None:
        put(folder, "a b.jpg")
        Watcher(folder).step(SETTLED)
        Face.objects.update(capture=Capture.objects.get())
        forget(person=ada, by=None)
        assert files(folder) == []


@given(cut=st.integers(min_value=0, max_value=len(JPEG) - 1))
def test_a_part_of_a_picture_is_not_taken_for_the_whole(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "part.jpg"
    path.write_bytes(JPEG[:cut])
    assert not watched_folder._has_end_of_picture(path)
    path.write_bytes(JPEG)
    assert watched_folder._has_end_of_picture(path)


@pytest.mark.django_db(transaction=True)
def test_the_command_watches_until_it_is_told_to_stop(
    folder: Path, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Watcher.step

    def step_and_stop(self: Watcher, now: dt.datetime) -> watched_folder.Counts:
        os.kill(os.getpid(), signal.SIGTERM)
        return step(self, now)

    monkeypatch.setattr(Watcher, "step", step_and_stop)
    put(folder, at=clock.now() - SETTLED_AFTER)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        call_command("watch_folder", str(folder))
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert (Capture.objects.count(), files(folder)) == (1, ["taken/1.jpg"])


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="none is not a folder"):
        call_command("watch_folder", str(tmp_path / "none"))
