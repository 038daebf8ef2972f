"""Set-based writes for which Django's ORM has no words, on SQLite and on PostgreSQL.

Table and column names come from the models. On PostgreSQL each call is one statement, its rows in the order given,
so that writers who sort their rows alike cannot deadlock. On SQLite there is one writer at a time anyway.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from analytics.tallies import Merge

Rows = Sequence[Sequence[Any]]

TO_PREPARE = (models.DateTimeField, models.JSONField)
"""Fields whose values Django must turn into what the driver takes; numbers and texts are that already."""


def insert(model: type[models.Model], names: Sequence[str], rows: Rows) -> None:
    """Insert the rows, whose values are those of the fields `names`."""
    _insert(model, names, rows, "")


def insert_new(model: type[models.Model], names: Sequence[str], rows: Rows, *, key: Sequence[str]) -> dict[int, int]:
    """Insert the rows that are not there yet, and answer the ids of these by their places in `rows`.

    `key` is the fields of a unique constraint, which `names` must begin with; no two rows may agree in it.
    """
    if not rows:
        return {}
    ready = _prepared(model, names, rows)
    places = {row[: len(key)]: place for place, row in enumerate(ready)}
    source, parameters = _unnested(model, names, ready) if _on_postgresql() else _from_json(names, ready)
    conflict = f"ON CONFLICT ({', '.join(_columns(model, key))}) DO NOTHING RETURNING {_raw(model, ['id', *key])}"
    with connection.cursor() as cursor:
        cursor.execute(f"{_into(model, names)} {source} {conflict}", parameters)
        return {places[tuple(found)]: added for added, *found in cursor.fetchall()}


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


def lock_tallies(device_ids: Collection[int], *, alone: bool) -> None:
    """Until the transaction ends, nobody rebuilds these devices' tallies (or, with `alone`, adds to them either).

    On SQLite a transaction is alone from its beginning (`transaction_mode` IMMEDIATE).
    """
    if _on_postgresql():
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        lock = f"SELECT {function}(hashtextextended('headcount tallies', pk)) FROM unnest(%s::bigint[]) pk"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(lock, [sorted(device_ids)])


def _insert(model: type[models.Model], names: Sequence[str], rows: Rows, conflict: str) -> None:
    if not rows:
        return
    ready = _prepared(model, names, rows)
    with connection.cursor() as cursor:
        if _on_postgresql():
            source, parameters = _unnested(model, names, ready)
            cursor.execute(f"{_into(model, names)} {source}{conflict}", parameters)
        else:
            # Not from JSON: SQLite's own reading of decimal numbers may miss a float's last bit.
            values = ", ".join(["%s"] * len(names))
            cursor.executemany(f"{_into(model, names)} VALUES ({values}){conflict}", ready)


def _prepared(model: type[models.Model], names: Sequence[str], rows: Rows) -> list[tuple[Any, ...]]:
    """The rows with each value as the database driver takes it."""
    real = connections[DEFAULT_DB_ALIAS]  # `connection` looks it up at each use, which is felt here.
    columns = [
        [field.get_db_prep_save(value, real) for value in column] if isinstance(field, TO_PREPARE) else column
        for field, column in zip(_fields(model, names), zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


def _unnested(model: type[models.Model], names: Sequence[str], rows: Rows) -> tuple[str, list[list[Any]]]:
    arrays = ", ".join(f"%s::{_array_type(field)}" for field in _fields(model, names))
    return f"SELECT * FROM unnest({arrays})", [list(column) for column in zip(*rows, strict=True)]  # noqa: S608


def _from_json(names: Sequence[str], rows: Rows) -> tuple[str, list[str]]:
    values = ", ".join(f"value ->> {place}" for place in range(len(names)))
    # Without the WHERE, SQLite takes ON CONFLICT for a join's ON.
    return f"SELECT {values} FROM json_each(%s) WHERE true", [msgspec.json.encode(rows).decode()]  # noqa: S608


def _array_type(field: "models.Field[Any, Any]") -> str:
    """A cast to varchar(64)[] would shorten a text that is too long; from text[] the database refuses it."""
    column_type = field.rel_db_type(connection) if isinstance(field, models.ForeignKey) else field.db_type(connection)
    return "text[]" if isinstance(field, models.CharField) else f"{column_type}[]"


def _into(model: type[models.Model], names: Sequence[str]) -> str:
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({', '.join(_columns(model, names))})"


def _columns(model: type[models.Model], names: Iterable[str]) -> list[str]:
    return [_quoted(str(field.column)) for field in _fields(model, names)]


def _raw(model: type[models.Model], names: Iterable[str]) -> str:
    """The columns as they are stored: an expression, unlike a column, has no declared type to be converted by."""
    return ", ".join(name if _on_postgresql() else f"+{name}" for name in _columns(model, names))


def _fields(model: type[models.Model], names: Iterable[str]) -> "list[models.Field[Any, Any]]":
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _on_postgresql() -> bool:
    return connection.vendor == "postgresql"
