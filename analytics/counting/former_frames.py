"""Finds frames that were counted by a former version, which identified them by another key."""

import datetime as dt
from collections.abc import Collection, Sequence

from analytics.models import Frame
from devices.intake import identity
from devices.intake.decoding import ReceivedFrame

TIMES_AT_ONCE = 500
"""Times in one query; SQLite allows 32,766 parameters."""


def counted_before(frames: Sequence[ReceivedFrame]) -> set[int]:
    """Return the indexes of the frames that are stored under a key of a former version.

    Makes no query unless a frame is old enough.
    """
    keys = {
        (seen.device.id, *former): index
        for index, seen in enumerate(frames)
        if identity.may_be_former(seen.taken_at)
        for former in seen.former_keys()
    }
    return {keys[stored] for stored in _stored(keys) if stored in keys}


def _stored(keys: Collection[tuple[int, dt.datetime, int]]) -> set[tuple[int, dt.datetime, int]]:
    """Return the keys of stored frames that are of these devices and times."""
    stored: set[tuple[int, dt.datetime, int]] = set()
    listed = sorted(keys)
    for start in range(0, len(listed), TIMES_AT_ONCE):
        some = listed[start : start + TIMES_AT_ONCE]
        devices, times = {key[0] for key in some}, {key[1] for key in some}
        stored |= set(
            Frame.objects.filter(device__in=devices, taken_at__in=times).values_list("device", "taken_at", "key")
        )
    return stored
