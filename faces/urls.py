"""The routes of the pages and the API of pictures, people and coffees."""

from typing import Any

from django.urls import include, path

from faces.desk import leaderboard_pages
from faces.erasure import pages as erasure_pages
from faces.notices import pages as notices
from faces.people import feelings_page, policy_page
from faces.pictures import views as pictures
from faces.rest.announcements import ConsentViewSet, DisplayNoticeViewSet, ErasureNoticeViewSet
from faces.rest.decisions import ExpressionsViewSet, PolicyViewSet
from faces.rest.desk import ConsentTextViewSet, DeskLinkViewSet
from faces.rest.enrolment import ErasureViewSet
from faces.rest.views import CaptureViewSet, CoffeeViewSet, LeaderboardViewSet, MergeViewSet, PersonViewSet

api: list[tuple[str, Any, str]] = [
    ("captures", CaptureViewSet, "capture"),
    ("people", PersonViewSet, "person"),
    ("consent-texts", ConsentTextViewSet, "consent-text"),
    ("desk-links", DeskLinkViewSet, "desk-link"),
    ("consents", ConsentViewSet, "consent"),
    ("erasures", ErasureViewSet, "erasure"),
    ("erasure-notices", ErasureNoticeViewSet, "erasure-notice"),
    ("display-notices", DisplayNoticeViewSet, "display-notice-of"),
    ("face-policies", PolicyViewSet, "face-policy"),
    ("expressions", ExpressionsViewSet, "expressions"),
    ("merges", MergeViewSet, "merge"),
    ("coffees", CoffeeViewSet, "coffee"),
    ("leaderboard", LeaderboardViewSet, "leaderboard"),
]
urlpatterns = [
    path("", include("faces.desk.urls")),
    path("sites/<slug:slug>/settings/faces/", policy_page.site_policy, name="site-policy"),
    path("sites/<slug:slug>/people/<int:pk>/erase/", erasure_pages.erase_person, name="erase-person"),
    path("receipts/", erasure_pages.check_receipt, name="check-receipt"),
    path("receipts/<uuid:pk>/", erasure_pages.receipt, name="receipt"),
    path("sites/<slug:slug>/settings/faces/expressions/", feelings_page.site_feelings, name="site-feelings"),
    path("sites/<slug:slug>/settings/faces/notices/", notices.site_display_notices, name="site-display-notices"),
    path("notices/<str:code>.json", notices.display_notice_json, name="display-notice-json"),
    path("notices/<str:code>/", notices.display_notice, name="display-notice"),
    path("leaderboard/", leaderboard_pages.leaderboard, name="leaderboard"),
    path("leaderboard/screen/", leaderboard_pages.leaderboard_screen, name="leaderboard-screen"),
    path("coffees/<int:pk>/<str:link>.jpg", leaderboard_pages.portrait, name="portrait"),
    path("captures/<uuid:pk>/<str:link>.jpg", pictures.capture_image, name="capture-image"),
]
