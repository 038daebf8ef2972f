import datetime as dt

from django.db import migrations

from analytics.migrations import _filling, _keys
from devices.storage import partitions

MARGIN = dt.timedelta(days=7)
"""The time within which the next migration must follow before a month ends that the checks allow."""


CHECKED = {
    "analytics_frame": "device_id IS NOT NULL",
    "analytics_detection": "device_id IS NOT NULL AND taken_at IS NOT NULL",
}
"""The tables that are checked, and what must hold in each row."""


def check(apps, schema_editor):
    """Check what the next migration relies on.

    What an earlier version writes meanwhile is refused first, then the rows that it has left are filled. So nothing
    that is still running can make the check of all rows fail.
    """
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        ((latest,),) = _keys.run(connection, "SELECT max(taken_at) FROM analytics_frame")
        now = dt.datetime.now(dt.UTC)
        month = partitions.next_month(max(latest or now, now) + MARGIN)
        for table, condition in CHECKED.items():
            _keys.check_until(connection, table, month, condition)
    _filling.fill(connection)
    if connection.vendor == "postgresql":
        for table in CHECKED:
            _keys.validate_check(connection, table)


def uncheck(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in CHECKED:
            _keys.drop_check(schema_editor.connection, table)


class Migration(migrations.Migration):
    """Reads each row once, and locks nothing for longer than a moment. It may be interrupted, and begins anew then."""

    atomic = False

    dependencies = [("analytics", "0019_existing_detections_know_device_and_time")]

    operations = [migrations.RunPython(check, uncheck)]
