"""What a box makes of the platform's answer, and of platforms that answer something else."""

import http.server
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent import config
from edge_agent.delivery.platform_client import PlatformClient, PlatformError
from edge_agent.delivery.temperature import processor_temperature
from edge_agent.setup.claiming import ClaimError, claim

ANSWER: dict[str, Any] = {
    "thing": "front-desk-abcde",
    "config": {"mqtt_url": "mqtt://front-desk-abcde:p%22w@127.0.0.1:1", "source": 'rtsp://u:"\\é@10.0.0.4/1'},
    "device_token": "token",
    "mqtt_ca": "",
}


@contextmanager
def server(status: int, body: bytes, kind: str = "application/json") -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "http://192.0.2.1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.setup.claiming.fetch_models", lambda folder: None)


def claimed(folder: Path, answer: dict[str, Any] = ANSWER) -> Path:
    with server(201, json.dumps(answer).encode()) as address:
        return claim(address, "AAAA-BBBB-CCCC", folder=folder / "etc", state=folder / "state")


def test_the_agent_reads_what_the_box_has_written(tmp_path: Path) -> None:
    path = claimed(tmp_path)
    written = config.load(path, {})
    assert written.source == ANSWER["config"]["source"]
    assert written.broker.password == 'p"w'
    assert written.outbox == tmp_path / "state" / "outbox.sqlite3"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_settings_that_somebody_has_written_on_the_box_are_kept(tmp_path: Path) -> None:
    path = claimed(tmp_path)
    path.write_text(path.read_text() + 'cadence = 5\ndetectors = ["faces"]\n')
    without_source = {**ANSWER, "config": {"mqtt_url": ANSWER["config"]["mqtt_url"]}}
    written = config.load(claimed(tmp_path, without_source), {})
    assert (written.cadence, written.detectors) == (5.0, ("faces",))
    assert written.source == ANSWER["config"]["source"]


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (400, b'{"detail": "x", "errors": {"code": ["This code was used."]}}', "This code was used."),
        (502, b"<html>", "answered 502 Bad Gateway"),
        (302, b"", "answered 302 Found"),
        (201, b"<html>", "something else than JSON"),
        (201, b'{"thing": 1}', "this agent cannot read"),
    ],
)
def test_another_answer_is_told_in_one_sentence(tmp_path: Path, status: int, body: bytes, sentence: str) -> None:
    with server(status, body) as address, pytest.raises(ClaimError, match=sentence):
        claim(address, "AAAA-BBBB-CCCC", folder=tmp_path / "etc", state=tmp_path / "state")


def test_a_platform_without_tls_gets_no_code(tmp_path: Path) -> None:
    with pytest.raises(ClaimError, match="must begin with https"):
        claim("http://headcount.example", "AAAA-BBBB-CCCC", folder=tmp_path, state=tmp_path)


def test_the_device_token_goes_to_the_platform_alone() -> None:
    client = PlatformClient("https://headcount.example", "token")
    with pytest.raises(PlatformError, match="is not an address of the platform"):
        client.download("https://elsewhere.example/model", Path("/dev/null"))


def test_the_warmest_zone_is_the_temperature(tmp_path: Path) -> None:
    for number, text in enumerate(["41500\n", "67250\n", "broken", "999999999"]):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(text)
    assert processor_temperature(tmp_path) == 67.25
    assert processor_temperature(tmp_path / "nothing") is None
