"""Reads archived facts of some devices and periods from the files of `analytics/features/archiving`."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.db import router

from analytics.models import Frame
from analytics.models.archive import ArchivedFile, FactKind
from analytics.numbers.archived_files import time_of

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet

Span = tuple[dt.datetime | None, dt.datetime | None]
"""A period, its start included and its end excluded; None means no limit."""


def archived_days(*spans: Span) -> list[tuple[FactKind, dt.date]]:
    """Return the kinds and UTC days that are read from files and lie at least partly in one of these periods."""
    return sorted({(FactKind(file.kind), file.day) for file in _files(spans)}, key=lambda each: (each[1], each[0]))


def read_facts(
    kind: FactKind, columns: Sequence[str], *, devices: Collection[int], spans: Sequence[Span]
) -> Iterator[tuple[Any, ...]]:
    """Yield these columns of the archived facts of these devices in any of these periods.

    They come day by day, and of each day sorted by device and time. Takes one query. Memory does not grow with their
    number, and parts of files without these devices and periods are not read.
    """
    if not devices:
        return
    time = time_of(kind)
    for archived in _files(spans):
        if archived.kind == kind:
            yield from _read(archived, [*dict.fromkeys([*columns, "device_id", time])], time, devices, spans, columns)


def _read(
    archived: ArchivedFile,
    needed: Sequence[str],
    time: str,
    devices: Collection[int],
    spans: Sequence[Span],
    columns: Sequence[str],
) -> Iterator[tuple[Any, ...]]:
    from pyarrow import parquet

    with archived.file.open("rb") as stored, parquet.ParquetFile(stored) as file:
        for number in range(file.num_row_groups):
            if _may_have(file.metadata.row_group(number), devices, time, spans):
                table = _chosen(file.read_row_group(number, columns=needed), devices, time, spans)
                yield from zip(*(table[name].to_pylist() for name in columns), strict=True)


def _may_have(group: "parquet.RowGroupMetaData", devices: Collection[int], time: str, spans: Sequence[Span]) -> bool:
    """Whether the row group may have a row of these devices and periods, by the spread of its columns."""
    found = {column.path_in_schema: column.statistics for column in map(group.column, range(group.num_columns))}
    of_devices, of_times = found["device_id"], found[time]
    if of_devices is not None and not any(of_devices.min <= device <= of_devices.max for device in devices):
        return False
    return of_times is None or any(
        (start is None or start <= of_times.max) and (end is None or of_times.min < end) for start, end in spans
    )


def _chosen(table: "pyarrow.Table", devices: Collection[int], time: str, spans: Sequence[Span]) -> "pyarrow.Table":
    import pyarrow
    from pyarrow import compute

    of_devices = compute.is_in(table["device_id"], pyarrow.array(list(devices), pyarrow.int64()))
    in_time = None
    for start, end in spans:
        within = of_devices
        if start is not None:
            within = compute.and_(within, compute.greater_equal(table[time], pyarrow.scalar(start, table[time].type)))
        if end is not None:
            within = compute.and_(within, compute.less(table[time], pyarrow.scalar(end, table[time].type)))
        in_time = within if in_time is None else compute.or_(in_time, within)
    return table.filter(in_time)


def _files(spans: Sequence[Span]) -> list[ArchivedFile]:
    """Return the files of the days in these periods, the oldest first.

    Reads the database from which the facts are read: a copy may have facts yet that the primary has archived.
    """
    if not spans:
        return []
    starts, ends = zip(*spans, strict=True)
    files = ArchivedFile.objects.using(router.db_for_read(Frame)).filter(is_complete=True)
    if None not in starts:
        files = files.filter(day__gte=min(map(_day, starts)))
    if None not in ends:
        files = files.filter(day__lte=max(map(_last_day, ends)))
    return [
        file
        for file in files.order_by("day", "pk")
        if any(
            (start is None or _day(start) <= file.day) and (end is None or file.day <= _last_day(end))
            for start, end in spans
        )
    ]


def _day(start: dt.datetime) -> dt.date:
    return start.astimezone(dt.UTC).date()


def _last_day(end: dt.datetime) -> dt.date:
    return (end.astimezone(dt.UTC) - dt.timedelta.resolution).date()
