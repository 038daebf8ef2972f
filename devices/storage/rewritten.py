"""Room for new versions of rows that are rewritten again and again, on PostgreSQL."""

from typing import Any

from django.db.migrations.operations.base import Operation

PERCENT_FILLED = 50
"""How full inserts make a page of such a table. The other half holds a new version of each of its rows."""


class LeaveRoomForUpdates(Operation):
    """Leave room in each page of this model's table, so that a row is updated within its page.

    Then PostgreSQL writes no index (a heap-only tuple), and the next update of the page removes the former version. In
    full pages each update goes to another page, and adds an entry to each index, which only a vacuum removes: twice the
    processor time. This suits tables whose rows are updated often, in columns without an index. It holds for new pages
    at once, locks nobody out, and does nothing on SQLite, which updates rows in their place.
    """

    reduces_to_sql = False

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.model_name], {}

    def describe(self) -> str:
        return f"Leave room for updates in {self.model_name}"

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._alter(
            schema_editor, to_state.apps.get_model(app_label, self.model_name), f"SET (fillfactor = {PERCENT_FILLED})"
        )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._alter(schema_editor, from_state.apps.get_model(app_label, self.model_name), "RESET (fillfactor)")

    def _alter(self, schema_editor: Any, model: Any, change: str) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE {schema_editor.quote_name(model._meta.db_table)} {change}")
