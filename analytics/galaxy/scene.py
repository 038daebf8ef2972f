"""What End Point's rigs take: a director scene that opens a wall's screens, and occupancy sessions. Pure."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from analytics.galaxy.layout import SCREEN_HEIGHT, SCREEN_WIDTH, Screen, screens

DURATION_S = 120
"""How long the scene stays before the director goes on to the next of a presentation."""


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


def sessions(visits: Iterable[tuple[dt.datetime, dt.datetime]]) -> list[dict[str, Any]]:
    """Visits, from when to when, as the statistics' sessions of somebody's standing there; epoch seconds."""
    return [
        {
            "start_ts": int(start.timestamp()),
            "end_ts": int(end.timestamp()),
            "application": "headcount",
            "mode": "ambient",
            "occupancy_triggered": True,
        }
        for start, end in visits
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
