import itertools

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def keep_verdicts(apps, schema_editor):
    """Each verdict becomes its reviewer's; when it was said was not kept, so it is as old as this migration."""
    detection, review = apps.get_model("analytics", "Detection"), apps.get_model("analytics", "Review")
    now = django.utils.timezone.now()
    reviewed = detection.objects.exclude(review=None).order_by().values_list("pk", "reviewed_by_id", "review")
    found = reviewed.iterator(chunk_size=2_000)
    while rows := list(itertools.islice(found, 2_000)):
        review.objects.bulk_create(
            review(detection_id=pk, reviewer_id=by, verdict=verdict, at=now) for pk, by, verdict in rows
        )


def forget_verdicts(apps, schema_editor):
    """The detections keep what was decided."""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0003_wall_tokens_and_snapshots"),
        ("devices", "0004_desired_and_reported_settings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("verdict", models.CharField(choices=[("right", "Right"), ("wrong", "Wrong")], max_length=5)),
                ("at", models.DateTimeField(help_text="Time of the reviewer's latest verdict, UTC.")),
                (
                    "detection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reviews",
                        to="analytics.detection",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        help_text="Empty where the account was deleted; the verdict stays.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("detection", "reviewer"), name="one_review_per_reviewer")
                ],
            },
        ),
        migrations.RunPython(keep_verdicts, forget_verdicts),
        migrations.RemoveIndex(model_name="detection", name="reviews_by_user"),
        migrations.RemoveField(model_name="detection", name="reviewed_by"),
        migrations.AlterField(
            model_name="detection",
            name="review",
            field=models.CharField(
                choices=[("right", "Right"), ("wrong", "Wrong")],
                help_text="What most reviewers say; empty without reviews, and where as many say right as wrong. "
                "A wrong detection counts nowhere.",
                max_length=5,
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="DeviceSoftware",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField(help_text="By the device's clock, as its frames' times are.")),
                ("software", models.CharField(max_length=64)),
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
                "constraints": [models.UniqueConstraint(fields=("device", "since"), name="one_software_at_a_time")],
            },
        ),
    ]
