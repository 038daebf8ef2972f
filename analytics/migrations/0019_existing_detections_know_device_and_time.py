from django.db import migrations

from analytics.migrations import _filling, _keys

TABLES = ("analytics_frame", "analytics_detection")
BY_TIME = "detections_by_time"


def fill(apps, schema_editor):
    _filling.fill(schema_editor.connection)


def build_indexes(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    for table in TABLES:
        key = f"{table} (device_id, taken_at, id)"
        _keys.build_ready_index(connection, _keys.ready_index(table, "key"), key, unique=True)
        _keys.build_ready_index(connection, _keys.ready_index(table, "id"), f"{table} (id)")
    _keys.build_ready_index(connection, BY_TIME, "analytics_detection (taken_at)")


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in (*(_keys.ready_index(table, purpose) for table in TABLES for purpose in ("key", "id")), BY_TIME):
            _keys.run(schema_editor.connection, f'DROP INDEX IF EXISTS "{name}"')


class Migration(migrations.Migration):
    """The long part, beside which the earlier version may read and write. It may be interrupted, and goes on then."""

    atomic = False

    dependencies = [("analytics", "0018_detections_and_reviews_get_device_and_time")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(build_indexes, drop_indexes),
    ]
