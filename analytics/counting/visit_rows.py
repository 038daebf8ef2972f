"""Writes of visits and their tallies. To be called in a transaction."""

from collections.abc import Iterable, Sequence

import msgspec
from django.db import connection

from analytics.counting import visits
from analytics.counting.visits import Tally, VisitRow
from analytics.models import DurationQuarter, Visit, VisitQuarter
from devices.storage import records, sql

OVERWRITE: dict[str, sql.Merge] = dict.fromkeys(VisitRow._fields[3:], "new")


def add(reports: Sequence[VisitRow]) -> None:
    """Merge these reports with the stored visits, and correct the tallies by the difference.

    Waits for other transactions that write visits of these devices.
    """
    if not reports:
        return
    sql.lock(visits.LOCK, {row.device_id for row in reports}, alone=True)
    stored = {row[:3]: row for row in _same_minutes(reports)}
    merged = visits.merge_visits([*stored.values(), *reports])
    changed = [row for key, row in merged.items() if stored.get(key) != row]
    if not changed:
        return
    sql.Rows(Visit, VisitRow._fields, changed).add_up(OVERWRITE)
    before, after = list(stored.values()), list(merged.values())
    quarters = _difference(visits.visit_rows(before), visits.visit_rows(after), numbers=len(visits.VISIT_MERGE))
    durations = _difference(visits.duration_rows(before), visits.duration_rows(after), numbers=1)
    sql.Rows(VisitQuarter, visits.VISIT_FIELDS, quarters).add_up(visits.VISIT_MERGE)
    sql.Rows(DurationQuarter, visits.DURATION_FIELDS, durations).add_up(visits.DURATION_MERGE)
    emptied = {(device, start) for device, start, *_, number in durations if number < 0}
    if emptied:
        devices, starts = zip(*emptied, strict=True)
        DurationQuarter.objects.filter(device__in=set(devices), start__in=set(starts), visits=0).delete()


def _difference(before: Iterable[Tally], after: Iterable[Tally], *, numbers: int) -> list[Tally]:
    """Return the rows that turn the tallies `before` into those `after`, sorted. Their last values are the numbers."""
    known = {row[:-numbers]: row[-numbers:] for row in before}
    wanted = {row[:-numbers]: row[-numbers:] for row in after}
    zeros = (0,) * numbers
    found = []
    for place in sorted({*known, *wanted}):
        more = [new - old for new, old in zip(wanted.get(place, zeros), known.get(place, zeros), strict=True)]
        if any(more):
            found.append((*place, *more))
    return found


def _same_minutes(reports: Iterable[VisitRow]) -> list[VisitRow]:
    """Return the stored visits that began in the same minutes at the same devices as these."""
    minutes = sorted({(row.device_id, visits.minute_of(row)) for row in reports})
    lows = sql.times(minute for _, minute in minutes)
    highs = sql.times(minute + visits.MINUTE for _, minute in minutes)
    ranges = [(device, low, high) for (device, _), low, high in zip(minutes, lows, highs, strict=True)]
    found = records.read(VisitRow, Visit, _SAME_MINUTES[connection.vendor], [msgspec.json.encode(ranges).decode()])
    return list(found.values())


def _statement(ranges: str, device: str, low: str, high: str) -> str:
    table = Visit._meta.db_table
    return (
        f"FROM {ranges} CROSS JOIN {table} "
        f"WHERE {table}.device_id = {device} AND began_at >= {low} AND began_at < {high}"
    )


_SAME_MINUTES = {
    "postgresql": _statement(
        "(SELECT (value ->> 0)::bigint AS device, ((value ->> 1) || 'Z')::timestamptz AS low, "
        "((value ->> 2) || 'Z')::timestamptz AS high FROM jsonb_array_elements(%s::jsonb)) AS ranges",
        *("ranges.device", "ranges.low", "ranges.high"),
    ),
    "sqlite": _statement("json_each(%s)", "value ->> 0", "value ->> 1", "value ->> 2"),
}
