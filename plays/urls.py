"""The addresses of the pages and of the API of plays."""

from typing import Any

from plays.rest.views import ContentViewSet, ExperimentViewSet, PlayViewSet, ScreenViewSet

api: list[tuple[str, Any, str]] = [
    ("plays", PlayViewSet, "play"),
    ("screens", ScreenViewSet, "screen"),
    ("contents", ContentViewSet, "content"),
    ("experiments", ExperimentViewSet, "experiment"),
]
urlpatterns: list[Any] = []
