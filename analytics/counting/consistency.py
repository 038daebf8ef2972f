"""Checks of what no constraint of the database can check, because none points at a partitioned table.

The services keep facts consistent: each writes, or deletes, a frame and what hangs on it in one transaction.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from django.db import connection, models
from django.db.models import Count, Exists, Max, Min, OuterRef, Q

from analytics.counting.corrections import majority
from analytics.models import Detection, Frame, Review, Verdict, Visit
from devices.models import Device
from devices.storage import partitions

DAY = dt.timedelta(days=1)
IDS_AT_ONCE = 200_000

_OF_FRAMES: tuple[type[models.Model], ...] = (Frame, Detection, Review)
_FACTS: tuple[type[models.Model], ...] = (*_OF_FRAMES, Visit)
"""The tables whose device and id no constraint checks."""

Part = Callable[[], Iterator[str]]
"""A part of the check that takes a bounded time. Yields a sentence for each inconsistency."""

Progress = Callable[[Iterable[Part], int], Iterable[Part]]
"""Shows the progress through so many parts."""


@dataclass(frozen=True, slots=True)
class _Span:
    """The UTC days from the first to the last fact that names a device."""

    device: int
    first: dt.date
    last: dt.date

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def parts(self) -> Iterator[Part]:
        for number in range(len(self)):
            start = dt.datetime.combine(self.first + number * DAY, dt.time.min, dt.UTC)
            yield partial(_inconsistencies_of_day, self.device, start)


def find_inconsistencies(*, progress: Progress) -> Iterator[str]:
    """Yield a sentence for each fact that does not fit the others, and for each table that is no right partition.

    Takes no locks, and keeps a few rows in memory at a time. What the intake writes meanwhile is seen whole or not at
    all.
    """
    devices = list(_named_devices())
    spans = [span for device in devices if (span := _span(device))]
    ranges = list(_ranges_of_ids())
    parts: Iterable[Part] = chain(
        [partial(_unknown_devices, devices), _wrong_partitions], *(span.parts() for span in spans), ranges
    )
    for part in progress(parts, 2 + sum(map(len, spans)) + len(ranges)):
        yield from part()


def _named_devices() -> Iterator[int]:
    """Yield the ids of all devices that facts name, ascending. Each takes one look-up in an index for each table."""
    following = _next_device(0)
    while following is not None:
        yield following
        following = _next_device(following)


def _next_device(latest: int) -> int | None:
    found = [model._default_manager.filter(device__gt=latest).aggregate(at=Min("device"))["at"] for model in _FACTS]
    return min((pk for pk in found if pk is not None), default=None)


def _span(device: int) -> _Span | None:
    times = [
        time
        for model in _OF_FRAMES
        for time in model._default_manager.filter(device=device)
        .aggregate(first=Min("taken_at"), last=Max("taken_at"))
        .values()
        if time is not None
    ]
    return _Span(device, min(times).date(), max(times).date()) if times else None


def _unknown_devices(named: Sequence[int]) -> Iterator[str]:
    known = set(Device.objects.values_list("pk", flat=True))
    for pk in named:
        if pk not in known:
            yield f"Facts name the device {pk}, which does not exist: restore the device, or delete the facts."


def _inconsistencies_of_day(device: int, start: dt.datetime) -> Iterator[str]:
    day: dict[str, Any] = {"device": device, "taken_at__gte": start, "taken_at__lt": start + DAY}
    detections, reviews = Detection.objects.filter(**day), Review.objects.filter(**day)
    for pk, taken_at, frame in _without(Frame, "frame_id", detections):
        yield (
            f"Detection {pk} of device {device} at {taken_at.isoformat()} names the frame {frame}, which this device "
            "does not have at this time: restore the frame, or delete the detection."
        )
    for pk, taken_at, detection in _without(Detection, "detection_id", reviews):
        yield (
            f"Review {pk} of device {device} at {taken_at.isoformat()} names the detection {detection}, which this "
            "device does not have at this time: restore the detection, or delete the review."
        )
    for pk, taken_at, stored, right, wrong in _wrong_majorities(detections, reviews):
        yield (
            f"Detection {pk} of device {device} at {taken_at.isoformat()} is stored as {stored or 'undecided'}, but "
            f"{right} reviewers call it right and {wrong} wrong: review it again."
        )


def _without(owner: type[models.Model], number: str, rows: "models.QuerySet[Any]") -> Iterator[tuple[Any, ...]]:
    """Yield the id, the time and the owner's id of each row whose owner does not exist."""
    owners = owner._default_manager.filter(
        device=OuterRef("device"), taken_at=OuterRef("taken_at"), pk=OuterRef(number)
    )
    return rows.filter(~Exists(owners)).order_by("taken_at", "pk").values_list("pk", "taken_at", number).iterator()


def _wrong_majorities(
    detections: "models.QuerySet[Any]", reviews: "models.QuerySet[Any]"
) -> Iterator[tuple[int, dt.datetime, str | None, int, int]]:
    """Yield id, time, stored majority and numbers of verdicts, right and wrong, of detections that others decided."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for pk, verdict in reviews.values_list("detection_id", "verdict"):
        counts[pk][verdict] += 1
    reviewed = detections.filter(Q(review__isnull=False) | Q(pk__in=list(counts))).order_by("taken_at", "pk")
    for pk, taken_at, stored in reviewed.values_list("pk", "taken_at", "review").iterator():
        right, wrong = counts[pk][Verdict.RIGHT], counts[pk][Verdict.WRONG]
        if stored != majority(right, wrong):
            yield pk, taken_at, stored, right, wrong


def _ranges_of_ids() -> Iterator[Part]:
    """Yield parts that look for ids that two rows have, which no key of PostgreSQL excludes."""
    if connection.vendor != "postgresql":
        return
    for model in _FACTS:
        ends = model._default_manager.aggregate(first=Min("pk"), last=Max("pk"))
        if ends["first"] is not None:
            for start in range(ends["first"], ends["last"] + 1, IDS_AT_ONCE):
                yield partial(_repeated_ids, model, start)


def _repeated_ids(model: type[models.Model], start: int) -> Iterator[str]:
    rows = model._default_manager.filter(pk__gte=start, pk__lt=start + IDS_AT_ONCE).order_by("pk").values_list("pk")
    for pk, count in rows.annotate(count=Count("device")).filter(count__gt=1).iterator():
        yield f"{count} rows of {model._meta.db_table} have the id {pk}: give all but one of them a new id."


def _wrong_partitions() -> Iterator[str]:
    for model in partitions.partitioned_models():
        parent = model._meta.db_table
        for partition in partitions.existing(parent):
            if partition.state != "attached":
                yield (
                    f"The table {partition.table} is not attached to {parent}, because its detachment was interrupted: "
                    "run `manage.py forget_old_frames`, or attach it."
                )
