"""Visits from reports, and their tallies. Pure; the intake and the rebuild use the same functions.

Merging reports is associative, commutative and idempotent: dwell and attention only grow, the nearest distance only
shrinks, and an end stays an end. So a visit is the merge of its reports in any order, however often each arrives.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from analytics.models.quarters import duration_bin, quarter_start
from devices.sql import Merge

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


class VisitQuarterRow(NamedTuple):
    """A row of `VisitQuarter`, with its fields' names and order."""

    device_id: int
    start: dt.datetime
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


class DurationRow(NamedTuple):
    """A row of `DurationQuarter`, with its fields' names and order."""

    device_id: int
    start: dt.datetime
    measure: str
    bin: int
    visits: int


VISIT_MERGE: dict[str, Merge] = dict.fromkeys(VisitQuarterRow._fields[2:], "sum")
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
    )


def minute_of(row: VisitRow) -> dt.datetime:
    """Return the start of the minute in which the visit began."""
    return row.began_at.replace(second=0, microsecond=0)


def visit_rows(visits: Iterable[VisitRow]) -> list[VisitQuarterRow]:
    """Return a row for each device and quarter, sorted by both.

    Each visit must be given once, together with all others of the device that began in the same minute.
    """
    groups: dict[tuple[int, dt.datetime], list[VisitRow]] = defaultdict(list)
    for visit in visits:
        groups[visit.device_id, minute_of(visit)].append(visit)
    sums: dict[tuple[int, dt.datetime], list[int]] = defaultdict(lambda: [0] * len(VISIT_MERGE))
    for (device_id, minute), group in groups.items():
        row = sums[device_id, quarter_start(minute)]
        row[:] = map(sum, zip(row, _group(group), strict=True))
    return [VisitQuarterRow(*key, *sums[key]) for key in sorted(sums)]


def _group(visits: list[VisitRow]) -> tuple[int, ...]:
    told = [(visit.dwell_ms, visit.attention_ms) for visit in visits if visit.attention_ms is not None]
    dwell, attention = sum(dwell for dwell, _ in told), sum(attention for _, attention in told)
    tenths = dwell // TENTH_MS, attention // TENTH_MS
    return (
        len(visits),
        sum(visit.dwell_ms for visit in visits),
        len(told),
        sum(attention >= VIEWER_MS for _, attention in told),
        dwell,
        attention,
        int(bool(told)),
        tenths[1] ** 2,
        tenths[0] ** 2,
        tenths[0] * tenths[1],
    )


def duration_rows(visits: Iterable[VisitRow]) -> list[DurationRow]:
    """Return a row for each device, quarter, measure and bin, sorted by them. Each visit must be given once."""
    counts: Counter[tuple[int, dt.datetime, str, int]] = Counter()
    for visit in visits:
        place = visit.device_id, quarter_start(visit.began_at)
        counts[*place, "dwell", duration_bin(visit.dwell_ms)] += 1
        if visit.attention_ms is not None:
            counts[*place, "attention", duration_bin(visit.attention_ms)] += 1
    return [DurationRow(*key, counts[key]) for key in sorted(counts)]
