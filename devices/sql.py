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


def insert(model: type[models.Model], names: Sequence[str], rows: Rows) -> None:
    """Insert the rows, whose values are those of the fields `names`."""
    _insert(model, names, rows, "")


def insert_new(model: type[models.Model], names: Sequence[str], rows: Rows, *, key: Sequence[str]) -> dict[int, int]:
    """Insert the rows that are not there yet, and answer the ids of these by their places in `rows`.

    `key` is the fields of a unique constraint, which `names` must begin with; no two rows may agree in it. None of
    the values is a float: see `_insert`.
    """
    if not rows:
        return {}
    places = {tuple(row[: len(key)]): place for place, row in enumerate(rows)}
    conflict = f"ON CONFLICT ({', '.join(_columns(model, key))}) DO NOTHING RETURNING id, {_told(model, key)}"
    with connection.cursor() as cursor:
        cursor.execute(f"{_into(model, names)} {_from_json(model, names)} {conflict}", [_json(model, names, rows)])
        return {places[tuple(found)]: added for added, *found in _understood(model, key, cursor.fetchall())}


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


def _insert(model: type[models.Model], names: Sequence[str], rows: Rows, conflict: str) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        if _on_postgresql():
            cursor.execute(f"{_into(model, names)} {_from_json(model, names)}{conflict}", [_json(model, names, rows)])
        else:
            # Not from JSON: SQLite's own reading of decimal numbers may miss a float's last bit.
            values = ", ".join(["%s"] * len(names))
            cursor.executemany(f"{_into(model, names)} VALUES ({values}){conflict}", _prepared(model, names, rows))


def _from_json(model: type[models.Model], names: Sequence[str]) -> str:
    """The rows out of one parameter: a driver passes a long text on at once, but converts values one by one."""
    if not _on_postgresql():
        values = ", ".join(f"value ->> {place}" for place in range(len(names)))
        # Without the WHERE, SQLite takes ON CONFLICT for a join's ON.
        return f"SELECT {values} FROM json_each(%s) WHERE true"  # noqa: S608
    values = ", ".join(f"(value ->> {place})::{_cast(field)}" for place, field in enumerate(_fields(model, names)))
    return f"SELECT {values} FROM jsonb_array_elements(%s::jsonb)"  # noqa: S608


def _cast(field: "models.Field[Any, Any]") -> str:
    """A cast to varchar(64) would shorten a text that is too long; as text the database refuses it."""
    column_type = field.rel_db_type(connection) if isinstance(field, models.ForeignKey) else field.db_type(connection)
    return "text" if isinstance(field, models.CharField) else str(column_type)


def _json(model: type[models.Model], names: Sequence[str], rows: Rows) -> str:
    return msgspec.json.encode(rows if _on_postgresql() else _prepared(model, names, rows)).decode()


def _prepared(model: type[models.Model], names: Sequence[str], rows: Rows) -> Rows:
    """The rows as Django stores them on SQLite; its own conversions, one value at a time, cost more than the insert."""
    columns = list(zip(*rows, strict=True))
    for place, field in enumerate(_fields(model, names)):
        if _is_time(field):
            columns[place] = tuple(value.replace(tzinfo=None).isoformat(" ") for value in columns[place])
        elif isinstance(field, models.JSONField):
            columns[place] = tuple(v if v is None else msgspec.json.encode(v).decode() for v in columns[place])
    return list(zip(*columns, strict=True))


def _told(model: type[models.Model], names: Iterable[str]) -> str:
    """The columns, times as texts in UTC: Django's own reading of them costs more than the insert."""
    # On SQLite an expression, unlike a column, has no declared type to be converted by.
    as_text = "({} AT TIME ZONE 'UTC')::text" if _on_postgresql() else "+{}"
    columns = zip(_fields(model, names), _columns(model, names), strict=True)
    return ", ".join(as_text.format(column) if _is_time(field) else column for field, column in columns)


def _understood(model: type[models.Model], names: Iterable[str], told: Rows) -> Rows:
    """Rows of an id and of what `_told` asks for, with its times read."""
    times = [place for place, field in enumerate(_fields(model, names), start=1) if _is_time(field)]
    columns = list(zip(*told, strict=True))
    for place in times if columns else ():
        columns[place] = tuple(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in columns[place])
    return list(zip(*columns, strict=True))


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
