"""The addresses of the pages and of the API of plays."""

from typing import Any

from django.urls import path

from plays.pages import contents, experiments, players, screens, timelines
from plays.rest.views import ContentViewSet, ExperimentViewSet, PlayViewSet, ScreenViewSet

api: list[tuple[str, Any, str]] = [
    ("plays", PlayViewSet, "play"),
    ("screens", ScreenViewSet, "screen"),
    ("contents", ContentViewSet, "content"),
    ("experiments", ExperimentViewSet, "experiment"),
]
urlpatterns: list[Any] = [
    path("contents/", contents.contents, name="contents"),
    path("sites/<slug:slug>/contents/new/", contents.new_content, name="content-new"),
    path("sites/<slug:slug>/contents/<int:pk>/", contents.content, name="content"),
    path("sites/<slug:slug>/plays/", timelines.timeline, name="timeline"),
    path("sites/<slug:slug>/plays/audience.csv", contents.audience, name="screen-audience"),
    path("sites/<slug:slug>/experiments/new/", experiments.new_experiment, name="experiment-new"),
    path("sites/<slug:slug>/experiments/<int:pk>/", experiments.experiment, name="experiment"),
    path("sites/<slug:slug>/experiments/<int:pk>/plan.txt", experiments.published_plan, name="experiment-published"),
    path("sites/<slug:slug>/experiments/<int:pk>/stop/", experiments.stop_experiment, name="experiment-end"),
    path("sites/<slug:slug>/settings/screens/", screens.site_screens, name="site-screens"),
    path("sites/<slug:slug>/settings/screens/new/", screens.new_screen, name="site-screen-new"),
    path("sites/<slug:slug>/settings/screens/<int:pk>/", screens.screen, name="site-screen"),
    path("sites/<slug:slug>/settings/screens/<int:pk>/link/", screens.new_link, name="site-screen-link"),
    path("player/<slug:token>/", players.player, name="player"),
    path("player/<slug:token>/now.json", players.player_now, name="player-now"),
    path("player/<slug:token>/plays/", players.player_plays, name="player-plays"),
]
