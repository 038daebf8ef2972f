"""Floor 1's part of the API."""

from typing import Any

from devices.api import DeviceViewSet, MessageViewSet, QuarantineViewSet, SiteViewSet

api: list[tuple[str, Any, str]] = [
    ("sites", SiteViewSet, "site"),
    ("devices", DeviceViewSet, "device"),
    ("quarantine", QuarantineViewSet, "quarantine"),
    ("messages", MessageViewSet, "message"),
]
urlpatterns: list[Any] = []
