"""The addresses of this app: its part of the API, the account page, health and metrics."""

from typing import Any

from django.urls import path

from devices.pages import views
from devices.rest.views import DeviceViewSet, LogViewSet, MessageViewSet, QuarantineViewSet, SiteViewSet

api: list[tuple[str, Any, str]] = [
    ("sites", SiteViewSet, "site"),
    ("devices", DeviceViewSet, "device"),
    ("logs", LogViewSet, "log"),
    ("quarantine", QuarantineViewSet, "quarantine"),
    ("messages", MessageViewSet, "message"),
]
urlpatterns: list[Any] = [
    path("healthz", views.healthz, name="healthz"),
    path("account/", views.account, name="account"),
    path("account/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke-token"),
    path("metrics", views.metrics, name="metrics"),
]
