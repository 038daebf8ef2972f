"""Amazon Rekognition that is asked too fast or is away: the real client against a service on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from faces.models import RecogniserMonth
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.recognisers.rekognition import Rekognition
from tests.faces import scenes
from tests.programs.brokers import free_port

JPEG = scenes.jpeg(scenes.portrait())


class Service(BaseHTTPRequestHandler):
    """Answers as Rekognition does when it is asked too fast: so often with an error, then with an answer."""

    errors: ClassVar[list[str]] = []
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.asked.append(operation)
        code = self.errors.pop(0) if self.errors else ""
        found: dict[str, list[Any]] = {"Labels": []} if operation == "DetectLabels" else {"FaceDetails": []}
        answer = json.dumps({"__type": code, "message": "Slow down."} if code else found).encode()
        self.send_response(400 if code else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def over_http(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Rekognition, list[float]]]:
    """The real client against a service on loopback, and for how long it waited between its tries."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    monkeypatch.setattr(Service, "errors", [])
    monkeypatch.setattr(Service, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in (("ACCESS_KEY_ID", "none"), ("SECRET_ACCESS_KEY", "none"), ("DEFAULT_REGION", "us-west-2")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", f"http://127.0.0.1:{server.server_port}")
    yield Rekognition.from_environment(), waited
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
class TestBackOff:
    @pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
    def test_a_throttled_call_is_retried_with_growing_pauses(
        self, over_http: tuple[Rekognition, list[float]], code: str
    ) -> None:
        rekognition, waited = over_http
        Service.errors += [code] * 3
        assert rekognition.detect(JPEG).faces == ()
        assert Service.asked == ["DetectLabels"] * 4 + ["DetectFaces"]
        assert len(waited) == 3
        assert all(0 <= seconds <= 2**number for number, seconds in enumerate(waited)), "twice as long each time"
        assert RecogniserMonth.objects.get().calls == 2, "a try that was refused costs nothing"

    def test_after_the_last_try_the_capture_is_tried_later(self, over_http: tuple[Rekognition, list[float]]) -> None:
        rekognition, _ = over_http
        Service.errors += ["ThrottlingException"] * 4
        with pytest.raises(RecogniserUnavailable, match=r"Slow down.*request more transactions per second"):
            rekognition.detect(JPEG)

    def test_a_service_that_cannot_be_reached_is_away(
        self, over_http: tuple[Rekognition, list[float]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(RecogniserUnavailable, match="cannot be reached"):
            Rekognition.from_environment().detect(JPEG)
