"""Keeps `CoffeeTally` in step with the coffees, by triggers of the database itself.

Coffees change hands by more ways than a service knows: people are merged and erased, captures are deleted with all
that hangs on them, and Django tells nobody of an update of many rows. The triggers miss none of it. They are made anew
after each `migrate`, as SQLite drops them when Django rebuilds a table, and the tallies are counted anew with them.
"""

from collections.abc import Collection
from typing import Any

from django.db import connections, transaction

from devices.models import Device, Site
from faces.models import NOBODY, Coffee, CoffeeTally, Span

_TABLE, _COFFEES = CoffeeTally._meta.db_table, Coffee._meta.db_table
_DEVICES, _SITES = Device._meta.db_table, Site._meta.db_table

_LOCAL_DAY = {
    "postgresql": "(coffee.taken_at AT TIME ZONE site.timezone)::date",
    # Django's own, which it gives to each of its connections: what its TruncDate becomes.
    "sqlite": "django_datetime_cast_date(coffee.taken_at, site.timezone, 'UTC')",
}
_START = {
    "postgresql": "date_trunc(span, day)::date",
    "sqlite": "CASE span WHEN 'day' THEN day WHEN 'month' THEN substr(day, 1, 7) || '-01' "
    "ELSE substr(day, 1, 4) || '-01-01' END",
}
_SPANS = " UNION ALL ".join(f"SELECT '{span}' AS span" for span in Span)

_KEY = "device_id, span, start, person_number"


def install(sender: Any = None, *, using: str = "default", **_: Any) -> None:
    """After `migrate`: make the triggers and count everything anew. Does nothing before the tables are there."""
    if not {_TABLE, _COFFEES, _DEVICES, _SITES} <= set(connections[using].introspection.table_names()):
        return
    remove(using=using)
    vendor = connections[using].vendor
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        for name, (table, event, when, body) in _triggers(vendor).items():
            for statement in _made(vendor, name, table, event, when, body):
                cursor.execute(statement)
    rebuild(using=using)


def remove(sender: Any = None, *, using: str = "default", **_: Any) -> None:
    """Before `migrate`, which could not rename tables that a trigger names."""
    connection = connections[using]
    there = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for name, (table, *_rest) in _triggers(connection.vendor).items():
            if table in there:
                at = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{at}")


def rebuild(*, using: str = "default", devices: Collection[int] | None = None) -> int:
    """Count everything, or what these devices saw, anew from the coffees, and return how many tallies were wrong.

    Nobody counts a coffee meanwhile.
    """
    connection = connections[using]
    of_devices = "" if devices is None else f"WHERE device_id IN ({', '.join(map(str, [*map(int, devices), 0]))})"
    truth, held = (f"SELECT {_KEY}, coffees FROM {table} {of_devices}" for table in ("coffee_truth", _TABLE))  # noqa: S608
    wrong = f"SELECT {_KEY} FROM ({{}} EXCEPT {{}}) AS differing"  # noqa: S608
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {_COFFEES} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"CREATE TEMPORARY TABLE coffee_truth AS {_tallies(connection.vendor, _COUNTED)}")
        either = f"{wrong.format(truth, held)} UNION {wrong.format(held, truth)}"
        cursor.execute(f"CREATE TEMPORARY TABLE coffee_wrong AS {either}")
        cursor.execute(f"DELETE FROM {_TABLE} WHERE ({_KEY}) IN (SELECT {_KEY} FROM coffee_wrong)")  # noqa: S608
        right = f"SELECT {_KEY}, coffees FROM coffee_truth NATURAL JOIN coffee_wrong ORDER BY {_KEY}"  # noqa: S608
        cursor.execute(f"INSERT INTO {_TABLE} ({_KEY}, coffees) {right}")
        cursor.execute("SELECT COUNT(*) FROM coffee_wrong")
        (found,) = cursor.fetchone()
        cursor.execute("DROP TABLE coffee_truth")
        cursor.execute("DROP TABLE coffee_wrong")
    return int(found)


_COUNTED = f"(SELECT device_id, person_id, taken_at FROM {_COFFEES} WHERE NOT voided)"  # noqa: S608


def _tallies(vendor: str, coffees: str, devices: str = "") -> str:
    """The rows that these coffees make, `coffees` being a query for `device_id`, `person_id` and `taken_at`."""
    return (
        f"SELECT device_id, span, {_START[vendor]} AS start, "  # noqa: S608
        "person_number, COUNT(*) AS coffees FROM ("
        f"SELECT coffee.device_id, COALESCE(coffee.person_id, {NOBODY}) AS person_number, {_LOCAL_DAY[vendor]} AS day "
        f"FROM {coffees} AS coffee JOIN {_DEVICES} AS device ON device.id = coffee.device_id "
        f"JOIN {_SITES} AS site ON site.id = device.site_id {devices}) AS local "
        f"CROSS JOIN ({_SPANS}) AS spans GROUP BY 1, 2, 3, 4"
    )


def _triggers(vendor: str) -> dict[str, tuple[str, str, str, str]]:
    """By name: on which table, upon which event, on which condition, and what they do."""
    more, less = _more(vendor), _less(vendor)
    moved, other_clock = (_anew(vendor, devices) for devices in ("= NEW.id", f"IN ({_DEVICES_OF_NEW_SITE})"))
    return {
        f"{_TABLE}_inserted": (_COFFEES, "INSERT", "NOT NEW.voided", more),
        f"{_TABLE}_deleted": (_COFFEES, "DELETE", "NOT OLD.voided", less),
        f"{_TABLE}_updated_before": (_COFFEES, "UPDATE", "NOT OLD.voided", less),
        f"{_TABLE}_updated_after": (_COFFEES, "UPDATE", "NOT NEW.voided", more),
        f"{_TABLE}_moved": (_DEVICES, "UPDATE OF site_id", "OLD.site_id <> NEW.site_id", moved),
        f"{_TABLE}_clock": (_SITES, "UPDATE OF timezone", "OLD.timezone <> NEW.timezone", other_clock),
    }


_DEVICES_OF_NEW_SITE = f"SELECT id FROM {_DEVICES} WHERE site_id = NEW.id"  # noqa: S608


def _row(which: str) -> str:
    return f"(SELECT {which}.device_id AS device_id, {which}.person_id AS person_id, {which}.taken_at AS taken_at)"


def _more(vendor: str) -> str:
    return (
        f"INSERT INTO {_TABLE} ({_KEY}, coffees) {_tallies(vendor, _row('NEW'))} "
        f"ON CONFLICT ({_KEY}) DO UPDATE SET coffees = {_TABLE}.coffees + 1;"
    )


def _less(vendor: str) -> str:
    """A day without coffees has no row. Where a device is deleted, its tallies may be gone before its coffees."""
    rows = f"WHERE ({_KEY}) IN (SELECT {_KEY} FROM ({_tallies(vendor, _row('OLD'))}) AS gone)"  # noqa: S608
    return (
        f"DELETE FROM {_TABLE} {rows} AND coffees <= 1; "  # noqa: S608
        f"UPDATE {_TABLE} SET coffees = coffees - 1 {rows};"
    )


def _anew(vendor: str, devices: str) -> str:
    """Of these devices; whoever counts a coffee of theirs meanwhile waits."""
    lock = f"LOCK TABLE {_COFFEES} IN SHARE ROW EXCLUSIVE MODE; " if vendor == "postgresql" else ""
    return (
        f"{lock}DELETE FROM {_TABLE} WHERE device_id {devices}; "  # noqa: S608
        f"INSERT INTO {_TABLE} ({_KEY}, coffees) {_tallies(vendor, _COUNTED, f'WHERE device.id {devices}')};"
    )


def _made(vendor: str, name: str, table: str, event: str, when: str, body: str) -> list[str]:
    trigger = f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW WHEN"
    if vendor == "sqlite":
        return [f"{trigger} {when} BEGIN {body} END"]
    function = f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
    return [
        f"{function} AS $$ BEGIN {body} RETURN NULL; END $$",
        f"{trigger} ({when}) EXECUTE FUNCTION {name}()",
    ]
