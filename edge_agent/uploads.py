"""Pictures that are larger than a message may be: they go to the platform over HTTPS, out of the same outbox."""

import datetime as dt
import http.client
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import msgspec

from edge_agent.config import AgentConfig
from edge_agent.messages import Image
from edge_agent.outbox import UPLOAD, Message, Outbox

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 5 * 1024 * 1024
"""The largest picture that the platform and Amazon Rekognition take."""

TIMEOUT_SECONDS = 30.0
LOOK_SECONDS = 0.5
LONGEST_PAUSE = 300.0
"""Between two tries that fail; the pauses begin at one second and double."""

FOR_EVER = frozenset({400, 413, 415, 422})
"""HTTP statuses that say that this picture will never be taken, whenever it is sent."""


def as_upload(image: Image) -> Message:
    """The same picture as the body of the request that uploads it."""
    taken_at = dt.datetime.fromtimestamp(image.taken_at / 1000, dt.UTC).isoformat()
    body = {"taken_at": taken_at, "shows": image.shows, "image_string": image.image_string}
    return Message(image.id, UPLOAD, msgspec.json.encode(body))


class Uploader:
    """Sends the outbox's uploads, the newest first, each until the platform has committed it; a thread of its own.

    A transfer that breaks is made again from its beginning, also after a restart; the platform knows the picture again.
    """

    def __init__(self, config: AgentConfig, outbox: Outbox) -> None:
        self._url, self._token = config.upload_url or "", config.device_token or ""
        self._outbox = outbox
        self._stop = threading.Event()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._complained = ""
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let the transfer that runs end within these seconds; a longer one is made again at the next start."""
        self._stop.set()
        self._thread.join(timeout)

    def step(self) -> bool:
        """Send the newest picture, if there is one; False where it has to be tried again."""
        for message in self._outbox.pending(1, uploads=True):
            try:
                self._send(message)
            except urllib.error.HTTPError as error:
                return self._refused(message, error)
            except (OSError, http.client.HTTPException) as error:
                return self._complain(f"{getattr(error, 'reason', error)}")
            self._complained = ""
            self._outbox.forget([message.id])
        return True

    def _run(self) -> None:
        pauses = _pauses()
        while not self._stop.is_set():
            try:
                done = self.step()
            except Exception:
                log.exception("uploading failed; it goes on")
                done = False
            if done:
                pauses = _pauses()
            self._stop.wait(LOOK_SECONDS if done else next(pauses))

    def _send(self, message: Message) -> None:
        headers = {"Authorization": f"Device {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, message.payload, headers, method="POST")  # noqa: S310
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            if answer.status != http.HTTPStatus.CREATED:
                raise http.client.HTTPException(f"it answered {answer.status} instead of 201")

    def _refused(self, message: Message, error: urllib.error.HTTPError) -> bool:
        if error.code not in FOR_EVER:
            return self._complain(f"it answered {error.code} {error.reason}")
        said = error.read(500).decode("utf-8", "replace")
        log.error("the platform refused a picture for good (%d), and it is dropped: %s", error.code, said)
        self._outbox.drop(message)
        return True

    def _complain(self, reason: str) -> bool:
        if reason != self._complained:
            self._complained = reason
            log.warning(
                "pictures cannot be uploaded to %s: %s; they are kept, and it is tried again", self._url, reason
            )
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and carry the token to another place."""

    def redirect_request(self, *_: object) -> None:
        return None


def _pauses() -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
