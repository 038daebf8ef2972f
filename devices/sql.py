"""Set-based writes for which Django's ORM has no words, on SQLite and on PostgreSQL.

Table and column names come from the models. On PostgreSQL each call is one statement, its rows in the order given,
so that writers who sort their rows alike cannot deadlock. On SQLite there is one writer at a time anyway. All times
must be in UTC.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import msgspec
from django.db import IntegrityError, connection, models, transaction
from django.db.backends.postgresql.base import ServerBindingCursor

Merge = Literal["sum", "max", "or"]

AT_ONCE = 500
"""Rows in one statement on SQLite: a statement for each takes three times as long, and one for all is read anew where
their number is a new one. (With eight columns an eighth of the 32,766 parameters that SQLite takes.)"""


class Rows:
    """Rows of a model, as the database takes them; the values of each are those of the fields `names`.

    To make them asks no database and takes longer than to send them, so it is better done before a transaction.
    """

    def __init__(self, model: type[models.Model], names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
        self._model, self._names, self._rows = model, names, rows
        self._json = _json(rows) if _on_postgresql() else ""
        self._flat = [] if _on_postgresql() else _flat(_stored(_fields(model, names), rows))

    def insert(self, owners: Sequence[int] | None = None) -> None:
        """Insert them all. With `owners`, the first value of each row is a place among these, and stands for the id."""
        self._insert("", owners)

    def insert_new(self, *, key: tuple[str, ...]) -> dict[int, int]:
        """Insert those that are not there yet, and answer the ids of these by their places, in their order.

        `key` is the fields of a unique constraint, which `names` must begin with; no two rows may agree in it.
        """
        ids = self._told_ids(key) if _on_postgresql() else self._ids_since(key)
        return dict(enumerate(ids)) if len(ids) == len(self._rows) else self._places(set(ids), key)

    def add_up(self, merge: Mapping[str, Merge]) -> None:
        """Insert them; where one is there already, merge each field of `merge` into it.

        The other fields of `names` must be those of a unique constraint; no two rows may agree in them.
        """
        key = _columns(self._model, tuple(name for name in self._names if name not in merge))
        table = _quoted(self._model._meta.db_table)
        maximum = "GREATEST" if _on_postgresql() else "MAX"
        patterns = {"sum": "{old} + {new}", "max": maximum + "({old}, {new})", "or": "{old} | {new}"}
        changes = [
            f"{column} = " + patterns[how].format(old=f"{table}.{column}", new=f"excluded.{column}")
            for column, how in zip(_columns(self._model, tuple(merge)), merge.values(), strict=True)
        ]
        self._insert(f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}")

    def _insert(self, ending: str, owners: Sequence[int] | None = None) -> list[tuple[Any, ...]]:
        """Answers what the statement's ending asks to be told of the rows."""
        if not self._rows:
            return []
        into = f"INSERT INTO {_quoted(self._model._meta.db_table)} ({', '.join(_columns(self._model, self._names))})"
        return (self._insert_json if _on_postgresql() else self._insert_values)(into, ending, owners)

    def _insert_json(self, into: str, ending: str, owners: Sequence[int] | None) -> list[tuple[Any, ...]]:
        """All of them out of one parameter: psycopg passes a long text on at once, but converts values one by one."""
        values, parameters = _out_of_json(self._model, self._names), [self._json]
        if owners is not None:
            values = ("(%s::bigint[])[1 + (value ->> 0)::int]", *values[1:])
            parameters = ["{" + _json(owners)[1:-1] + "}", self._json]
        rows = f" SELECT {', '.join(values)} FROM jsonb_array_elements(%s::jsonb)"  # noqa: S608
        return _execute(into + rows + ending, parameters)

    def _insert_values(self, into: str, ending: str, owners: Sequence[int] | None) -> list[tuple[Any, ...]]:
        width, flat = len(self._names), self._flat
        if owners is not None:
            flat = flat.copy()
            flat[::width] = [owners[place] for place in flat[::width]]
        row = f"({', '.join(['%s'] * width)})"
        told = []
        for start in range(0, len(flat), AT_ONCE * width):
            part = flat[start : start + AT_ONCE * width]
            told += _execute(f"{into} VALUES {', '.join([row] * (len(part) // width))}{ending}", part)
        return told

    def _told_ids(self, key: tuple[str, ...]) -> list[int]:
        """Insert what is new; the ids of these. Where all are, in their order.

        PostgreSQL takes a quarter less time where it need not look for each row first, and nearly always all are new.
        """
        columns, fields = _columns(self._model, key), _fields(self._model, key)
        # To be told the times too would take longer than to insert the rows.
        plain = [place for place, field in enumerate(fields) if not _is_time(field)]
        telling = f" RETURNING id, {', '.join(columns[place] for place in plain)}"
        try:
            with transaction.atomic():
                added = self._insert(telling)
        except IntegrityError:
            added = self._insert(f" ON CONFLICT ({', '.join(columns)}) DO NOTHING" + telling)
        ids = [row[0] for row in added]
        if len(ids) == len(self._rows) and [row[1:] for row in added] != self._columns_at(plain):
            return [pk for _, pk in sorted(self._places(set(ids), key).items())]
        return ids

    def _columns_at(self, places: Sequence[int]) -> list[tuple[Any, ...]]:
        return list(zip(*([row[place] for row in self._rows] for place in places), strict=True))

    def _ids_since(self, key: tuple[str, ...]) -> list[int]:
        """The same where nobody else writes meanwhile: ids ascend. To be told each one would give the other thread
        the processor at each one."""
        table = _quoted(self._model._meta.db_table)
        ((latest,),) = _execute(f"SELECT COALESCE(max(id), 0) FROM {table}", [])  # noqa: S608
        self._insert(f" ON CONFLICT ({', '.join(_columns(self._model, key))}) DO NOTHING")
        since = f"SELECT id FROM {table} WHERE id > %s ORDER BY id"  # noqa: S608
        ((ids,),) = _execute(f"SELECT json_group_array(id) FROM ({since})", [latest])  # noqa: S608
        return msgspec.json.decode(ids, type=list[int])

    def _places(self, ids: Collection[int], key: tuple[str, ...]) -> dict[int, int]:
        """The ids of rows that were inserted, by their places."""
        if not ids:
            return {}
        places = {tuple(row[: len(key)]): place for place, row in enumerate(self._rows)}
        found = self._model._default_manager.filter(pk__range=(min(ids), max(ids))).values_list("pk", *key)
        return dict(sorted((places[tuple(values)], pk) for pk, *values in found if pk in ids))


def lock(name: str, numbers: Collection[int], *, alone: bool) -> None:
    """Until the transaction ends, nobody holds these numbered locks alone (or, with `alone`, holds them at all).

    On SQLite a transaction is alone from its beginning (`transaction_mode` IMMEDIATE).
    """
    if _on_postgresql():
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        lock = f"SELECT {function}(hashtextextended(%s, number)) FROM unnest(%s::bigint[]) number"  # noqa: S608
        _execute(lock, [name, sorted(numbers)])


def _execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with _cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def _cursor() -> Any:
    """On PostgreSQL one that sends the values beside the statement, not in it as Django's own does.

    Otherwise a statement that is refused would stand in PostgreSQL's log with all of a batch's rows.
    """
    if not _on_postgresql():
        return connection.cursor()
    connection.ensure_connection()
    cursor = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]
    return connection._prepare_cursor(cursor)  # type: ignore[attr-defined]


def _json(values: Any) -> str:
    return msgspec.json.encode(values).decode()


@cache
def _out_of_json(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, ...]:
    """What makes the fields' values of a row that is a JSON array."""
    return tuple(_value(field, place) for place, field in enumerate(_fields(model, names)))


def _value(field: "models.Field[Any, Any]", place: int) -> str:
    """A cast to varchar(64) would shorten a text that is too long; as text the database refuses it."""
    if isinstance(field, models.JSONField):
        return f"NULLIF(value -> {place}, 'null')"
    column_type = field.rel_db_type(connection) if isinstance(field, models.ForeignKey) else field.db_type(connection)
    return f"(value ->> {place})::{'text' if isinstance(field, models.CharField) else column_type}"


def _stored(fields: "Sequence[models.Field[Any, Any]]", rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """The rows as Django stores them on SQLite; its own conversions, one value at a time, cost more than the insert."""
    columns = list(zip(*rows, strict=True))
    for place, (field, column) in enumerate(zip(fields, columns, strict=False)):  # no rows have no columns
        if _is_time(field):
            columns[place] = times(column)
        elif isinstance(field, models.JSONField):
            columns[place] = tuple(v if v is None else _json(v) for v in column)
    return zip(*columns, strict=True)


def _flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def times(moments: Iterable[dt.datetime]) -> tuple[str, ...]:
    """Times as Django stores them in SQLite, which both databases read.

    msgspec writes `2026-11-21T09:00:00.250000Z` many times as fast as a time's own `isoformat`.
    """
    return tuple(text[:10] + " " + text[11:-1] for text in msgspec.to_builtins(tuple(moments)))


def _is_time(field: "models.Field[Any, Any]") -> bool:
    return isinstance(field, models.DateTimeField)


@cache
def _columns(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_quoted(str(field.column)) for field in _fields(model, names))


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> "tuple[models.Field[Any, Any], ...]":
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return tuple(by_name[name] for name in names)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _on_postgresql() -> bool:
    return connection.vendor == "postgresql"
