import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from demo.cameras.scene import Scene
from demo.cameras.visitors import visitors_between
from edge_agent import messages
from edge_agent.delivery.outbox import Outbox
from edge_agent.pictures.encoding import Picture
from edge_agent.stream.drawing import FACE
from tests.edge_agent.cameras.recordings import camera_that_hangs, recorded
from tests.edge_agent.platforms import Platform, platform
from tests.programs.brokers import Mosquitto, free_port, mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

STOPS_WITHIN = 30.0
"""Seconds; three are promised, and the machine that runs the tests may be busy."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture(scope="session")
def somebody_with_a_cup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one picture: somebody in the lobby, with a cup before her."""
    visitor = next(visitor for visitor in visitors_between(5, 0, 10_000) if visitor.has_cup)
    folder = tmp_path_factory.mktemp("somebody")
    save(Scene("lobby", 5).picture_at(visitor.started + 5), folder / "picture.png")
    return folder


def save(rgb: Picture, path: Path) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def environment(tmp_path: Path, broker: Mosquitto, **settings: object) -> dict[str, str]:
    here = {"thing": "cam1", "mqtt_url": broker.url, "outbox": tmp_path / "outbox.sqlite3", "stream": "off"} | settings
    return os.environ | {f"HEADCOUNT_{key.upper()}": str(value) for key, value in here.items()}


@contextmanager
def agent(environ: dict[str, str], program: str = "edge_agent") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-m", program], env=environ, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr
        process.stderr.close()


def stopped(process: subprocess.Popen[str]) -> str:
    """What it wrote, after SIGTERM; it must leave in time and without a complaint."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=STOPS_WITHIN)
    assert process.returncode == 0
    return said


def outbox_ids(tmp_path: Path) -> set[str]:
    outbox = Outbox(tmp_path / "outbox.sqlite3", 1_000_000_000)
    ids = {message.id for message in outbox.pending(100_000)}
    outbox.close()
    return ids


def test_the_agent_counts_the_faces_that_a_scene_contains(tmp_path: Path, broker: Mosquitto, models: Path) -> None:
    settings = {"source": "scene:lobby?seed=4", "cadence": 4, "detectors": "faces", "models": models}
    with (
        platform(broker) as listening,
        agent(environment(tmp_path, broker, **settings), "demo.cameras.agent") as process,
    ):
        # A face that is turned away or walks in is missed now and then, so that not every frame must agree.
        assert eventually(lambda: len(frames_of(listening)) >= 5 and most_agree(frames_of(listening)))
        said = stopped(process)
        assert eventually(lambda: not statuses_of(listening)[-1].online)
    assert "Traceback" not in said
    frames = frames_of(listening)
    assert all(frame.size == (1280, 720) and frame.faces is not None for frame in frames)
    assert b'"online":true' in dict(listening.received[::-1])[messages.topic_from_device("cam1", "status")]
    assert statuses_of(listening)[-1].sent_at is not None, "it says goodbye itself, not the broker for it"


def most_agree(frames: list[messages.Frame]) -> bool:
    """Return whether most frames have as many faces as the scene has half a second around them."""
    scene, agreeing = Scene("lobby", 4), 0
    for frame in frames:
        around = [len(scene.people_at(frame.taken_at / 1000 + shift)) for shift in (-0.5, 0, 0.5)]
        agreeing += min(around) <= len(frame.faces or ()) <= max(around)
    return agreeing > len(frames) / 2


def test_the_agent_takes_a_picture_of_a_person_with_a_cup(
    tmp_path: Path, broker: Mosquitto, models: Path, somebody_with_a_cup: Path
) -> None:
    settings = {"source": somebody_with_a_cup, "countdown": 0.5, "cooldown": 60, "cadence": 4, "models": models}
    with platform(broker) as listening, agent(environment(tmp_path, broker, **settings)) as process:
        assert eventually(lambda: bool(listening.of_kind("image")) and bool(listening.of_kind("frames")))
        stopped(process)
    (image,) = listening.of_kind("image")
    assert isinstance(image, messages.Image)
    assert messages.picture_bytes(image.image_string)
    assert [face.confidence >= 0.6 for face in image.faces] == [True]
    frame = next(m for m in listening.of_kind("frames") if isinstance(m, messages.Frames)).frames[0]
    (cup,) = (thing for thing in frame.objects if thing.label == "cup")
    assert cup.visit is not None
    assert [face.visit for face in frame.faces or ()] == [cup.visit], "the cup is the person's"


def test_kill_9_loses_nothing_that_was_accepted(
    tmp_path: Path, broker: Mosquitto, models: Path, somebody_with_a_cup: Path
) -> None:
    settings = {"source": somebody_with_a_cup, "detectors": "faces", "cadence": 20, "countdown": 0, "models": models}
    environ = environment(tmp_path, broker, **settings)
    with platform(broker, confirms=False) as listening:
        with agent(environ) as process:
            assert eventually(lambda: len(set(listening.ids())) >= 3)
            process.kill()
            process.wait()
        accepted = outbox_ids(tmp_path)
        assert set(listening.ids()) <= accepted
        listening.confirms = True
        before = len(listening.received)
        with agent(environ) as process:
            assert eventually(lambda: not accepted & outbox_ids(tmp_path))
            stopped(process)
        assert len(listening.received) > before
        assert accepted <= set(listening.ids())


def test_it_applies_the_platform_s_settings_and_reports_them(
    tmp_path: Path, broker: Mosquitto, models: Path, somebody_with_a_cup: Path
) -> None:
    settings = {"source": somebody_with_a_cup, "detectors": "faces", "cadence": 0.5, "models": models}
    with platform(broker) as listening, agent(environment(tmp_path, broker, **settings)) as process:

        def reported() -> messages.Status:
            return (statuses_of(listening) or [messages.Status(online=False)])[-1]

        def cadence() -> float | None:
            settings = reported().settings
            return settings.cadence if settings else None

        assert eventually(lambda: cadence() == 0.5 and bool(listening.of_kind("frames")))
        listening.retain("cam1", "config", b'{"cadence": 20, "detectors": ["faces", "objects"], "cooldown": 60}')
        assert eventually(lambda: cadence() == 20)
        assert reported().settings_error == ""
        assert reported().settings == messages.Settings(
            ("faces", "objects"), 20.0, 0.55, 0.5, 0.35, 0.6, 4.0, 60.0, "frame", 0.6, "balanced", 30.0, bodies=False
        )
        assert eventually(lambda: any(frame.objects for frame in frames_of(listening)[-5:]))
        listening.retain("cam1", "config", b'{"cadence": 5, "accuracy": "best"}')
        told = "“accuracy” must not be 'best', which is none of the choices."
        assert eventually(lambda: reported().settings_error == told)
        assert cadence() == 20
        listening.retain("cam1", "config", b"")
        assert eventually(lambda: cadence() == 0.5)
        assert reported().settings_error == ""
        stopped(process)


def test_the_platform_s_settings_hold_after_a_restart_before_they_are_sent_again(
    tmp_path: Path, models: Path, somebody_with_a_cup: Path
) -> None:
    settings = {"source": somebody_with_a_cup, "detectors": "faces", "cadence": 0.5, "models": models}

    def reported(listening: Platform) -> list[float | None]:
        return [each.settings.cadence for each in statuses_of(listening) if each.online and each.settings]

    with mosquitto(tmp_path / "first") as first, platform(first) as listening:
        listening.retain("cam1", "config", b'{"cadence": 20}')
        with agent(environment(tmp_path, first, **settings)) as process:
            assert eventually(lambda: 20 in reported(listening))
            process.kill()
    with mosquitto(tmp_path / "forgetful") as second, platform(second) as listening:
        with agent(environment(tmp_path, second, **settings)) as process:
            assert eventually(lambda: bool(reported(listening)))
            assert reported(listening)[0] == 20
            listening.retain("cam1", "config", b"{}")
            assert eventually(lambda: reported(listening)[-1] == 0.5)
            stopped(process)
        with agent(environment(tmp_path, second, **settings)) as process:
            before = len(reported(listening))
            assert eventually(lambda: len(reported(listening)) > before)
            stopped(process)
        assert set(reported(listening)[before:]) == {0.5}


def statuses_of(listening: Platform) -> list[messages.Status]:
    return [each for each in listening.of_kind("status") if isinstance(each, messages.Status)]


def frames_of(listening: Platform) -> list[messages.Frame]:
    return [frame for sent in listening.of_kind("frames") if isinstance(sent, messages.Frames) for frame in sent.frames]


def test_its_stream_shows_the_boxes_and_the_greeting(
    tmp_path: Path, broker: Mosquitto, models: Path, somebody_with_a_cup: Path
) -> None:
    port = free_port()
    settings = {"source": somebody_with_a_cup, "models": models, "stream": f"127.0.0.1:{port}", "countdown": 60}
    with platform(broker) as listening, agent(environment(tmp_path, broker, **settings)) as process:
        assert eventually(lambda: bool(frames_of(listening)))

        def fetched() -> bytes:
            """Return nothing if no picture was drawn within a second, which a busy machine may need."""
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/picture.jpg", timeout=PATIENCE_S) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError:
                return b""

        def seen() -> Picture:
            while not (jpeg := fetched()):
                pass
            return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)

        face = (frames_of(listening)[-1].faces or ())[0]
        left, top, _, height = face.box or (0, 0, 0, 0)
        edge = seen()[top + height // 4 : top + 3 * height // 4, left : left + 2].mean(axis=(0, 1))
        assert np.abs(edge - FACE).max() < 60
        before = seen()[-60:].mean()
        listening.tell("cam1", "greeting", messages.encode(messages.Greeting("Ada", 3, "Enjoy!")))
        assert eventually(lambda: abs(seen()[-60:].mean() - before) > 10)
        assert eventually(lambda: abs(seen()[-60:].mean() - before) < 5)
        stopped(process)


def test_without_a_free_port_for_the_stream_the_agent_counts_all_the_same(
    tmp_path: Path, broker: Mosquitto, models: Path, somebody_with_a_cup: Path
) -> None:
    settings = {"source": somebody_with_a_cup, "detectors": "faces", "models": models}
    with platform(broker) as listening:
        with agent(environment(tmp_path, broker, stream=f"127.0.0.1:{broker.port}", **settings)) as process:
            assert eventually(lambda: bool(frames_of(listening)) and bool(listening.of_kind("log")))
            stopped(process)
        (line,) = (line for line in listening.of_kind("log") if isinstance(line, messages.Log))
    assert line.text.startswith(f"no stream on 127.0.0.1:{broker.port}: Address already in use")


def test_the_agent_ends_after_a_folder_that_is_not_repeated(tmp_path: Path, broker: Mosquitto, models: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in "ab":
        save(data.astronaut(), tmp_path / "pictures" / f"{name}.png")
    settings = {"source": tmp_path / "pictures", "repeat": "false", "detectors": "faces", "cadence": 20}
    with platform(broker) as listening, agent(environment(tmp_path, broker, models=models, **settings)) as process:
        assert process.wait(PATIENCE_S) == 0
        assert eventually(lambda: len(frames_of(listening)) == 2)


def test_the_agent_goes_on_counting_and_ends_in_time_without_a_broker(
    tmp_path: Path, models: Path, somebody_with_a_cup: Path
) -> None:
    absent = Mosquitto(tmp_path / "absent")
    settings = {"source": somebody_with_a_cup, "detectors": "faces", "models": models}
    with agent(environment(tmp_path, absent, **settings)) as process:
        assert eventually(lambda: (tmp_path / "outbox.sqlite3").exists() and len(outbox_ids(tmp_path)) >= 2)
        said = stopped(process)
    assert f"the broker at 127.0.0.1:{absent.port} cannot be reached" in said


def test_a_camera_that_hangs_is_noticed_reported_and_opened_again(tmp_path: Path, broker: Mosquitto) -> None:
    with camera_that_hangs(tmp_path / "camera", recorded(tmp_path / "video.avi")) as show:
        source = (tmp_path / "camera").as_uri()
        environ = environment(tmp_path, broker, source=source, detectors="", wedged_after=3)
        with platform(broker) as listening, agent(environ) as process:
            show()
            assert eventually(lambda: bool(frames_of(listening)))
            assert eventually(lambda: f"camera {source} hangs; it is opened again" in log_of(listening))
            assert eventually(lambda: f"the source {source} has shown no frame for 3 s" in log_of(listening))
            before = len(frames_of(listening))
            show()
            assert eventually(lambda: f"the source {source} shows frames again" in log_of(listening))
            assert eventually(lambda: len(frames_of(listening)) > before)
            stopped(process)


def log_of(listening: Platform) -> list[str]:
    return [line.text for line in listening.of_kind("log") if isinstance(line, messages.Log)]
