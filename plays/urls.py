from typing import Any

api: list[tuple[str, Any, str]] = []
urlpatterns: list[Any] = []
