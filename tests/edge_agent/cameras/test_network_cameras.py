"""Cameras of the network: a real RTSP server with a password and failures, and MJPEG over HTTP."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from edge_agent.agent import Agent, LogBuffer
from edge_agent.cameras.sources import open_source
from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import Outbox
from edge_agent.eyes import Eyes
from edge_agent.stream.server import StreamServer
from tests.edge_agent.rtsp_camera import PASSWORD, USER, RtspCamera, rtsp_camera
from tests.programs.brokers import free_port
from tests.programs.waiting import eventually

ASTRONAUT = np.asarray(data.astronaut(), np.uint8)

LOSSES_OF_VIDEO = 6.0
"""Mean difference of a decoded frame's values, of 255; swapped colours are off by more than twenty."""


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspCamera]:
    photograph = tmp_path / "astronaut.png"
    assert cv2.imwrite(str(photograph), cv2.cvtColor(ASTRONAUT, cv2.COLOR_RGB2BGR))
    with rtsp_camera(photograph) as serving:
        yield serving


def test_a_camera_delivers_its_frames_and_is_opened_again_after_each_failure(
    camera: RtspCamera, outbox: Outbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    source = open_source(camera.url)
    assert eventually(lambda: "delivers frames of 512 × 512" in caplog.text)
    shown = source.peek()
    assert shown is not None
    assert np.abs(shown.astype(int) - ASTRONAUT).mean() < LOSSES_OF_VIDEO

    camera.pull_the_plug()
    assert eventually(lambda: "went away; trying again in 1 s" in caplog.text)
    camera.start()
    assert eventually(lambda: caplog.text.count("delivers frames") == 2)

    camera.hang()
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", source=camera.url, detectors=(), wedged_after=2.0)
    looking = Agent(config, source, Eyes(config), outbox, LogBuffer())
    assert after_steps(looking, lambda: "has shown no frame for 2 s" in caplog.text)
    assert "hangs; it is opened again" in caplog.text
    camera.go_on()
    assert after_steps(looking, lambda: "shows frames again" in caplog.text)
    source.close()

    said = caplog.text + "".join(capfd.readouterr())
    assert USER not in said
    assert PASSWORD not in said


def after_steps(agent: Agent, holds: Callable[[], bool]) -> bool:
    """Whether it holds after the agent has processed some frames."""

    def step() -> bool:
        agent.process_frame()
        return holds()

    return eventually(step)


def test_an_mjpeg_stream_over_http_is_read_as_a_camera() -> None:
    stream = StreamServer("127.0.0.1", free_port())
    source = open_source(f"http://127.0.0.1:{stream.port}/")
    shown: list[np.ndarray] = []

    def shows() -> bool:
        stream.publish(ASTRONAUT)
        shown.extend(frame for frame in [source.read()] if frame is not None)
        return bool(shown)

    assert eventually(shows)
    source.close()
    stream.close()
    assert np.abs(shown[0].astype(int) - ASTRONAUT).mean() < LOSSES_OF_VIDEO


def test_a_camera_with_a_wrong_password_is_reported_without_the_password(
    camera: RtspCamera, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    source = open_source(camera.url.replace(PASSWORD, "gues5ed"))
    assert eventually(lambda: "cannot be opened; trying again in 1 s" in caplog.text)
    source.close()
    assert "gues5ed" not in caplog.text + "".join(capfd.readouterr())
