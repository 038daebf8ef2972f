"""What the demo finds and makes around itself before anything is started: port, folder, secret key, broker."""

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.config import Broker, ConfigError, broker_of
from edge_agent.messages import MAX_PACKET_BYTES

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
REACHABLE_WITHIN = 5.0
"""Seconds in which a broker at MQTT_URL has to take the connection."""


class DemoError(Exception):
    """Why the demo cannot start: one sentence, and what to do."""


@dataclass(frozen=True)
class Surroundings:
    """Where this demo runs."""

    port: int
    """Of the web pages, on the loopback address."""
    data: Path
    mqtt_url: str
    own_broker: bool
    """Whether the broker at `mqtt_url` is one that the demo has to start."""
    environment: Mapping[str, str]
    """For every program of the demo."""

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


@contextmanager
def surroundings(environ: Mapping[str, str]) -> Iterator[Surroundings]:
    """Look at PORT, DATA_DIR and MQTT_URL, and make what is missing. Raises `DemoError`.

    The data folder is this demo's own until the context ends.
    """
    port = _free(environ.get("PORT") or "8000")
    data = Path(environ.get("DATA_DIR") or ROOT / "var").resolve()
    with _own(data):
        url = environ.get("MQTT_URL") or f"mqtt://{LOOPBACK}:{_any_free_port()}"
        if environ.get("MQTT_URL"):
            _reach(url)
        yield Surroundings(port, data, url, not environ.get("MQTT_URL"), _environment(environ, data, url))


def _free(text: str) -> int:
    try:
        port = int(text)
        if port == 0:  # Which would mean any free port.
            raise ValueError
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
    except (ValueError, OverflowError):
        raise DemoError(f"PORT must be a number from 1 to 65535, not “{text}”.") from None
    except PermissionError:
        raise DemoError(f"Port {text} is for root only. Choose another: make demo PORT=8000") from None
    except OSError:
        raise DemoError(
            f"Port {text} is taken by another program. End that one, or choose another port: make demo PORT={port + 1}"
        ) from None
    return port


@contextmanager
def _own(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "demo.lock").open("w")
    except OSError as error:
        raise DemoError(f"DATA_DIR {data} cannot be used: {error.strerror}. Choose another folder.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(
                f"Another demo is running on {data}. End that one, or choose another folder with DATA_DIR."
            ) from None
        yield


def _reach(url: str) -> None:
    try:
        broker: Broker = broker_of(url, "MQTT_URL")
        socket.create_connection((broker.host, broker.port), REACHABLE_WITHIN).close()
    except ConfigError as error:
        raise DemoError(str(error)) from None
    except OSError as error:
        raise DemoError(
            f"Nothing answers at MQTT_URL, {broker.host} port {broker.port}: {error.strerror or error}. "
            "Start that broker, or leave MQTT_URL out and the demo starts its own."
        ) from None


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _environment(environ: Mapping[str, str], data: Path, mqtt_url: str) -> dict[str, str]:
    return {
        **environ,
        "DATA_DIR": str(data),
        "MQTT_URL": mqtt_url,
        "SECRET_KEY": environ.get("SECRET_KEY") or _secret_key(data / "secret-key"),
        # As in production, except that loopback needs no TLS.
        "DEBUG": "false",
        "HTTPS": "false",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
        "PYTHONUNBUFFERED": "1",
    }


def _secret_key(path: Path) -> str:
    """Made once, and readable by its owner only."""
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text().strip()


def mosquitto(url: str, folder: Path) -> list[str]:
    """The command of a Mosquitto for this machine only, which keeps its messages in `folder`. Raises `DemoError`."""
    # Debian puts it where only root's PATH looks.
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise DemoError("Mosquitto is not installed. Run: apt-get install mosquitto")
    folder.mkdir(exist_ok=True)
    broker = broker_of(url)
    config = folder / "mosquitto.conf"
    lines = [
        f"listener {broker.port} {broker.host}",
        "allow_anonymous true",
        *("persistence true", f"persistence_location {folder}/", "autosave_interval 60"),
        # An ingester that is away must not cost messages of devices that know no receipts.
        "max_queued_messages 100000",
        f"max_packet_size {MAX_PACKET_BYTES}",
        "log_dest stderr",
        # Started by root it would become another user, who may not write here.
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    config.write_text("".join(f"{line}\n" for line in lines))
    return [program, "-c", str(config)]
