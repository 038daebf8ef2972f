import django.db.models.deletion
from django.db import migrations, models

DEVICE = models.ForeignKey(
    db_constraint=False,
    db_index=False,
    null=True,
    on_delete=django.db.models.deletion.CASCADE,
    related_name="+",
    to="devices.device",
)


class Migration(migrations.Migration):
    """Columns for the device and time of a row's frame; empty for now, so that the earlier version can go on writing."""

    dependencies = [
        ("analytics", "0017_devices_that_said_face"),
        ("devices", "0009_pictures_come_in_one_request"),
    ]

    operations = [
        migrations.AddField("detection", "device", DEVICE.clone()),
        migrations.AddField(
            "detection", "taken_at", models.DateTimeField(help_text="The time of the frame.", null=True)
        ),
        migrations.AddField("review", "device", DEVICE.clone()),
        migrations.AddField(
            "review", "taken_at", models.DateTimeField(help_text="The time of the detection's frame.", null=True)
        ),
    ]
