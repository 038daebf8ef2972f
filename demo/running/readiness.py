"""Checks whether the demo is ready: the web server responds, and every device has sent messages since the start."""

import datetime as dt
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

RESPONSE_SECONDS = 5.0
"""Timeout of a request to the web server."""


@dataclass(frozen=True)
class ApiClient:
    """Reads the API of the demo's web server."""

    address: str
    token: str

    def get(self, path: str) -> Any:
        """Return the JSON at this path below `/api/v1/`. Raises `OSError` without a response or with an error."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/v1/{path}", headers={"Authorization": f"Token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=RESPONSE_SECONDS) as response:  # noqa: S310
            return json.load(response)


def is_web_server_up(address: str) -> bool:
    """Whether the login page is served at this address."""
    try:
        with urllib.request.urlopen(f"{address}/accounts/login/", timeout=RESPONSE_SECONDS):  # noqa: S310
            return True
    except OSError:
        return False


def silent_devices(client: ApiClient, names: set[str], since: dt.datetime) -> set[str]:
    """Return the devices of these names of which the platform has received no message since then."""
    try:
        devices = client.get("devices/")["results"]
    except OSError:
        return names
    return names - {device["name"] for device in devices if _has_sent(device["state"], since)}


def _has_sent(state: Any, since: dt.datetime) -> bool:
    seen = state and state["last_seen_at"]
    return bool(seen) and dt.datetime.fromisoformat(seen) >= since
