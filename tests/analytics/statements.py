"""Records the statements on distributed tables, and finds those that do not name a device."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlglot
from django.db import connection
from sqlglot import exp

from tests.house.tables import tables_of

COLUMN = "device_id"

WITHOUT_DEVICE = {
    r'SELECT COUNT\(\*\) AS "__count" FROM "analytics_(frame|detection)"': "the admin counts the rows of its list",
    r'UPDATE "analytics_review" SET "reviewer_id" = NULL WHERE "analytics_review"."reviewer_id" IN': (
        "the deletion of an account keeps the verdicts of all devices"
    ),
    r'SELECT .* FROM "analytics_review" WHERE "analytics_review"."reviewer_id" IN': (
        "the deletion of an account finds its verdicts"
    ),
    r'SELECT .* FROM "plays_playday"( WHERE "plays_playday"."day" >=|$)': "a task finds the days of all that changed",
}
"""Statements of upkeep on the rows of all devices, with the reason of each."""


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield the list of the statements that are executed in this block."""
    statements: list[str] = []

    def record(execute: Any, sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(record):
        yield statements


def complaints(statement: str) -> list[str]:
    """Return a sentence for each distributed table that the statement uses without its device."""
    distributed = tables_of("distributed")
    if not any(table in statement for table in distributed) or statement.startswith(("CREATE ", "ALTER ", "LOCK ")):
        return []
    tree = sqlglot.parse_one(re.sub(r"%\(\w+\)s|%s", "$1", statement), dialect="postgres")
    found = []
    for table in tree.find_all(exp.Table):
        if table.name in distributed:
            block = table.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert)
            is_named = _inserts_device(block) if isinstance(block, exp.Insert) else _selects_device(block, table)
            if not is_named:
                found.append(f"{table.name} is used without its device: {statement}")
    return found


def is_excepted(statement: str) -> bool:
    """Return whether `WITHOUT_DEVICE` lists the statement."""
    return any(re.match(pattern, statement, re.DOTALL) for pattern in WITHOUT_DEVICE)


def _inserts_device(insert: exp.Insert) -> bool:
    """Return whether each row gets a device, a conflict is found by the device, and no row changes its device."""
    columns = {column.name for column in insert.this.expressions}
    conflict = insert.args.get("conflict")
    if conflict is None or not conflict.args["conflict_keys"]:  # Each unique key contains the device.
        return COLUMN in columns
    keys = {column.name for key in conflict.args["conflict_keys"] for column in key.find_all(exp.Column)}
    changed = {change.this.name for change in conflict.expressions}
    return COLUMN in columns and COLUMN in keys and COLUMN not in changed


def _selects_device(block: Any, table: exp.Table) -> bool:
    """Return whether a condition that all rows of the block must meet compares the table's device with something."""
    return any(
        column.name == COLUMN and column.table == table.alias_or_name and _is_required(column, block)
        for column in block.find_all(exp.Column)
    )


def _is_required(column: exp.Column, block: Any) -> bool:
    node, compares = column.parent, False
    while node is not None and node is not block:
        if isinstance(node, exp.Or | exp.Not | exp.Select):
            return False
        compares |= isinstance(node, exp.EQ | exp.In)
        if isinstance(node, exp.Where | exp.Join):
            return compares and node.parent is block
        node = node.parent
    return False
