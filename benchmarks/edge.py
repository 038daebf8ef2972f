"""`python -m benchmarks.edge`: how many frames per second the edge agent processes, and whether its memory grows.

The input is a video of 1280 × 720 pixels of the simulated lobby, whose people and cups are real photographs. The bare
detector calls read decoded frames from memory. The agent reads the video and writes to its outbox; with all detectors,
it also serves a stream. Both take turns. Then both follow people, with both accuracies, at given looks a second: time
is simulated, so that a look's processor time tells the share of a core. Then an agent with a broker and a platform runs
for `--minutes`, while its memory and processor time are sampled. Prints a table and writes
`benchmarks/results/edge.json`.
"""

import argparse
import http.client
import itertools
import math
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, get_args

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.data import people
from benchmarks.tools import report, results
from demo.cameras.scene import Scene
from demo.cameras.visitors import visitors_between
from edge_agent.agent import LOOKS_PER_SECOND, STREAM_PERIOD, Agent, LogBuffer
from edge_agent.cameras.camera_process import SLOTS, as_rgb
from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import Outbox
from edge_agent.eyes import Eyes
from edge_agent.messages import Accuracy, Detector
from edge_agent.pictures.encoding import Picture, use_one_thread_for_pictures
from edge_agent.stream.server import StreamServer
from edge_agent.vision.files import fetch_models, models_folder
from tests.edge_agent.platforms import platform
from tests.programs.brokers import free_port, mosquitto

SEED = 5
FRAMES, VIDEO_RATE, SIZE = 120, 30.0, (1280, 720)
GOALS: tuple[tuple[tuple[Detector, ...], float], ...] = (
    (("faces",), 60.0),
    (("faces", "hands"), 25.0),
    (("faces", "hands", "objects"), 15.0),
)
LEAST_RATIO = 0.8
LOOKS = (5.0, 10.0)
"""Looks a second at which people are followed."""
MOST_OF_A_CORE = 0.5
"""The largest share of a core that the default settings may take."""
CROWDS, CROWD_METRES = (3, 5), 2.5
"""People who stand before the camera all the time, and their distance."""
SWAY, SWAY_FRAMES = 12, 24
"""Pixels by which they sway, and the frames of a sway: four seconds at the default number of looks."""
SIMULATED_SECONDS = 10.0
"""Simulated seconds of a turn."""
MOST_GROWTH = 0.05
"""The largest allowed growth, as a share of the memory after a fifth of the time. Less is noise of the allocator."""


class Unpaced:
    """A source that repeats a video as fast as its reader takes the frames. A thread decodes them, as for a camera.

    As for a camera, the source has `SLOTS` buffers, and overwrites the frames that were read.
    """

    ended = False

    def __init__(self, path: Path) -> None:
        # One thread suffices, because decoding a frame takes less time than the detectors.
        self._video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        self._decoded: queue.SimpleQueue[Picture] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[Picture | None] = queue.SimpleQueue()
        for _ in range(SLOTS):
            self._free.put(np.zeros((*reversed(SIZE), 3), np.uint8))
        self._rgb: Picture | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._decode, daemon=True)
        self._thread.start()

    def read(self) -> Picture:
        bgr = self._decoded.get()
        self._rgb = as_rgb(bgr, self._rgb)
        self._free.put(bgr)
        return self._rgb

    def peek(self) -> Picture | None:
        return None

    def restart(self) -> None:
        pass

    def close(self) -> None:
        self._stop.set()
        self._free.put(None)
        self._thread.join()
        self._video.release()

    def _decode(self) -> None:
        while (bgr := self._free.get()) is not None and not self._stop.is_set():
            while not self._video.read(bgr)[0]:
                self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            self._decoded.put(bgr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds of each turn (4)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="turns of the agent and of the bare calls; 0 skips the speed (3)"
    )
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="minutes for which memory is sampled; 0 skips this (60)"
    )
    asked = parser.parse_args()
    use_one_thread_for_pictures()
    fetch_models(models_folder())
    measured: list[results.Measured] = []
    with tempfile.TemporaryDirectory(prefix="headcount-edge-") as scratch:
        if asked.rounds:
            video = recorded(Path(scratch) / "lobby.avi")
            for detectors, goal in GOALS:
                measured += compared(Path(scratch), video, detectors, goal, asked.seconds, asked.rounds)
            measured += following(Path(scratch), video, asked.rounds)
        if asked.minutes:
            measured += growth(Path(scratch), asked.minutes * 60)
    print(report.table(measured))
    results.write(results.FOLDER / "edge.json", measured)


def recorded(path: Path) -> Path:
    """Write the video, in which a person with a cup is always visible, and return its path."""
    scene = Scene("lobby", SEED)
    visitor = next(visitor for visitor in visitors_between(SEED, 0, 10_000) if visitor.has_cup)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), VIDEO_RATE, SIZE)
    for number in range(FRAMES):
        frame = scene.picture_at(visitor.started + 3 + number / VIDEO_RATE)
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def recorded_crowd(path: Path, number: int) -> Path:
    """Write the video of so many photographed people who stand `CROWD_METRES` away and sway, and return its path."""
    group = next(group for group in people.groups() if len(group.faces) == number)
    scale = people.FACE_AT_A_METRE / CROWD_METRES / statistics.median(face[3] for face in group.faces)
    small, room = people.scaled(group.rgb, scale), people.as_room(people.nobody()[0])
    height, width = min(small.shape[0], SIZE[1]), min(small.shape[1], SIZE[0] - 2 * SWAY)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), VIDEO_RATE, SIZE)
    for frame in range(FRAMES):
        left = (SIZE[0] - width) // 2 + round(SWAY * math.sin(2 * math.pi * frame / SWAY_FRAMES))
        rgb = room.copy()
        rgb[SIZE[1] - height :, left : left + width] = small[:height, :width]
        writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def compared(
    scratch: Path, video: Path, detectors: tuple[Detector, ...], goal: float, seconds: float, rounds: int
) -> list[results.Measured]:
    bare, agent = speeds(scratch, video, detectors, seconds, rounds)
    name = " + ".join(detectors) + (", stream" if len(detectors) == len(GOALS) else "")
    return [
        report.at_least(name, agent.frames, "frames/s", goal),
        report.told(f"{name}: bare detector calls", bare.frames, "frames/s"),
        report.at_least(f"{name}: of the bare calls", agent.frames / bare.frames, "", LEAST_RATIO),
        report.told(f"{name}: processor", agent.processor_ms, "ms/frame"),
        report.told(f"{name}: processor, bare calls", bare.processor_ms, "ms/frame"),
    ]


def following(scratch: Path, video: Path, rounds: int) -> list[results.Measured]:
    """Measure how much of a core it takes to follow people at given looks a second, with each accuracy."""
    measured = []
    for accuracy in get_args(Accuracy):
        for looks in LOOKS:
            settings = {"accuracy": accuracy, "cadence": looks, "detectors": ("faces",)}
            bare, agent = shares(scratch, video, settings, rounds)
            name = f"following, {accuracy}, {looks:g} looks a second"
            measured.append(report.told(name, 100 * agent, "% of a core"))
            measured.append(report.at_least(f"{name}: of the bare calls", bare / agent, "", LEAST_RATIO))
        _, agent = shares(scratch, video, {"accuracy": accuracy}, rounds)
        name = f"all detectors and following at the default cadence, {accuracy}"
        is_default = accuracy == AgentConfig(thing="bench", mqtt_url="mqtt://127.0.0.1").accuracy
        measured.append(
            report.below(name, agent, "of a core", MOST_OF_A_CORE)
            if is_default
            else report.told(name, agent, "of a core")
        )
        for number in CROWDS:
            crowd = recorded_crowd(scratch / f"crowd-{number}.avi", number)
            _, agent = shares(scratch, crowd, {"accuracy": accuracy}, rounds)
            name = f"the same with {number} people at {CROWD_METRES:g} m, {accuracy}"
            measured.append(
                report.below(name, agent, "of a core", MOST_OF_A_CORE)
                if is_default
                else report.told(name, agent, "of a core")
            )
    return measured


def shares(scratch: Path, video: Path, settings: dict[str, Any], rounds: int) -> tuple[float, float]:
    """Return the medians of the share of a core that the bare calls and the agent take, in turns of simulated time."""
    config = AgentConfig(
        thing="bench", mqtt_url="mqtt://127.0.0.1", outbox=scratch / f"following-{time.monotonic_ns()}", **settings
    )
    source, clock, eyes = Unpaced(video), SimulatedClock(), Eyes(config)
    frames = itertools.cycle([source.read().copy() for _ in range(FRAMES)])
    outbox = Outbox(config.outbox, config.outbox_max_bytes)
    agent = Agent(config, source, Eyes(config), outbox, LogBuffer(), monotonic=clock.monotonic, epoch_ms=clock.epoch_ms)
    each = math.ceil(LOOKS_PER_SECOND / config.cadence)
    period = 1 / (config.cadence * each)

    def bare(number: int) -> None:
        look = eyes.find_faces if number % each else eyes.look
        look(next(frames), clock.epoch_ms())

    def share(look: Callable[[int], object]) -> float:
        used = time.process_time()
        for number in range(round(SIMULATED_SECONDS / period)):
            clock.now += period
            look(number)
        return (time.process_time() - used) / SIMULATED_SECONDS

    sides = (bare, lambda number: agent.process_frame())
    turns = [[share(side) for side in sides] for _ in tqdm(range(rounds), desc=f"following {settings}")]
    source.close()
    outbox.close()
    bare_share, agent_share = (statistics.median(side) for side in zip(*turns, strict=True))
    return bare_share, agent_share


class SimulatedClock:
    """A clock that a benchmark moves on by itself."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def epoch_ms(self) -> int:
        return round(1_000 * self.now)


class Speed(NamedTuple):
    """Frames per second, and the processor time of a frame, including its decoding if there is any.

    Only the processor time is comparable while other programs use the processor.
    """

    frames: float
    processor_ms: float


def speeds(
    scratch: Path, video: Path, detectors: tuple[Detector, ...], seconds: float, rounds: int
) -> tuple[Speed, Speed]:
    """Return the medians of alternating turns: the speed of the bare calls, and that of the agent."""
    config = AgentConfig(
        thing="bench", mqtt_url="mqtt://127.0.0.1", detectors=detectors, outbox=scratch / "_".join(detectors)
    )
    source = Unpaced(video)
    frames = itertools.cycle([source.read().copy() for _ in range(FRAMES)])
    eyes = Eyes(config)
    outbox = Outbox(config.outbox, config.outbox_max_bytes)
    with watched(len(detectors) == len(GOALS)) as stream:
        looking = Agent(config, source, Eyes(config), outbox, LogBuffer(), stream=stream)
        sides = (lambda: eyes.look(next(frames), time.time_ns() // 1_000_000), _showing(looking))
        turns = [[rate(side, seconds) for side in sides] for _ in tqdm(range(rounds), desc=" + ".join(detectors))]
    source.close()
    outbox.close()
    bare, agent = (Speed(*map(statistics.median, zip(*side, strict=True))) for side in zip(*turns, strict=True))
    return bare, agent


def _showing(agent: Agent) -> Callable[[], object]:
    """Return a step of the agent's loop, which also draws a picture for the stream when one is due."""
    shown = [time.monotonic()]

    def step() -> None:
        agent.process_frame()
        if time.monotonic() - shown[0] >= STREAM_PERIOD:
            shown[0] = time.monotonic()
            agent.update_stream()

    return step


def rate(look: Callable[[], object], seconds: float) -> Speed:
    look()
    started, used, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - started < seconds:
        look()
        count += 1
    used = time.process_time() - used
    return Speed(count / (time.perf_counter() - started), 1000 * used / count)


@contextmanager
def watched(wanted: bool) -> Iterator[StreamServer | None]:
    """Yield a stream server with one connected viewer, or None if no stream is wanted."""
    if not wanted:
        yield None
        return
    stream = StreamServer("127.0.0.1", free_port())
    threading.Thread(target=_watch, args=(stream.port,), daemon=True).start()
    yield stream
    stream.close()


def _watch(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    answer = connection.getresponse()
    while answer.read(65_536):
        pass


def growth(scratch: Path, seconds: float) -> list[results.Measured]:
    """Measure memory and processor time of a real agent with default settings, all detectors and a watched stream."""
    port = free_port()
    with mosquitto(scratch / "broker") as broker, platform(broker):
        settings = {"thing": "bench", "mqtt_url": broker.url, "source": f"scene:lobby?seed={SEED}"}
        settings |= {"stream": f"127.0.0.1:{port}", "outbox": str(scratch / "growth.sqlite3")}
        environ = os.environ | {f"HEADCOUNT_{key.upper()}": value for key, value in settings.items()}
        with (scratch / "agent.log").open("wb") as log:
            command = [sys.executable, "-m", "demo.cameras.agent"]
            process = subprocess.Popen(command, env=environ, stderr=log, cwd=results.ROOT)
        try:
            _until_it_streams(port)
            threading.Thread(target=_watch, args=(port,), daemon=True).start()
            memory, share = _sampled(process.pid, seconds)
        finally:
            process.terminate()
            process.wait(30)
    fifth = max(len(memory) // 5, 1)
    before, after = statistics.median(memory[fifth : 2 * fifth]), statistics.median(memory[-fifth:])
    minutes = f"in {seconds / 60:g} min"
    return [
        report.told(f"processor {minutes}", 100 * share, "% of a core"),
        report.told(f"memory at the end {minutes}", after / 2**20, "MiB"),
        report.below(f"growth of memory {minutes}", after / before - 1, "", MOST_GROWTH),
    ]


def _until_it_streams(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _sampled(pid: int, seconds: float) -> tuple[list[int], float]:
    """Sample a process for these seconds. Return its resident bytes at each sample, and its share of processor time."""
    started, used, memory = time.monotonic(), _cpu_seconds(pid), []
    for _ in tqdm(range(100), desc="growth"):
        time.sleep(seconds / 100)
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
    return memory, (_cpu_seconds(pid) - used) / (time.monotonic() - started)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
