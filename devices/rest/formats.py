"""How the REST API pages its lists and writes them as CSV and Parquet.

Apart from `rest.py`, because REST framework loads this while it is still loading its own views.
"""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import pagination, renderers, serializers
from rest_framework.request import Request

from devices.rest.exports import arrow_type, as_parquet, harmless


class NewestFirst(pagination.CursorPagination):
    """Pages by cursor; a viewset's `cursor_ordering` names the order."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        return getattr(view, "cursor_ordering", ("-pk",))


class CSVRenderer(renderers.BaseRenderer):
    """Any answer as CSV: `?format=csv` or `Accept: text/csv`. Nested values are flattened as `box.left`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        rows = [dict(_flat(row)) for row in _rows(data)]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows({name: harmless(value) for name, value in row.items()} for row in rows)
        return text.getvalue().encode()


class ParquetRenderer(renderers.BaseRenderer):
    """Any answer as a Parquet file: `?format=parquet`. Columns are flattened as for CSV; times are in UTC."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None
    render_style = "binary"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        import pyarrow

        rows = [dict(_flat(row)) for row in _rows(data)]
        fields = dict(_fields(_described(data, (context or {}).get("view"))))
        names = list(fields) or list(dict.fromkeys(name for row in rows for name in row))
        columns = {name: [row.get(name) for row in rows] for name in names}
        kinds = {name: _kind(fields.get(name), columns[name]) for name in names}
        values = (_read(columns[name], kinds[name]) for name in names)
        return b"".join(as_parquet(zip(*values, strict=True), pyarrow.schema(list(kinds.items()))))


def _rows(data: Any) -> Iterable[Any]:
    if isinstance(data, Mapping):
        return data["results"] if isinstance(data.get("results"), list) else [data]
    return data if isinstance(data, list) else [{"value": data}]


def _flat(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        yield name, " ".join(map(str, value))
    else:
        yield name, value


def _fields(serializer: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    """The fields of whatever made the answer, under the names that `_flat` gives their values."""
    if isinstance(serializer, serializers.ListSerializer):
        serializer = serializer.child
    if isinstance(serializer, serializers.Serializer):
        for key, field in serializer.fields.items():
            yield from _fields(field, f"{name}.{key}" if name else key)
    elif serializer is not None:
        yield name, serializer


def _described(data: Any, view: Any) -> Any:
    """The serializer that made the answer, or that its view has for describing rows which are made without one."""
    for made in (_rows(data), data):
        if hasattr(made, "serializer"):
            return made.serializer
    described = getattr(view, "serializer_class", None)
    return described() if described else None


def _kind(field: Any, values: Sequence[Any]) -> Any:
    import pyarrow

    kind = pyarrow.string() if field is None else arrow_type(field)
    # A local time without an offset is no instant, and stays the text that it is.
    zoned = all(_moment(value).tzinfo for value in values if value is not None) if _is_time(kind) else True
    return kind if zoned else pyarrow.string()


def _read(values: Sequence[Any], kind: Any) -> Sequence[Any]:
    return [value if value is None else _moment(value) for value in values] if _is_time(kind) else values


def _is_time(kind: Any) -> bool:
    return str(kind).startswith("timestamp")


def _moment(value: Any) -> dt.datetime:
    """A time is already text by now."""
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
