import analytics.models.opening
import datetime
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0015_parts_of_frames"),
        ("devices", "0013_programs_with_one_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpeningException",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField()),
                (
                    "hours",
                    models.CharField(
                        blank=True,
                        help_text="Such as 09:00-18:00, or 09:00-12:00, 13:00-18:00, or 22:00-02:00 next day. Empty: closed.",
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="hours",
                    ),
                ),
                ("note", models.CharField(blank=True, help_text="Such as “stock-taking”.", max_length=120)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="opening_exceptions",
                        to="devices.site",
                    ),
                ),
            ],
            options={
                "ordering": ["site__name", "-date"],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "date"), name="one_opening_exception_per_site_and_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="OpeningPlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "since",
                    models.DateField(
                        default=datetime.date(2000, 1, 1),
                        help_text="The first day of this plan. When hours change, add a plan; the past keeps its own.",
                    ),
                ),
                (
                    "monday",
                    models.CharField(
                        blank=True,
                        help_text="Such as 09:00-18:00, or 09:00-12:00, 13:00-18:00, or 22:00-02:00 next day. Empty: closed.",
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Monday",
                    ),
                ),
                (
                    "tuesday",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Tuesday",
                    ),
                ),
                (
                    "wednesday",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Wednesday",
                    ),
                ),
                (
                    "thursday",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Thursday",
                    ),
                ),
                (
                    "friday",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Friday",
                    ),
                ),
                (
                    "saturday",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Saturday",
                    ),
                ),
                (
                    "sunday",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="Sunday",
                    ),
                ),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        help_text="Whose public holidays the site has, such as US. Empty: none.",
                        max_length=2,
                    ),
                ),
                (
                    "region",
                    models.CharField(
                        blank=True, help_text="Such as IL for Illinois; empty for the whole country.", max_length=10
                    ),
                ),
                (
                    "holiday",
                    models.CharField(
                        blank=True,
                        help_text="Hours on public holidays. Empty: closed.",
                        max_length=120,
                        validators=[analytics.models.opening.validate_hours],
                        verbose_name="public holidays",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="opening_plans", to="devices.site"
                    ),
                ),
            ],
            options={
                "ordering": ["site__name", "-since"],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "since"), name="one_opening_plan_per_site_and_day")
                ],
            },
        ),
    ]
