import http.client
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from skimage import data

from edge_agent.cameras.sources import LiveSource
from edge_agent.pictures.encoding import Picture
from edge_agent.stream.server import MAX_VIEWERS, StreamError, StreamServer
from tests.programs.brokers import free_port
from tests.programs.waiting import PATIENCE_S, eventually

LOOPBACK = "127.0.0.1"


@pytest.fixture
def stream() -> Iterator[StreamServer]:
    served = StreamServer(LOOPBACK, free_port())
    yield served
    served.close()


def coffee() -> Picture:
    return np.asarray(data.coffee(), np.uint8)


def ask(stream: StreamServer, path: str, host: str | None = None, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(LOOPBACK, stream.port, timeout=PATIENCE_S)
    connection.request(method, path, headers={"Host": host} if host else {})
    return connection.getresponse()


def first_picture(answer: http.client.HTTPResponse) -> Picture:
    """The next part of a multipart answer, decoded."""
    length = 0
    while line := answer.readline().strip() or not length:
        if isinstance(line, bytes) and line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    jpeg = np.frombuffer(answer.read(length), np.uint8)
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB), np.uint8)


def difference(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_a_player_may_ask_first_what_it_would_get(stream: StreamServer) -> None:
    for path, kind in (("/", "multipart/x-mixed-replace"), ("/picture.jpg", "image/jpeg")):
        answer = ask(stream, path, method="HEAD")
        assert (answer.status, answer.read()) == (200, b"")
        assert answer.getheader("Content-Type", "").startswith(kind)
    assert ask(stream, "/nothing", method="HEAD").status == 404
    assert not stream.has_viewers


def test_a_viewer_sees_each_new_picture(stream: StreamServer) -> None:
    assert not stream.has_viewers
    stream.publish(coffee())
    answer = ask(stream, "/")
    assert answer.getheader("Content-Type", "").startswith("multipart/x-mixed-replace")
    assert difference(first_picture(answer), coffee()) < 5
    assert stream.has_viewers
    stream.publish(coffee()[::-1].copy())
    assert eventually(lambda: difference(first_picture(answer), coffee()[::-1]) < 5)


def test_opencv_reads_it_as_a_camera(stream: StreamServer) -> None:
    stream.publish(coffee())
    camera = LiveSource(f"http://{LOOPBACK}:{stream.port}/")

    def is_shown() -> bool:
        stream.publish(coffee())
        return camera.peek() is not None

    assert eventually(is_shown)
    seen = camera.read()
    assert seen is not None
    assert difference(seen, coffee()) < 5
    camera.close()


def test_a_viewer_who_leaves_is_noticed(stream: StreamServer) -> None:
    stream.publish(coffee())
    answer = ask(stream, "/")
    first_picture(answer)
    answer.close()

    def nobody_watches() -> bool:
        stream.publish(coffee())
        return not stream.has_viewers

    assert eventually(nobody_watches)


def test_one_picture_can_be_fetched(stream: StreamServer) -> None:
    stream.publish(coffee())
    answer = ask(stream, "/picture.jpg")
    assert answer.getheader("Cache-Control") == "no-store"
    jpeg = np.frombuffer(answer.read(), np.uint8)
    assert difference(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB), np.uint8), coffee()) < 5


def test_before_the_first_picture_there_is_none(stream: StreamServer) -> None:
    answer = ask(stream, "/picture.jpg")
    assert (answer.status, answer.reason) == (503, "There is no picture yet")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", ""])
def test_a_web_page_whose_domain_resolves_to_this_machine_is_refused(stream: StreamServer, host: str) -> None:
    stream.publish(coffee())
    assert ask(stream, "/", host or "[bad").status == 403
    for name in (f"localhost:{stream.port}", "127.0.0.1", "[::1]:8090"):
        assert ask(stream, "/", name).status == 200


def test_an_unknown_path_is_answered_with_the_known_ones(stream: StreamServer) -> None:
    answer = ask(stream, "/nowhere")
    assert (answer.status, answer.reason) == (404, "Open / for the stream or /picture.jpg for one picture")


def test_viewers_beyond_the_limit_are_refused(stream: StreamServer) -> None:
    stream.publish(coffee())
    watching = [ask(stream, "/") for _ in range(MAX_VIEWERS)]
    assert {answer.status for answer in watching} == {200}
    assert ask(stream, "/").status == 503


def test_a_taken_port_is_one_sentence(stream: StreamServer) -> None:
    with pytest.raises(StreamError, match=rf"no stream on {LOOPBACK}:{stream.port}: Address already in use; change"):
        StreamServer(LOOPBACK, stream.port)


def test_closing_disconnects_the_viewers(stream: StreamServer) -> None:
    stream.publish(coffee())
    answer = ask(stream, "/")
    first_picture(answer)
    stream.close()
    answer.read()  # It ends, while that of an open stream would wait until its timeout.
