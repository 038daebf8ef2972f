from typing import Any

import django.core.validators
import django.db.models.deletion
import faces.models.notices
from django.conf import settings
from django.db import migrations, models


def use_the_default_terms(apps: Any, schema_editor: Any) -> None:
    """Sites that recognise nobody and have kept the former default of 30 days follow the default from now on."""
    apps.get_model("faces", "SitePolicy").objects.filter(mode="off", picture_hours=720).update(picture_hours=None)


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0025_time_zones_set_before"),
        ("faces", "0017_no_feelings_without_an_owners_confirmation"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DisplayNotice",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="notice",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        default=faces.models.notices.new_code,
                        help_text="Part of the notice's address.",
                        max_length=16,
                        unique=True,
                    ),
                ),
                ("content", models.JSONField(help_text="The statements by their keys; see faces/notices.")),
                ("since", models.DateTimeField(help_text="When the content became what it is.")),
            ],
        ),
        migrations.AddField(
            model_name="erasurenotice",
            name="told_at",
            field=models.DateTimeField(
                help_text="When it was sent to the person's address; empty: it was not.", null=True
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="email",
            field=models.EmailField(
                blank=True,
                help_text="Where the person is told before they are erased because no camera saw them.",
                max_length=254,
                verbose_name="address",
            ),
        ),
        migrations.AddField(
            model_name="sitepolicy",
            name="contact",
            field=models.CharField(
                blank=True,
                help_text="Such as “the front desk, privacy@example.com”; stands on the notice of each display.",
                max_length=200,
                verbose_name="whom people ask",
            ),
        ),
        migrations.AddField(
            model_name="sitepolicy",
            name="unseen_days",
            field=models.PositiveIntegerField(
                default=1095,
                help_text="Or sooner, after the term of their consent. It is announced a week before.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1095),
                ],
                verbose_name="days after which people are erased whom no camera has seen",
            ),
        ),
        migrations.AlterField(
            model_name="erasurenotice",
            name="problem",
            field=models.TextField(blank=True, help_text="Why the latest run could not tell or erase the person."),
        ),
        migrations.AlterField(
            model_name="sitepolicy",
            name="picture_hours",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Counted from arrival. Empty: 12 hours while nobody is recognised, otherwise 720. Counts from removed pictures stay.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(87840),
                ],
                verbose_name="hours that pictures are kept",
            ),
        ),
        migrations.RunPython(use_the_default_terms, migrations.RunPython.noop, elidable=True),
    ]
