"""docs/scaling.md says of each table whether it is distributed by device, a reference table or local."""

from collections import Counter

from tests.house.tables import all_tables, listed


def test_each_table_has_one_kind() -> None:
    tables = Counter(table for table, _ in listed())
    assert {table for table, times in tables.items() if times > 1} == set(), "docs/scaling.md lists these tables twice."
    missing, gone = all_tables() - set(tables), set(tables) - all_tables()
    assert not missing, f"docs/scaling.md must say of {sorted(missing)}: distributed, reference or local?"
    assert not gone, f"docs/scaling.md lists tables that do not exist: {sorted(gone)}."
