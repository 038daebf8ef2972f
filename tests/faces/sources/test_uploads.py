"""An agent's large pictures, over HTTP into the real platform, through a network that breaks."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from skimage import data

from devices.models import Device, Upload
from devices.services import issue_device_token
from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import Outbox
from edge_agent.delivery.uploads import MAX_UPLOAD_BYTES, Uploader, as_upload
from edge_agent.pictures.encoding import images
from faces.models import Capture
from faces.pictures import storage
from tests import places
from tests.buckets import pictures_on_s3
from tests.edge_agent.platforms import eventually

pytestmark = pytest.mark.django_db(transaction=True)

TAKEN_AT = 1_700_000_000_123
RGB = np.kron(np.asarray(data.coffee(), np.uint8), np.ones((2, 2, 1), np.uint8))


class Network:
    """A way to a server that lets so many bytes through, on each connection, and then cuts it; or stands still."""

    def __init__(self, server: str, *, lets_through: int, cuts: bool = True) -> None:
        self.lets_through, self.passed, self._cuts = lets_through, 0, cuts
        self._closed = threading.Event()
        self._to = (urlsplit(server).hostname, urlsplit(server).port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there = socket.create_connection(self._to)
                threading.Thread(target=self._forward, args=(here, there), daemon=True).start()
                threading.Thread(target=_copy, args=(there, here), daemon=True).start()

    def _forward(self, here: socket.socket, there: socket.socket) -> None:
        left = self.lets_through
        with here, there, suppress(OSError):
            while left and (some := here.recv(min(8192, left))):
                there.sendall(some)
                left -= len(some)
                self.passed += len(some)
            if not left and not self._cuts:
                self._closed.wait()
            # Closing alone tells the other ends nothing while somebody still listens to them.
            for end in (here, there):
                end.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(8192):
            to.sendall(some)


@pytest.fixture(autouse=True)
def long_ago(settings: Settings, tmp_path: Path) -> None:
    settings.FRAME_RETENTION_DAYS = 100_000
    settings.MEDIA_ROOT = tmp_path / "pictures"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "outbox.sqlite3", 100_000_000)) as box:
        yield box


def put_photograph(outbox: Outbox) -> int:
    """How many bytes the picture has."""
    (image,) = images(RGB, (), taken_at=TAKEN_AT, shows="frame", crop_margin=0.6, limit=MAX_UPLOAD_BYTES)
    outbox.put(as_upload(image))
    return len(image.image_string) * 3 // 4


def uploader(url: str, outbox: Outbox, token: str) -> Uploader:
    upload_url = f"{url}/api/v1/captures/"
    config = AgentConfig(thing=places.SEATTLE01, mqtt_url="mqtt://t", upload_url=upload_url, device_token=token)
    return Uploader(config, outbox)


def check_capture(device: Device) -> None:
    """The picture is there, whole, and once."""
    capture = Capture.objects.get()
    assert (capture.device, capture.taken_at.timestamp(), capture.shows) == (device, TAKEN_AT / 1000, "frame")
    kept = cv2.imdecode(np.frombuffer(storage.read(capture), np.uint8), cv2.IMREAD_COLOR)
    assert kept is not None
    assert kept.shape == RGB.shape


def test_a_large_picture_becomes_a_capture_in_full_size_and_once(
    live_server: LiveServer, seattle01: Device, outbox: Outbox
) -> None:
    sending = uploader(live_server.url, outbox, issue_device_token(device=seattle01))
    for _ in range(2):
        put_photograph(outbox)
        assert sending.step()
        assert (outbox.messages, outbox.dropped) == (0, 0)
    check_capture(seattle01)


def test_with_a_bucket_it_goes_there_and_becomes_the_same_capture(
    live_server: LiveServer,
    seattle01: Device,
    outbox: Outbox,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pictures_on_s3(settings, monkeypatch):
        put_photograph(outbox)
        assert uploader(live_server.url, outbox, issue_device_token(device=seattle01)).step()
        assert (outbox.messages, outbox.dropped) == (0, 0)
        check_capture(seattle01)


def test_a_connection_that_is_cut_again_and_again_loses_no_byte_and_repeats_few(
    live_server: LiveServer, seattle01: Device, outbox: Outbox
) -> None:
    size = put_photograph(outbox)
    network = Network(live_server.url, lets_through=size // 4)
    sending = uploader(network.url, outbox, issue_device_token(device=seattle01))
    tries = 1
    while not sending.step():
        tries += 1
        assert outbox.messages == 1
        assert tries < 10
    network.close()
    assert tries > 3
    assert outbox.messages == 0
    # Headers, announcements, and what the server had not read yet as the connection was cut.
    assert size < network.passed < 2 * size
    check_capture(seattle01)


BRING = """
import sys
from pathlib import Path
from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import Outbox
from edge_agent.delivery.uploads import Uploader
outbox, url, token = sys.argv[1:]
config = AgentConfig(thing="t", mqtt_url="mqtt://t", upload_url=url, device_token=token)
Uploader(config, Outbox(Path(outbox), 100_000_000)).step()
"""


def arrived() -> int:
    """Bytes of the only upload."""
    upload = Upload.objects.first()
    return default_storage.size(upload.name) if upload and default_storage.exists(upload.name) else 0


def test_after_kill_9_it_goes_on_where_it_was(
    live_server: LiveServer, seattle01: Device, outbox: Outbox, tmp_path: Path
) -> None:
    size = put_photograph(outbox)
    outbox.close()
    token = issue_device_token(device=seattle01)
    stuck = Network(live_server.url, lets_through=size // 2, cuts=False)
    arguments = [str(tmp_path / "outbox.sqlite3"), f"{stuck.url}/api/v1/captures/", token]
    with subprocess.Popen([sys.executable, "-c", BRING, *arguments]) as process:
        assert eventually(lambda: stuck.passed >= size // 2 and arrived() > 0, within=60)
        process.kill()
    # The platform does not know yet that nobody is there any more.
    here = arrived()
    again = Network(live_server.url, lets_through=10 * size)
    reopened = Outbox(tmp_path / "outbox.sqlite3", 100_000_000)
    sending = uploader(again.url, reopened, token)
    assert eventually(sending.step, within=60)
    again.close()
    stuck.close()
    assert reopened.messages == 0
    reopened.close()
    assert 0 < here < size
    assert again.passed < 1.1 * size - here
    check_capture(seattle01)


def reach_s3_by(network: Network, settings: Settings) -> None:
    default = settings.STORAGES["default"]
    options = {**default["OPTIONS"], "endpoint_url": network.url}
    settings.STORAGES = settings.STORAGES | {"default": {**default, "OPTIONS": options}}


def test_after_kill_9_half_way_into_a_bucket_it_is_put_there_whole(
    live_server: LiveServer,
    seattle01: Device,
    outbox: Outbox,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = put_photograph(outbox)
    outbox.close()
    token = issue_device_token(device=seattle01)
    arguments = [str(tmp_path / "outbox.sqlite3"), f"{live_server.url}/api/v1/captures/", token]
    with pictures_on_s3(settings, monkeypatch) as s3:
        stuck = Network(s3.meta.endpoint_url, lets_through=size // 2, cuts=False)
        reach_s3_by(stuck, settings)
        with subprocess.Popen([sys.executable, "-c", BRING, *arguments]) as process:
            assert eventually(lambda: stuck.passed >= size // 2, within=60)
            process.kill()
        stuck.close()
        assert arrived() == 0
        again = Network(s3.meta.endpoint_url, lets_through=10 * size)
        reach_s3_by(again, settings)
        with closing(Outbox(tmp_path / "outbox.sqlite3", 100_000_000)) as reopened:
            assert reopened.messages == 1
            assert uploader(live_server.url, reopened, token).step()
            assert (reopened.messages, reopened.dropped) == (0, 0)
        check_capture(seattle01)
        again.close()


def test_a_token_that_was_ended_loses_no_picture(
    live_server: LiveServer, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    put_photograph(outbox)
    assert not uploader(live_server.url, outbox, "ended").step()
    assert "it answered 401 Unauthorized" in caplog.text
    assert (outbox.messages, outbox.dropped) == (1, 0)
