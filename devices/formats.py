"""How the REST API pages its lists and writes them as CSV.

Apart from `rest.py`, because REST framework loads this while it is still loading its own views.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import pagination, renderers
from rest_framework.request import Request


class NewestFirst(pagination.CursorPagination):
    """Pages by cursor; a viewset's `cursor_ordering` names the order."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        return getattr(view, "cursor_ordering", ("-pk",))


class CSVRenderer(renderers.BaseRenderer):
    """Any list as CSV: `?format=csv` or `Accept: text/csv`. Nested values are flattened as `box.left`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        rows = [dict(_flat(row)) for row in _rows(data)]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()


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
        yield name, _harmless(value)


def _harmless(value: Any) -> Any:
    """A spreadsheet takes a text that begins like this for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
