"""Whole columns of a table, packed by the database: thousands of episodes are read in the time of some hundred rows."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import Aggregate

from analytics.models.quarters import MILLION
from analytics.numbers.selections import AS_IT_COMES

Numbers = npt.NDArray[np.int64]

POSTGRESQL_EPOCH = 946_684_800 * MILLION
"""2000-01-01 UTC in microseconds since 1970: from when PostgreSQL counts in its binary format."""


class Column(Aggregate):
    """All values of a group as whole numbers, in the same order as its other columns; `numbers` unpacks them."""

    output_field = AS_IT_COMES
    packed: str
    """In PostgreSQL, each value in its binary format, one after the other."""
    listed: str
    """In SQLite, as a list in JSON."""
    width: str
    """Of a packed value, as NumPy names it."""
    origin = 0
    """What a packed 0 means."""

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"STRING_AGG({self.packed}, ''::bytea)")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"JSON_GROUP_ARRAY({self.listed})")

    @classmethod
    def numbers(cls, column: str | bytes) -> Numbers:
        """What the database answered, unpacked."""
        if isinstance(column, str):
            return np.array(json.loads(column), np.int64)
        return np.frombuffer(column, cls.width).astype(np.int64) + cls.origin


class Times(Column):
    """Times in microseconds since 1970."""

    packed = "TIMESTAMPTZ_SEND(%(expressions)s)"
    # It is written with all six digits after the point, or without any; SQLite itself would round them to three.
    listed = (
        "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) * 1000000"
        " + CAST(substr(%(expressions)s, 21) AS INTEGER)"
    )
    width = ">i8"
    origin = POSTGRESQL_EPOCH


class SmallNumbers(Column):
    """Numbers of a small integer field."""

    packed = "INT2SEND(%(expressions)s)"
    listed = "%(expressions)s"
    width = ">i2"


def by_bucket(edges: Sequence[int], shown: Sequence[Sequence[Any]]) -> list[tuple[tuple[float, ...], int]]:
    """Of the episodes that begin in each bucket, how many seconds each lasted, ascending, and the highest peak, or 0.

    `edges` are those of the buckets, in seconds since 1970; `shown` are columns of starts, ends and peaks as the
    database answered them, a row for each group.
    """
    buckets = max(0, len(edges) - 1)
    if not shown or not buckets:
        return [((), 0)] * buckets
    columns = zip(*shown, strict=True)
    kinds = (Times, Times, SmallNumbers)
    starts, ends, peaks = (
        np.concatenate([kind.numbers(each) for each in column]) for kind, column in zip(kinds, columns, strict=True)
    )
    bucket = np.searchsorted(np.array(edges, np.int64) * MILLION, starts, side="right") - 1
    inside = np.flatnonzero((bucket >= 0) & (bucket < buckets))
    bucket, lasted = bucket[inside], (ends - starts)[inside]
    highest = np.zeros(buckets, np.int64)
    np.maximum.at(highest, bucket, peaks[inside])
    order = np.lexsort((lasted, bucket))
    seconds = (lasted[order] / MILLION).tolist()
    cuts = np.searchsorted(bucket[order], np.arange(buckets + 1)).tolist()
    return [
        (tuple(seconds[first:last]), peak) for first, last, peak in zip(cuts, cuts[1:], highest.tolist(), strict=False)
    ]
