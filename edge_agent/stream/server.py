"""Serves the annotated pictures as MJPEG over HTTP, which a browser shows as a video."""

import logging
import threading
from collections.abc import Container
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from edge_agent.config import is_loopback
from edge_agent.pictures.encoding import Picture

log = logging.getLogger(__name__)

BOUNDARY = "picture"
QUALITY = 80
"""JPEG quality; a picture takes half the bytes of one that is sent to the platform."""

MAX_VIEWERS = 8
"""Each viewer costs a thread and the bandwidth of a stream."""

VIEWER_TIMEOUT_SECONDS = 10.0
"""A viewer who has read nothing for so long is disconnected."""

REPEAT_SECONDS = 1.0
"""Without a new picture the last one is sent again after this time, so that a viewer who has left is noticed."""


class StreamError(ValueError):
    """The stream cannot be served at this address; the message is one sentence."""


class StreamServer:
    """Serves the stream at `http://host:port/` and the newest picture at `/picture.jpg`.

    On a loopback address, requests whose Host header is no loopback name are refused. Otherwise a web page could read
    the pictures through a domain name that resolves to this machine (DNS rebinding). Raises `StreamError` where the
    address is taken or does not belong to this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        self._condition = threading.Condition()
        self._jpeg: bytes | None = None
        self._number = 0
        self._viewers = 0
        self._closed = False
        try:
            self._server = _Server((host, port), self, is_loopback(host))
        except OSError as error:
            raise StreamError(
                f"no stream on {host}:{port}: {error.strerror or error}; change the setting stream."
            ) from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="stream", daemon=True).start()

    @property
    def has_viewers(self) -> bool:
        """Whether pictures are needed; without viewers, drawing and encoding them would be a waste."""
        return self._viewers > 0

    def publish(self, rgb: Picture) -> None:
        """Send this picture (RGB, height × width × 3) to the viewers."""
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()
        with self._condition:
            self._jpeg, self._number = jpeg, self._number + 1
            self._condition.notify_all()

    def close(self) -> None:
        """Disconnect the viewers and free the address."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def add_viewer(self) -> bool:
        """Count one more viewer; returns False where there are `MAX_VIEWERS` already."""
        with self._condition:
            if self._viewers >= MAX_VIEWERS:
                return False
            self._viewers += 1
            return True

    def remove_viewer(self) -> None:
        with self._condition:
            self._viewers -= 1

    def wait_for_picture(self, after: int) -> tuple[int, bytes | None]:
        """Wait for another picture than number `after`; returns the newest picture's number and JPEG.

        Returns the same picture again after `REPEAT_SECONDS`. The JPEG is None once the stream is closed, and before
        the first picture.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._number != after, REPEAT_SECONDS)
            return self._number, None if self._closed else self._jpeg

    @property
    def is_closed(self) -> bool:
        return self._closed


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], stream: StreamServer, only_loopback: bool) -> None:
        self.stream, self.only_loopback = stream, only_loopback
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers one viewer, or one program, that has connected."""

    server: "_Server"
    timeout = VIEWER_TIMEOUT_SECONDS

    def do_HEAD(self) -> None:
        """Respond as to GET without a body: players and proxies ask so before they open a stream."""
        kinds = {"/": f"multipart/x-mixed-replace; boundary={BOUNDARY}", "/picture.jpg": "image/jpeg"}
        if self._is_answered(kinds):
            self._send_head(kinds[self.path])

    def do_GET(self) -> None:
        responses = {"/": self._send_stream, "/picture.jpg": self._send_picture}
        if not self._is_answered(responses):
            return
        if not self.server.stream.add_viewer():
            self.send_error(
                HTTPStatus.SERVICE_UNAVAILABLE, f"The stream has {MAX_VIEWERS} viewers already, and takes no more"
            )
            return
        try:
            responses[self.path]()
        except OSError as error:
            log.debug("a viewer left: %s", error)
        finally:
            self.server.stream.remove_viewer()

    def _is_answered(self, paths: Container[str]) -> bool:
        """Whether this host may ask for this path; otherwise the error has been sent."""
        if self.server.only_loopback and not is_loopback(_name_in(self.headers.get("Host", ""))):
            self.send_error(HTTPStatus.FORBIDDEN, "This stream is for this machine only")
            return False
        if self.path not in paths:
            self.send_error(HTTPStatus.NOT_FOUND, "Open / for the stream or /picture.jpg for one picture")
            return False
        return True

    def log_message(self, format: str, *values: object) -> None:
        log.debug(format, *values)

    def _send_stream(self) -> None:
        self._send_head(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        number = -1
        while not self.server.stream.is_closed:
            number, jpeg = self.server.stream.wait_for_picture(number)
            if jpeg is not None:
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

    def _send_picture(self) -> None:
        # The newest picture may be old, since none is drawn without viewers: wait for the next one.
        number, _ = self.server.stream.wait_for_picture(-1)
        _, jpeg = self.server.stream.wait_for_picture(number)
        if jpeg is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "There is no picture yet")
            return
        self._send_head("image/jpeg", len(jpeg))
        self.wfile.write(jpeg)

    def _send_head(self, kind: str, length: int | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()


def _name_in(host_header: str) -> str:
    """Return the host of a Host header, without its port and without the brackets of an IPv6 address."""
    name, bracket, _ = host_header.removeprefix("[").partition("]")
    return name if bracket else host_header.partition(":")[0]
