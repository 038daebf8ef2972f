"""Floor 3's pages and API."""

from typing import Any

api: list[tuple[str, Any, str]] = []
urlpatterns: list[Any] = []
