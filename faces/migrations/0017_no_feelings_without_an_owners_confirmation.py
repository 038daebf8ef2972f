from typing import Any

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def erase_feelings(apps: Any, schema_editor: Any) -> None:
    """Nobody has confirmed that these were lawful. Emptied first, as a dropped column stays in PostgreSQL's pages."""
    apps.get_model("faces", "Sighting").objects.exclude(emotions={}).update(emotions={})


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0025_time_zones_set_before"),
        ("faces", "0016_consent_desk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(erase_feelings, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(
            model_name="sighting",
            name="emotions",
        ),
        migrations.CreateModel(
            name="ExpressionQuarter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("start", models.DateTimeField()),
                ("counts", models.JSONField(default=dict, help_text="Number of faces by expression.")),
                (
                    "most_at_once",
                    models.PositiveSmallIntegerField(default=0, help_text="The most faces in one picture."),
                ),
                (
                    "settled",
                    models.BooleanField(default=False, help_text="The quarter hour is over, and had enough people."),
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
                "indexes": [
                    models.Index(condition=models.Q(("settled", False)), fields=["start"], name="expressions_to_settle")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("device", "start"), name="one_row_of_expressions_per_quarter")
                ],
            },
        ),
        migrations.CreateModel(
            name="FeelingsConfirmation",
            fields=[
                (
                    "site",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="feelings",
                        serialize=False,
                        to="devices.site",
                    ),
                ),
                (
                    "jurisdiction",
                    models.CharField(
                        help_text="Whose law applies, such as “Washington, United States”.", max_length=120
                    ),
                ),
                (
                    "nobody_at_work_or_school",
                    models.BooleanField(help_text="No employees and no students are seen by the cameras."),
                ),
                (
                    "notice_is_public",
                    models.BooleanField(help_text="A notice that says so hangs where people see it before."),
                ),
                ("confirmed_at", models.DateTimeField(help_text="Pictures that were taken before are not read.")),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("nobody_at_work_or_school", True),
                            ("notice_is_public", True),
                            models.Q(("jurisdiction", ""), _negated=True),
                        ),
                        name="expressions_need_every_confirmation",
                    )
                ],
            },
        ),
    ]
