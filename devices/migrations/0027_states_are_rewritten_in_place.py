from django.db import migrations

from devices.storage.rewritten import LeaveRoomForUpdates


class Migration(migrations.Migration):
    dependencies = [("devices", "0026_newest_log_lines_by_index")]

    # A device is rewritten when it has learned what it looks for: thousands at once, when a fleet begins.
    operations = [LeaveRoomForUpdates("devicestate"), LeaveRoomForUpdates("device")]
