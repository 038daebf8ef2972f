"""Visits from reports, and their tallies. Pure; the intake and the rebuild use the same functions.

Merging reports is associative, commutative and idempotent: dwell and attention only grow, the nearest distance only
shrinks, and an end stays an end. So a visit is the merge of its reports in any order, however often each arrives.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from operator import add
from typing import Any, NamedTuple

from analytics.models.quarters import duration_bin, quarter_start
from devices.storage.sql import Merge

LOCK = "headcount visits"
"""The name of the exclusive advisory locks on devices for writing their visits."""

VIEWER_MS = 1_000
"""A viewer is somebody whose face was turned to the display for at least this long in all."""

MINUTE = dt.timedelta(minutes=1)

TENTH_MS = 100
"""The sums of squares are of tenths of a second, so that a year of them fits into 64 bits."""


class VisitRow(NamedTuple):
    """A row of `Visit`, with its fields' names and order. The first three are its key."""

    device_id: int
    began_at: dt.datetime
    """UTC."""
    key: str
    dwell_ms: int
    attention_ms: int | None
    nearest_m: float | None
    ended: bool
    bodies: bool


class VisitSums(NamedTuple):
    """The numbers of `VisitQuarter`, which explains them, with its fields' names and order; all of them add up."""

    visits: int
    dwell_ms_sum: int
    told: int
    viewers: int
    told_dwell_ms_sum: int
    attention_ms_sum: int
    groups: int
    attention_squares: int
    dwell_squares: int
    products: int
    passers_by: int
    passing_viewers: int
    passing_groups: int
    passer_squares: int
    passing_viewer_squares: int
    passing_products: int
    all_groups: int
    size_squares: int
    dwell_bin_squares: int
    dwell_bin_products: int
    told_size_squares: int
    attention_bin_squares: int
    attention_bin_products: int


Tally = tuple[Any, ...]
"""A row of a table of tallies: a value for each of `VISIT_FIELDS` or `DURATION_FIELDS`."""

VISIT_FIELDS = ("device_id", "start", *VisitSums._fields)
DURATION_FIELDS = ("device_id", "start", "measure", "bin", "visits")

VISIT_MERGE: dict[str, Merge] = dict.fromkeys(VisitSums._fields, "sum")
DURATION_MERGE: dict[str, Merge] = {"visits": "sum"}


def merge_visits(rows: Iterable[VisitRow]) -> dict[tuple[Any, ...], VisitRow]:
    """Merge the rows that are about the same visit; by key, sorted."""
    merged: dict[tuple[Any, ...], VisitRow] = {}
    for row in rows:
        known = merged.get(row[:3])
        merged[row[:3]] = row if known is None else _merge(known, row)
    return dict(sorted(merged.items()))


def _merge(one: VisitRow, other: VisitRow) -> VisitRow:
    return VisitRow(
        *one[:3],
        max(one.dwell_ms, other.dwell_ms),
        max((each.attention_ms for each in (one, other) if each.attention_ms is not None), default=None),
        min((each.nearest_m for each in (one, other) if each.nearest_m is not None), default=None),
        one.ended or other.ended,
        one.bodies or other.bodies,
    )


def minute_of(row: VisitRow) -> dt.datetime:
    """Return the start of the minute in which the visit began."""
    return row.began_at.replace(second=0, microsecond=0)


def visit_rows(visits: Iterable[VisitRow]) -> list[Tally]:
    """Return a row of `VISIT_FIELDS` for each device and quarter, sorted by both.

    Each visit must be given once, together with all others of the device that began in the same minute.
    """
    groups: dict[tuple[int, dt.datetime], list[VisitRow]] = defaultdict(list)
    for visit in visits:
        groups[visit.device_id, minute_of(visit)].append(visit)
    sums: dict[tuple[int, dt.datetime], tuple[int, ...]] = {}
    for (device_id, minute), group in groups.items():
        key, numbers = (device_id, quarter_start(minute)), _group(group)
        known = sums.get(key)
        sums[key] = numbers if known is None else tuple(map(add, known, numbers))
    return [(*key, *sums[key]) for key in sorted(sums)]


def _group(visits: list[VisitRow]) -> VisitSums:
    all_dwell = told = dwell = attention = viewers = passers_by = passing_viewers = dwell_bins = attention_bins = 0
    for visit in visits:
        all_dwell += visit.dwell_ms
        dwell_bins += duration_bin(visit.dwell_ms)
        if visit.attention_ms is None:
            continue
        told += 1
        dwell += visit.dwell_ms
        attention += visit.attention_ms
        attention_bins += duration_bin(visit.attention_ms)
        is_viewer = visit.attention_ms >= VIEWER_MS
        viewers += is_viewer
        if visit.bodies:
            passers_by += 1
            passing_viewers += is_viewer
    tenths = dwell // TENTH_MS, attention // TENTH_MS
    return VisitSums(
        visits=len(visits),
        dwell_ms_sum=all_dwell,
        told=told,
        viewers=viewers,
        told_dwell_ms_sum=dwell,
        attention_ms_sum=attention,
        groups=int(told > 0),
        attention_squares=tenths[1] ** 2,
        dwell_squares=tenths[0] ** 2,
        products=tenths[0] * tenths[1],
        passers_by=passers_by,
        passing_viewers=passing_viewers,
        passing_groups=int(passers_by > 0),
        passer_squares=passers_by**2,
        passing_viewer_squares=passing_viewers**2,
        passing_products=passers_by * passing_viewers,
        all_groups=1,
        size_squares=len(visits) ** 2,
        dwell_bin_squares=dwell_bins**2,
        dwell_bin_products=len(visits) * dwell_bins,
        told_size_squares=told**2,
        attention_bin_squares=attention_bins**2,
        attention_bin_products=told * attention_bins,
    )


def duration_rows(visits: Iterable[VisitRow]) -> list[Tally]:
    """Return a row of `DURATION_FIELDS` for each device, quarter, measure and bin, sorted by them.

    Each visit must be given once.
    """
    counts: Counter[tuple[int, dt.datetime, str, int]] = Counter()
    for visit in visits:
        place = visit.device_id, quarter_start(visit.began_at)
        counts[*place, "dwell", duration_bin(visit.dwell_ms)] += 1
        if visit.attention_ms is not None:
            counts[*place, "attention", duration_bin(visit.attention_ms)] += 1
    return [(*key, counts[key]) for key in sorted(counts)]
