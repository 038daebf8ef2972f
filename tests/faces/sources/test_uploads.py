"""An agent's large pictures, over HTTP into the real platform, through a network that breaks."""

import base64
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
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from skimage import data

from devices.models import Device
from devices.services import issue_device_token
from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import Outbox
from edge_agent.delivery.uploads import MAX_UPLOAD_BYTES, Uploader, as_upload
from edge_agent.messages import Image
from edge_agent.pictures.encoding import images
from faces.models import Capture
from faces.pictures import storage
from tests.programs.buckets import BUCKET, pictures_on_s3
from tests.programs.waiting import eventually
from tests.world import places

pytestmark = pytest.mark.django_db(transaction=True)

TAKEN_AT = 1_700_000_000_123
RGB = np.repeat(np.repeat(np.asarray(data.coffee(), np.uint8), 2, axis=0), 2, axis=1)


class Network:
    """A way to a server that lets so many bytes through, on each connection, and then cuts it; or stands still.

    Where it lets nothing back, it cuts the connection in place of the answer.
    """

    def __init__(
        self, server: str, *, lets_through: int = 100_000_000, cuts: bool = True, lets_back: bool = True
    ) -> None:
        self.lets_through, self.passed, self._cuts, self._lets_back = lets_through, 0, cuts, lets_back
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
                threading.Thread(target=self._back, args=(there, here), daemon=True).start()

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

    def _back(self, there: socket.socket, here: socket.socket) -> None:
        with suppress(OSError):
            while some := there.recv(8192):
                if not self._lets_back:
                    here.shutdown(socket.SHUT_RDWR)
                    return
                here.sendall(some)


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


def test_with_a_bucket_it_becomes_the_same_capture_and_only_the_safe_picture_lies_there(
    live_server: LiveServer,
    seattle01: Device,
    outbox: Outbox,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pictures_on_s3(settings, monkeypatch) as s3:
        put_photograph(outbox)
        assert uploader(live_server.url, outbox, issue_device_token(device=seattle01)).step()
        assert (outbox.messages, outbox.dropped) == (0, 0)
        check_capture(seattle01)
        names = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert names == [str(Capture.objects.get().image)]


def test_a_connection_that_is_cut_anywhere_loses_no_picture(
    live_server: LiveServer, seattle01: Device, outbox: Outbox
) -> None:
    size = put_photograph(outbox)
    token = issue_device_token(device=seattle01)
    for lets_through in (0, 100, size // 2, size):
        network = Network(live_server.url, lets_through=lets_through)
        assert not uploader(network.url, outbox, token).step()
        network.close()
        assert (outbox.messages, outbox.dropped) == (1, 0)
        assert not Capture.objects.exists()
    assert uploader(live_server.url, outbox, token).step()
    assert outbox.messages == 0
    check_capture(seattle01)


def test_a_picture_whose_answer_was_lost_goes_again_and_counts_once(
    live_server: LiveServer, seattle01: Device, outbox: Outbox
) -> None:
    put_photograph(outbox)
    token = issue_device_token(device=seattle01)
    network = Network(live_server.url, lets_back=False)
    assert not uploader(network.url, outbox, token).step()
    network.close()
    assert eventually(Capture.objects.exists)
    assert outbox.messages == 1
    assert uploader(live_server.url, outbox, token).step()
    assert outbox.messages == 0
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


def test_after_kill_9_half_way_it_goes_again(
    live_server: LiveServer, seattle01: Device, outbox: Outbox, tmp_path: Path
) -> None:
    size = put_photograph(outbox)
    outbox.close()
    token = issue_device_token(device=seattle01)
    stuck = Network(live_server.url, lets_through=size // 2, cuts=False)
    arguments = [str(tmp_path / "outbox.sqlite3"), f"{stuck.url}/api/v1/captures/", token]
    with subprocess.Popen([sys.executable, "-c", BRING, *arguments]) as process:
        assert eventually(lambda: stuck.passed >= size // 2)
        process.kill()
    with closing(Outbox(tmp_path / "outbox.sqlite3", 100_000_000)) as reopened:
        # The platform does not know yet that nobody is there any more.
        assert uploader(live_server.url, reopened, token).step()
        assert (reopened.messages, reopened.dropped) == (0, 0)
    stuck.close()
    check_capture(seattle01)


def test_an_upload_that_is_not_a_picture_is_refused_for_good(
    live_server: LiveServer, seattle01: Device, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    picture = base64.b64encode(b"\xff\xd8\xff and so on").decode()
    outbox.put(as_upload(Image(id="none", taken_at=TAKEN_AT, image_string=picture)))
    assert uploader(live_server.url, outbox, issue_device_token(device=seattle01)).step()
    assert (outbox.messages, outbox.dropped) == (0, 1)
    assert "neither a JPEG nor a PNG" in caplog.text


def test_a_token_that_was_ended_loses_no_picture(
    live_server: LiveServer, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    put_photograph(outbox)
    assert not uploader(live_server.url, outbox, "ended").step()
    assert "it answered 401 Unauthorized" in caplog.text
    assert (outbox.messages, outbox.dropped) == (1, 0)
