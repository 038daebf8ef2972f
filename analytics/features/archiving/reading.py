"""Reads archived facts of some devices and a period from the files."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from analytics.features.archiving.files import columns_of, time_of
from analytics.models.archive import ArchivedFile, FactKind


def archived_days(*, start: dt.datetime | None, end: dt.datetime | None) -> list[tuple[FactKind, dt.date]]:
    """Return the kinds and UTC days that are read from files and lie at least partly in this period."""
    files = _files(start, end).values_list("kind", "day").distinct()
    return [(FactKind(kind), day) for kind, day in files.order_by("day", "kind")]


def read_facts(
    kind: FactKind, *, devices: Collection[int], start: dt.datetime | None, end: dt.datetime | None
) -> Iterator[Sequence[Any]]:
    """Yield the archived facts of these devices from `start`, included, to `end`, excluded; None means no limit.

    Each has the columns of `columns_of`. They come day by day, and of each day sorted by device and time. Memory does
    not grow with their number, and parts of files without these devices are not read.
    """
    from pyarrow import parquet

    columns = list(columns_of(kind))
    device_at, time_at = columns.index("device_id"), columns.index(time_of(kind))
    for archived in _files(start, end).filter(kind=kind).order_by("day", "pk"):
        with archived.file.open("rb") as stored, parquet.ParquetFile(stored) as file:
            for number in range(file.num_row_groups):
                spread = file.metadata.row_group(number).column(device_at).statistics
                if spread is not None and not any(spread.min <= device <= spread.max for device in devices):
                    continue
                for row in zip(*file.read_row_group(number).to_pydict().values(), strict=True):
                    if row[device_at] in devices and _lies_within(row[time_at], start, end):
                        yield row


def _lies_within(at: dt.datetime, start: dt.datetime | None, end: dt.datetime | None) -> bool:
    return (start is None or start <= at) and (end is None or at < end)


def _files(start: dt.datetime | None, end: dt.datetime | None) -> Any:
    files = ArchivedFile.objects.filter(is_complete=True)
    if start is not None:
        files = files.filter(day__gte=start.astimezone(dt.UTC).date())
    if end is not None:
        files = files.filter(day__lte=(end.astimezone(dt.UTC) - dt.timedelta.resolution).date())
    return files
