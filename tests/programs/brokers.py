"""A real Mosquitto for tests, on a free loopback port, which tests can stop, kill and restart."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.programs.waiting import PATIENCE_S, eventually


class Mosquitto:
    """One broker with its own folder and port. `stop`, `kill` and `start` keep both."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.host, self.port = "127.0.0.1", free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} {self.host}\nallow_anonymous true\nuser {getpass.getuser()}\n"
            f"persistence true\npersistence_location {folder}/\nmax_queued_messages 100000\n{settings}\n"
        )

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Return the broker's log over all its starts."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Start the broker and wait until it accepts connections."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen([_program(), "-c", self._config], stdout=output, stderr=output)
        if not eventually(lambda: self._has_ended() or self._listens()) or self._has_ended():
            raise RuntimeError(f"Mosquitto did not start: {self.log}")

    def stop(self) -> None:
        """Shut the broker down cleanly: it closes its connections and writes persistent sessions to disk."""
        self._end(force=False)

    def kill(self) -> None:
        """Kill the broker, which neither closes its connections nor writes its sessions."""
        self._end(force=True)

    def _end(self, *, force: bool) -> None:
        if self._process is None:
            return
        self._process.kill() if force else self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._process = None

    def _has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _listens(self) -> bool:
        return listens(self.port)


@contextmanager
def mosquitto(folder: Path, settings: str = "") -> Iterator[Mosquitto]:
    """Run a broker until the block ends. `settings` are further lines of its configuration.

    Raises `RuntimeError` if the broker cannot start.
    """
    broker = Mosquitto(folder, settings)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def listens(port: int) -> bool:
    """Whether a program accepts connections on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


PORTS = range(20_000, 32_000)
"""Ports that Linux gives to no outgoing connection: `ip_local_port_range` begins at 32768. Such a connection could take
the port before the test's own server does, or reach itself."""

_reserved: dict[int, socket.socket] = {}
"""The ports of this process. Each is kept from other processes by a socket without a file."""


def free_port() -> int:
    """Return a port of loopback on which nothing listens, and which no other call returns while this process runs."""
    while True:
        port = secrets.choice(PORTS)
        reservation = socket.socket(socket.AF_UNIX)
        with suppress(OSError):  # Another process of the tests has the port, or this one.
            reservation.bind(f"\0headcount-tests-port-{port}")
            if not listens(port):
                _reserved[port] = reservation
                return port
        reservation.close()


def _program() -> str:
    # Debian installs mosquitto in a folder that is on root's PATH only.
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError("Mosquitto is not installed: apt-get install mosquitto")
    return found
