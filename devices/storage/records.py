"""Reads of many rows as named tuples.

The ORM would make an object of each row, and convert each time on its own. That takes five times as long.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from django.db import models

from devices.storage import sql, statements

Record = TypeVar("Record", bound=NamedTuple)


def read(kind: type[Record], model: type[models.Model], source: str, values: Sequence[Any]) -> dict[Any, Record]:
    """Return rows of the model by primary key, as tuples of this kind, whose fields are named as the model's.

    `source` is the statement from FROM on, and `values` its parameters. Times are in UTC.
    """
    table, key = sql.quoted(model._meta.db_table), model._meta.pk.attname
    columns = [
        _text_of_time(column) if sql.is_time(field) else column
        for field in sql.fields_of(model, (key, *kind._fields))
        for column in [f"{table}.{sql.quoted(str(field.column))}"]
    ]
    rows = statements.select(f"SELECT {', '.join(columns)} {source}", values)
    # SQLite returns numbers for truth values.
    records = msgspec.convert([row[1:] for row in rows], list[kind], strict=False)  # type: ignore[valid-type]
    return dict(zip([row[0] for row in rows], records, strict=True))


def _text_of_time(column: str) -> str:
    """Return the SQL expression of a time as text, which msgspec reads faster than the databases' drivers read it."""
    return f"({column} AT TIME ZONE 'UTC')::text || 'Z'" if statements.on_postgresql() else f"{column} || 'Z'"
