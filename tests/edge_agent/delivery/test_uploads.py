import base64
import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from edge_agent.config import AgentConfig, ConfigError, load
from edge_agent.delivery import uploads
from edge_agent.delivery.outbox import UPLOAD, Message, Outbox
from edge_agent.delivery.uploads import MAX_UPLOAD_BYTES, Uploader, as_upload
from edge_agent.messages import MAX_PICTURE_BYTES
from edge_agent.pictures.encoding import images
from tests.brokers import free_port
from tests.edge_agent.platforms import eventually

TOKEN = "a token"


class Server:
    """Takes uploads in one piece, and answers announcements with the statuses it was given before that."""

    def __init__(self, port: int) -> None:
        self.answers: list[int] = []
        self.url = ""
        self.announced: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.port, self.forgets = port, False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                picture = json.loads(self.body())
                outer.announced.append(picture)
                if outer.answers:
                    self.answer(outer.answers.pop(0), b"because")
                elif not outer.forgets and outer.has(picture):
                    self.answer(201, b'{"taken_in": true}')
                else:
                    step = {"taken_in": False, "url": outer.url or "/the/picture", "headers": {"Upload-Offset": "0"}}
                    self.answer(200, json.dumps(step).encode())

            def do_PATCH(self) -> None:
                outer.taken.append(outer.announced[-1] | {"jpeg": self.body(), "path": self.path})
                self.answer(204, b"")

            def body(self) -> bytes:
                outer.tokens.add(self.headers["Authorization"])
                return self.rfile.read(int(self.headers["Content-Length"]))

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def has(self, picture: dict[str, Any]) -> bool:
        """Whether these bytes came for this announcement."""
        here = [(hashlib.sha256(each["jpeg"]).hexdigest(), each["taken_at"]) for each in self.taken]
        return (picture["sha256"], picture["taken_at"]) in here

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def uploader(outbox: Outbox, port: int) -> Uploader:
    url = f"http://127.0.0.1:{port}/api/v1/captures/"
    return Uploader(AgentConfig(thing="t", mqtt_url="mqtt://t", upload_url=url, device_token=TOKEN), outbox)


@pytest.fixture
def server(port: int) -> Iterator[Server]:
    serving = Server(port)
    yield serving
    serving.stop()


def photograph(taken_at: int = 17_000) -> Message:
    """A real photograph, too large for a message."""
    rgb = np.kron(np.asarray(data.coffee(), np.uint8), np.ones((2, 2, 1), np.uint8))
    (image,) = images(rgb, (), taken_at=taken_at, shows="frame", crop_margin=0.6, limit=MAX_UPLOAD_BYTES)
    assert len(base64.b64decode(image.image_string)) > MAX_PICTURE_BYTES
    return as_upload(image)


def test_a_large_picture_goes_whole_and_leaves_the_outbox_once_it_is_committed(
    outbox: Outbox, uploader: Uploader, server: Server
) -> None:
    assert outbox.put(photograph())
    assert outbox.pending(10) == []
    assert uploader.step()
    (taken,) = server.taken
    assert (taken["taken_at"], taken["shows"], taken["faces"]) == ("1970-01-01T00:00:17Z", "frame", [])
    assert taken["area"][:2] == [0, 0]
    assert taken["path"] == "/the/picture"
    assert taken["size"] == len(taken["jpeg"]) > MAX_PICTURE_BYTES
    assert server.tokens == {f"Device {TOKEN}"}
    assert (outbox.messages, outbox.dropped) == (0, 0)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503, 302])
def test_what_was_not_committed_is_kept_and_tried_again(
    outbox: Outbox, uploader: Uploader, server: Server, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(photograph())
    server.answers = [status, status]
    assert not uploader.step()
    assert not uploader.step()
    assert outbox.messages == 1
    assert caplog.text.count(f"it answered {status}") == 1
    assert TOKEN not in caplog.text
    assert uploader.step()
    assert outbox.messages == 0


def test_what_will_never_be_taken_is_dropped_counted_and_said(
    outbox: Outbox, uploader: Uploader, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(photograph())
    server.answers = [400]
    assert uploader.step()
    assert (outbox.messages, outbox.dropped) == (0, 1)
    assert "refused a picture for good, and it is dropped: 400, because" in caplog.text


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("file:///etc/passwd", "an address that is not one of the web"), ("http://127.0.0.1:1/", "Connection refused")],
)
def test_a_picture_goes_only_where_pictures_can_go(
    outbox: Outbox, uploader: Uploader, server: Server, caplog: pytest.LogCaptureFixture, url: str, sentence: str
) -> None:
    outbox.put(photograph())
    server.url = url
    assert not uploader.step()
    assert sentence in caplog.text
    assert outbox.messages == 1


def test_the_token_stays_with_the_platform(outbox: Outbox, uploader: Uploader, server: Server, port: int) -> None:
    bucket = Server(free_port())
    outbox.put(photograph())
    server.url = f"http://127.0.0.1:{bucket.port}/bucket/picture?signature"
    bucket.announced = server.announced
    bucket.taken = server.taken
    assert uploader.step()
    bucket.stop()
    assert server.taken[0]["path"] == "/bucket/picture?signature"
    assert (bucket.tokens, server.tokens) == ({None}, {f"Device {TOKEN}"})


def test_a_platform_that_is_never_content_is_asked_later(
    outbox: Outbox, uploader: Uploader, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(photograph())
    server.forgets = True
    assert not uploader.step()
    assert "again and again" in caplog.text
    server.forgets = False
    assert uploader.step()
    assert (outbox.messages, outbox.dropped) == (0, 0)


def test_what_an_earlier_version_left_in_the_outbox_is_sent(outbox: Outbox, uploader: Uploader, server: Server) -> None:
    picture = base64.b64encode(b"\xff\xd8\xff and so on").decode()
    old = {"taken_at": "2026-11-20T10:00:00+00:00", "shows": "crop", "image_string": picture}
    outbox.put(Message("old", UPLOAD, json.dumps(old).encode()))
    assert uploader.step()
    assert outbox.messages == 0
    assert server.taken[0]["jpeg"] == b"\xff\xd8\xff and so on"


def test_a_server_that_comes_later_gets_the_newest_first(
    outbox: Outbox, uploader: Uploader, port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(uploads, "LOOK_SECONDS", 0.01)
    for taken_at in (1_000, 2_000, 3_000):
        outbox.put(photograph(taken_at))
    uploader.start()
    assert eventually(lambda: "Connection refused" in caplog.text)
    server = Server(port)
    assert eventually(lambda: outbox.messages == 0)
    uploader.stop(5)
    server.stop()
    assert [taken["taken_at"][-3:-1] for taken in server.taken] == ["03", "02", "01"]


def test_uploads_are_the_first_to_go_from_a_full_outbox(tmp_path: Path) -> None:
    large = photograph()
    box = Outbox(tmp_path / "small.sqlite3", 2 * len(large.payload))
    assert box.put(large)
    assert box.put(Message("frames", "frames", b"x" * len(large.payload)))
    assert [message.kind for message in box.pending(10)] == ["frames"]
    assert box.pending(10, uploads=True) == []
    assert box.dropped == 1
    box.close()
    assert large.kind == UPLOAD


@pytest.mark.parametrize(
    ("upload_url", "sentence"),
    [
        ("http://platform.example/api/v1/captures/", "since a token goes there"),
        ("captures", "upload_url is wrong"),
        (None, "belong together"),
    ],
)
def test_a_token_goes_over_tls_only(upload_url: str | None, sentence: str) -> None:
    smallest = {"HEADCOUNT_THING": "t", "HEADCOUNT_MQTT_URL": "mqtt://t", "HEADCOUNT_DEVICE_TOKEN": TOKEN}
    with pytest.raises(ConfigError, match=sentence):
        load(None, smallest | ({"HEADCOUNT_UPLOAD_URL": upload_url} if upload_url else {}))
