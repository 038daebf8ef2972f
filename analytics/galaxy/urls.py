"""Addresses of walls and globes. None of them needs a “&”, for rigs paste them into shells as they are."""

import datetime as dt
from typing import Any

from django.urls import path, register_converter

from analytics.galaxy import views
from analytics.numbers.periods import FIRST_YEAR


class BoardConverter:
    regex = "|".join(views.BOARD_NAMES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class CountConverter:
    """A number of screens, or a screen's."""

    regex = "[1-8]"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class DayConverter:
    """A date of a year in which there may have been a device."""

    regex = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> dt.date:
        day = dt.date.fromisoformat(value)
        if not FIRST_YEAR <= day.year < dt.MAXYEAR:
            raise ValueError(f"Nothing is known of the year {day.year}.")
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
]
