import datetime as dt

from django.db import migrations

from analytics.migrations import _filling, _keys
from devices import partitions

MARGIN = dt.timedelta(days=7)
"""The time within which the next migration must follow before a month ends that the checks allow."""


def check(apps, schema_editor):
    """Fill the rows that came since the migration before, and check what the next one relies on."""
    connection = schema_editor.connection
    _filling.fill(connection)
    if connection.vendor != "postgresql":
        return
    ((latest,),) = _keys.run(connection, "SELECT max(taken_at) FROM analytics_frame")
    now = dt.datetime.now(dt.UTC)
    month = partitions.next_month(max(latest or now, now) + MARGIN)
    _keys.check_until(connection, "analytics_frame", month, "device_id IS NOT NULL")
    _keys.check_until(connection, "analytics_detection", month, "device_id IS NOT NULL AND taken_at IS NOT NULL")


def uncheck(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in ("analytics_frame", "analytics_detection"):
            _keys.drop_check(schema_editor.connection, table)


class Migration(migrations.Migration):
    """Reads each row once, and locks nothing for longer than a moment. It may be interrupted, and begins anew then."""

    atomic = False

    dependencies = [("analytics", "0019_existing_detections_know_device_and_time")]

    operations = [migrations.RunPython(check, uncheck)]
