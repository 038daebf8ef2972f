"""Read detections, raw and distinct, by site, device, label, local day and local hour, in two queries."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import F

from analytics.models import Episode, LabelQuarter
from analytics.models.quarters import MILLION
from analytics.numbers import sql
from analytics.numbers.buckets import Bucket
from analytics.numbers.periods import HoursOf
from analytics.numbers.reads import BucketQuery, Selection
from analytics.verdicts.opening import with_opening_hours
from devices.models import Device
from devices.storage.querysets import spots_of

COLUMNS = ("site", "device", "label", "day", "hour")
"""What detections can be grouped by."""


@dataclass(slots=True)
class Sums:
    """Some detections together, without the rejected ones."""

    raw: int = 0
    """Detections in single frames."""
    distinct: int = 0
    """Episodes that began: each gesture or object counted once, however many frames show it."""
    millionths: int = 0

    @property
    def mean_confidence(self) -> float | None:
        """0 to 1, of the raw detections; None without one."""
        return self.millionths / (MILLION * self.raw) if self.raw else None

    def add(self, other: "Sums") -> None:
        self.raw += other.raw
        self.distinct += other.distinct
        self.millionths += other.millionths


Key = tuple[Any, ...]
"""The values of some of `COLUMNS`, in their order."""


@dataclass(frozen=True, slots=True)
class DetectionTable:
    """Sums by all of `COLUMNS`; the hour is None if the table has none. Only where there is a detection."""

    cells: Mapping[Key, Sums] = field(default_factory=dict)

    def by(self, *columns: str) -> dict[Key, Sums]:
        """Return the sums grouped by these columns, ascending; by none, the sums of everything under ()."""
        places = [COLUMNS.index(column) for column in columns]
        found: dict[Key, Sums] = defaultdict(Sums)
        for key, sums in self.cells.items():
            found[tuple(key[place] for place in places)].add(sums)
        return dict(sorted(found.items()))

    def only(self, keep: Callable[[dict[str, Any]], bool]) -> "DetectionTable":
        """Return the table of the cells that are kept, each given by its columns."""
        return DetectionTable(
            {key: sums for key, sums in self.cells.items() if keep(dict(zip(COLUMNS, key, strict=True)))}
        )


def read_table(
    devices: Sequence[Device],
    span: Callable[[Device], tuple[dt.datetime, dt.datetime]],
    *,
    hours: HoursOf,
    label: str | None = None,
    by_hour: bool = False,
) -> DetectionTable:
    """Read the detections of each device, in days (or hours) of its site's time zone; at most four queries.

    `span` returns the start and end of a device's period, whole days of its site. Devices of one spot are one.
    """
    spots = spots_of(devices)
    selections = with_opening_hours(
        [Selection(spot.devices, spot.latest.site.zone, *span(spot.latest)) for spot in spots], hours
    )
    bucket: Bucket = "hour" if by_hour else "day"
    query = BucketQuery(selections, bucket)
    labels = {} if label is None else {"label": label}
    raw = query.select_slices(LabelQuarter.objects.filter(**labels)).values_list("label", "group", "slice")
    counted: dict[str, list[Any]] = defaultdict(list)
    for name, *row in raw.annotate(
        accepted=sql.IntegerSum(F("count") - F("rejected")), sum=sql.IntegerSum("confidence_millionths_sum")
    ):
        counted[name].append(row)
    episodes = query.select(Episode.objects.filter(**labels), "started").values_list("label", "group")
    began: dict[str, list[Any]] = defaultdict(list)
    for name, *row in episodes.annotate(starts=sql.PackedTimes("started")):
        began[name].append(row)

    cells: dict[Key, Sums] = defaultdict(Sums)
    for name in sorted({*counted, *began}):
        of_buckets = query.rows_by_bucket(counted[name])
        of_selections = query.rows_by_selection(began[name])
        for number, spot in enumerate(spots):
            place = (spot.latest.site.slug, spot.latest.name, name)
            edges = query.edges[number]
            keys = [(*place, at.date(), at.hour if by_hour else None) for at in edges.local[:-1]]
            for key, rows in zip(keys, of_buckets[number], strict=True):
                for accepted, millionths in rows:
                    cells[key].add(Sums(raw=accepted, millionths=millionths))
            for place_of, times in _places(edges.epoch_s, of_selections[number]):
                cells[keys[place_of]].add(Sums(distinct=times))
    return DetectionTable({key: sums for key, sums in sorted(cells.items()) if sums.raw or sums.distinct})


def _places(edges: Sequence[int], columns: Iterable[tuple[Any, bytes | str]]) -> Iterable[tuple[int, int]]:
    """Yield the number of each bucket in which episodes began, and how many."""
    for opening, packed in columns:
        seconds = sql.PackedTimes.unpack(packed) // MILLION
        if opening is not None:
            seconds = seconds[opening.contains(seconds)]
        places = np.searchsorted(edges, seconds, side="right") - 1
        inside = places[(places >= 0) & (places < len(edges) - 1)]
        for place, count in zip(*np.unique(inside, return_counts=True), strict=True):
            yield int(place), int(count)
