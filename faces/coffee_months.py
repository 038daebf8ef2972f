"""Keeps `CoffeeMonth` in step with the coffees, by triggers of the database itself.

Coffees change hands by more ways than a service knows: people are merged and erased, captures are deleted with all
that hangs on them, and Django tells nobody of an update of many rows. The triggers miss none of it. They are made anew
after each `migrate`, as SQLite drops them when Django rebuilds a table, and the months are counted anew with them.
"""

from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from faces.models import NOBODY, Coffee, CoffeeMonth

_TABLE, _COFFEES = CoffeeMonth._meta.db_table, Coffee._meta.db_table
_TRIGGERS = [f"{_TABLE}_{what}" for what in ("inserted", "deleted", "updated_before", "updated_after")]

_MONTH = {
    "postgresql": "date_trunc('month', {0}.taken_at AT TIME ZONE 'UTC')::date",
    "sqlite": "substr({0}.taken_at, 1, 7) || '-01'",  # Django writes times of UTC as text
}


def install(sender: Any = None, *, using: str = "default", **_: Any) -> None:
    """After `migrate`: make the triggers and count the months anew. Does nothing before the tables are there."""
    connection = connections[using]
    if not {_TABLE, _COFFEES} <= set(connection.introspection.table_names()):
        return
    remove(using=using)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for statement in _statements(connection):
            cursor.execute(statement)
    rebuild(using=using)


def remove(sender: Any = None, *, using: str = "default", **_: Any) -> None:
    """Before `migrate`, which could not rename tables that a trigger names."""
    connection = connections[using]
    if _COFFEES not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for trigger in _TRIGGERS:
            at = f" ON {_COFFEES}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}{at}")


def rebuild(*, using: str = "default") -> None:
    """Count all months anew from the coffees; nobody counts a coffee meanwhile."""
    connection = connections[using]
    month = _MONTH[connection.vendor].format("coffee")
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {_COFFEES} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"DELETE FROM {_TABLE}")  # noqa: S608
        cursor.execute(
            f"INSERT INTO {_TABLE} (device_id, start, person_number, coffees) "  # noqa: S608
            f"SELECT device_id, {month}, COALESCE(person_id, {NOBODY}), COUNT(*) "
            f"FROM {_COFFEES} AS coffee WHERE NOT voided GROUP BY 1, 2, 3"
        )


def _statements(connection: BaseDatabaseWrapper) -> list[str]:
    vendor = connection.vendor
    less, more = _less(_MONTH[vendor]), _more(_MONTH[vendor])
    events = [("INSERT", "NEW", more), ("DELETE", "OLD", less), ("UPDATE", "OLD", less), ("UPDATE", "NEW", more)]
    make = _on_postgresql if vendor == "postgresql" else _on_sqlite
    return [
        statement
        for name, (event, row, body) in zip(_TRIGGERS, events, strict=True)
        for statement in make(name, event, row, body)
    ]


def _more(month: str) -> str:
    return (
        f"INSERT INTO {_TABLE} (device_id, start, person_number, coffees) "  # noqa: S608
        f"VALUES (NEW.device_id, {month.format('NEW')}, COALESCE(NEW.person_id, {NOBODY}), 1) "
        f"ON CONFLICT (device_id, start, person_number) DO UPDATE SET coffees = {_TABLE}.coffees + 1;"
    )


def _less(month: str) -> str:
    """A month without coffees has no row. Where a device is deleted, its months may be gone before its coffees."""
    row = (
        f"WHERE device_id = OLD.device_id AND start = {month.format('OLD')} "
        f"AND person_number = COALESCE(OLD.person_id, {NOBODY})"
    )
    return (
        f"DELETE FROM {_TABLE} {row} AND coffees <= 1; "  # noqa: S608
        f"UPDATE {_TABLE} SET coffees = coffees - 1 {row};"
    )


def _on_postgresql(name: str, event: str, row: str, body: str) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {event} ON {_COFFEES} FOR EACH ROW WHEN (NOT {row}.voided) "
        f"EXECUTE FUNCTION {name}()",
    ]


def _on_sqlite(name: str, event: str, row: str, body: str) -> list[str]:
    return [f"CREATE TRIGGER {name} AFTER {event} ON {_COFFEES} FOR EACH ROW WHEN NOT {row}.voided BEGIN {body} END"]
