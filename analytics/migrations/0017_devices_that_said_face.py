from django.db import migrations


def learn_from_tallies(apps, schema_editor):
    """Note of each device that has ever counted a face that it looks for faces, as its messages tell from now on."""
    counted = apps.get_model("analytics", "EngagementQuarter").objects.filter(faces_sum__gt=0).values("device")
    devices = apps.get_model("devices", "Device").objects.filter(pk__in=counted, faces_sought=None)
    devices.filter(sought_is_corrected=False).update(faces_sought=True)


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0016_opening_hours"),
        ("devices", "0017_things_and_their_places"),
    ]

    operations = [migrations.RunPython(learn_from_tallies, migrations.RunPython.noop)]
