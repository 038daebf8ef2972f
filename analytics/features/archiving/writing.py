"""Moves the facts of old months from PostgreSQL into files, and deletes files after the retention.

A month is moved once all of it is older than `FACTS_IN_DATABASE_DAYS`; the intake takes in nothing of it any more. For
each day a file is written and compared, row by row, with what the database has. Then the month is detached, so that
nobody can change it, its rows are compared with the digests of the files, and its tables are dropped. Each step may be
interrupted; the next run goes on.
"""

import datetime as dt
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction

from analytics.counting import tallies
from analytics.counting.corrections import first_kept_moment
from analytics.models import Review, SettledDay
from analytics.models.archive import ArchivedFile, FactKind
from analytics.numbers.archived_files import CHUNK_ROWS, MODELS, columns_of, name_of, schema_of, time_of
from devices.faults.isolation import each
from devices.storage import partitions, sql
from devices.storage.partitions import Partition

if TYPE_CHECKING:
    import pyarrow

MARGIN = dt.timedelta(days=2)
"""A message that came in time may be committed somewhat later."""

Progress = Callable[[str, int], None]
"""Is told of which day facts are in a file now, and how many."""


@dataclass(frozen=True, slots=True)
class Month:
    """One kind of fact of one month, as the database has it."""

    kind: FactKind
    partition: Partition

    @property
    def parent(self) -> str:
        return MODELS[self.kind]._meta.db_table


@dataclass(frozen=True, slots=True)
class Day:
    """The facts of a kind and a UTC day, as the database has them."""

    kind: FactKind
    day: dt.date
    rows: int
    digest: str
    """The sum of the hashes of the rows."""


class Changed(Exception):
    """The facts of a month changed while they were moved. They are in the database as before."""


def archive(*, now: dt.datetime, progress: Progress = lambda name, rows: None) -> int:
    """Move all months that are old enough, the oldest first; return the number of facts that were moved.

    Must run outside of a transaction. Raises `Changed` if a month could not be moved this time.
    """
    return sum(_archive(months, progress) for months in due_months(now))


def due_months(now: dt.datetime) -> list[list[Month]]:
    """Return the tables that are old enough, month by month; none where `FACTS_IN_DATABASE_DAYS` is not set."""
    if not settings.FACTS_IN_DATABASE_DAYS:
        return []
    before = now - dt.timedelta(days=settings.FACTS_IN_DATABASE_DAYS) - MARGIN
    found = [
        Month(kind, partition)
        for kind, model in MODELS.items()
        for partition in partitions.existing(model._meta.db_table)
        if partition.end <= before
    ]
    found.sort(key=lambda month: (month.partition.end, list(MODELS).index(month.kind)))
    return [list(months) for _, months in groupby(found, key=attrgetter("partition.end"))]


def forget_old_files(*, now: dt.datetime) -> int:
    """Delete the files of days that are past the retention; return how many were deleted.

    A file that cannot be deleted is logged, and tried again by the next run.
    """
    old = ArchivedFile.objects.filter(day__lt=first_kept_moment(now).date())
    return sum(1 for _ in each(old, _forget_file, what="deleting"))


def _forget_file(archived: ArchivedFile) -> None:
    # First the file: a row without a file is deleted by the next run, a file without a row by nobody.
    archived.file.delete(save=False)
    archived.delete()


def _archive(months: list[Month], progress: Progress) -> int:
    written: dict[Month, list[int]] = {}
    for month in months:
        written[month] = []
        for day in _days(month):
            written[month].append(_write_day(month, day))
            progress(f"{day.kind} of {day.day}", day.rows)
    _settle(months)
    moved = 0
    for month in months:
        with partitions.alone():
            partitions.detach(month.parent, month.partition)
            # At once, so that who reads finds the facts in the files while the table is compared with them.
            ArchivedFile.objects.filter(pk__in=written[month]).update(is_complete=True)
            rows = _drop(month, written[month])
        if rows is None:
            raise Changed("The facts of a month changed while they were moved, so they stay; run the command again.")
        moved += rows
    return moved


def _days(month: Month) -> list[Day]:
    """Return what the table has of each UTC day. Reads it once."""
    time = time_of(month.kind)
    totals = f"(fact.{time} AT TIME ZONE 'UTC')::date, count(*), sum(hashtextextended(fact::text, 0)::numeric)::text"
    statement = f'SELECT {totals} FROM "{month.partition.table}" AS fact GROUP BY 1 ORDER BY 1'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [Day(month.kind, *row) for row in cursor.fetchall()]


def _write_day(month: Month, day: Day) -> int:
    """Write the file of this day, unless an earlier run has, and return its number.

    Raises `Changed` if the day is not the same any more.
    """
    earlier = ArchivedFile.objects.filter(kind=day.kind, day=day.day, digest=day.digest).first()
    if earlier is not None:
        return int(earlier.pk)
    from pyarrow import parquet

    schema = schema_of(day.kind)
    with tempfile.TemporaryFile() as target:
        with transaction.atomic():
            _run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
                for batch in _batches(month, day.day, schema):
                    writer.write_batch(batch, row_group_size=CHUNK_ROWS)
            target.seek(0)
            file = parquet.ParquetFile(target)
            same = all(
                file.read_row_group(number).equals(_table(batch))
                for number, batch in enumerate(_batches(month, day.day, schema))
            )
        if not same or file.metadata.num_rows != day.rows:
            raise Changed(f"The {day.kind} of {day.day} changed while they were written; run the command again.")
        target.seek(0)
        name = default_storage.save(name_of(day.kind, day.day, day.digest), File(target))
    stored = ArchivedFile.objects.create(kind=day.kind, day=day.day, digest=day.digest, rows=day.rows, file=name)
    return int(stored.pk)


def _batches(month: Month, day: dt.date, schema: "pyarrow.Schema") -> Iterator["pyarrow.RecordBatch"]:
    """Yield the rows of the day, sorted by device, time and id. Must run in a transaction, for which they are fixed."""
    import pyarrow

    time = time_of(month.kind)
    as_text = {"box": "box::text"}
    names = ", ".join(as_text.get(column, column) for column in columns_of(month.kind))
    start = dt.datetime.combine(day, dt.time.min, dt.UTC)
    rows = f'FROM "{month.partition.table}" WHERE {time} >= %s AND {time} < %s ORDER BY device_id, {time}, id'
    statement = f"SELECT {names} {rows}"
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, [start, start + dt.timedelta(days=1)])
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            columns = zip(*chunk, strict=True)
            arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            yield pyarrow.record_batch(arrays, schema=schema)


def _table(batch: "pyarrow.RecordBatch") -> "pyarrow.Table":
    import pyarrow

    return pyarrow.Table.from_batches([batch])


def _settle(months: Iterable[Month]) -> None:
    """Note that the tallies of these days cannot be computed again, and delete the reviews of single people.

    The majority of the reviews stands in the detection itself.
    """
    for month in months:
        time = time_of(month.kind)
        days: dict[int, list[dt.date]] = {}
        table = month.partition.table
        pairs = f"SELECT DISTINCT device_id, ({time} AT TIME ZONE 'UTC')::date FROM \"{table}\""  # noqa: S608
        for device, day in _run(pairs):
            days.setdefault(device, []).append(day)
        for device, settled in days.items():
            with transaction.atomic():
                # Without the lock, a concurrent review would rebuild its quarter from the remaining frames.
                sql.lock(tallies.LOCK, [device], alone=True)
                SettledDay.objects.bulk_create(
                    [SettledDay(device_id=device, day=day) for day in settled], ignore_conflicts=True
                )


@transaction.atomic
def _drop(month: Month, written: Sequence[int]) -> int | None:
    """Drop the detached table if its rows are those of the files `written`, and return their number.

    Otherwise attach the table again, and return None.
    """
    table = month.partition.table
    _run(f'LOCK TABLE "{table}"')
    days = _days(month)
    of_month = ArchivedFile.objects.filter(kind=month.kind, day__in=[day.day for day in days])
    files = {(file.day, file.digest, file.rows) for file in of_month.filter(pk__in=written)}
    if files != {(day.day, day.digest, day.rows) for day in days}:
        ArchivedFile.objects.filter(pk__in=written).update(is_complete=False)
        partitions.attach(month.parent, month.partition)
        return None
    # Files of a run before the last change of the month.
    for stale in of_month.filter(is_complete=False):
        stale.file.delete(save=False)
        stale.delete()
    if month.kind is FactKind.DETECTIONS and days:
        first, last = days[0].day, days[-1].day + dt.timedelta(days=1)
        ends = [dt.datetime.combine(day, dt.time.min, dt.UTC) for day in (first, last)]
        Review.objects.filter(taken_at__gte=ends[0], taken_at__lt=ends[1]).delete()
    _run(f'DROP TABLE "{table}"')
    return sum(day.rows for day in days)


def _run(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
