import django.db.models.deletion
from django.db import migrations, models

from analytics.migrations import _keys


class Migration(migrations.Migration):
    """The person who counts may count everybody who comes, and devices tell what ends a calibration."""

    dependencies = [
        ("analytics", "0027_visits_tell_of_their_groups"),
        ("devices", "0017_things_and_their_places"),
    ]

    operations = [
        migrations.AddField(
            model_name="groundtruthcount",
            name="came",
            field=models.PositiveIntegerField(
                help_text="How many people have come since the session began; empty where nobody counts them.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="groundtruthsession",
            name="counts_arrivals",
            field=models.BooleanField(
                db_default=False, help_text="Whether the person also counts everybody who comes."
            ),
        ),
        migrations.CreateModel(
            name="DeviceSetup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField(help_text="By the device's clock, as its frames' times are.")),
                (
                    "setup",
                    models.JSONField(
                        help_text="Software, hashes of camera and models, and settings; see `sink.setup_of`."
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.device",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("device", "since"), name="one_setup_at_a_time")],
            },
        ),
        _keys.KeyByDevice("devicesetup"),
    ]
