"""The tables keep the rules that Citus publishes for distributed and reference tables, as docs/scaling.md lists them.

The rules: each unique key of a distributed table contains the distribution column; a foreign key of a distributed table
points at a reference table, or at a distributed table by the distribution column; one of a reference table points at a
reference table; none points at a distributed table from elsewhere; a distributed table has no trigger. PostgreSQL adds:
no foreign key points at a partitioned table that may be split, and no default partition is in the way of a detachment.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from analytics.models import Detection, Frame
from devices.storage import partitions
from tests import clock
from tests.house.tables import tables_of

COLUMN = "device_id"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite runs on one machine"),
]


def rows(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall())


KEYS = """
SELECT child.relname, key.relname, array_agg(attname::text)
FROM pg_index JOIN pg_class child ON child.oid = indrelid JOIN pg_class key ON key.oid = indexrelid
    LEFT JOIN pg_inherits ON inhrelid = child.oid LEFT JOIN pg_class parent ON parent.oid = inhparent
    JOIN pg_attribute ON attrelid = child.oid AND attnum = ANY(indkey)
WHERE (indisunique OR indisexclusion) AND coalesce(parent.relname, child.relname) = ANY(%s) GROUP BY 1, 2
"""
FOREIGN_KEYS = """
SELECT conname, conrelid::regclass::text, confrelid::regclass::text,
    (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey))
FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
"""
TRIGGERS = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
COLUMNS = """
SELECT attrelid::regclass::text, atttypid::regtype::text, attnotnull FROM pg_attribute
WHERE attname = %s AND attrelid = ANY(%s::regclass[])
"""
PARTITIONED = "SELECT partrelid::regclass::text, partdefid <> 0 FROM pg_partitioned_table"


def violations() -> Iterator[str]:
    """Yield a sentence for each rule that a table breaks."""
    distributed, reference = tables_of("distributed"), tables_of("reference")
    for table, key, columns in rows(KEYS, sorted(distributed)):
        if COLUMN not in columns:
            yield f"The unique key {key} of {table} does not contain {COLUMN}."
    for name, table, to, columns in rows(FOREIGN_KEYS):
        if to in distributed and not (table in distributed and COLUMN in columns):
            yield f"The foreign key {name} points from {table} at {to}, which is distributed."
        elif table in distributed | reference and to not in distributed | reference:
            yield f"The foreign key {name} points from {table} at {to}, which is local."
    for name, table in rows(TRIGGERS):
        if table in distributed:
            yield f"The distributed table {table} has the trigger {name}."
    kept = {table for table, kind, is_never_null in rows(COLUMNS, COLUMN, sorted(distributed)) if is_never_null}
    for table in sorted(distributed - kept):
        yield f"The column {COLUMN} of {table} is missing or may be empty."
    for table, has_default in rows(PARTITIONED):
        if has_default:
            yield f"{table} has a default partition."
        for name, _, to, _ in rows(FOREIGN_KEYS):
            if to == table:
                yield f"The foreign key {name} points at {table}, which is partitioned."


def test_all_tables_keep_the_rules() -> None:
    partitions.make_ahead(clock.now())
    assert list(violations()) == []


def test_the_distribution_columns_have_one_type_so_that_rows_of_a_device_lie_together() -> None:
    assert {kind for _, kind, _ in rows(COLUMNS, COLUMN, sorted(tables_of("distributed")))} == {"bigint"}


@pytest.mark.parametrize("model", [Frame, Detection])
def test_the_key_of_a_partitioned_table_is_device_time_and_id(model: type[Frame | Detection]) -> None:
    (key,) = rows(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND conrelid = to_regclass(%s)",
        model._meta.db_table,
    )
    assert key == ("PRIMARY KEY (device_id, taken_at, id)",)
    plain = f"SELECT 1 FROM pg_indexes WHERE tablename = '{model._meta.db_table}' AND indexdef ~ '\\(id\\)$'"
    assert rows(plain) == [(1,)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("CREATE UNIQUE INDEX wrong ON analytics_episode (label, started)", "unique key wrong of analytics_episode"),
        ("CREATE UNIQUE INDEX wrong ON analytics_frame_2026_11 (id)", "unique key wrong of analytics_frame_2026_11"),
        (
            "ALTER TABLE analytics_review ADD CONSTRAINT wrong FOREIGN KEY (device_id, taken_at, detection_id)"
            " REFERENCES analytics_detection (device_id, taken_at, id)",
            "foreign key wrong points at analytics_detection, which is partitioned",
        ),
        (
            "ALTER TABLE devices_site ADD wrong bigint CONSTRAINT wrong REFERENCES analytics_walltoken",
            "foreign key wrong points from devices_site at analytics_walltoken, which is local",
        ),
        (
            "ALTER TABLE analytics_episode ADD wrong bigint CONSTRAINT wrong REFERENCES faces_person",
            "foreign key wrong points from analytics_episode at faces_person, which is local",
        ),
        ("CREATE TABLE other PARTITION OF analytics_frame DEFAULT", "analytics_frame has a default partition"),
        (
            "CREATE FUNCTION wrong() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            "CREATE TRIGGER wrong BEFORE INSERT ON analytics_frame FOR EACH ROW EXECUTE FUNCTION wrong()",
            "distributed table analytics_frame has the trigger wrong",
        ),
        ("ALTER TABLE analytics_episode ALTER device_id DROP NOT NULL", ""),
    ],
)
def test_a_table_that_breaks_a_rule_is_found(change: str, complaint: str) -> None:
    partitions.make([clock.NOW])
    with connection.cursor() as cursor:
        if "DROP NOT NULL" in change:
            cursor.execute("ALTER TABLE analytics_episode DROP CONSTRAINT analytics_episode_pkey")
            complaint = "The column device_id of analytics_episode is missing or may be empty"
        cursor.execute(change)
    assert any(complaint in violation for violation in violations())
