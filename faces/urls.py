"""The routes of the pages and the API of pictures, people and coffees."""

from typing import Any

from django.urls import include, path

from faces import views
from faces.people import policy_page
from faces.rest.desk import ConsentTextViewSet
from faces.rest.enrolment import ErasureViewSet
from faces.rest.views import CaptureViewSet, CoffeeViewSet, LeaderboardViewSet, MergeViewSet, PersonViewSet

api: list[tuple[str, Any, str]] = [
    ("captures", CaptureViewSet, "capture"),
    ("people", PersonViewSet, "person"),
    ("consent-texts", ConsentTextViewSet, "consent-text"),
    ("erasures", ErasureViewSet, "erasure"),
    ("merges", MergeViewSet, "merge"),
    ("coffees", CoffeeViewSet, "coffee"),
    ("leaderboard", LeaderboardViewSet, "leaderboard"),
]
urlpatterns = [
    path("", include("faces.desk.urls")),
    path("sites/<slug:slug>/settings/faces/", policy_page.site_policy, name="site-policy"),
    path("leaderboard/", views.leaderboard, name="leaderboard"),
    path("leaderboard/screen/", views.leaderboard_screen, name="leaderboard-screen"),
    path("coffees/<int:pk>/<str:link>.jpg", views.portrait, name="portrait"),
    path("captures/<uuid:pk>/<str:link>.jpg", views.capture_image, name="capture-image"),
]
