"""Requests to the platform over HTTPS, as the device or as a box that is just being set up."""

import http.client
import json
import shutil
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge_agent.config import is_loopback
from edge_agent.text.plain_words import why_unreached

TIMEOUT_SECONDS = 30.0
MOST_BYTES = 1024 * 1024
"""Bytes of an answer that are read."""


class PlatformError(Exception):
    """The platform did not do what was asked. The message is one sentence."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        """The HTTP status; None where no answer came."""


class PlatformClient:
    """Sends requests to the platform at this address, with the device's token where there is one.

    Raises `PlatformError` for an address without TLS, except on loopback, because secrets travel there.
    """

    def __init__(self, address: str, token: str = "") -> None:
        parts = urlsplit(address)
        is_local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not (parts.scheme == "https" and parts.hostname) and not is_local:
            raise PlatformError(f"{address} is no address of a platform: it must begin with https://.")
        self.address = address.rstrip("/")
        self._headers = {"Authorization": f"Device {token}"} if token else {}
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, path: str) -> Any:
        """Return the JSON at this path. Raises `PlatformError`."""
        return self._json(self._request(path))

    def post(self, path: str, body: Any) -> Any:
        """Send this body as JSON, and return the JSON of the answer. Raises `PlatformError`."""
        return self._json(self._request(path, json.dumps(body).encode()))

    def download(self, path: str, to: Path) -> None:
        """Write what is at this path into a file. Raises `PlatformError`."""
        with self._open(self._request(path)) as answer, to.open("wb") as file:
            try:
                shutil.copyfileobj(answer, file)
            except (OSError, http.client.HTTPException) as error:
                raise PlatformError(f"{self.address}{path} broke off: {error}.") from error

    def _request(self, path: str, body: bytes | None = None) -> urllib.request.Request:
        url = path if urlsplit(path).scheme else f"{self.address}{path}"
        if urlsplit(url)[:2] != urlsplit(self.address)[:2]:
            raise PlatformError(f"{url} is not an address of the platform {self.address}.")
        headers = {**self._headers, **({"Content-Type": "application/json"} if body is not None else {})}
        return urllib.request.Request(url, body, headers)  # noqa: S310

    def _json(self, request: urllib.request.Request) -> Any:
        with self._open(request) as answer:
            try:
                return json.loads(answer.read(MOST_BYTES) or b"null")
            except (ValueError, OSError, http.client.HTTPException) as error:
                raise PlatformError(f"{request.full_url} answered with something else than JSON: {error}.") from error

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            raise PlatformError(_sentence(error), error.code) from error
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(f"{self.address} cannot be reached: {why_unreached(error)}.") from error


def _sentence(error: urllib.error.HTTPError) -> str:
    """Return the sentence in the API's problem details, or else the status."""
    try:
        problem = json.loads(error.read(MOST_BYTES))
        wrong = [text for texts in (problem.get("errors") or {}).values() for text in texts]
        return " ".join(map(str, wrong)) or str(problem["detail"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, http.client.HTTPException):
        return f"{error.url} answered {error.code} {HTTPStatus(error.code).phrase}."


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a redirected POST would become a GET, and send the token to another server."""

    def redirect_request(self, *_: object) -> None:
        return None
