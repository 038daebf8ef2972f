import datetime as dt

from django.db import migrations, models
from django.db.models import F

QUARTER = dt.timedelta(minutes=15)
BITS = 15


def minutes_with_frames(apps, schema_editor):
    """Take all seen minutes for told ones, except in quarters with signs of life: there only those with a frame.

    The frames of a settled quarter are deleted, so that its minutes stay as they are.
    """
    quarters = apps.get_model("analytics", "EngagementQuarter").objects
    frames = apps.get_model("analytics", "Frame").objects
    quarters.update(minutes_told=F("minutes_seen"))
    signs = apps.get_model("analytics", "SignOfLifeQuarter").objects.all()
    for device, start in signs.values_list("device", "start").iterator():
        minutes = 0
        taken = frames.filter(device=device, taken_at__gte=start, taken_at__lt=start + QUARTER)
        for at in taken.values_list("taken_at", flat=True).iterator():
            minutes |= 1 << at.minute % BITS
        quarters.filter(device=device, start=start).update(minutes_told=minutes)


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0029_pages_are_shared_by_link"),
        ("devices", "0022_devices_that_wait_between_uploads"),
    ]

    operations = [
        migrations.AddField(
            model_name="engagementquarter",
            name="minutes_told",
            field=models.PositiveSmallIntegerField(default=0, help_text="Bit n is set where minute n has any frame."),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="engagementquarter",
            name="minutes_seen",
            field=models.PositiveSmallIntegerField(
                help_text="Bit n is set where minute n has any frame or another sign that the camera was on."
            ),
        ),
        migrations.RunPython(minutes_with_frames, migrations.RunPython.noop),
    ]
