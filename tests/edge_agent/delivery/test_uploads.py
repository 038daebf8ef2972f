import base64
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
from tests.programs.brokers import free_port
from tests.programs.waiting import eventually

TOKEN = "a token"


class Server:
    """Takes pictures, and answers the first requests with the statuses that it was given before that."""

    def __init__(self, port: int) -> None:
        self.answers: list[int] = []
        self.answers_in = "application/problem+json"
        self.requests: list[tuple[str, str | None, str | None]] = []
        """Path, token and content type of each."""
        self.taken: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, self.headers["Authorization"], self.headers["Content-Type"]))
                status = outer.answers.pop(0) if outer.answers else 201
                if status == 201:
                    outer.taken.append(json.loads(body))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Type", outer.answers_in)
                self.send_header("Content-Length", "7")
                self.end_headers()
                self.wfile.write(b"because")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

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
    rgb = np.repeat(np.repeat(np.asarray(data.coffee(), np.uint8), 2, axis=0), 2, axis=1)
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
    assert (taken["taken_at"], taken["shows"], taken["area"][:2]) == ("1970-01-01T00:00:17Z", "frame", [0, 0])
    assert len(base64.b64decode(taken["image_string"])) > MAX_PICTURE_BYTES
    assert server.requests == [("/api/v1/captures/", f"Device {TOKEN}", "application/json")]
    assert (outbox.messages, outbox.dropped) == (0, 0)


@pytest.mark.parametrize("status", [200, 202, 401, 403, 404, 429, 500, 503, 302, 307])
def test_what_was_not_committed_is_kept_and_tried_again(
    outbox: Outbox, uploader: Uploader, server: Server, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(photograph())
    server.answers = [status, status]
    assert not uploader.step()
    assert not uploader.step()
    assert outbox.messages == 1
    assert {path for path, _, _ in server.requests} == {"/api/v1/captures/"}
    assert caplog.text.count(f"it answered {status}") == 1
    assert TOKEN not in caplog.text
    assert uploader.step()
    assert outbox.messages == 0


@pytest.mark.parametrize("status", [400, 413, 415])
def test_what_will_never_be_taken_is_dropped_counted_and_said(
    outbox: Outbox, uploader: Uploader, server: Server, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(photograph())
    server.answers = [status]
    assert uploader.step()
    assert (outbox.messages, outbox.dropped) == (0, 1)
    assert f"refused a picture for good, and it is dropped: {status}, because" in caplog.text


@pytest.mark.parametrize("status", [400, 413, 415])
def test_a_refusal_that_is_not_the_platforms_own_word_drops_nothing(
    outbox: Outbox, uploader: Uploader, server: Server, status: int
) -> None:
    outbox.put(photograph())
    server.answers, server.answers_in = [status], "text/html"
    assert not uploader.step()
    assert (outbox.messages, outbox.dropped) == (1, 0)


def test_what_an_earlier_version_left_in_the_outbox_is_sent(outbox: Outbox, uploader: Uploader, server: Server) -> None:
    picture = base64.b64encode(b"\xff\xd8\xff and so on").decode()
    old = {"taken_at": "2026-11-20T10:00:00+00:00", "shows": "crop", "image_string": picture}
    outbox.put(Message("old", UPLOAD, json.dumps(old).encode()))
    assert uploader.step()
    assert outbox.messages == 0
    assert server.taken == [old]


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
        ("http://platform.example/api/v1/captures/", "because the device token is sent there"),
        ("captures", "upload_url is wrong"),
        (None, "belong together"),
    ],
)
def test_a_token_goes_over_tls_only(upload_url: str | None, sentence: str) -> None:
    smallest = {"HEADCOUNT_THING": "t", "HEADCOUNT_MQTT_URL": "mqtt://t", "HEADCOUNT_DEVICE_TOKEN": TOKEN}
    with pytest.raises(ConfigError, match=sentence):
        load(None, smallest | ({"HEADCOUNT_UPLOAD_URL": upload_url} if upload_url else {}))
