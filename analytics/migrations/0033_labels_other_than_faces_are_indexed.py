from django.db import migrations, models

from analytics.migrations import _keys

NAME = "labels_but_faces"


def build_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        definition = "analytics_labelquarter (device_id, start) WHERE label <> 'face'"
        _keys.build_ready_index(schema_editor.connection, NAME, definition)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        _keys.run(schema_editor.connection, f'DROP INDEX IF EXISTS "{NAME}"')


class Migration(migrations.Migration):
    """The index is built while others read and write the table. The migration may be interrupted, and goes on then."""

    atomic = False

    dependencies = [("analytics", "0032_tallies_are_rewritten_in_place")]

    operations = [
        migrations.RunPython(build_index, drop_index),
        _keys.AddReadyIndex(
            "labelquarter",
            models.Index(condition=models.Q(("label", "face"), _negated=True), fields=["device", "start"], name=NAME),
        ),
    ]
