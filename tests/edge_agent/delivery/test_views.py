"""What a box tells the platform over HTTPS about its troubles, after the platform wants no more views."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from edge_agent.config import AgentConfig
from edge_agent.delivery.views import ViewSender

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def told() -> Iterator[tuple[str, list[str]]]:
    """The address of a platform that wants no views, and the troubles that it is told."""
    troubles: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            troubles.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["trouble"])
            body = b'{"wants_views": false}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", troubles
        running.shutdown()
        thread.join()


def steps(address: str, troubles: list[str]) -> None:
    """Have a box with these troubles, one after the other, tell what is wrong."""
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", platform_url=address, device_token="token")
    left = iter(troubles)
    sender = ViewSender(config, lambda: next(left))
    for _ in troubles:
        sender.step()


def test_a_trouble_that_is_over_is_told_to_be_over(told: tuple[str, list[str]]) -> None:
    address, troubles = told
    steps(address, ["no picture", "no picture", "no broker", ""])
    assert troubles == ["no picture", "no broker", ""]


def test_a_box_without_trouble_tells_it_once(told: tuple[str, list[str]]) -> None:
    address, troubles = told
    steps(address, ["", "", ""])
    assert troubles == [""]
