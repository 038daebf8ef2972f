"""Whether the demo is there: its pages answer, and its devices have been heard of since it was started."""

import datetime as dt
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

ANSWER_WITHIN = 5.0
"""Seconds for one answer of the web server."""


@dataclass(frozen=True)
class Access:
    """How to ask the demo's web server."""

    address: str
    token: str

    def get(self, path: str) -> Any:
        """What the API answers at this path. Raises `OSError` where it does not answer, or with an error."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/v1/{path}", headers={"Authorization": f"Token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as answer:  # noqa: S310
            return json.load(answer)


def answers(address: str) -> bool:
    """Whether the login page is served."""
    try:
        with urllib.request.urlopen(f"{address}/login/", timeout=ANSWER_WITHIN):  # noqa: S310
            return True
    except OSError:
        return False


def silent_devices(access: Access, names: set[str], since: dt.datetime) -> set[str]:
    """Which of these devices the platform has not heard of since then."""
    try:
        devices = access.get("devices/")["results"]
    except OSError:
        return names
    return names - {device["name"] for device in devices if _heard(device["state"], since)}


def _heard(state: Any, since: dt.datetime) -> bool:
    seen = state and state["last_seen_at"]
    return bool(seen) and dt.datetime.fromisoformat(seen) >= since
