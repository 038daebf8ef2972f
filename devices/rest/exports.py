"""Whole lists as CSV or Parquet, sent while they are read, so that memory does not grow with their length.

The columns of a list are named by its viewset, each with the path that `values_list` takes; their types are those of
the model's fields. What a column's type has no words for (a list, a UUID) becomes text.
"""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    import pyarrow

ROWS_AT_ONCE = 10_000
"""Rows of a chunk of CSV, and of a row group of Parquet: a few MB."""

Rows = Iterable[Sequence[Any]]
Columns = Mapping[str, str]
"""Name in the file: path from the model."""


def rows_of(queryset: models.QuerySet[Any], columns: Columns) -> Rows:
    """Every row in the order of the primary key, read from the database piece by piece."""
    ordered = queryset.order_by("pk").values_list(*columns.values())
    return ordered.iterator(chunk_size=ROWS_AT_ONCE)


def as_csv(rows: Rows, names: Sequence[str]) -> Iterator[bytes]:
    """A line of names, then a line for each row; times as ISO 8601, nothing for null."""
    yield _lines([names])
    for chunk in _chunks(rows):
        yield _lines([_plain(value) for value in row] for row in chunk)


def as_parquet(rows: Rows, schema: "pyarrow.Schema") -> Iterator[bytes]:
    """A Parquet file with a row group for each `ROWS_AT_ONCE` rows."""
    import pyarrow
    from pyarrow import parquet

    drain = _Drain()
    with parquet.ParquetWriter(pyarrow.PythonFile(drain, mode="w"), schema) as writer:
        for chunk in _chunks(rows):
            columns = zip(*chunk, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            yield drain.taken()
    yield drain.taken()


def schema_of(queryset: models.QuerySet[Any], columns: Columns) -> "pyarrow.Schema":
    """The columns as Arrow types; times in UTC."""
    import pyarrow

    fields = {name: _field(queryset, path) for name, path in columns.items()}
    return pyarrow.schema([(name, arrow_type(field)) for name, field in fields.items()])


def arrow_type(field: Any) -> "pyarrow.DataType":
    """Of a model's field or of a serializer's, which are named alike."""
    import pyarrow

    kinds = {type(base).__name__ if isinstance(base, models.Field) else base.__name__ for base in type(field).__mro__}
    if "BooleanField" in kinds:
        return pyarrow.bool_()
    if kinds & {"IntegerField", "AutoField", "AutoFieldMixin", "BigAutoField"}:
        return pyarrow.int64()
    if "FloatField" in kinds:
        return pyarrow.float64()
    if "DateTimeField" in kinds:
        return pyarrow.timestamp("us", tz="UTC")
    return pyarrow.string()


def harmless(value: Any) -> Any:
    """A spreadsheet takes a text that begins like this for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


class _Drain(io.RawIOBase):
    """A file to be written to, out of which what was written is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _chunks(rows: Rows) -> Iterator[list[Sequence[Any]]]:
    remaining = iter(rows)
    while chunk := list(itertools.islice(remaining, ROWS_AT_ONCE)):
        yield chunk


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return value.isoformat() if hasattr(value, "isoformat") else harmless(value)


def _array(values: Sequence[Any], kind: "pyarrow.DataType") -> "pyarrow.Array":
    import pyarrow

    if kind == pyarrow.string():
        values = [value if value is None else str(_plain_text(value)) for value in values]
    return pyarrow.array(values, kind)


def _plain_text(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _field(queryset: models.QuerySet[Any], path: str) -> "models.Field[Any, Any]":
    """What a path of `values_list` leads to: an annotation's kind, or a field of a model."""
    annotation = queryset.query.annotations.get(path)
    if annotation is not None:
        return annotation.output_field
    *relations, last = path.split("__")
    model: Any = queryset.model
    for relation in relations:
        model = model._meta.get_field(relation).related_model
    name = model._meta.pk.name if last == "pk" else last
    field: models.Field[Any, Any] = model._meta.get_field(name)
    return field.target_field if isinstance(field, models.ForeignKey) else field
