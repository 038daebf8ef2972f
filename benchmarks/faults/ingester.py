"""The real `manage.py ingest`: restarted as by a supervisor, and killed on purpose."""

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LEFT_BY_WATCHDOG = 70
"""The exit code with which the ingester's watchdog requests a restart (docs/operations.md)."""

STOPS_WITHIN = 30.0
"""Seconds within which the ingester must end after SIGTERM, on a busy machine."""


MOST_CRASHES = 5
"""The number of crashes after which an ingester is not restarted any more."""


class Standstill(Exception):
    """The platform or the broker has stopped working, so no fault can be injected. The message is one sentence."""


class Ingester:
    """One ingester with its own client id. `crashes` and `left` count the times when it ended by itself."""

    def __init__(self, client_id: str, environment: Mapping[str, str], log: Path) -> None:
        self.client_id = client_id
        self._environment = os.environ | environment | {"MQTT_CLIENT_ID": client_id}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = dt.datetime.max.replace(tzinfo=dt.UTC)
        self.crashes = 0
        self.left = 0
        """The number of times that the watchdog ended the ingester, which is correct behaviour."""
        self.peak_mib = 0.0
        """The peak resident memory in MiB, over all processes of this ingester."""

    def start(self) -> None:
        self.started_at = dt.datetime.now(dt.UTC)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "ingest"], cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End the ingester with SIGKILL."""
        if self._process is not None:
            self._note_memory(self._process.pid)
            self.crashes += self._process.poll() not in (None, LEFT_BY_WATCHDOG)
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the ingester with SIGTERM. A late end or an error counts as a crash."""
        if self._process is None:
            return
        self.look_after()
        self._process.terminate()
        try:
            self.crashes += self._process.wait(STOPS_WITHIN) != 0
        except subprocess.TimeoutExpired:
            self.crashes += 1
            self.kill()
        self._process = None

    def look_after(self) -> None:
        """Record the ingester's memory, and restart the ingester if it has ended by itself.

        Raises `Standstill` if it has crashed too often.
        """
        if self._process is None:
            return
        self._note_memory(self._process.pid)
        code = self._process.poll()
        if code is None:
            return
        self.left += code == LEFT_BY_WATCHDOG
        self.crashes += code != LEFT_BY_WATCHDOG
        if self.crashes > MOST_CRASHES:
            raise Standstill(f"{self.client_id} has crashed {self.crashes} times; its log is {self._log}.")
        time.sleep(1)
        self.start()

    def _note_memory(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        self.peak_mib = max([self.peak_mib, *(int(peak) / 1024 for peak in peaks)])
