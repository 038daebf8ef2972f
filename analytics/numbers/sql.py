"""SQL functions of the reads, for PostgreSQL and SQLite: aggregates, slices of time, and packed columns."""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from django.db import connections
from django.db.models import Aggregate, Field, Func, Max, QuerySet, Sum

from analytics.models.quarters import MILLION, QUARTER_MINUTES

MAX_LISTED_EDGES = 400
"""The most bucket edges that a query lists: more than a year of days has. The database parses them in a millisecond."""

UNCONVERTED: "Field[Any, Any]" = Field()
"""The output field of numbers. A converter of Django would be called for each value and return it unchanged."""

POSTGRESQL_EPOCH = 946_684_800 * MILLION
"""2000-01-01 UTC in microseconds since 1970: the zero of PostgreSQL's binary format of times."""

LENGTH_BITS = 44
LONGEST = (1 << LENGTH_BITS) - 1
"""The longest duration in microseconds, some 200 days: what is left of 64 bits for half a million buckets."""

Integers = npt.NDArray[np.int64]


class IntegerSum(Sum):
    """A sum of integers as an integer; PostgreSQL returns the sum of large integers as a decimal number."""

    output_field = UNCONVERTED
    template = "CAST(%(function)s(%(expressions)s) AS bigint)"


class IntegerMax(Max):
    """The largest of some integers."""

    output_field = UNCONVERTED


class BitCount(Func):
    """The number of bits that are set in a mask of `QUARTER_MINUTES` bits."""

    # SQLite has no function for it.
    template = "(" + " + ".join(f"((%(expressions)s >> {bit}) & 1)" for bit in range(QUARTER_MINUTES)) + ")"
    output_field = UNCONVERTED

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"BIT_COUNT(%(expressions)s::int::bit({QUARTER_MINUTES}))"
        return self.as_sql(compiler, connection, template=template, **context)


class SliceStart(Func):
    """The start of the slice of time that contains a time, in seconds since 1970.

    Slices are so short that each edge of each bucket is also an edge of a slice. `between` chooses their length.
    """

    output_field = UNCONVERTED
    template = "FLOOR((DATE_PART('epoch', %(expressions)s) - %(first)s) / %(step)s)::bigint * %(step)s + %(first)s"
    listed = "(ARRAY[%(edges)s])[WIDTH_BUCKET(%(expressions)s, '{%(times)s}'::timestamptz[])]"
    sqlite = "((CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) - %(first)s) / %(step)s * %(step)s + %(first)s)"

    @classmethod
    def between(cls, field: str, edges: Sequence[int]) -> Self:
        """Slices from edge to edge. If there are many edges, all slices have the edges' greatest common step instead.

        `edges` ascend, in seconds since 1970. The field's times must lie between the first and the last edge.
        """
        first = edges[0] if edges else 0
        lists: dict[str, Any] = {}
        if len(edges) <= MAX_LISTED_EDGES:
            lists = {
                "edges": _comma_separated(edges),
                "times": _comma_separated(utc(edge).isoformat() for edge in edges),
            }
        return cls(field, first=first, step=math.gcd(*[edge - first for edge in edges]) or 1, **lists)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.listed if "edges" in self.extra else None)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.sqlite)


class Opening(Protocol):
    """Opening hours, as `reads.OpenSpans`."""

    def contains(self, seconds: Integers) -> npt.NDArray[np.bool_]: ...


def utc(epoch_s: int) -> dt.datetime:
    """Return the UTC time that lies so many seconds after the start of 1970."""
    return dt.datetime.fromtimestamp(epoch_s, dt.UTC)


def _comma_separated(values: Iterable[Any]) -> str:
    return ",".join(map(str, values))


class PackedColumn(Aggregate):
    """All values of a group as one value; `unpack` makes integers of it.

    The packed columns of one query have the same order. Thousands of packed rows are read as fast as some hundred rows.
    """

    output_field = UNCONVERTED
    binary: str
    """The PostgreSQL expression for the binary format of a value; the column is their concatenation."""
    json: str
    """The SQLite expression for a value; the column is a JSON array of them."""
    dtype: str
    """NumPy's name of the binary format."""
    origin = 0
    """The integer that a binary 0 stands for."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._by(f"STRING_AGG({self.binary}, ''::bytea)").as_sql(compiler, connection)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._by(f"JSON_GROUP_ARRAY({self.json})").as_sql(compiler, connection)

    def _by(self, template: str) -> Self:
        """Return this column with a template. As an argument of `as_sql`, Django would not take one with a filter."""
        copy = self.copy()
        copy.template = template
        return copy

    @classmethod
    def unpack(cls, column: str | bytes | None) -> Integers:
        """Return the integers of a column as the database has returned it; none for None, where no row was chosen."""
        if column is None:
            return np.empty(0, np.int64)
        if isinstance(column, str):
            return np.array(json.loads(column), np.int64)
        return np.frombuffer(column, cls.dtype).astype(np.int64) + cls.origin


class PackedTimes(PackedColumn):
    """Times in microseconds since 1970."""

    binary = "TIMESTAMPTZ_SEND(%(expressions)s)"
    # SQLite stores six digits after the decimal point, or none; its own functions would round them to three.
    json = (
        "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) * 1000000"
        " + CAST(substr(%(expressions)s, 21) AS INTEGER)"
    )
    dtype = ">i8"
    origin = POSTGRESQL_EPOCH


class PackedIntegers(PackedColumn):
    """Values of an integer field of any size."""

    binary = "INT8SEND((%(expressions)s)::bigint)"
    json = "%(expressions)s"
    dtype = ">i8"


class PackedSmallIntegers(PackedColumn):
    """Values of a small integer field."""

    binary = "INT2SEND(%(expressions)s)"
    json = "%(expressions)s"
    dtype = ">i2"


def read_packed(rows: QuerySet[Any, Any]) -> list[Any]:
    """Read the rows of a query with packed columns: as many rows as it has groups.

    PostgreSQL sends them in its binary format. As text, they would be twice as long and take a third more time.
    """
    connection = connections[rows.db]
    if connection.vendor != "postgresql":
        return list(rows)
    with connection.execute_wrapper(_execute_for_binary):
        return list(rows)


def _execute_for_binary(
    execute: Callable[..., Any], statement: str, parameters: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Execute a statement by a cursor that gets binary results. Django's cursors, which merge parameters, refuse to."""
    from psycopg import Cursor
    from psycopg.pq import Format

    wrapper = context["cursor"]
    merged = wrapper.cursor.mogrify(statement, parameters)
    wrapper.cursor = Cursor(wrapper.cursor.connection)
    wrapper.cursor.format = Format.BINARY
    return execute(merged, None, many, context)


def durations(
    edges: Sequence[int], columns: Sequence[tuple["Opening | None", tuple[Integers, Integers]]]
) -> list[tuple[float, ...]]:
    """Return the durations (seconds, ascending) of the episodes that began in each bucket.

    `edges` are the buckets' edges in seconds since 1970. Each item of `columns` belongs to one group of episodes: its
    opening hours, outside of which episodes are left out, and its starts and ends in microseconds.
    """
    buckets = max(0, len(edges) - 1)
    if not columns or not buckets:
        return [()] * buckets
    groups = []
    for opening, values in columns:
        was_open = slice(None) if opening is None else opening.contains(values[0] // MILLION)
        groups.append([each[was_open] for each in values])
    starts, ends = (np.concatenate(values) for values in zip(*groups, strict=True))
    bucket = np.searchsorted(np.array(edges, np.int64) * MILLION, starts, side="right") - 1
    inside = np.flatnonzero((bucket >= 0) & (bucket < buckets))
    # One number for both, because numbers are sorted several times as fast as places.
    ordered = np.sort(bucket[inside] << LENGTH_BITS | np.clip((ends - starts)[inside], 0, LONGEST))
    seconds = ((ordered & LONGEST) / MILLION).tolist()
    cuts = np.searchsorted(ordered, np.arange(buckets + 1) << LENGTH_BITS).tolist()
    return [tuple(seconds[first:last]) for first, last in pairwise(cuts)]
