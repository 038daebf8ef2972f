from django.db import migrations

from analytics.migrations import _keys

UNIQUE = {
    "analytics_episode": "device_id, label, started, visit",
    "analytics_reportedgesture": "device_id, began_at, label, visit",
}
OF_VISITS = "episodes_of_visits"


def build_indexes(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    for table, columns in UNIQUE.items():
        _keys.build_ready_index(connection, _keys.ready_index(table, "visits"), f"{table} ({columns})", unique=True)
    of_visits = "analytics_episode (device_id, visit, label, started) WHERE visit <> ''"
    _keys.build_ready_index(connection, OF_VISITS, of_visits)


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in (*(_keys.ready_index(table, "visits") for table in UNIQUE), OF_VISITS):
            _keys.run(schema_editor.connection, f'DROP INDEX IF EXISTS "{name}"')


class Migration(migrations.Migration):
    """The long part, beside which the earlier version may read and write. It may be interrupted, and goes on then."""

    atomic = False

    dependencies = [("analytics", "0023_gestures_know_their_visit")]

    operations = [migrations.RunPython(build_indexes, drop_indexes)]
