"""The annotated pictures as a stream that a browser shows (MJPEG over HTTP)."""

import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from edge_agent.config import is_loopback
from edge_agent.pictures.encoding import Picture

log = logging.getLogger(__name__)

BOUNDARY = "picture"
QUALITY = 80
"""Of the JPEGs; half the bytes of the pictures that are sent to be recognised."""

MOST_WATCHERS = 8
"""Each costs a thread and the bandwidth of a stream."""

PATIENCE_SECONDS = 10.0
"""After so long without reading, a watcher counts as gone."""

STILL_SECONDS = 1.0
"""While there is no new picture, the last one is sent again after this long: so a watcher who has gone is noticed."""


class StreamError(ValueError):
    """One sentence: why nothing can be watched at this address."""


class Stream:
    """Serves the newest picture to whoever watches `http://host:port/`; a still picture is `/picture.jpg`.

    On a loopback address only requests that name one are answered, so that no web page can read the pictures by
    giving itself a name that points here. Raises `StreamError` where the address is taken or is not this machine's.
    """

    def __init__(self, host: str, port: int) -> None:
        self._condition = threading.Condition()
        self._jpeg: bytes | None = None
        self._number = 0
        self._watchers = 0
        self._closed = False
        try:
            self._server = _Server((host, port), _handler(self, is_loopback(host)))
        except OSError as error:
            raise StreamError(
                f"no stream on {host}:{port}: {error.strerror or error}; choose another with stream."
            ) from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="stream", daemon=True).start()

    @property
    def is_watched(self) -> bool:
        """Whether pictures are wanted; while nobody watches, drawing and encoding them would be a waste."""
        return self._watchers > 0

    def show(self, rgb: Picture) -> None:
        """Make this (RGB, height × width × 3) the newest picture."""
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()
        with self._condition:
            self._jpeg, self._number = jpeg, self._number + 1
            self._condition.notify_all()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def enter(self) -> bool:
        """Count one more watcher; False where there are too many."""
        with self._condition:
            if self._watchers >= MOST_WATCHERS:
                return False
            self._watchers += 1
            return True

    def leave(self) -> None:
        with self._condition:
            self._watchers -= 1

    def after(self, number: int) -> tuple[int, bytes | None]:
        """The first picture with another number than this one and its number, or the same again after a while.

        None once the stream is closed, or while there is no picture at all.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._number != number, STILL_SECONDS)
            return self._number, None if self._closed else self._jpeg

    @property
    def is_closed(self) -> bool:
        return self._closed


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler(stream: Stream, only_loopback: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_SECONDS

        def do_GET(self) -> None:
            answers = {"/": self._send_stream, "/picture.jpg": self._send_picture}
            if only_loopback and not is_loopback(_name_in(self.headers.get("Host", ""))):
                self.send_error(HTTPStatus.FORBIDDEN, "This stream is for this machine only")
            elif self.path not in answers:
                self.send_error(HTTPStatus.NOT_FOUND, "There is / with the stream and /picture.jpg")
            elif not stream.enter():
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_WATCHERS} are watching already")
            else:
                try:
                    answers[self.path]()
                except OSError as error:
                    log.debug("a watcher left: %s", error)
                finally:
                    stream.leave()

        def log_message(self, format: str, *values: object) -> None:
            log.debug(format, *values)

        def _send_stream(self) -> None:
            self._send_head(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            number = -1
            while not stream.is_closed:
                number, jpeg = stream.after(number)
                if jpeg is not None:
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")

        def _send_picture(self) -> None:
            # The one shown last may be old: pictures are drawn only while somebody watches.
            number, _ = stream.after(-1)
            _, jpeg = stream.after(number)
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

    return Handler


def _name_in(host_header: str) -> str:
    """The host's name without its port; brackets of an IPv6 address removed."""
    name, bracket, _ = host_header.removeprefix("[").partition("]")
    return name if bracket else host_header.partition(":")[0]
