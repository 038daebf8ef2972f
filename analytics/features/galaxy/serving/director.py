"""What End Point's rigs take: a director scene that opens a wall's screens, and occupancy sessions. Pure."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from analytics.features.galaxy.drawing.layout import SCREEN_HEIGHT, SCREEN_WIDTH, Screen, screens

DURATION_S = 120
"""How long the scene stays before the director goes on to the next scene of a presentation."""


def director_scene(
    *, slug: str, name: str, address: str, of: int, page_address: Callable[[Screen], str]
) -> dict[str, Any]:
    """Return the scene of a board over `of` screens.

    `address` is that of the scene, and `page_address` returns that of a screen's page.

    Raises `ValueError` with a sentence where a wall cannot have that many screens.
    """
    return {
        "name": name,
        "slug": slug,
        "description": name,
        "duration": DURATION_S,
        "resource_uri": address,
        "windows": [_window(screen, page_address(screen)) for screen in screens(of)],
    }


def occupancy_sessions(spells: Iterable[tuple[dt.datetime, dt.datetime]]) -> list[dict[str, Any]]:
    """Return occupied spells, each a start and an end, as sessions of the rig's statistics; times in epoch seconds."""
    return [
        {
            "start_ts": int(start.timestamp()),
            "end_ts": int(end.timestamp()),
            "application": "headcount",
            "mode": "ambient",
            "occupancy_triggered": True,
        }
        for start, end in spells
    ]


def _window(screen: Screen, page_address: str) -> dict[str, Any]:
    return {
        "activity": "browser",
        "assets": [page_address],
        "presentation_viewport": screen.viewport,
        "x_coord": 0,
        "y_coord": 0,
        "width": SCREEN_WIDTH,
        "height": SCREEN_HEIGHT,
        "activity_config": {"preload": True, "custom_preload_event": True},
    }
