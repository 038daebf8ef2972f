from django.core.management import call_command
from django.db import migrations


def create_cache_table(apps, schema_editor):
    """Of Django's cache on the database, which no model describes; where it is there already, nothing happens."""
    call_command("createcachetable", "django_cache", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0010_frames_unchecked_against_devices"),
        # Drops triggers that would be in the way of later changes to the tables of devices and sites.
        ("faces", "0012_coffee_tallies_without_triggers"),
    ]

    operations = [
        migrations.RunPython(create_cache_table, migrations.RunPython.noop),
        migrations.DeleteModel(name="Snapshot"),
    ]
