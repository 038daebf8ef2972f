"""What an agent looks at, publishes and reports, step by step, without a broker."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_agent import messages
from edge_agent.agent import Agent, LogBuffer
from edge_agent.cameras.sources import Source
from edge_agent.config import AgentConfig
from edge_agent.delivery.link import Link
from edge_agent.delivery.outbox import Outbox
from edge_agent.eyes import Eyes
from edge_agent.pictures.encoding import Picture


class Shows:
    """A camera that shows these pictures, and nothing where there is None."""

    ended = False

    def __init__(self, *pictures: Picture | None) -> None:
        self._pictures = iter(pictures)
        self.restarts = 0

    def read(self) -> Picture | None:
        return next(self._pictures)

    def peek(self) -> Picture | None:
        return None

    def restart(self) -> None:
        self.restarts += 1

    def close(self) -> None:
        pass


def stepped(
    tmp_path: Path,
    source: Source,
    every: float,
    steps: int,
    *,
    detectors: tuple[messages.Detector, ...] = (),
    cadence: float | None = None,
    bodies: bool = False,
    epoch_ms: Callable[[float], int] = lambda now: round(now * 1000),
) -> list[messages.FromDevice]:
    """What an agent has put into its outbox, oldest first, after so many steps."""
    config = AgentConfig(
        thing="t",
        mqtt_url="mqtt://t",
        detectors=detectors,
        cadence=cadence or 1 / every,
        bodies=bodies,
        outbox=tmp_path / "outbox.sqlite3",
    )
    outbox = Outbox(config.outbox, config.outbox_max_bytes)
    now = 100.0
    log_buffer = LogBuffer()
    logging.getLogger("edge_agent").addHandler(log_buffer)
    eyes = Eyes(config)
    looking = Agent(config, source, eyes, outbox, log_buffer, monotonic=lambda: now, epoch_ms=lambda: epoch_ms(now))
    for _ in range(steps):
        looking.process_frame()
        now += every
    looking.flush()
    logging.getLogger("edge_agent").removeHandler(log_buffer)
    kept = [messages.decode(message.kind, message.payload) for message in outbox.pending(1_000)]
    outbox.close()
    return kept[::-1]


def frame_times(sent: list[messages.FromDevice]) -> list[list[int]]:
    return [[frame.taken_at for frame in message.frames] for message in sent if isinstance(message, messages.Frames)]


def test_frames_travel_in_batches_of_a_second(tmp_path: Path) -> None:
    sent = stepped(tmp_path, Shows(*[data.astronaut()] * 7), every=0.5, steps=7)
    assert frame_times(sent) == [[100_000, 100_500, 101_000], [101_500, 102_000], [102_500, 103_000]]
    frames = [frame for message in sent if isinstance(message, messages.Frames) for frame in message.frames]
    # A device that does not look for faces says nothing of faces, and not that there are none.
    assert all(frame.faces is None and frame.size == (512, 512) for frame in frames)


def test_a_batch_is_never_too_large_for_a_message(tmp_path: Path) -> None:
    sent = stepped(tmp_path, Shows(*[data.astronaut()] * 50), every=0.02, steps=50)
    assert [len(times) for times in frame_times(sent)] == [20, 20, 10]


def test_a_camera_without_frames_sends_no_empty_frames_and_is_reported_and_opened_again(tmp_path: Path) -> None:
    camera = Shows(*[None] * 25)
    (line,) = stepped(tmp_path, camera, every=0.5, steps=25)
    assert isinstance(line, messages.Log)
    assert line.text == "the source 0 has shown no frame for 10 s"
    assert line.level == "warning"
    assert camera.restarts == 1


def test_a_camera_that_comes_back_is_reported_too(tmp_path: Path) -> None:
    sent = stepped(tmp_path, Shows(*[None] * 21, data.astronaut()), every=0.5, steps=22)
    lines = [message.text for message in sent if isinstance(message, messages.Log)]
    assert lines == ["the source 0 has shown no frame for 10 s", "the source 0 shows frames again"]


def visits_of(sent: list[messages.FromDevice]) -> list[messages.Visit]:
    return [visit for message in sent if isinstance(message, messages.Frames) for visit in message.visits or ()]


@pytest.mark.usefixtures("models")
def test_between_two_published_frames_people_are_followed(tmp_path: Path) -> None:
    source = Shows(*[data.astronaut()] * 7, *[np.zeros((512, 512, 3), np.uint8)] * 20)
    sent = stepped(tmp_path, source, every=0.125, steps=27, detectors=("faces",), cadence=2)
    times = [at for message in frame_times(sent) for at in message]
    assert times == list(range(100_000, 103_001, 500))
    began, ended = visits_of(sent)
    assert (began.began_at, began.dwell, began.ended) == (100_000, 250, False)
    assert (ended.id, ended.began_at, ended.dwell, ended.ended) == (began.id, 100_000, 750, True)
    faces = [
        face
        for message in sent
        if isinstance(message, messages.Frames)
        for f in message.frames
        for face in f.faces or ()
    ]
    assert {face.visit for face in faces} == {began.id}


@pytest.mark.usefixtures("models")
def test_a_source_that_changes_its_size_in_mid_stream_is_looked_at_without_a_complaint(tmp_path: Path) -> None:
    portrait = data.astronaut()
    odd = [np.full(shape, 90, np.uint8) for shape in ((1, 1, 3), (1, 900, 3), (900, 2, 3))]
    source = Shows(portrait, *odd, portrait[:480, :320], np.tile(portrait, (2, 2, 1)))
    sent = stepped(tmp_path, source, every=0.5, steps=6, detectors=("faces",), cadence=2)
    frames = [frame for message in sent if isinstance(message, messages.Frames) for frame in message.frames]
    assert [frame.size for frame in frames] == [(512, 512), (1, 1), (900, 1), (2, 900), (320, 480), (1024, 1024)]
    assert [len(frame.faces or ()) for frame in frames] == [1, 0, 0, 0, 1, 4]
    assert not [message for message in sent if isinstance(message, messages.Log)]


@pytest.mark.usefixtures("models")
def test_visits_tell_that_bodies_are_looked_for(tmp_path: Path) -> None:
    source = Shows(*[data.astronaut()] * 8)
    sent = stepped(tmp_path, source, every=0.2, steps=8, detectors=("faces",), cadence=5, bodies=True)
    assert [visit.bodies for visit in visits_of(sent)] == [True]


@pytest.mark.usefixtures("models")
def test_a_wall_clock_that_jumps_back_stops_nothing(tmp_path: Path) -> None:
    def jumping(now: float) -> int:
        return round((now if now < 101 else now - 90) * 1000)

    source = Shows(*[data.astronaut()] * 25)
    sent = stepped(tmp_path, source, every=0.125, steps=25, detectors=("faces",), cadence=2, epoch_ms=jumping)
    assert [at for message in frame_times(sent) for at in message] == [
        100_000, 100_500, 11_000, 11_500, 12_000, 12_500, 13_000
    ]  # fmt: skip
    assert {(visit.id, visit.began_at) for visit in visits_of(sent)} == {(visits_of(sent)[0].id, 100_000)}


def test_a_device_that_does_not_follow_people_says_so(tmp_path: Path) -> None:
    (message,) = stepped(tmp_path, Shows(data.astronaut()), every=0.5, steps=1)
    assert isinstance(message, messages.Frames)
    assert message.visits is None


def test_a_frame_at_which_a_detector_fails_is_told_once_and_the_agent_goes_on(tmp_path: Path) -> None:
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=(), cadence=50, outbox=tmp_path / "outbox.sqlite3")
    outbox, log_buffer, stop = Outbox(config.outbox, config.outbox_max_bytes), LogBuffer(), threading.Event()

    class Breaks(Shows):
        reads = 0

        def read(self) -> Picture | None:
            self.reads += 1
            if self.reads > 8:
                stop.set()
            return np.zeros((4, 4, 5) if self.reads in (3, 4, 5) else (48, 64, 3), np.uint8)

    logging.getLogger("edge_agent").addHandler(log_buffer)
    Agent(config, Breaks(), Fails(config), outbox, log_buffer).run(
        Link(config, outbox, software="t", epoch_ms=int), stop
    )
    logging.getLogger("edge_agent").removeHandler(log_buffer)
    sent = [messages.decode(message.kind, message.payload) for message in outbox.pending(1_000)]
    outbox.close()
    lines = [message.text for message in sent if isinstance(message, messages.Log)]
    assert lines == ["a frame could not be processed (ValueError: 5 channels); the agent goes on with the next frame"]
    assert sum(len(message.frames) for message in sent if isinstance(message, messages.Frames)) >= 5


class Fails(Eyes):
    """Eyes whose detectors cannot read every frame."""

    def look(self, rgb: Picture, taken_at: int, expected: Sequence[messages.Box] | None = None) -> messages.Frame:
        if rgb.shape[2] != 3:
            raise ValueError(f"{rgb.shape[2]} channels")
        return super().look(rgb, taken_at, expected)
