"""Checks and prepares the demo's environment before a program starts: port, data folder, secret key and broker."""

import fcntl
import hashlib
import hmac
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
"""Timeout of the connection to a broker at MQTT_URL."""


class DemoError(Exception):
    """The demo cannot start; the message says why in one sentence, and what to do."""


@dataclass(frozen=True)
class DemoEnvironment:
    """Port, data folder and broker of a running demo."""

    port: int
    """Port of the web pages on the loopback address."""
    data: Path
    mqtt_url: str
    own_broker: bool
    """Whether the demo starts the broker at `mqtt_url` itself."""
    variables: Mapping[str, str]
    """Environment variables for every program of the demo."""

    @property
    def address(self) -> str:
        """The address at which the demo's own programs reach the pages."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pages(self) -> str:
        """The address for browsers."""
        return pages_at(self.port)


@contextmanager
def demo_environment(environ: Mapping[str, str]) -> Iterator[DemoEnvironment]:
    """Check PORT, DATA_DIR and MQTT_URL, and create the data folder and the secret key where they are missing.

    The data folder is locked until the context ends. Raises `DemoError` where a variable cannot be used.
    """
    port = _check_port(environ.get("PORT") or "8000")
    data = Path(environ.get("DATA_DIR") or ROOT / "var").resolve()
    with _locked(data):
        url = environ.get("MQTT_URL") or f"mqtt://{LOOPBACK}:{_free_port()}"
        if environ.get("MQTT_URL"):
            _check_broker(url)
        yield DemoEnvironment(port, data, url, not environ.get("MQTT_URL"), _variables(environ, data, url, port))


def _check_port(text: str) -> int:
    try:
        port = int(text)
        if port == 0:  # Port 0 would mean any free port.
            raise ValueError
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
    except (ValueError, OverflowError):
        raise DemoError(f"PORT must be a number from 1 to 65535, not “{text}”.") from None
    except PermissionError:
        raise DemoError(f"Port {text} is for root only. Choose another port: make demo PORT=8000") from None
    except OSError:
        raise DemoError(
            f"Port {text} is taken by another program. End it, or choose another port: make demo PORT={port + 1}"
        ) from None
    return port


@contextmanager
def _locked(data: Path) -> Iterator[None]:
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
                f"Another demo is running on {data}. End that demo, or choose another folder with DATA_DIR."
            ) from None
        yield


def _check_broker(url: str) -> None:
    try:
        broker: Broker = broker_of(url, "MQTT_URL")
        socket.create_connection((broker.host, broker.port), REACHABLE_WITHIN).close()
    except ConfigError as error:
        raise DemoError(str(error)) from None
    except OSError as error:
        raise DemoError(
            f"No broker accepts connections at MQTT_URL, {broker.host} port {broker.port}: {error.strerror or error}. "
            "Start that broker, or unset MQTT_URL and the demo starts its own broker."
        ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _variables(environ: Mapping[str, str], data: Path, mqtt_url: str, port: int) -> dict[str, str]:
    return {
        **environ,
        "DATA_DIR": str(data),
        "MQTT_URL": mqtt_url,
        "SECRET_KEY": environ.get("SECRET_KEY") or _secret_key(data / "secret-key"),
        # As in production, except that loopback needs no TLS.
        "DEBUG": "false",
        "HTTPS": "false",
        # Nothing leaves the machine: a page shows what would be sent.
        "NOTIFY_CATCH": "true",
        "PAGES_URL": pages_at(port),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
        "PYTHONUNBUFFERED": "1",
    }


def pages_at(port: int) -> str:
    """Return the address of the pages: browsers take passkeys at a name, but not at an IP address."""
    return f"http://localhost:{port}"


def _secret_key(path: Path) -> str:
    """Return the secret key in this file, which is created at the first start and readable by its owner only."""
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text().strip()


def device_token(secret_key: str, thing: str) -> str:
    """Return the device token of this thing, always the same for a key, so that preparation and camera agree."""
    return hmac.new(secret_key.encode(), f"device token of {thing}".encode(), hashlib.sha256).hexdigest()


def mosquitto(url: str, folder: Path) -> list[str]:
    """Return the command of a Mosquitto that stores its messages in `folder`. Raises `DemoError`."""
    # Debian installs Mosquitto in a folder that is on root's PATH only.
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
        # While the ingester is down, the broker must keep the messages of devices without receipts.
        "max_queued_messages 100000",
        f"max_packet_size {MAX_PACKET_BYTES}",
        "log_dest stderr",
        # Started by root, Mosquitto would change to a user who may not write to this folder.
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    config.write_text("".join(f"{line}\n" for line in lines))
    return [program, "-c", str(config)]
