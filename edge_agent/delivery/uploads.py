"""Pictures that are larger than a message may be: they go to the platform over HTTPS, out of the same outbox.

Nothing of a transfer is remembered here. The picture is announced, and the platform says what it still needs: the bytes
from some offset on, all of them to an address in a bucket, or nothing any more. So a transfer goes on where it broke,
also after a restart.
"""

import base64
import datetime as dt
import hashlib
import http.client
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urljoin, urlsplit

import msgspec

from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import UPLOAD, Message, Outbox
from edge_agent.messages import Box, Face, Image

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 5 * 1024 * 1024
"""The largest picture that the platform and Amazon Rekognition take."""

TIMEOUT_SECONDS = 30.0
LOOK_SECONDS = 0.5
LONGEST_PAUSE = 300.0
"""Between two tries that fail; the pauses begin at one second and double."""

FOR_EVER = frozenset({400, 413, 415, 422})
"""HTTP statuses of an announcement that say that this picture will never be taken, whenever it is sent."""

MOST_STEPS = 4
"""Steps of one picture that the platform may ask for at once; more of them, and something is not as it should be."""

SENTENCE_BYTES = 500
"""Of an answer that says why not."""

MAX_ANSWER_BYTES = 64 * 1024


class _Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """An upload as it waits in the outbox."""

    taken_at: dt.datetime
    shows: Literal["frame", "crop"]
    image_string: str
    faces: tuple[Face, ...] = ()
    area: Box | None = None


class _Step(msgspec.Struct, frozen=True):
    """What the platform answers to an announcement."""

    taken_in: bool
    method: Literal["PATCH", "PUT"] = "PATCH"
    url: str = ""
    headers: dict[str, str] = {}
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


def as_upload(image: Image) -> Message:
    """The same picture as it waits to be uploaded."""
    taken_at = dt.datetime.fromtimestamp(image.taken_at / 1000, dt.UTC)
    waiting = _Waiting(taken_at, image.shows, image.image_string, image.faces, image.area)
    return Message(image.id, UPLOAD, msgspec.json.encode(waiting))


class Uploader:
    """Sends the outbox's uploads, the newest first, each until the platform has committed it; a thread of its own."""

    def __init__(self, config: AgentConfig, outbox: Outbox) -> None:
        self._url, self._token = f"{(config.upload_url or '').rstrip('/')}/uploads/", config.device_token or ""
        self._outbox = outbox
        self._stop = threading.Event()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._complained = ""
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let the transfer that runs end within these seconds; a longer one goes on at the next start."""
        self._stop.set()
        self._thread.join(timeout)

    def step(self) -> bool:
        """Bring the newest picture, if there is one; False where it has to be tried again."""
        for message in self._outbox.pending(1, uploads=True):
            try:
                self._bring(msgspec.json.decode(message.payload, type=_Waiting))
            except _Refused as refusal:
                log.error("the platform refused a picture for good, and it is dropped: %s", refusal)
                self._outbox.drop(message)
            except urllib.error.HTTPError as error:
                return self._complain(f"it answered {error.code} {error.reason}")
            except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
                return self._complain(f"{getattr(error, 'reason', error)}")
            else:
                self._outbox.forget([message.id])
            self._complained = ""
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

    def _bring(self, waiting: _Waiting) -> None:
        """Do what the platform asks for until it has the picture."""
        jpeg = base64.b64decode(waiting.image_string)
        for _ in range(MOST_STEPS):
            step = self._announce(waiting, jpeg)
            if step.taken_in:
                return
            self._send(step, jpeg)
        raise http.client.HTTPException("it asks for the same picture again and again")

    def _announce(self, waiting: _Waiting, jpeg: bytes) -> _Step:
        picture = {
            "size": len(jpeg),
            "sha256": hashlib.sha256(jpeg).hexdigest(),
            "taken_at": waiting.taken_at,
            "shows": waiting.shows,
            "faces": waiting.faces,
            "area": waiting.area,
        }
        try:
            answer = self._request(
                "POST", self._url, msgspec.json.encode(picture), {"Content-Type": "application/json"}
            )
        except urllib.error.HTTPError as error:
            if error.code in FOR_EVER:
                raise _Refused(f"{error.code}, {error.read(SENTENCE_BYTES).decode('utf-8', 'replace')}") from None
            raise
        return msgspec.json.decode(answer, type=_Step)

    def _send(self, step: _Step, jpeg: bytes) -> None:
        url = urljoin(self._url, step.url)
        if urlsplit(url).scheme not in ("http", "https"):
            raise http.client.HTTPException("it names an address that is not one of the web")
        try:
            self._request(step.method, url, jpeg[step.offset :], step.headers)
        except urllib.error.HTTPError as error:
            # Somebody else's bytes, or our own of a connection that broke, are there by now: the next answer says so.
            if error.code != http.HTTPStatus.CONFLICT:
                raise

    def _request(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
        # The token is for the platform alone: a bucket has its own signature.
        own = {"Authorization": f"Device {self._token}"} if _origin(url) == _origin(self._url) else {}
        request = urllib.request.Request(url, body, headers | own, method=method)  # noqa: S310
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return bytes(answer.read(MAX_ANSWER_BYTES))

    def _complain(self, reason: str) -> bool:
        if reason != self._complained:
            self._complained = reason
            log.warning(
                "pictures cannot be uploaded to %s: %s; they are kept, and it is tried again", self._url, reason
            )
        return False


class _Refused(Exception):
    """The platform will never take this picture."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and carry the token to another place."""

    def redirect_request(self, *_: object) -> None:
        return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _pauses() -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
