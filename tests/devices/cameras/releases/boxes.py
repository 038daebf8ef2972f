"""A camera box on this machine: a home of its own, whose virtual environment finds the packages of the tests."""

import os
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from skimage import data

from tests.programs.waiting import PATIENCE_S


class Box:
    """The home of a user, in which the command of a camera's page installs the agent."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.venv = home / ".local" / "share" / "headcount" / "venv"
        self.log = home / "agent.log"
        self._make_environment()
        pictures = home / "pictures"
        pictures.mkdir()
        cv2.imwrite(str(pictures / "somebody.png"), cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
        self.environment = {
            **kept,
            "HOME": str(home),
            "HEADCOUNT_SOURCE": str(pictures),  # instead of the webcam, which this machine has not
            "HEADCOUNT_STREAM": "off",
            "HEADCOUNT_DETECTORS": "faces",
        }

    def _make_environment(self) -> None:
        """Make the environment before the command does, so that 300 MB of packages are not fetched again."""
        venv.create(self.venv, symlinks=True, with_pip=False)
        own = next((self.venv / "lib").glob("python*/site-packages"))
        (own / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody types it into a shell on the box."""
        return subprocess.run(
            ["bash", "-c", command], cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=240
        )

    @contextmanager
    def agent(self, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the agent as the command says at its end, until the block ends."""
        config = self.home / ".config" / "headcount" / "agent.toml"
        command = [str(self.venv / "bin" / "headcount-agent"), "run", "--config", str(config)]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.home, env=self.environment | environment, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(PATIENCE_S)
                finally:
                    process.kill()
                    process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")
