"""The addresses of the pages and of the API of analytics."""

from typing import Any

from django.urls import path

from analytics.features.archiving.api import ArchivedFactViewSet
from analytics.features.audience.api import AudienceViewSet, VisitViewSet
from analytics.features.comparing.api import ComparisonViewSet
from analytics.features.comparing.views import compare, sites
from analytics.features.galaxy.serving.api import WallViewSet
from analytics.features.galaxy.serving.urls import urlpatterns as galaxy
from analytics.features.groundtruth.api import GroundTruthViewSet
from analytics.features.groundtruth.urls import urlpatterns as groundtruth
from analytics.features.questions.api import QuestionViewSet
from analytics.features.questions.urls import urlpatterns as questions
from analytics.features.reviewing.api import PrecisionViewSet, ReviewViewSet
from analytics.features.reviewing.views import review
from analytics.features.sharing.api import SharedPageViewSet
from analytics.features.sharing.urls import urlpatterns as sharing
from analytics.features.tables.api import DetectionTableViewSet
from analytics.features.tables.views import tables
from analytics.features.visitors.api import ReactionViewSet, VisitorViewSet
from analytics.pages import opening_pages, views
from analytics.rest.opening import OpeningExceptionViewSet, OpeningPlanViewSet
from analytics.rest.views import (
    CountViewSet,
    DetectionViewSet,
    EngagementViewSet,
    EpisodeViewSet,
    TodayViewSet,
)

OPENING = "sites/<slug:slug>/settings/opening-hours/"

api: list[tuple[str, Any, str]] = [
    ("today", TodayViewSet, "today"),
    ("engagement", EngagementViewSet, "engagement"),
    ("counts", CountViewSet, "count"),
    ("comparisons", ComparisonViewSet, "comparison"),
    ("audience", AudienceViewSet, "audience"),
    ("visits", VisitViewSet, "visit"),
    ("episodes", EpisodeViewSet, "episode"),
    ("detections", DetectionViewSet, "detection"),
    ("archived-facts", ArchivedFactViewSet, "archived-fact"),
    ("detection-tables", DetectionTableViewSet, "detection-table"),
    ("reviews", ReviewViewSet, "review"),
    ("precision", PrecisionViewSet, "precision"),
    ("visitors", VisitorViewSet, "visitor"),
    ("reactions", ReactionViewSet, "reaction"),
    ("questions", QuestionViewSet, "question"),
    ("ground-truth", GroundTruthViewSet, "ground-truth"),
    ("walls", WallViewSet, "wall-token"),
    ("opening-plans", OpeningPlanViewSet, "opening-plan"),
    ("opening-exceptions", OpeningExceptionViewSet, "opening-exception"),
    ("shared-pages", SharedPageViewSet, "shared-page"),
]
urlpatterns: list[Any] = [
    path("", views.overview, name="overview"),
    path("sites/", sites, name="sites"),
    path("sites/<slug:site>/", views.site, name="site"),
    path("sites/<slug:site>/plots/", views.site_plots, name="site-plots"),
    path("compare/", compare, name="compare"),
    path("detections/", tables, name="detection-tables"),
    path("sites/<slug:site>/devices/<slug:name>/", views.device, name="device"),
    path("sites/<slug:site>/devices/<slug:name>/plots/", views.device_plots, name="device-plots"),
    path("sites/<slug:slug>/settings/opening-hours/", opening_pages.site_opening, name="site-opening"),
    path("sites/<slug:slug>/settings/opening-hours/plan/", opening_pages.add_plan, name="site-opening-plan-new"),
    path(
        "sites/<slug:slug>/settings/opening-hours/plan/<int:pk>/", opening_pages.change_plan, name="site-opening-plan"
    ),
    path("sites/<slug:slug>/settings/opening-hours/day/", opening_pages.add_day, name="site-opening-day-new"),
    path("sites/<slug:slug>/settings/opening-hours/day/<int:pk>/", opening_pages.delete_day, name="site-opening-day"),
    path("review/", review, name="review"),
    *galaxy,
    *questions,
    *groundtruth,
    *sharing,
]
