"""Time slots of 30 seconds: what walls and globes show depends on the slot alone, so that all screens agree. Pure."""

import datetime as dt

REFRESH_S = 30
"""Length of a time slot, and the interval at which walls and globes fetch what they show."""

SHOW_AFTER_S = 10
"""Seconds into its slot at which all screens show a new picture; until then they have time to fetch it."""


def slot_at(moment: dt.datetime) -> int:
    """Return the start of the slot that contains this moment, in epoch seconds."""
    return int(moment.timestamp()) // REFRESH_S * REFRESH_S


def slot_start(slot: int) -> dt.datetime:
    """Return the start of the slot as a time in UTC."""
    return dt.datetime.fromtimestamp(slot, dt.UTC)
