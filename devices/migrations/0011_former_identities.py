import datetime as dt

from django.db import migrations, models
from django.utils import timezone


def note_the_first_version(apps, schema_editor):
    """Note until when facts have the first version of their identity, unless no device can have sent any."""
    if apps.get_model("devices", "Device").objects.exists():
        # A device's clock may lead by an hour.
        until = timezone.now() + dt.timedelta(hours=1)
        apps.get_model("devices", "FormerIdentity").objects.create(version=1, until=until)


class Migration(migrations.Migration):
    dependencies = [("devices", "0010_past_records_count_once")]

    operations = [
        migrations.CreateModel(
            name="FormerIdentity",
            fields=[
                ("version", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                (
                    "until",
                    models.DateTimeField(help_text="No fact that was stored with this version has a later time."),
                ),
            ],
        ),
        migrations.RunPython(note_the_first_version, migrations.RunPython.noop),
    ]
