"""Finds frames and gestures that were counted by a former version, which identified them in another way."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

import msgspec

from analytics.models import Frame, ReportedGesture
from devices.reading import identity
from devices.reading.decoding import ReceivedFrame, ReceivedGesture

TIMES_AT_ONCE = 500
"""Times in one query; SQLite allows 32,766 parameters."""


def counted_before(frames: Iterable[ReceivedFrame]) -> set[int]:
    """Return the indexes of the frames that are stored under a key of a former version.

    Makes no query unless a frame is old enough.
    """
    before = identity.former_before()
    if before == identity.NEVER:
        return set()
    keys = {
        (seen.device.id, *former): index
        for index, seen in enumerate(frames)
        if seen.former_keys and seen.taken_at < before
        for former in seen.former_keys(seen.source)
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


def with_former_labels(gestures: Sequence[ReceivedGesture]) -> Sequence[ReceivedGesture]:
    """Return the gestures; one that is stored under the label that the device sent has that label.

    A former version stored labels as they were sent. Makes no query unless such a gesture is old enough.
    """
    before = identity.former_before()
    times = {each.began_at for each in gestures if each.sent_label not in ("", each.label) and each.began_at < before}
    if not times:
        return gestures
    devices = {each.device.pk for each in gestures}
    reports = ReportedGesture.objects.filter(device__in=devices, began_at__in=times)
    stored = set(reports.values_list("device", "began_at", "label"))
    return [
        msgspec.structs.replace(each, label=each.sent_label)
        if (each.device.pk, each.began_at, each.sent_label) in stored
        else each
        for each in gestures
    ]
