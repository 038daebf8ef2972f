"""Monthly partitions of tables, on PostgreSQL. SQLite keeps each table whole, and every function does nothing there.

A model is partitioned if it has the attribute `partitioned_by`, the name of a time field. Each partition holds a month
of UTC. There is no default partition, because it would forbid to detach a partition without a lock.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from devices.storage import statements

MONTHS_AHEAD = 2
"""The number of months after the current one whose partitions `make_ahead` makes."""

_LOCK = "headcount partitions"
"""The name of the advisory lock of those who make or drop partitions."""


State = Literal["attached", "detaching", "loose"]
"""The state of a partition's table. An interrupted detachment leaves it detaching, which takes no rows, or loose."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The table of the rows from `start` to before `end`; without a start, of all earlier rows."""

    table: str
    start: dt.datetime | None
    end: dt.datetime
    state: State

    def contains(self, moment: dt.datetime) -> bool:
        """Return whether the table is for rows of this time."""
        return moment < self.end and (self.start is None or self.start <= moment)


def field_of(model: type[models.Model]) -> str | None:
    """Return the name of the field by which the model's table is partitioned; None for a table that is whole."""
    return getattr(model, "partitioned_by", None) if connection.vendor == "postgresql" else None


def month_of(moment: dt.datetime) -> dt.datetime:
    """Return the first moment of the month of this time, in UTC."""
    return moment.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: dt.datetime) -> dt.datetime:
    """Return the first moment of the following month."""
    return month_of(month + dt.timedelta(days=31))


def lacks_partition(error: IntegrityError) -> bool:
    """Return whether PostgreSQL may have refused a row because no partition contains its time."""
    # The code of check_violation, which PostgreSQL also returns for a row without a partition.
    return getattr(error.__cause__, "sqlstate", None) == "23514"


@transaction.atomic
def make(moments: Iterable[dt.datetime]) -> None:
    """Make the partitions of every partitioned table for the months of these times, unless they exist.

    Neither readers nor writers of the tables wait for it. Also finishes what an interruption has left.
    """
    months = sorted({month_of(moment) for moment in moments})
    partitioned = partitioned_models()
    if not months or not partitioned:
        return
    statements.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
    for model in partitioned:
        _make(model._meta.db_table, months)


def make_ahead(now: dt.datetime) -> None:
    """Make the partitions of this month and of the next `MONTHS_AHEAD` months, unless they exist."""
    months = [month_of(now)]
    while len(months) <= MONTHS_AHEAD:
        months.append(next_month(months[-1]))
    make(months)


def drop_empty(*, before: dt.datetime) -> list[str]:
    """Drop the empty partitions that end at or before this time; return the names of the dropped tables.

    Outside of a transaction no statement waits for it: the partition is detached concurrently before it is dropped.
    Also finishes what an interruption has left.
    """
    dropped = []
    for model in partitioned_models():
        parent = model._meta.db_table
        for partition in existing(parent):
            if partition.end <= before and _is_empty(partition.table):
                with alone():
                    detach(parent, partition)
                    dropped += [partition.table] if _drop_or_attach(parent, partition) else []
    return dropped


def existing(parent: str) -> list[Partition]:
    """Return the partitions of this table by their times; none for a table that is whole."""
    if connection.vendor != "postgresql":
        return []
    rows = statements.select(
        "SELECT relname, CASE WHEN inhdetachpending THEN 'detaching' WHEN relispartition THEN 'attached' ELSE 'loose'"
        " END FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid"
        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname ~ %s",
        [rf"^{parent}_(until_)?\d{{4}}_\d\d$"],
    )
    return sorted((_partition(*row) for row in rows), key=lambda partition: (partition.end, partition.table))


def table_of(parent: str, month: dt.datetime) -> str:
    """Return the name of the partition for this month."""
    return f"{parent}_{month:%Y_%m}"


def table_until(parent: str, month: dt.datetime) -> str:
    """Return the name of the partition for all times before this month, which once was the whole table."""
    return f"{parent}_until_{month:%Y_%m}"


def month_in(table: str) -> dt.datetime:
    """Return the month that the name of a partition ends with."""
    year, month = map(int, table.rsplit("_", 2)[1:])
    return dt.datetime(year, month, 1, tzinfo=dt.UTC)


def attach(parent: str, partition: Partition) -> None:
    """Attach the table to its parent. A check of the table that implies its times saves the database a scan."""
    start = f"'{partition.start.isoformat()}'" if partition.start else "MINVALUE"
    bounds = f"FROM ({start}) TO ('{partition.end.isoformat()}')"
    statements.execute(f'ALTER TABLE "{parent}" ATTACH PARTITION "{partition.table}" FOR VALUES {bounds}', [])


def partitioned_models() -> list[type[models.Model]]:
    """Return the models with partitions; an owner stands before what hangs on it."""
    return [model for model in apps.get_models() if field_of(model)]


def _partition(table: str, state: State) -> Partition:
    month = month_in(table)
    if table.rsplit("_", 3)[1] == "until":
        return Partition(table, None, month, state)
    return Partition(table, month, next_month(month), state)


def _make(parent: str, months: Iterable[dt.datetime]) -> None:
    if statements.select("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [parent]) != [("p",)]:
        return  # While an upgrade is under way, the table is whole or missing.
    partitions = existing(parent)
    for month in months:
        found = next((partition for partition in partitions if partition.contains(month)), None)
        if found is None:
            found = Partition(table_of(parent, month), month, next_month(month), "loose")
            # To attach a table takes a weaker lock than to create one as a partition, for which readers would wait.
            statements.execute(f'CREATE TABLE "{found.table}" (LIKE "{parent}" INCLUDING ALL)', [])
        if found.state == "detaching":
            detach(parent, found)
        if found.state != "attached":
            attach(parent, found)


def detach(parent: str, partition: Partition) -> None:
    """Detach the table from its parent. Outside of a transaction no statement waits for it."""
    if partition.state != "loose":
        concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
        how = "FINALIZE" if partition.state == "detaching" else concurrently
        statements.execute(f'ALTER TABLE "{parent}" DETACH PARTITION "{partition.table}" {how}', [])


@transaction.atomic
def _drop_or_attach(parent: str, partition: Partition) -> bool:
    """Drop the detached table, or attach it again if it has got rows meanwhile; return whether it was dropped."""
    statements.execute(f'LOCK TABLE "{partition.table}"', [])
    if not _is_empty(partition.table):
        attach(parent, partition)
        return False
    statements.execute(f'DROP TABLE "{partition.table}"', [])
    return True


def _is_empty(table: str) -> bool:
    return not statements.select(f'SELECT 1 FROM "{table}" LIMIT 1', [])  # noqa: S608


@contextmanager
def alone() -> Iterator[None]:
    """Keep others from making partitions. The lock outlives transactions, because a detachment needs several."""
    statements.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [_LOCK])
    try:
        yield
    finally:
        if not connection.needs_rollback:
            statements.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_LOCK])
