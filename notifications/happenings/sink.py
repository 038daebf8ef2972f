"""Notes what the intake's batches show, from their plain data and in their transaction; rules are matched elsewhere."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from django.utils import timezone

from devices.intake.batches import Batch, Write, write_nothing
from devices.models import Device
from devices.reading import picture_budget
from devices.reading.facts import ReceivedFrame
from notifications.models import TOLD_WITHIN, Happening, Kind

GAP = dt.timedelta(seconds=10)
"""A label that was not seen for so long is seen anew."""

MOST_SPELLS = 20_000
"""Pairs of a device and a label that a process remembers; when there are more, the first are forgotten."""


MOST_BEGINS = 8
"""Beginnings of a label that are remembered, so that a batch that is drafted again begins the same."""


class Spells:
    """When each device has last seen each label. Lives in one process; a restart begins new spells."""

    def __init__(self) -> None:
        self._spells: dict[tuple[int, str], tuple[dt.datetime, tuple[dt.datetime, ...]]] = {}
        """When each pair was seen last, and when its latest spells began."""
        self._reports: set[tuple[int, str]] = set()

    def reported(self, device: int, label: str) -> None:
        """Note that the device tells itself when this gesture begins, so that its frames need not be searched."""
        self._reports.add((device, label))

    def begun(self, frames: Iterable[ReceivedFrame]) -> Iterator[tuple[ReceivedFrame, str]]:
        """Yield each frame in which a label begins to be seen, with the label; one that comes late begins nothing.

        The same frames yield the same again, because the intake drafts a batch anew when a device has changed.
        Every frame of the intake passes here, and nearly all of them only go on with what was seen before.
        """
        spells = self._spells
        for frame in frames:
            content = frame.frame
            shown = content.objects + content.gestures if content.gestures else content.objects
            if not shown:
                continue
            device, at = frame.device.id, frame.taken_at
            for each in shown:
                pair = (device, each.label)
                latest, begins = spells.get(pair, (None, ()))
                if latest is None or at - latest >= GAP:
                    begins = (*begins[1 - MOST_BEGINS :], at)
                    spells[pair] = at, begins
                elif at > latest:
                    spells[pair] = at, begins
                if at in begins and pair not in self._reports:
                    yield frame, each.label
        while len(spells) > MOST_SPELLS:
            del spells[next(iter(spells))]


_spells = Spells()


def note(batch: Batch) -> Write:
    """Return the write of what begins in this batch: gestures that devices report, and labels that frames show."""
    rows, refused = [*_gestures(batch), *_labels(batch)], picture_budget.take_refused()
    if refused:
        return partial(_write_with_refused, rows, refused)
    return partial(write, rows) if rows else write_nothing


def write(rows: Iterable[Happening]) -> None:
    """Store what happened; what is known by its key stays as it is."""
    Happening.objects.bulk_create(list(rows), ignore_conflicts=True)


def _write_with_refused(rows: Sequence[Happening], refused: Mapping[str, dt.datetime]) -> None:
    """Store what happened, and each device that sends more pictures than it may, once on each local day."""
    devices = Device.objects.open().filter(thing__in=refused).select_related("site")
    write([*rows, *(_too_many_pictures(device, refused[device.thing_name]) for device in devices)])


def _too_many_pictures(device: Device, at: dt.datetime) -> Happening:
    day = at.astimezone(device.site.zone).date()
    return Happening(
        site_id=device.site_id, kind=Kind.PICTURES, key=f"{device.pk} {day}", device=device, at=at, noted_at=at
    )


def _gestures(batch: Batch) -> Iterable[Happening]:
    now = timezone.now()
    for gesture in batch.gestures:
        _spells.reported(gesture.device.id, gesture.label)
        if now - gesture.began_at < TOLD_WITHIN:
            yield seen(gesture.device, gesture.label, gesture.began_at, now)


def _labels(batch: Batch) -> Iterable[Happening]:
    for frame, label in _spells.begun(batch.frames):
        if frame.received_at - frame.taken_at < TOLD_WITHIN:
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
