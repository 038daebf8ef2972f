"""Quarter hours and episodes of some devices as columns, read once for all that a page makes of them.

The database returns whole columns, which cost no Python object for each row. A page that shows a period and compares it
with the past reads both from the same rows.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Case, F, Q, When

from analytics.counting.tallies import ENGAGEMENT_MERGE
from analytics.models import EngagementQuarter, Episode
from analytics.models.quarters import MILLION
from analytics.numbers import sql
from analytics.numbers.sql import Integers


class Quarters(NamedTuple):
    """The quarter hours of a device: their starts, and the numbers of `ENGAGEMENT_MERGE` with minutes counted."""

    starts: Integers
    """Epoch seconds."""
    frames: Integers
    faces: Integers
    peaks: Integers
    seen: Integers
    occupied: Integers
    told: Integers

    def column(self, field: str) -> Integers:
        """Return the column of a field of `EngagementQuarter`."""
        return self[1 + list(ENGAGEMENT_MERGE).index(field)]


class Episodes(NamedTuple):
    """The episodes of one label of a device, each column in the same order."""

    starts: Integers
    """Epoch microseconds, as `ends`."""
    ends: Integers


NOTHING = np.empty(0, np.int64)
NO_QUARTERS, NO_EPISODES = Quarters(*[NOTHING] * 7), Episodes(*[NOTHING] * 2)


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """All quarter hours, and the episodes of some labels, that began in a long span of time."""

    quarters: Mapping[int, Quarters]
    """By the primary key of the device."""
    starts: Mapping[tuple[int, str], Integers]
    """When episodes began, in epoch microseconds, by the primary key of the device and the label."""
    episodes: Mapping[tuple[int, str], Episodes]
    """The episodes that began in `period`, by the same keys."""
    period: tuple[int, int]
    """The part of the span, in epoch seconds, whose episodes are known with their ends."""

    def check(self, edges: Sequence[int]) -> None:
        """Raise `ValueError` unless the time between these edges, in epoch seconds, lies in `period`."""
        if edges and (edges[0] < self.period[0] or edges[-1] > self.period[1]):
            raise ValueError("The rows that were read do not cover all of the buckets.")


def read_packed_rows(
    devices: Collection[int],
    labels: Collection[str],
    start: dt.datetime,
    end: dt.datetime,
    *,
    period: tuple[int, int],
    waiting: Collection[int],
) -> PackedRows:
    """Read the rows of these devices in two queries; `period`, in epoch seconds, lies in the span.

    `waiting` are the devices that wait between uploads.
    """
    inside = Q(started__gte=sql.utc(period[0]), started__lt=sql.utc(period[1]))
    rows = (
        Episode.objects.filter(device__in=devices, label__in=labels, started__gte=start, started__lt=end)
        .order_by()
        .values_list("device_id", "label")
        .annotate(
            starts=sql.PackedTimes("started"),
            # A long span has many more episodes than the period, and only their starts are needed.
            ends=sql.PackedTimes("ended", filter=inside),
        )
    )
    starts, episodes = {}, {}
    for device, label, *columns in sql.read_packed(rows):
        began = sql.PackedTimes.unpack(columns[0])
        here = began[(began >= period[0] * MILLION) & (began < period[1] * MILLION)]
        starts[device, label], episodes[device, label] = began, Episodes(here, sql.PackedTimes.unpack(columns[1]))
    return PackedRows(read_quarters(devices, start, end, waiting), starts, episodes, period)


EPISODE_COLUMNS = {"starts": sql.PackedTimes("started"), "ends": sql.PackedTimes("ended")}
"""The packed columns of episodes."""


def unpack_episodes(columns: Sequence[str | bytes]) -> Episodes:
    """Return the values of `EPISODE_COLUMNS` as integers."""
    starts, ends = columns
    return Episodes(sql.PackedTimes.unpack(starts), sql.PackedTimes.unpack(ends))


def read_quarters(
    devices: Collection[int], start: dt.datetime, end: dt.datetime, waiting: Collection[int]
) -> dict[int, Quarters]:
    """Read the quarter hours of these devices by primary key, in one query."""
    columns = {
        "starts": sql.PackedTimes("start"),
        "frames": sql.PackedIntegers("frames"),
        "faces": sql.PackedIntegers("faces_sum"),
        "peaks": sql.PackedSmallIntegers("faces_peak"),
        "on": sql.PackedSmallIntegers("minutes_seen"),
        "occupied": sql.PackedSmallIntegers("minutes_occupied"),
    }
    if waiting:
        columns["told"] = sql.PackedSmallIntegers(told_minutes(waiting, F))
    rows = (
        EngagementQuarter.objects.filter(device__in=devices, start__gte=start, start__lt=end)
        .order_by()
        .values_list("device_id")
        .annotate(**{f"packed_{name}": column for name, column in columns.items()})
    )
    return {device: _unpack_quarters(columns) for device, *columns in sql.read_packed(rows)}


def told_minutes(waiting: Collection[int], of_mask: Callable[[str], Any]) -> Case:
    """Return an expression of the minutes of a quarter in which labels are known, from the mask of these minutes."""
    return Case(When(device__in=waiting, then=of_mask("minutes_told")), default=of_mask("minutes_seen"))


def _unpack_quarters(columns: Sequence[str | bytes]) -> Quarters:
    starts, frames, faces, peaks, on, occupied, *told = columns
    seen = _bits(on)
    return Quarters(
        sql.PackedTimes.unpack(starts) // MILLION,
        sql.PackedIntegers.unpack(frames),
        sql.PackedIntegers.unpack(faces),
        sql.PackedSmallIntegers.unpack(peaks),
        seen,
        _bits(occupied),
        _bits(told[0]) if told else seen,
    )


def _bits(masks: str | bytes) -> Integers:
    return np.bitwise_count(sql.PackedSmallIntegers.unpack(masks)).astype(np.int64)
