"""The pages of the REST API's lists, and the renderers that write a response as CSV, Parquet or an Excel file.

Apart from `base.py`, because REST framework loads this module while it is still loading its own views.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db.models import QuerySet
from rest_framework import exceptions, pagination, renderers, serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from devices.rest import exports
from devices.rest.exports import arrow_type, as_csv, as_parquet, as_xlsx, joined

if TYPE_CHECKING:
    import pyarrow


class CursorPages(pagination.CursorPagination):
    """Pages by cursor, in the order that the view's `cursor_ordering` names."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    _salt = ""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        ordering = getattr(view, "cursor_ordering", ("-pk",))
        self._salt = f"cursor of {queryset.model._meta.label} by {ordering}"
        return ordering

    def encode_cursor(self, cursor: pagination.Cursor) -> str:
        """Return the address of the page at this cursor, which is signed, so that no other cursor is ever read."""
        text = signing.dumps(list(cursor), salt=self._salt)
        return replace_query_param(self.base_url or "", self.cursor_query_param, text)

    def decode_cursor(self, request: Request) -> pagination.Cursor | None:
        """Return the request's cursor. Raises `NotFound` for one that is another list's, or was changed."""
        text = request.query_params.get(self.cursor_query_param)
        if text is None:
            return None
        try:
            return pagination.Cursor(*signing.loads(text, salt=self._salt))
        except signing.BadSignature:
            raise exceptions.NotFound("The cursor does not belong to this list. Begin without a cursor.") from None


class CSVRenderer(renderers.BaseRenderer):
    """Writes a response as CSV: `?format=csv` or `Accept: text/csv`. A nested value's column is named `box.left`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        rows = [dict(_flat(row)) for row in _rows(data)]
        # Without a row, the header comes from what describes the rows.
        names = _names(rows) or list(dict(_fields(_serializer_of(data, (context or {}).get("view")))))
        _name_file(context, self.format)
        return b"".join(as_csv(([row.get(name) for name in names] for row in rows), names))


class ParquetRenderer(renderers.BaseRenderer):
    """Writes a response as a Parquet file: `?format=parquet`. Columns are named as in CSV; times are in UTC."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None
    render_style = "binary"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        _name_file(context, self.format)
        return b"".join(as_parquet(*_typed(data, context)))


class XLSXRenderer(renderers.BaseRenderer):
    """Writes a response as an Excel file: `?format=xlsx`. Columns are named as in CSV; cells have types."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"
    charset = None
    render_style = "binary"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        _name_file(context, self.format)
        rows, schema = _typed(data, context)
        times = [(name, [row[place] for row in rows]) for place, name in enumerate(schema.names)]
        return b"".join(as_xlsx(rows, schema, {name for name, values in times if any(map(_has_offset, values))}))


def _typed(data: Any, context: Mapping[str, Any] | None) -> "tuple[list[tuple[Any, ...]], pyarrow.Schema]":
    """Return the rows of a response, their times as such, and the types of their columns."""
    import pyarrow

    rows = [dict(_flat(row)) for row in _rows(data)]
    fields = dict(_fields(_serializer_of(data, (context or {}).get("view"))))
    names = _names_of(fields, _names(rows))
    columns = {name: [row.get(name) for row in rows] for name in names}
    types = {name: _arrow_type(fields.get(name), columns[name]) for name in names}
    values = (_parsed(columns[name], types[name]) for name in names)
    return list(zip(*values, strict=True)), pyarrow.schema(list(types.items()))


def _names_of(fields: Iterable[str], given: Sequence[str]) -> list[str]:
    """Return the columns of the fields; in the place of a field with an object of any kind, those that rows have."""
    parts = {name: [each for each in given if each.startswith(f"{name}.")] for name in fields if name not in given}
    return list(dict.fromkeys([each for name in fields for each in parts.get(name) or [name]] + [*given]))


def _has_offset(value: Any) -> bool:
    return isinstance(value, dt.datetime) and bool(value.utcoffset())


def _name_file(context: Mapping[str, Any] | None, extension: str) -> None:
    """Let a browser save the response under a name that says what it has."""
    response, request = ((context or {}).get(name) for name in ("response", "request"))
    if response is None or request is None or response.status_code != HTTPStatus.OK:
        return
    name = exports.file_name(exports.list_name(request.path), request.query_params.dict(), extension)
    response["Content-Disposition"] = f'attachment; filename="{name}"'


def _rows(data: Any) -> Iterable[Any]:
    if isinstance(data, Mapping):
        return data["results"] if isinstance(data.get("results"), list) else [data]
    return data if isinstance(data, list) else [{"value": data}]


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _flat(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif parts := exports.parts_of(name):
        yield from zip(exports.spread_names([name]), exports.spread_value(value, len(parts)), strict=True)
    else:
        yield name, joined(value)


def _fields(serializer: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the serializer's fields under the names that `_flat` gives their values."""
    if isinstance(serializer, serializers.ListSerializer):
        serializer = serializer.child
    if isinstance(serializer, serializers.Serializer):
        for key, field in serializer.fields.items():
            yield from _fields(field, f"{name}.{key}" if name else key)
    elif exports.parts_of(name):
        yield from ((column, serializers.FloatField()) for column in exports.spread_names([name]))
    elif serializer is not None:
        yield name, serializer


def _serializer_of(data: Any, view: Any) -> Any:
    """Return the serializer that made the data. For rows made without one, return the serializer of the view."""
    rows = _rows(data)
    for part in (rows, data):
        if hasattr(part, "serializer"):
            found = part.serializer
            is_around = rows is not part and isinstance(found, serializers.Serializer)
            return found.fields.get("results", found) if is_around else found
    serializer_class = getattr(view, "serializer_class", None)
    return serializer_class() if serializer_class else None


def _arrow_type(field: Any, values: Sequence[Any]) -> Any:
    import pyarrow

    arrow = pyarrow.string() if field is None else arrow_type(field)
    known = {type(value) for value in values if value is not None}
    if field is None and known and known <= {int, float}:
        arrow = pyarrow.int64() if known == {int} else pyarrow.float64()
    # A local time without an offset is no instant, so it stays text.
    has_offsets = all(_time(value).tzinfo for value in values if value is not None) if _is_time(arrow) else True
    return arrow if has_offsets else pyarrow.string()


def _parsed(values: Sequence[Any], arrow: Any) -> Sequence[Any]:
    return [value if value is None else _time(value) for value in values] if _is_time(arrow) else values


def _is_time(arrow: Any) -> bool:
    return str(arrow).startswith("timestamp")


def _time(value: Any) -> dt.datetime:
    """Serializers have written times as text already."""
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
