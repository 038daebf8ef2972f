"""Set-based writes for which Django's ORM has no words, on SQLite and on PostgreSQL.

Table and column names come from the models. On PostgreSQL each call is one statement, its rows in the order given,
so that writers who sort their rows alike cannot deadlock. On SQLite there is one writer at a time anyway. All times
must be in UTC.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from django.db import connection, models

Rows = Sequence[Sequence[Any]]

Merge = Literal["sum", "max", "or"]

AT_ONCE = 100
"""Rows in one statement on SQLite: a statement for each takes three times as long, and one for all is read anew where
their number is a new one."""


def insert(model: type[models.Model], names: Sequence[str], rows: Rows) -> None:
    """Insert the rows, whose values are those of the fields `names`."""
    _insert(model, names, rows, "")


def insert_new(model: type[models.Model], names: Sequence[str], rows: Rows, *, key: Sequence[str]) -> dict[int, int]:
    """Insert the rows that are not there yet, and answer the ids of these by their places in `rows`.

    `key` is the fields of a unique constraint, which `names` must begin with; no two rows may agree in it.
    """
    conflict = f" ON CONFLICT ({', '.join(_columns(model, key))}) DO NOTHING RETURNING id, {_told(model, key)}"
    added = {told[1:]: told[0] for told in _insert(model, names, rows, conflict)}
    places = {row[: len(key)]: place for place, row in enumerate(_with_texts(model, key, rows))} if added else {}
    return {places[told]: pk for told, pk in added.items()}


def add_up(model: type[models.Model], names: Sequence[str], rows: Rows, merge: Mapping[str, Merge]) -> None:
    """Insert the rows; where one is there already, merge each field of `merge` into it.

    The other fields of `names` must be those of a unique constraint; no two rows may agree in them.
    """
    key = _columns(model, [name for name in names if name not in merge])
    table = _quoted(model._meta.db_table)
    maximum = "GREATEST" if _on_postgresql() else "MAX"
    patterns = {"sum": "{old} + {new}", "max": maximum + "({old}, {new})", "or": "{old} | {new}"}
    changes = [
        f"{column} = " + patterns[how].format(old=f"{table}.{column}", new=f"excluded.{column}")
        for column, how in zip(_columns(model, list(merge)), merge.values(), strict=True)
    ]
    _insert(model, names, rows, f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}")


def lock(name: str, numbers: Collection[int], *, alone: bool) -> None:
    """Until the transaction ends, nobody holds these numbered locks alone (or, with `alone`, holds them at all).

    On SQLite a transaction is alone from its beginning (`transaction_mode` IMMEDIATE).
    """
    if _on_postgresql():
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        lock = f"SELECT {function}(hashtextextended(%s, number)) FROM unnest(%s::bigint[]) number"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(lock, [name, sorted(numbers)])


Told = list[tuple[Any, ...]]
"""What a statement's ending asks to be told of the rows."""


def _insert(model: type[models.Model], names: Sequence[str], rows: Rows, ending: str) -> Told:
    if not rows:
        return []
    if _on_postgresql():
        return _execute(_into(model, names) + _from_json(model, names) + ending, [msgspec.json.encode(rows).decode()])
    prepared = _prepared(model, names, rows)
    parts = (prepared[start : start + AT_ONCE] for start in range(0, len(prepared), AT_ONCE))
    return [told for part in parts for told in _insert_values(model, names, part, ending)]


def _insert_values(model: type[models.Model], names: Sequence[str], rows: Rows, ending: str) -> Told:
    row = f"({', '.join(['%s'] * len(names))})"
    statement = f"{_into(model, names)} VALUES {', '.join([row] * len(rows))}{ending}"
    return _execute(statement, [value for row in rows for value in row])


def _execute(statement: str, values: Sequence[Any]) -> Told:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def _from_json(model: type[models.Model], names: Sequence[str]) -> str:
    """The rows out of one parameter: psycopg passes a long text on at once, but converts values one by one."""
    values = ", ".join(f"(value ->> {place})::{_cast(field)}" for place, field in enumerate(_fields(model, names)))
    return f" SELECT {values} FROM jsonb_array_elements(%s::jsonb)"  # noqa: S608


def _cast(field: "models.Field[Any, Any]") -> str:
    """A cast to varchar(64) would shorten a text that is too long; as text the database refuses it."""
    column_type = field.rel_db_type(connection) if isinstance(field, models.ForeignKey) else field.db_type(connection)
    return "text" if isinstance(field, models.CharField) else str(column_type)


def _prepared(model: type[models.Model], names: Sequence[str], rows: Rows) -> Rows:
    """The rows as Django stores them on SQLite; its own conversions, one value at a time, cost more than the insert."""
    columns = list(zip(*_with_texts(model, names, rows), strict=True))
    for place, field in enumerate(_fields(model, names)):
        if isinstance(field, models.JSONField):
            columns[place] = tuple(v if v is None else msgspec.json.encode(v).decode() for v in columns[place])
    return list(zip(*columns, strict=True))


def _told(model: type[models.Model], names: Iterable[str]) -> str:
    """The columns, times as texts in UTC: Django's own reading of them costs more than the insert."""
    # On SQLite an expression, unlike a column, has no declared type to be converted by.
    as_text = "({} AT TIME ZONE 'UTC')::text" if _on_postgresql() else "+{}"
    columns = zip(_fields(model, names), _columns(model, names), strict=True)
    return ", ".join(as_text.format(column) if _is_time(field) else column for field, column in columns)


def _with_texts(model: type[models.Model], names: Iterable[str], rows: Rows) -> list[tuple[Any, ...]]:
    """The rows with those of their times that `names`, the first of their fields, tell of as `_told` tells them."""
    columns = list(zip(*rows, strict=True))
    for place, field in enumerate(_fields(model, names)):
        if _is_time(field):
            columns[place] = _texts(columns[place])
    return list(zip(*columns, strict=True))


def _texts(moments: Iterable[dt.datetime]) -> tuple[str, ...]:
    """Times as Django stores them in SQLite, and as PostgreSQL writes them, which leaves a fraction's last zeros out.

    msgspec writes `2026-11-21T09:00:00.250000Z` many times as fast as a time's own `isoformat`.
    """
    texts = (text[:10] + " " + text[11:-1] for text in msgspec.to_builtins(tuple(moments)))
    return tuple((text.rstrip("0") if "." in text else text) for text in texts) if _on_postgresql() else tuple(texts)


def _is_time(field: "models.Field[Any, Any]") -> bool:
    return isinstance(field, models.DateTimeField)


def _into(model: type[models.Model], names: Sequence[str]) -> str:
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({', '.join(_columns(model, names))})"


def _columns(model: type[models.Model], names: Iterable[str]) -> list[str]:
    return [_quoted(str(field.column)) for field in _fields(model, names)]


def _fields(model: type[models.Model], names: Iterable[str]) -> "list[models.Field[Any, Any]]":
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _on_postgresql() -> bool:
    return connection.vendor == "postgresql"
