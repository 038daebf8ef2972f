"""Addresses of walls and globes. None of them needs a “&”, because rigs paste them into shells unquoted."""

import datetime as dt
from typing import Any

from django.urls import path, register_converter

from analytics.features.galaxy.boards.board import Boards, find_boards
from analytics.features.galaxy.serving import pair_views, tokens_page, views, walls_page
from analytics.numbers.periods import FIRST_YEAR


class BoardConverter:
    """A registered board, by its name, or several that take turns: "today+week"."""

    regex = r"[a-z][a-z0-9-]*(?:\+[a-z][a-z0-9-]*)*"

    def to_python(self, value: str) -> Boards:
        board = find_boards(value)
        if board is None:
            raise ValueError(f"There is no board “{value}”.")
        return board

    def to_url(self, value: Boards | str) -> str:
        return value if isinstance(value, str) else value.name


class CountConverter:
    """The number of a wall's screens, or the number of one of them."""

    regex = "[1-8]"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class DayConverter:
    """A date in a year that a device's clock can have."""

    regex = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> dt.date:
        day = dt.date.fromisoformat(value)
        if not FIRST_YEAR <= day.year < dt.MAXYEAR:
            raise ValueError(f"The year {day.year} is out of range; give one from {FIRST_YEAR} to {dt.MAXYEAR - 1}.")
        return day

    def to_url(self, value: dt.date) -> str:
        return value.isoformat()


register_converter(BoardConverter, "board")
register_converter(CountConverter, "count")
register_converter(DayConverter, "day")

_WALLS: list[tuple[str, Any, str]] = [
    ("<slug:site>/<board:board>", views.wall, "wall"),
    ("<slug:site>/<board:board>/of/<count:of>", views.wall, "wall-whole"),
    ("<slug:site>/<board:board>/of/<count:of>.svg", views.picture, "wall-picture"),
    ("<slug:site>/<board:board>/of/<count:of>/<count:screen>", views.wall, "wall-screen"),
    ("<slug:site>/<board:board>/of/<count:of>/<count:screen>.svg", views.picture, "wall-picture"),
]

_WITH_TOKEN: list[tuple[str, Any, str]] = [
    *_WALLS,
    ("of/<count:of>", views.setup, "wall-setup"),
    ("kml/link.kml", views.link, "wall-link"),
    ("kml/engagement.kml", views.engagement, "wall-engagement"),
    ("kml/tour.kml", views.tour, "wall-tour"),
    ("kml/of/<count:of>/slave_<count:screen>.kml", views.slave, "wall-slave"),
    ("kml/legend.png", views.legend, "wall-legend"),
    ("kml/totals.png", views.totals, "wall-totals"),
    ("scenes/<slug:site>/<board:board>/of/<count:of>.json", views.director_scene, "wall-scene"),
    ("sessions/<slug:site>/<slug:device>/<day:day>.json", views.sessions, "wall-sessions"),
]

urlpatterns = [
    *(path(f"wall/t/<slug:token>/{route}", view, name=name) for route, view, name in _WITH_TOKEN),
    *(path(f"wall/{route}", view, name=name) for route, view, name in _WALLS),
    path("pair/", pair_views.waiting, name="wall-pair"),
    path("pair/state/", pair_views.state, name="wall-pair-state"),
    path("walls/", walls_page.walls, name="walls"),
    path("walls/pair/", pair_views.pair_with_several, name="walls-pair"),
    path("walls/<int:pk>/delete/", walls_page.delete, name="wall-delete"),
    path("sites/<slug:slug>/settings/walls/pair/", pair_views.pair, name="site-wall-pair"),
    path("sites/<slug:slug>/settings/walls/", tokens_page.site_walls, name="site-walls"),
    path("sites/<slug:slug>/settings/walls/<int:pk>/revoke/", tokens_page.revoke, name="site-wall-revoke"),
]
