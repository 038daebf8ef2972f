"""CSV, Parquet and Excel: the columns of a whole list, and the one writer of each format.

A whole list is written while it is read from the database, so that memory does not grow with its length.
"""

import codecs
import csv
import datetime as dt
import io
import itertools
import math
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models
from rest_framework import serializers

if TYPE_CHECKING:
    import pyarrow

CHUNK_ROWS = 10_000
"""Rows that are read and written at once, and of a row group of Parquet: a few MB."""

MOST_SHEET_ROWS = 100_000
"""An Excel file cannot be sent while it is written. So many rows of twelve columns take four seconds and 4 MB."""

EXACT_DIGITS = 15
"""Excel shows further digits of a number as zeros."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a text that begins like this for a formula."""

BOX = ("left", "top", "width", "height")
PARTS = {"box": BOX, "area": BOX}
"""The names of the numbers in the lists of these names. Each number has a column of its own, such as `box.left`."""

Rows = Iterable[Sequence[Any]]
Columns = Mapping[str, str]
"""The name of each column in the file, and its path from the model as `values_list` takes it."""


def columns_of(serializer: "serializers.Serializer[Any]", instead: Columns, prefix: str = "") -> dict[str, str]:
    """Return the columns of a file of everything that this serializer describes, in the order of its fields.

    A nested serializer's fields become columns such as `person.name`. A field that Python computes, and a list of
    nested objects, have no column; `instead` gives the column to write in the place of such a field, by its name.
    """
    columns: dict[str, str] = {}
    for name, field in serializer.fields.items():
        path = prefix + "__".join(field.source_attrs)
        if name in instead:
            columns[instead[name]] = instead[name]
        elif isinstance(field, serializers.Serializer):
            nested = columns_of(field, {}, f"{path}__")
            columns |= {f"{name}.{key}": column for key, column in nested.items()}
        elif isinstance(field, serializers.SlugRelatedField):
            columns[name] = f"{path}__{field.slug_field}"
        elif not isinstance(field, (serializers.SerializerMethodField, serializers.ListSerializer)):
            columns[name] = path
    return columns


def spread_names(names: Iterable[str]) -> list[str]:
    """Return the names of the columns when each number of a list in `PARTS` has its own."""
    return [column for name in names for column in _columns_of_name(name)]


def spread(names: Sequence[str], rows: Rows) -> Rows:
    """Return the rows in the columns that `spread_names` gives for `names`."""
    counts = [len(_columns_of_name(name)) for name in names]
    if max(counts, default=1) == 1:
        return rows
    return (
        [item for value, count in zip(row, counts, strict=True) for item in spread_value(value, count)] for row in rows
    )


def spread_value(value: Any, count: int) -> Sequence[Any]:
    """Return the value in so many columns: the numbers of a list, all null where they are not as many."""
    if count == 1:
        return [value]
    return value if isinstance(value, (list, tuple)) and len(value) == count else [None] * count


def parts_of(name: str) -> tuple[str, ...]:
    """Return the names of the numbers in a column that holds a list of them; empty for any other column."""
    return PARTS.get(name.rpartition(".")[2], ())


def _columns_of_name(name: str) -> list[str]:
    return [f"{name}.{part}" for part in parts_of(name)] or [name]


def list_name(path: str) -> str:
    """Return the name of a list of the API from its address: "people" of `/api/v1/people/`."""
    return path.rpartition("/v1/")[2].strip("/").replace("/", "-") or "rows"


def file_name(kind: str, parameters: Mapping[str, str], extension: str) -> str:
    """Return the name of a file that says what it has: the kind, the place, the label and the period."""
    given = [parameters.get(name, "") for name in ("site", "device", "label", "bucket")]
    period = [parameters.get(name, "")[:10] for name in ("from", "to")]
    words = [kind, *(each for each in given if each), *(["from", period[0]] if period[0] else [])]
    words += ["to", period[1]] if period[1] else []
    return re.sub(r"[^0-9A-Za-z_.-]+", "-", "-".join(words))[:180].strip("-.") + f".{extension}"


def rows_of(queryset: models.QuerySet[Any], columns: Columns) -> Rows:
    """Yield every row that exists now, in the order of the primary key.

    Reads pages of `CHUNK_ROWS` rows, each in a statement of its own that begins behind the last row. So memory is
    constant, no transaction stays open for as long as a slow client reads, and a pooler of connections may stand
    between. Rows that are added meanwhile are not included.
    """
    ordered = queryset.order_by("pk")
    # With the same columns, and so the same joins to the device, as every other statement of the export.
    newest = queryset.order_by("-pk").values_list("pk", *columns.values()).first()
    last = None
    while newest is not None and last != newest[0]:
        page = ordered.filter(pk__lte=newest[0]) if last is None else ordered.filter(pk__gt=last, pk__lte=newest[0])
        rows = list(page.values_list("pk", *columns.values())[:CHUNK_ROWS])
        if not rows:
            return
        last = rows[-1][0]
        yield from (row[1:] for row in rows)


def as_csv(rows: Rows, names: Sequence[str]) -> Iterator[bytes]:
    """Yield a byte order mark, a line of column names, then a line for each row, in UTF-8.

    Times are ISO 8601; an empty field stands for null.
    """
    # Excel takes a file without the mark for one in the code page of its computer.
    yield codecs.BOM_UTF8 + _csv_lines([names])
    for chunk in _chunks(rows):
        yield _csv_lines([_csv_value(value) for value in row] for row in chunk)


def as_parquet(rows: Rows, schema: "pyarrow.Schema") -> Iterator[bytes]:
    """Yield a Parquet file with a row group for every `CHUNK_ROWS` rows."""
    import pyarrow
    from pyarrow import parquet

    buffer = _Buffer()
    with parquet.ParquetWriter(pyarrow.PythonFile(buffer, mode="w"), schema) as writer:
        for chunk in _chunks(rows):
            columns = zip(*chunk, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            yield buffer.drain()
    yield buffer.drain()


def as_xlsx(rows: Rows, schema: "pyarrow.Schema", local: Collection[str] = ()) -> Iterator[bytes]:
    """Return an Excel file with typed cells: no text becomes a formula, a number or a date.

    A time is written without its offset, because Excel knows none, and the name of its column says whose time it is:
    UTC, or for the columns in `local` that of the place. Raises `ValidationError` with a sentence if there are more
    than `MOST_SHEET_ROWS` rows.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the generator that is returned closes it)
    try:
        _write_book(file, rows, schema, local)
    except BaseException:
        file.close()
        raise
    return _read(file)


def _write_book(file: Any, rows: Rows, schema: "pyarrow.Schema", local: Collection[str]) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("Headcount")
    time, day = (book.add_format({"num_format": words, "align": "left"}) for words in (SHEET_TIME, "yyyy-mm-dd"))
    heading = book.add_format({"bold": True, "bottom": 1})
    times = {place for place, field in enumerate(schema) if str(field.type).startswith("timestamp")}
    for place, field in enumerate(schema):
        whose = (f" ({'local time' if field.name in local else 'UTC'})") if place in times else ""
        sheet.set_column(place, place, TIME_WIDTH if place in times else max(LEAST_WIDTH, len(field.name) + 2))
        sheet.write_string(0, place, f"{field.name}{whose}", heading)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, start=1):
        if number > MOST_SHEET_ROWS:
            raise serializers.ValidationError({"format": TOO_MANY_ROWS})
        for place, value in enumerate(row):
            _write_cell(sheet, number, place, joined(value), time, day)
    book.close()


TOO_MANY_ROWS = (
    f"An Excel file has at most {MOST_SHEET_ROWS:,} rows, and this list has more. "
    "Choose a shorter period, or ask for csv or parquet, which have all rows."
)
SHEET_TIME = "yyyy-mm-dd hh:mm:ss"
LEAST_WIDTH, TIME_WIDTH = 10, 24
"""Widths of columns, in characters."""


def _write_cell(sheet: Any, row: int, column: int, value: Any, time: Any, day: Any) -> None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal) and len(f"{value:.0f}".lstrip("-")) <= EXACT_DIGITS:
        sheet.write_number(row, column, value)
    elif isinstance(value, dt.datetime) and value.year >= FIRST_YEAR:
        sheet.write_datetime(row, column, value.replace(tzinfo=None), time)
    elif isinstance(value, dt.date) and value.year >= FIRST_YEAR:
        sheet.write_datetime(row, column, value, day)
    else:
        sheet.write_string(row, column, str(value)[:MOST_CELL_TEXT])


MOST_CELL_TEXT = 32_767
"""The characters that a cell of Excel has room for."""

FIRST_YEAR = 1900
"""Excel knows no earlier date."""


def _read(file: Any) -> Iterator[bytes]:
    with file:
        file.seek(0)
        yield from iter(partial(file.read, 65_536), b"")


def pieces_of(kind: str, rows: Rows, names: Sequence[str], schema: "Callable[[], pyarrow.Schema]") -> Iterator[bytes]:
    """Return a file of this kind, "csv", "parquet" or "xlsx". CSV needs no schema, whose library is slow to load."""
    if kind == "csv":
        return as_csv(rows, names)
    return as_parquet(rows, schema()) if kind == "parquet" else as_xlsx(rows, schema())


def schema_of(queryset: models.QuerySet[Any], columns: Columns) -> "pyarrow.Schema":
    """Return the columns with the Arrow types of their model fields."""
    import pyarrow

    types: list[tuple[str, Any]] = []
    for name, path in columns.items():
        if parts_of(name):
            types += [(column, pyarrow.float64()) for column in spread_names([name])]
        else:
            types.append((name, arrow_type(_model_field(queryset, path))))
    return pyarrow.schema(types)


def arrow_type(field: Any) -> "pyarrow.DataType":
    """Return the Arrow type of a model's or a serializer's field, whose classes have the same names.

    Times are in UTC. A field that Arrow has no simple type for, such as a list or a UUID, becomes text.
    """
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


def joined(value: Any) -> Any:
    """Return a list as one text, its items separated by spaces, and any other value unchanged."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


class _Buffer(io.RawIOBase):
    """A file to write to, from which the bytes written so far can be taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _chunks(rows: Rows) -> Iterator[list[Sequence[Any]]]:
    remaining = iter(rows)
    while chunk := list(itertools.islice(remaining, CHUNK_ROWS)):
        yield chunk


def _csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _csv_value(value: Any) -> Any:
    value = value.isoformat() if hasattr(value, "isoformat") else joined(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _array(values: Sequence[Any], kind: "pyarrow.DataType") -> "pyarrow.Array":
    import pyarrow

    if kind == pyarrow.string():
        values = [value if value is None else str(joined(value)) for value in values]
    return pyarrow.array(values, kind)


def _model_field(queryset: models.QuerySet[Any], path: str) -> "models.Field[Any, Any]":
    """Return the field at this path of `values_list`: the output field of an annotation, or a model's field."""
    annotation = queryset.query.annotations.get(path)
    if annotation is not None:
        return annotation.output_field
    *relations, last = path.split("__")
    model: Any = queryset.model
    for relation in relations:
        model = model._meta.get_field(relation).related_model
    field: models.Field[Any, Any] = model._meta.get_field(last)
    return field.target_field if isinstance(field, models.ForeignKey) else field
