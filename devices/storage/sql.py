"""Writes of many rows at once that Django's ORM cannot express, on SQLite and on PostgreSQL.

Table and column names come from the models. On PostgreSQL each call is one statement that writes its rows in the given
order, so that writers which sort their rows alike cannot deadlock. SQLite has only one writer at a time. All times
must be in UTC. Missing partitions of a table are made when the first rows of a month are inserted.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, takewhile
from typing import Any, Literal

import msgspec
from django.db import IntegrityError, connection, models
from django.db.models import F, Func

from devices.storage import partitions, statements

Merge = Literal["sum", "max", "or", "new"]
"""How a number is merged into a stored one; "new" replaces it."""

STATEMENT_ROWS = 500
"""Rows in one statement on SQLite. A statement for each row takes three times as long, and one for all rows must be
parsed anew for every new number of rows. (With eight columns an eighth of the 32,766 parameters that SQLite allows.)"""


class Rows:
    """Rows of a model, converted for the database. Each row has a value for each of the fields `names`.

    The conversion makes no query and takes longer than the insert, so it is better done before the transaction.
    """

    def __init__(self, model: type[models.Model], names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
        self._model, self._names, self._rows = model, names, rows
        self._values = list(zip(*rows, strict=True))
        """The values of each field."""
        self._columns = _converted(fields_of(model, names), self._values)

    def insert(self) -> None:
        """Insert all rows."""
        self._insert("")

    def insert_new(self, *, key: tuple[str, ...]) -> dict[int, int]:
        """Insert the rows that the table does not contain yet. Return their new ids by their index, in order.

        `key` is the fields of a unique constraint. `names` must begin with them, and no two rows may have equal ones.
        """
        if not self._rows:
            return {}
        ids = self._returned_ids(key) if statements.on_postgresql() else self._ids_since(key)
        return dict(enumerate(ids)) if len(ids) == len(self._rows) else self._places(set(ids), key)

    def add_up(self, merge: Mapping[str, Merge]) -> None:
        """Insert the rows. If the table contains a row already, merge each field of `merge` into that row.

        The other fields of `names` must be those of a unique constraint, and no two rows may have equal ones.
        """
        key = _columns(self._model, tuple(name for name in self._names if name not in merge))
        table = quoted(self._model._meta.db_table)
        maximum = "GREATEST" if statements.on_postgresql() else "MAX"
        patterns = {"sum": "{old} + {new}", "max": maximum + "({old}, {new})", "or": "{old} | {new}", "new": "{new}"}
        changes = [
            f"{column} = " + patterns[how].format(old=f"{table}.{column}", new=f"excluded.{column}")
            for column, how in zip(_columns(self._model, tuple(merge)), merge.values(), strict=True)
        ]
        self._insert(f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}")

    def update(self) -> None:
        """Give the stored rows these values. The first of the fields `names` is the primary key.

        To have an order in which it waits for others, the caller has locked the rows.
        """
        if not self._rows:
            return
        table = quoted(self._model._meta.db_table)
        key, *others = _columns(self._model, self._names)
        if statements.on_postgresql():
            changes = ", ".join(f"{column} = new.{column}" for column in others)
            values = [
                f"{_unnested(field)} AS {quoted(str(field.column))}" for field in fields_of(self._model, self._names)
            ]
            rows = f"(SELECT {', '.join(values)}) AS new WHERE {table}.{key} = new.{key}"
            statements.execute(f"UPDATE {table} SET {changes} FROM {rows}", self._columns)  # noqa: S608
            return
        width, flat = len(self._names), _flat(self._columns)
        changes = ", ".join(f"{column} = new.column{place}" for place, column in enumerate(others, start=2))
        row = f"({', '.join(['%s'] * width)})"
        for start in range(0, len(flat), STATEMENT_ROWS * width):
            part = flat[start : start + STATEMENT_ROWS * width]
            rows = f"(VALUES {', '.join([row] * (len(part) // width))}) AS new WHERE {table}.{key} = new.column1"
            statements.execute(f"UPDATE {table} SET {changes} FROM {rows}", part)  # noqa: S608

    def _insert(self, ending: str, *, returning: str = "", may_fail: bool = False) -> list[tuple[Any, ...]]:
        """Insert the rows. On PostgreSQL, return these columns of what was inserted.

        With `may_fail` the transaction outlives an `IntegrityError`. A table with partitions gets those that it lacks.
        Nearly always it lacks none, so the insert is tried first.
        """
        if not self._rows:
            return []
        field = partitions.field_of(self._model)
        if field is None and not may_fail:
            return self._insert_into_existing(ending, returning)
        try:
            with statements.attempt():
                return self._insert_into_existing(ending, returning)
        except IntegrityError as error:
            if field is None or not partitions.lacks_partition(error):
                raise
        partitions.make(self._values_of(field))
        with statements.attempt():
            return self._insert_into_existing(ending, returning)

    def _insert_into_existing(self, ending: str, returning: str) -> list[tuple[Any, ...]]:
        into = f"INSERT INTO {quoted(self._model._meta.db_table)} ({', '.join(_columns(self._model, self._names))})"
        if statements.on_postgresql():
            statement = f"{into} {self._selection()}{ending}"
            if returning:
                return statements.select(f"{statement} RETURNING {returning}", self._columns)
            statements.execute(statement, self._columns)
            return []
        width, flat = len(self._names), _flat(self._columns)
        row = f"({', '.join(['%s'] * width)})"
        for start in range(0, len(flat), STATEMENT_ROWS * width):
            part = flat[start : start + STATEMENT_ROWS * width]
            statements.execute(f"{into} VALUES {', '.join([row] * (len(part) // width))}{ending}", part)
        return []

    def _selection(self) -> str:
        """Return PostgreSQL's query of the rows, whose parameters are the columns."""
        return f"SELECT {', '.join(map(_unnested, fields_of(self._model, self._names)))}"

    def _values_of(self, name: str) -> list[Any]:
        return list(self._values[self._names.index(name)])

    def _returned_ids(self, key: tuple[str, ...]) -> list[int]:
        """Insert the new rows and return their ids, in the order of the rows if all are new.

        Nearly always all rows are new, and a plain INSERT takes PostgreSQL a quarter less time than one that looks for
        conflicts. So the plain one is tried first.
        """
        columns, fields = _columns(self._model, key), fields_of(self._model, key)
        # To return the times too would take longer than to insert the rows.
        plain = [place for place, field in enumerate(fields) if not is_time(field)]
        returning = f"id, {', '.join(columns[place] for place in plain)}"
        try:
            inserted = self._insert("", returning=returning, may_fail=True)
        except IntegrityError:
            inserted = self._insert(f" ON CONFLICT ({', '.join(columns)}) DO NOTHING", returning=returning)
        ids, *others = zip(*inserted, strict=True) if inserted else [()]
        if len(ids) == len(self._rows) and others != [self._values[place] for place in plain]:
            return [pk for _, pk in sorted(self._places(set(ids), key).items())]
        return list(ids)

    def _ids_since(self, key: tuple[str, ...]) -> list[int]:
        """Insert the new rows and return their ids, on SQLite, where nobody else writes meanwhile and ids ascend.

        A RETURNING clause would let the other thread run once for each row.
        """
        table = quoted(self._model._meta.db_table)
        ((latest,),) = statements.select(f"SELECT COALESCE(max(id), 0) FROM {table}", [])  # noqa: S608
        self._insert(f" ON CONFLICT ({', '.join(_columns(self._model, key))}) DO NOTHING")
        since = f"SELECT id FROM {table} WHERE id > %s ORDER BY id"  # noqa: S608
        ((ids,),) = statements.select(f"SELECT json_group_array(id) FROM ({since})", [latest])  # noqa: S608
        return msgspec.json.decode(ids, type=list[int])

    def _places(self, ids: Collection[int], key: tuple[str, ...]) -> dict[int, int]:
        """Return these ids of inserted rows by the index of the row."""
        if not ids:
            return {}
        places = {tuple(row[: len(key)]): place for place, row in enumerate(self._rows)}
        firsts = {f"{key[0]}__in": {row[0] for row in self._rows}}
        stored = self._model._default_manager.filter(pk__range=(min(ids), max(ids)), **firsts).values_list("pk", *key)
        return dict(sorted((places[tuple(values)], pk) for pk, *values in stored if pk in ids))


class OwnedRows(Rows):
    """Rows that refer to rows which the same transaction has inserted before, their owners.

    The first of the fields `names` is the owner's id. The next ones, as far as the owners have them, are copied from
    the owner. So a row is the values of the other fields. `rows` has a list of rows for each of the owners.
    """

    def __init__(
        self,
        model: type[models.Model],
        names: tuple[str, ...],
        rows: Sequence[Sequence[Sequence[Any]]],
        *,
        owners: Rows,
    ) -> None:
        self._model, self._names, self._owners = model, names, owners
        self._rows = list(chain.from_iterable(rows))
        self._indexes = [index for index, own in enumerate(rows) for _ in own]
        copied = list(takewhile(owners._names.__contains__, names[1:]))
        self._first_own = 1 + len(copied)
        self._copied = [owners._columns[owners._names.index(name)] for name in copied] if rows else []
        self._own = _converted(fields_of(model, names)[self._first_own :], list(zip(*self._rows, strict=True)))

    def insert_for(self, ids: Sequence[int]) -> None:
        """Insert all rows for the owners with these ids, which stand in the order of `owners`."""
        of_owners = [*_converted(fields_of(self._model, self._names[:1]), [ids]), *self._copied]
        if statements.on_postgresql():
            self._columns = [*of_owners, array([index + 1 for index in self._indexes]), *self._own]
        else:
            self._columns = [*([column[index] for index in self._indexes] for column in of_owners), *self._own]
        self._insert("")

    def _selection(self) -> str:
        fields = fields_of(self._model, self._names)
        of_owners = [f"(%s::{_array_type(field)})[owner]" for field in fields[: self._first_own]]
        own = fields[self._first_own :]
        values = [f"{_unnested(field)} AS {quoted(str(field.column))}" for field in own]
        rows = ", ".join(["unnest(%s::int[]) AS owner", *values])
        selected = ", ".join([*of_owners, *(quoted(str(field.column)) for field in own)])
        return f"SELECT {selected} FROM (SELECT {rows}) AS owned"  # noqa: S608

    def _values_of(self, name: str) -> list[Any]:
        return self._owners._values_of(name)


def lock(name: str, numbers: Collection[int], *, alone: bool) -> None:
    """Take the advisory locks of these numbers until the transaction ends: exclusive if `alone`, otherwise shared.

    Does nothing on SQLite, where a transaction excludes all others from its beginning (`transaction_mode` IMMEDIATE).
    """
    if statements.on_postgresql():
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        lock = f"SELECT {function}(hashtextextended(%s, number)) FROM unnest(%s::bigint[]) number"  # noqa: S608
        statements.execute(lock, [name, array(sorted(numbers))])


class Among(Func):
    """The condition that this field is one of many numbers, which are one value of the statement instead of one each.

    Of thousands of values, Django and the driver would take longer to write the statement than the database to answer.
    PostgreSQL looks an array up in an index or by its hash. A subquery with the same numbers it compares one by one
    with each row that it expects to be the only one: such as rows of the last seconds, which no statistics know.
    """

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, name: str, numbers: Collection[int]) -> None:
        super().__init__(F(name))
        self._numbers = list(numbers)

    def as_sql(
        self,
        compiler: Any,
        connection: Any,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[Any, ...]]:
        column, values = compiler.compile(self.source_expressions[0])
        if statements.on_postgresql():
            return f"{column} = ANY (%s::bigint[])", (*values, array(self._numbers))
        return f"{column} IN (SELECT value FROM json_each(%s))", (*values, _json(self._numbers))  # noqa: S608


def _converted(fields: "Sequence[models.Field[Any, Any]]", columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Convert the columns of these fields to what the database takes. No rows have no columns."""
    convert = _array_of if statements.on_postgresql() else _stored
    return [convert(field, column) for field, column in zip(fields, columns, strict=False)]


def _array_of(field: "models.Field[Any, Any]", column: Sequence[Any]) -> str:
    return _json(column) if isinstance(field, models.JSONField) else array(column)


def array(values: Sequence[Any]) -> str:
    """Return PostgreSQL's text of an array, for which psycopg would convert the values one by one."""
    text = _json(values)
    # JSON and PostgreSQL write quotes and backslashes in the same way, but other escapes are JSON's alone.
    if "\\" in text and _ESCAPE.search(text):
        text = f"[{','.join(map(_element, values))}]"
    return "{" + text[1:-1] + "}"


_ESCAPE = re.compile(r'\\[^"\\]')


def _element(value: Any) -> str:
    if not isinstance(value, str):
        return _json(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _json(value: Any) -> str:
    return _encode(value).decode()


_encode = msgspec.json.Encoder().encode


def _unnested(field: "models.Field[Any, Any]") -> str:
    """Return the SQL expression of a column's values."""
    if isinstance(field, models.JSONField):
        return "NULLIF(jsonb_array_elements(%s::jsonb), 'null')"
    return f"unnest(%s::{_array_type(field)})"


def _array_type(field: "models.Field[Any, Any]") -> str:
    """Return the type of an array of the field's values. An array of varchar(64) would silently cut a long text."""
    if isinstance(field, models.CharField):
        return "text[]"
    return f"{field.rel_db_type(connection) if isinstance(field, models.ForeignKey) else field.db_type(connection)}[]"


def _stored(field: "models.Field[Any, Any]", column: Sequence[Any]) -> Sequence[Any]:
    """Return what SQLite stores for these values. Django's conversion of single values takes longer."""
    if is_time(field):
        return times(column)
    if isinstance(field, models.JSONField):
        return [None if value is None else _json(value) for value in column]
    return column


def _flat(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the values of these columns row by row."""
    width = len(columns)
    flat = [None] * sum(map(len, columns))
    for place, column in enumerate(columns):
        flat[place::width] = column
    return flat


def times(moments: Iterable[dt.datetime]) -> list[str]:
    """Return UTC times in the text format that Django stores in SQLite, and that PostgreSQL reads as well.

    msgspec formats them many times as fast as `datetime.isoformat`, and all of them at once in half of the time.
    """
    texts = msgspec.json.encode(tuple(moments)).replace(b"T", b" ").replace(b"Z", b"")
    return msgspec.json.decode(texts, type=list[str])


def is_time(field: "models.Field[Any, Any]") -> bool:
    return isinstance(field, models.DateTimeField)


@cache
def _columns(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(quoted(str(field.column)) for field in fields_of(model, names))


@cache
def fields_of(model: type[models.Model], names: tuple[str, ...]) -> "tuple[models.Field[Any, Any], ...]":
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return tuple(by_name[name] for name in names)


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)
