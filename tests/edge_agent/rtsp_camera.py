"""An RTSP camera: GStreamer's own server, which streams one photograph repeatedly as H.264, as most cameras do."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs.brokers import free_port

SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
"""GStreamer's bindings are a package of the system, and not of our environment."""

SERVER = Path(__file__).with_name("rtsp_server.py")

USER, PASSWORD = "lobby", "s3cret"


class RtspCamera:
    """Asks for `USER` and `PASSWORD`. Its address stays the same over `start`, `pull_the_plug`, `hang` and `go_on`."""

    def __init__(self, photograph: Path) -> None:
        self._photograph, self._port = photograph, free_port()
        self.url = f"rtsp://{USER}:{PASSWORD}@127.0.0.1:{self._port}/camera"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [str(SYSTEM_PYTHON), str(SERVER), str(self._port), str(self._photograph), USER, PASSWORD]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def pull_the_plug(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def hang(self) -> None:
        """The system still accepts connections for it, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@contextmanager
def rtsp_camera(photograph: Path) -> Iterator[RtspCamera]:
    """One that runs and shows this PNG file; skips the test where GStreamer is not installed."""
    if SYSTEM_PYTHON is None or subprocess.run([SYSTEM_PYTHON, SERVER], capture_output=True, check=False).returncode:
        pytest.skip("no RTSP server: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-ugly")
    camera = RtspCamera(photograph)
    camera.start()
    try:
        yield camera
    finally:
        camera.pull_the_plug()
