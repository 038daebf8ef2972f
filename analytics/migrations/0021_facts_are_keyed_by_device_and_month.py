import django.db.models.deletion
from django.db import migrations, models

from analytics.migrations import _keys

DEVICE = models.ForeignKey(
    db_constraint=False,
    db_index=False,
    on_delete=django.db.models.deletion.CASCADE,
    related_name="+",
    to="devices.device",
)


def lock(apps, schema_editor):
    """Wait once for all statements under way, instead of once for each table, which others could lock in between."""
    if schema_editor.connection.vendor == "postgresql":
        _keys.run(schema_editor.connection, "LOCK TABLE analytics_frame, analytics_detection, analytics_review")


def refer_by_device_and_time(model, name, to):
    """The column of the reference stays as it is; Django's state refers to device and time as well."""
    number = f"{name}_id"
    reference = models.ForeignObject(
        from_fields=("device", "taken_at", number),
        on_delete=django.db.models.deletion.CASCADE,
        related_name=f"{model}s",
        to=f"analytics.{to}",
        to_fields=("device", "taken_at", "id"),
    )
    return migrations.SeparateDatabaseAndState(
        state_operations=[
            migrations.RemoveField(model, name),
            migrations.AddField(model, number, models.BigIntegerField(default=0), preserve_default=False),
            migrations.AddField(model, name, reference),
        ]
    )


def unchecked(to, related_name):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name=related_name,
        to=f"analytics.{to}",
    )


class Migration(migrations.Migration):
    """The short part: the tables of frames and detections become partitions, whose rows stay where they are."""

    dependencies = [("analytics", "0020_frames_and_detections_are_checked")]

    operations = [
        migrations.RunPython(lock, migrations.RunPython.noop),
        migrations.AlterField("review", "detection", unchecked("detection", "reviews")),
        migrations.AlterField("detection", "frame", unchecked("frame", "detections")),
        migrations.AlterField("detection", "device", DEVICE.clone()),
        migrations.AlterField("detection", "taken_at", models.DateTimeField(help_text="The time of the frame.")),
        migrations.AlterField("review", "device", DEVICE.clone()),
        migrations.AlterField(
            "review", "taken_at", models.DateTimeField(help_text="The time of the detection's frame.")
        ),
        migrations.RemoveConstraint("review", "one_review_per_reviewer"),
        refer_by_device_and_time("detection", "frame", "frame"),
        refer_by_device_and_time("review", "detection", "detection"),
        migrations.RemoveIndex("frame", "frames_by_time"),
        _keys.AddReadyIndex("detection", models.Index(fields=["taken_at"], name="detections_by_time")),
        _keys.AddConstraintOfKey(
            "detection",
            models.UniqueConstraint(fields=("device", "taken_at", "id"), name="detections_of_a_device"),
        ),
        migrations.AddConstraint(
            "review",
            models.UniqueConstraint(
                fields=("device", "taken_at", "detection_id", "reviewer"), name="one_review_per_reviewer"
            ),
        ),
        _keys.KeyByDeviceAndMonth("frame", partitioned_by="taken_at"),
        _keys.KeyByDeviceAndMonth("detection", partitioned_by="taken_at", name="detections_of_a_device"),
        _keys.KeyByDeviceAndMonth("visit", partitioned_by="began_at"),
        *map(
            _keys.KeyByDevice,
            (
                "reportedgesture",
                "engagementquarter",
                "labelquarter",
                "signoflifequarter",
                "visitquarter",
                "durationquarter",
                "settledday",
                "framepart",
                "devicesoftware",
            ),
        ),
        *(_keys.KeyByDevice(model, indexed_id=True) for model in ("review", "episode")),
    ]
