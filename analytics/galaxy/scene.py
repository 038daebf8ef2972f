"""What End Point's rigs take: a director scene that opens a wall's screens, and occupancy sessions. Pure."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from analytics.galaxy.layout import SCREEN_HEIGHT, SCREEN_WIDTH, Screen, screens

DURATION_S = 120
"""How long the scene stays before the director goes on to the next of a presentation."""

SESSION_GAP = dt.timedelta(seconds=20)
"""A longer time without anybody ends a session in End Point's statistics."""


def director_scene(*, slug: str, name: str, own: str, of: int, page: Callable[[Screen], str]) -> dict[str, Any]:
    """The scene of a board over `of` screens; `own` is its address, `page` the address of a screen's page.

    Raises `ValueError` with a sentence where there is no such wall.
    """
    return {
        "name": name,
        "slug": slug,
        "description": name,
        "duration": DURATION_S,
        "resource_uri": own,
        "windows": [_window(screen, page(screen)) for screen in screens(of)],
    }


def sessions(occupied: Iterable[dt.datetime]) -> list[dict[str, Any]]:
    """Sessions of somebody's standing there, from the ascending times at which somebody was seen; epoch seconds."""
    found: list[list[dt.datetime]] = []
    for moment in occupied:
        if found and moment - found[-1][1] <= SESSION_GAP:
            found[-1][1] = moment
        else:
            found.append([moment, moment])
    return [
        {
            "start_ts": int(start.timestamp()),
            "end_ts": int(end.timestamp()),
            "application": "headcount",
            "mode": "ambient",
            "occupancy_triggered": True,
        }
        for start, end in found
    ]


def _window(screen: Screen, address: str) -> dict[str, Any]:
    return {
        "activity": "browser",
        "assets": [address],
        "presentation_viewport": screen.viewport,
        "x_coord": 0,
        "y_coord": 0,
        "width": SCREEN_WIDTH,
        "height": SCREEN_HEIGHT,
        "activity_config": {"preload": True, "custom_preload_event": True},
    }
