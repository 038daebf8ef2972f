"""Runs the agent as a child process, restarts it, and updates it to the version that the platform wants.

A new version is installed beside the old one and started in its place. If the new version does not come up, which means
connected to the broker and looking at frames, the launcher starts the old one again and reports why. The launcher
itself changes only when the box is set up again.
"""

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from edge_agent.config import AgentConfig
from edge_agent.delivery.platform_client import PlatformClient, PlatformError
from edge_agent.setup.versions import VERSIONS, Release, UpdateError, Versions

log = logging.getLogger(__name__)

AGENT = "/api/v1/agent/"
UP_FILE = "AGENT_UP_FILE"
"""The environment variable that names the file which the agent writes once it has come up."""

RESTART_SECONDS = 5.0
STOP_SECONDS = 8.0
STEP_SECONDS = 0.2


@dataclass(frozen=True)
class Pace:
    """Times of the launcher, in seconds."""

    ask_every: float = 300.0
    """Two thousand boxes then send seven requests a second."""
    up_within: float = 180.0
    """From the start of a version until it is given up; a small box takes a minute to load its models."""

    @classmethod
    def from_environment(cls) -> "Pace":
        ask = os.environ.get("AGENT_ASK_SECONDS")
        up = os.environ.get("AGENT_UP_SECONDS")
        return cls(float(ask) if ask else cls.ask_every, float(up) if up else cls.up_within)


class Answer(msgspec.Struct, frozen=True):
    """What the platform answers to a report."""

    release: Release | None = None


class Launcher:
    """Keeps one agent running until `stop` is set. `config_path` is passed on to the agent."""

    def __init__(self, config: AgentConfig, config_path: Path, pace: Pace) -> None:
        state = config.outbox.parent
        self._config_path, self._pace = config_path, pace
        self._versions = Versions(state / VERSIONS)
        self._up_file = state / "agent.up"
        self._client = PlatformClient(config.platform_url, config.device_token or "") if config.platform_url else None
        self._stop = threading.Event()
        self._child: _Child | None = None
        self._told = ""

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> int:
        """Run the agent until `stop` is called. Returns the exit code."""
        self._versions.folder.mkdir(parents=True, exist_ok=True)
        running = self._versions.current
        next_question = time.monotonic()
        while not self._stop.is_set():
            self._start(running)
            while self._child is not None and self._child.runs and not self._stop.wait(STEP_SECONDS):
                if time.monotonic() >= next_question:
                    next_question = time.monotonic() + self._pace.ask_every * random.uniform(0.9, 1.1)  # noqa: S311
                    running = self._update(running)
            if not self._stop.is_set() and self._child is not None:
                self._report_end(self._child)
                self._stop.wait(RESTART_SECONDS)
        self._end()
        return 0

    def _start(self, name: str) -> None:
        self._end()
        self._up_file.unlink(missing_ok=True)
        self._child = _Child(self._versions.python(name), self._config_path, self._up_file)

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    @property
    def _is_up(self) -> bool:
        return self._child is not None and self._child.runs and self._up_file.exists()

    def _update(self, running: str) -> str:
        """Ask the platform, and change to the version that it wants. Return the version that runs afterwards."""
        release = self._ask({"version": self._versions.number(running)})
        if self._client is None or release is None or not self._is_up:
            return running
        if release.version == self._versions.number(running):
            return running
        log.info("updating from %s to %s", self._versions.number(running), release.version)
        try:
            new = self._versions.install(release, self._client)
        except (UpdateError, PlatformError) as error:
            self._tell_failure(release.version, str(error))
            return running
        self._start(new)
        if self._comes_up():
            self._versions.keep(new)
            log.info("the agent is updated to %s", release.version)
            self._ask({"version": release.version})
            return new
        if self._stop.is_set():
            self._versions.discard(new)
            return running
        last = self._child.last_line if self._child is not None else ""
        self._start(running)
        self._versions.discard(new)
        why = f"It did not come up within {self._pace.up_within:.0f} s." + (f" Its last line: {last}" if last else "")
        self._tell_failure(release.version, why)
        return running

    def _comes_up(self) -> bool:
        deadline = time.monotonic() + self._pace.up_within
        while time.monotonic() < deadline and not self._stop.wait(STEP_SECONDS):
            if self._is_up:
                return True
            if self._child is None or not self._child.runs:
                return False
        return False

    def _tell_failure(self, version: str, why: str) -> None:
        log.error("the update to %s failed, and the version before goes on: %s", version, why)
        self._ask({"failed_version": version, "trouble": why[:1_000]})

    def _report_end(self, child: "_Child") -> None:
        """Report why the agent ended, because an agent that cannot start cannot report it."""
        why = child.last_line or f"The agent ended with code {child.code}."
        log.error("the agent ended with code %s and is started again", child.code)
        self._ask({"trouble": why[:1_000]})

    def _ask(self, report: dict[str, Any]) -> Release | None:
        """Send the report, and return the version that the platform wants; None where it wants none, or is away."""
        if self._client is None:
            return None
        try:
            answer = msgspec.convert(self._client.post(AGENT, report), Answer)
        except (PlatformError, msgspec.ValidationError) as error:
            if str(error) != self._told:
                self._told = str(error)
                log.warning("the platform cannot be asked for updates: %s", error)
            return None
        self._told = ""
        return answer.release


class _Child:
    """A running agent, whose output is passed on."""

    def __init__(self, python: Path, config: Path, up_file: Path) -> None:
        ours, theirs = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603
            [python, "-m", "edge_agent", "--config", str(config)],
            env={**os.environ, UP_FILE: str(up_file)},
            stderr=theirs,
            cwd=up_file.parent,
        )
        os.close(theirs)
        self._lines: deque[str] = deque(maxlen=1)
        self._reader = threading.Thread(target=self._pass_on, args=(os.fdopen(ours, "rb"),), daemon=True)
        self._reader.start()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        return self._process.returncode

    @property
    def last_line(self) -> str:
        """The last line that the agent wrote."""
        if not self.runs:
            self._reader.join(1)
        return self._lines[-1] if self._lines else ""

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(1)

    def _pass_on(self, output: IO[bytes]) -> None:
        for line in output:
            # Passed on as it is, whatever the encoding.
            sys.stderr.buffer.write(line)
            sys.stderr.flush()
            if text := line.decode("utf-8", "replace").strip():
                self._lines.append(text)


def run(config: AgentConfig, config_path: Path) -> int:
    """Run the agent and keep it up to date until SIGTERM or SIGINT. Returns the exit code."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    launcher = Launcher(config, config_path.resolve(), Pace.from_environment())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: launcher.stop())
    return launcher.run()
