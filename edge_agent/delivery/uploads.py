"""Sends pictures that are too large for a message from the outbox to the platform over HTTPS.

A picture goes whole in one request, which is repeated until the platform responds that the picture is committed. The
platform recognises a picture by its bytes and its time. So a repeated picture is not counted twice, even after a
restart of either side.
"""

import datetime as dt
import http.client
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from typing import Literal

import msgspec

from edge_agent.config import AgentConfig
from edge_agent.delivery.outbox import UPLOAD, Message, Outbox
from edge_agent.messages import Box, Face, Image, Look
from edge_agent.text.plain_words import why_unreached

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 5 * 1024 * 1024
"""The largest picture that the platform and Amazon Rekognition accept."""

TIMEOUT_SECONDS = 30.0
LOOK_SECONDS = 0.5
LONGEST_PAUSE = 300.0
"""Seconds between two failed attempts; the pauses begin at one second and double."""

FOR_EVER = frozenset({400, 413, 415})
"""HTTP statuses with which the platform refuses a picture for good."""

PROBLEM = "application/problem+json"
"""Content type of the API's errors. A proxy's error has another type, and the picture is sent again after it."""

SENTENCE_BYTES = 500
"""Bytes of an error response that are logged."""


class _Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload of an upload, in the outbox and in the request."""

    taken_at: dt.datetime
    shows: Literal["frame", "crop"]
    image_string: str
    faces: tuple[Face, ...] = ()
    area: Box | None = None
    looks: tuple[Look, ...] = ()


def as_upload(image: Image) -> Message:
    """Return the message that holds this picture in the outbox until it is uploaded."""
    taken_at = dt.datetime.fromtimestamp(image.taken_at / 1000, dt.UTC)
    waiting = _Waiting(taken_at, image.shows, image.image_string, image.faces, image.area, image.looks)
    return Message(image.id, UPLOAD, msgspec.json.encode(waiting))


class Uploader:
    """Sends the outbox's uploads, newest first, each until the platform has committed it. It runs its own thread."""

    def __init__(self, config: AgentConfig, outbox: Outbox) -> None:
        self._url, self._token = f"{(config.upload_url or '').rstrip('/')}/", config.device_token or ""
        self._outbox = outbox
        self._stop = threading.Event()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._complained = ""
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Wait at most these seconds for the current transfer; an unfinished one is repeated at the next start."""
        self._stop.set()
        self._thread.join(timeout)

    def step(self) -> bool:
        """Send the newest picture, if there is one. Returns False where it has to be sent again."""
        for message in self._outbox.pending(1, uploads=True):
            try:
                self._send(message.payload)
            except urllib.error.HTTPError as error:
                if error.code not in FOR_EVER or error.headers.get_content_type() != PROBLEM:
                    return self._complain(f"it answered {error.code} {error.reason}")
                sentence = error.read(SENTENCE_BYTES).decode("utf-8", "replace")
                log.error("the platform refused a picture for good, and it is dropped: %d, %s", error.code, sentence)
                self._outbox.drop(message)
            except (OSError, http.client.HTTPException) as error:
                return self._complain(why_unreached(error))
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

    def _send(self, payload: bytes) -> None:
        headers = {"Authorization": f"Device {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, payload, headers, method="POST")  # noqa: S310
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            if answer.status != HTTPStatus.CREATED:
                raise http.client.HTTPException(f"it answered {answer.status}, not that the picture is committed")

    def _complain(self, reason: str) -> bool:
        if reason != self._complained:
            self._complained = reason
            log.warning(
                "pictures cannot be uploaded to %s: %s; they are kept, and it is tried again", self._url, reason
            )
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a redirected POST would become a GET, and send the token to another server."""

    def redirect_request(self, *_: object) -> None:
        return None


def _pauses() -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
