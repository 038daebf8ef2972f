import datetime as dt
import logging
import os
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import text
from skimage import data

from edge_agent.cameras import camera_process
from edge_agent.cameras.sources import (
    OPENING_SECONDS,
    LiveSource,
    Source,
    SourceError,
    open_source,
)
from edge_agent.text.urls import without_password
from tests.clock import NOW, SetClock
from tests.edge_agent.cameras.recordings import camera_that_hangs, recorded
from tests.programs.waiting import eventually


def write(path: Path, rgb: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return recorded(tmp_path / "video.avi")


def test_a_folder_s_pictures_come_in_order_over_and_over_in_rgb(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.png", data.astronaut())
    write(tmp_path / "b.png", data.coffee())
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    source = open_source(str(tmp_path))
    shown = [source.read() for _ in range(4)]
    assert shown[0] is not None
    assert np.array_equal(shown[0], data.astronaut())
    assert shown[1] is not None
    assert np.array_equal(shown[1], data.coffee())
    assert shown[2] is None
    assert "c.jpg is not a readable picture" in caplog.text
    assert shown[3] is not None


def test_a_frame_of_too_many_pixels_is_scaled_down_and_one_sentence_says_so(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(camera_process, "MOST_PIXELS", 1_200)
    write(tmp_path / "pictures.png", data.coffee())
    for source in (open_source(str(tmp_path)), open_source(str(video))):
        frames = [next_frame(source) for _ in range(2)]
        assert all(0.9 < frame.shape[0] * frame.shape[1] / 1_200 <= 1 for frame in frames)
        source.close()
    assert caplog.text.count("the video has frames of 64 × 48, which are scaled down to 40 × 30") == 1
    assert "frames of 600 × 400, which are scaled down to 42 × 28" in caplog.text


def test_a_picture_that_claims_a_hundred_thousand_pixels_a_side_is_skipped_and_the_next_one_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "b.png", data.coffee())
    png = (tmp_path / "b.png").read_bytes()
    header = png[12:16] + struct.pack(">II", 100_000, 100_000) + png[24:29]
    (tmp_path / "a.png").write_bytes(png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:])
    source = open_source(str(tmp_path))
    assert source.read() is None
    assert "a.png is not a readable picture" in caplog.text
    assert source.read() is not None


def test_a_video_is_played_at_its_own_speed_and_begins_again(video: Path) -> None:
    now = 100.0
    source = open_source(str(video), clock=lambda: now)
    brightness = []
    for seconds in (0.15, 0.55, 0.56, 1.05, 1.95, 2.35, 2.6):
        now = 100.0 + seconds
        frame = source.read()
        brightness.append(None if frame is None else round(float(frame.mean()) / 10))
    source.close()
    assert brightness == [0, 4, None, 9, 18, None, 1]


def test_a_video_plays_on_where_the_machine_s_clock_is_set_back(video: Path, set_clock: SetClock) -> None:
    source = open_source(str(video))
    assert eventually(lambda: source.read() is not None)
    set_clock(NOW - dt.timedelta(hours=1))
    assert eventually(lambda: source.read() is not None)
    source.close()


def test_a_stream_that_ends_is_opened_again_and_both_are_logged(video: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = open_source(video.as_uri())
    assert eventually(lambda: source.read() is not None)
    assert eventually(lambda: "went away; trying again in 1 s" in caplog.text)
    assert eventually(lambda: caplog.text.count("delivers frames of 64 × 48") == 2)
    source.close()


def test_a_camera_reuses_the_memory_of_old_frames_but_a_peeked_frame_never_overwrites_a_read_one(
    video: Path,
) -> None:
    source = open_source(video.as_uri())
    looked_at = [next_frame(source) for _ in range(2)]
    shown = source.peek()
    source.close()
    assert np.shares_memory(looked_at[0], looked_at[1])
    assert shown is not None
    assert not np.shares_memory(shown, looked_at[0])


def test_a_video_reuses_the_memory_of_old_frames(video: Path) -> None:
    now = iter(range(100))
    source = open_source(str(video), clock=lambda: next(now) / 10)
    looked_at = [next_frame(source) for _ in range(2)]
    source.close()
    assert np.shares_memory(looked_at[0], looked_at[1])


def next_frame(source: Source) -> np.ndarray:
    while (frame := source.read()) is None:
        time.sleep(0.01)
    return frame


def test_a_camera_that_is_not_there_is_tried_again_with_longer_pauses(caplog: pytest.LogCaptureFixture) -> None:
    source = open_source("rtsp://user:secret@127.0.0.1:1/stream")
    assert eventually(lambda: "trying again in 2 s" in caplog.text)
    assert source.read() is None
    source.close()
    assert "camera rtsp://127.0.0.1:1/stream cannot be opened; trying again in 1 s" in caplog.text
    assert "secret" not in caplog.text


def test_a_usb_camera_that_is_not_plugged_in_is_named_as_the_system_names_it(caplog: pytest.LogCaptureFixture) -> None:
    source = open_source("97")
    assert eventually(lambda: "trying again in 2 s" in caplog.text)
    source.close()
    assert "camera /dev/video97 cannot be opened, because there is no such device; trying again in 1 s" in caplog.text


def times_logged(caplog: pytest.LogCaptureFixture, words: str, times: int) -> bool:
    return caplog.text.count(words) == times


def have_ended(processes: set[int]) -> bool:
    return not processes & set(children_of(os.getpid()))


def _opened(caplog: pytest.LogCaptureFixture, times: int) -> bool:
    return caplog.text.count("delivers frames of 64 × 48") == times


def test_a_driver_that_never_returns_is_killed_and_the_camera_opened_again(
    tmp_path: Path, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with camera_that_hangs(tmp_path / "camera", video) as show:
        others = set(children_of(os.getpid()))
        source = open_source((tmp_path / "camera").as_uri())
        for opened in (1, 2, 3):
            show()
            assert eventually(partial(_opened, caplog, opened))
            assert eventually(lambda: source.read() is not None)
            assert source.peek() is not None
            hanging = set(children_of(os.getpid())) - others
            source.restart()
            assert caplog.text.count("hangs; it is opened again") == opened
            assert eventually(partial(have_ended, hanging))
        assert "trying again" not in caplog.text
        source.close()


def test_a_camera_that_is_being_opened_is_not_killed_before_its_time_is_over(
    tmp_path: Path, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now, others = 100.0, set(children_of(os.getpid()))
    with camera_that_hangs(tmp_path / "camera", video):
        source = LiveSource((tmp_path / "camera").as_uri(), lambda: now)
        assert eventually(lambda: {*children_of(os.getpid())} - others)
        (opening,) = {*children_of(os.getpid())} - others
        now += OPENING_SECONDS - 1
        source.restart()
        assert "hangs" not in caplog.text

        def is_killed_later() -> bool:
            nonlocal now
            now += 2
            source.restart()
            return "hangs; it is opened again" in caplog.text

        assert eventually(is_killed_later)
        assert eventually(lambda: opening not in children_of(os.getpid()))
        source.close()


def test_an_unavailable_camera_is_not_reported_as_hanging(caplog: pytest.LogCaptureFixture) -> None:
    source = open_source("rtsp://127.0.0.1:1/stream")
    assert eventually(lambda: "trying again in 1 s" in caplog.text)
    source.restart()
    source.close()
    assert "hangs" not in caplog.text


def test_no_camera_outlives_its_agent(tmp_path: Path, video: Path) -> None:
    program = (
        "import sys, time; from edge_agent.cameras.sources import open_source; open_source(sys.argv[1]); time.sleep(60)"
    )
    with camera_that_hangs(tmp_path / "camera", video):
        address = (tmp_path / "camera").as_uri()
        agent = subprocess.Popen([sys.executable, "-c", program, address])
        try:
            assert eventually(
                lambda: any(
                    "edge_agent.cameras.camera_process" in command_of(child) for child in children_of(agent.pid)
                )
            )
            (camera,) = children_of(agent.pid)
            # Everybody on the machine can read that, and it may hold a password.
            assert address not in command_of(camera)
        finally:
            agent.kill()
            agent.wait()
        assert eventually(lambda: not command_of(camera))


def command_of(pid: int) -> str:
    """Its arguments; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def children_of(pid: int) -> list[int]:
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # The thread has ended meanwhile.
            children += map(int, path.read_text().split())
    return children


def test_a_source_that_does_not_exist_is_refused_in_one_sentence() -> None:
    with pytest.raises(SourceError, match=r'source: "nowhere.mp4" is neither a file nor a folder'):
        open_source("nowhere.mp4")


def test_an_empty_folder_and_a_file_that_is_no_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="contains no picture"):
        open_source(str(tmp_path))
    (tmp_path / "text.mp4").write_text("text")
    with pytest.raises(SourceError, match="is not a playable video"):
        open_source(str(tmp_path / "text.mp4"))


def test_passwords_are_not_shown() -> None:
    assert without_password("rtsp://user:p@ss@cam/1") == "rtsp://cam/1"
    assert without_password("http://cam:81/video.cgi?user=lobby&pwd=secret") == "http://cam:81/video.cgi"
    assert without_password("scene:lobby?seed=1") == "scene:lobby?seed=1"
    assert without_password("/videos/a@b.mp4") == "/videos/a@b.mp4"


@given(secret=text().map(lambda middle: f"begin{middle}end"))
def test_no_password_is_shown_whatever_its_characters(secret: str) -> None:
    for address in (f"rtsp://user:{secret}@cam/1", f"http://cam/?pwd={secret}", f"rtsp://{secret}:p@cam/1?a={secret}"):
        shown = without_password(address)
        assert "begin" not in shown
        assert "end" not in shown
