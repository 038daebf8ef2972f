"""Time rounded down: whatever a wall or a globe is shown depends on the slot only, so that all screens agree. Pure."""

import datetime as dt

REFRESH_S = 30
"""Length of a slot, and how often walls and globes ask."""

SHOW_AFTER_S = 10
"""Seconds into its slot at which a picture is shown, on all screens at once; until then they have time to fetch it."""


def slot_at(moment: dt.datetime) -> int:
    """The beginning of this moment's slot, in epoch seconds."""
    return int(moment.timestamp()) // REFRESH_S * REFRESH_S


def start_of(slot: int) -> dt.datetime:
    """The slot's beginning, in UTC."""
    return dt.datetime.fromtimestamp(slot, dt.UTC)
