from django.db import migrations

from devices.storage.rewritten import LeaveRoomForUpdates


class Migration(migrations.Migration):
    """Each batch adds to the tallies of this quarter hour, and to the episodes that go on."""

    dependencies = [("analytics", "0031_archived_files")]

    operations = [
        LeaveRoomForUpdates("engagementquarter"),
        LeaveRoomForUpdates("labelquarter"),
        LeaveRoomForUpdates("episode"),
    ]
