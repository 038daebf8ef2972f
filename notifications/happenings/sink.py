"""Notes what the intake's batches show, from their plain data and in their transaction; rules are matched elsewhere."""

import datetime as dt
from collections.abc import Iterable
from functools import partial

from django.utils import timezone

from analytics.models import FACE
from devices.intake.batches import Batch, Write, write_nothing
from devices.models import Device
from notifications.models import TOLD_WITHIN, Happening, Kind

GAP = dt.timedelta(seconds=10)
"""A label that was not seen for so long is seen anew."""

MOST_SPELLS = 20_000
"""Pairs of a device and a label that a process remembers; when there are more, the oldest are forgotten."""


class Spells:
    """Since when each device sees each label without a gap. Lives in one process; a restart begins new spells."""

    def __init__(self) -> None:
        self._spells: dict[tuple[int, str], tuple[dt.datetime, dt.datetime]] = {}
        self._reports: set[tuple[int, str]] = set()

    def reported(self, device: int, label: str) -> None:
        """Note that the device tells itself when this gesture begins, so that its frames need not be searched."""
        self._reports.add((device, label))

    def began(self, device: int, label: str, at: dt.datetime) -> bool:
        """Whether the label was not seen just before this moment. Moments that come late continue their spell."""
        pair = (device, label)
        if pair in self._reports:
            return False
        since, until = self._spells.get(pair, (at, at - 2 * GAP))
        if at < since:
            return False
        is_new = at - until >= GAP
        self._spells.pop(pair, None)
        self._spells[pair] = (at if is_new else since, max(at, until))
        if len(self._spells) > MOST_SPELLS:
            del self._spells[next(iter(self._spells))]
        return is_new


_spells = Spells()


def note(batch: Batch) -> Write:
    """Return the write of what begins in this batch: gestures that devices report, and labels that frames show."""
    rows = [*_gestures(batch), *_labels(batch)]
    return partial(write, rows) if rows else write_nothing


def write(rows: Iterable[Happening]) -> None:
    """Store what happened; what is known by its key stays as it is."""
    Happening.objects.bulk_create(list(rows), ignore_conflicts=True)


def _gestures(batch: Batch) -> Iterable[Happening]:
    now = timezone.now()
    for gesture in batch.gestures:
        _spells.reported(gesture.device.id, gesture.label)
        if now - gesture.began_at < TOLD_WITHIN:
            yield seen(gesture.device, gesture.label, gesture.began_at, now)


def _labels(batch: Batch) -> Iterable[Happening]:
    for frame in batch.frames:
        shown = frame.frame.objects + frame.frame.gestures
        if not shown or frame.received_at - frame.taken_at >= TOLD_WITHIN:
            continue
        for label in {each.label for each in shown} - {FACE}:
            if _spells.began(frame.device.id, label, frame.taken_at):
                yield seen(frame.device, label, frame.taken_at, frame.received_at)


def seen(device: Device, label: str, at: dt.datetime, now: dt.datetime) -> Happening:
    """Return the row that says that the device has begun to see the label at this moment."""
    return Happening(
        site_id=device.site_id,
        kind=Kind.LABEL,
        key=f"{device.pk} {label} {at.timestamp():.3f}",
        device=device,
        label=label,
        at=at,
        noted_at=now,
    )
