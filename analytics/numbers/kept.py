"""Keeps what a page makes from many weeks of hours, for some minutes in the process that made it.

The hours are those that are over, so that the value changes little while it is kept. It is made again in a new hour,
and as soon as somebody has changed what it is made from: the opening hours or the zone of a site, the places of its
cameras, reviews of detections, and counts by eye. What cameras send late is in the value after `KEPT_S` at the latest.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.cache import caches
from django.db.models import Count, Max

from analytics.models import Review
from analytics.models.groundtruth import GroundTruthSession
from analytics.numbers.reads import Selection

KEPT_S = 600

_T = TypeVar("_T")


def keys_of(name: object, selections: Sequence[Selection], *, now: dt.datetime) -> list[str]:
    """Return for each selection the key of what is made from it; another key after a change by somebody. One query.

    Names are the same if their `repr` is. The selections must be limited to the opening hours that count, and the
    facts that the value is made from must be read after this call.
    """
    corrections, hour = _read_corrections(selections), int(now.timestamp() // 3600)
    return [f"kept-{_digest((name, hour, *_words(each, corrections)))}" for each in selections]


def find(keys: Sequence[str]) -> dict[str, Any]:
    """Return those of the values with these keys that are kept, by key."""
    return caches["process"].get_many(keys)


def keep(key: str, make: Callable[[], _T]) -> _T:
    """Return the value with this key; `make` makes it where it is not kept, and must not return None."""
    kept = caches["process"]
    found: _T | None = kept.get(key)
    if found is None:
        found = make()
        kept.set(key, found, KEPT_S)
    return found


def _words(selection: Selection, corrections: dict[int, list[tuple[Any, ...]]]) -> tuple[object, ...]:
    devices = sorted(selection.devices, key=lambda device: device.pk)
    return (
        str(selection.zone),
        selection.start.timestamp(),
        selection.end.timestamp(),
        [(each.pk, each.name, each.site_id, each.since, each.until) for each in devices],
        [(pk, hashlib.sha256(spans.bounds.tobytes()).hexdigest()) for pk, spans in sorted(selection.hours.items())],
        [corrections[each.pk] for each in devices if each.pk in corrections],
    )


def _digest(words: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()


def _read_corrections(selections: Sequence[Selection]) -> dict[int, list[tuple[Any, ...]]]:
    """Return for each device what changes with each review and each count by eye that is made or deleted. One query."""
    devices = sorted({device.pk for selection in selections for device in selection.devices})
    if not devices:
        return {}
    start, end = min(each.start for each in selections), max(each.end for each in selections)
    reviews = Review.objects.filter(device__in=devices, taken_at__gte=start, taken_at__lt=end)
    counts = GroundTruthSession.objects.filter(device__in=devices)
    rows = (
        reviews.order_by()
        .values_list("device_id")
        .annotate(Count("pk"), Max("pk"), Count("at"))
        .union(counts.order_by().values_list("device_id").annotate(Count("pk"), Max("pk"), Count("ended_at")), all=True)
    )
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for device, *row in sorted(rows):
        found[device].append(tuple(row))
    return found
