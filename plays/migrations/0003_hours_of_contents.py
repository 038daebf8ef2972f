import django.db.models.deletion
from django.db import migrations, models

from analytics.migrations import _keys

SUMS = (
    "plays, shown_ms, seen_ms, impressions, together_ms, noticed_ms, told, attention_ms, visits, viewers, passers_by, "
    "passing_viewers, thumbs_up"
)


def fill(apps, schema_editor):
    """Add up the quarter hours that are known: those whose plays are deleted already cannot be computed again."""
    if schema_editor.connection.vendor == "postgresql":
        day = "CAST(q.start AT TIME ZONE s.timezone AS date)"
        hour = "CAST(EXTRACT(HOUR FROM q.start AT TIME ZONE s.timezone) AS int)"
    else:
        day = "django_datetime_cast_date(q.start, s.timezone, 'UTC')"
        hour = "django_datetime_extract('hour', q.start, s.timezone, 'UTC')"
    tenths = "(attention_ms / 100)"
    sums = ", ".join(f"SUM({name})" for name in SUMS.split(", "))
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"""
            INSERT INTO plays_contenthour (device_id, day, screen_id, content_id, hour, {SUMS},
                groups, attention_squares, told_squares, products)
            SELECT q.device_id, {day}, q.screen_id, q.content_id, {hour}, {sums},
                COUNT(*), SUM({tenths} * {tenths}), SUM(CAST(told AS bigint) * told), SUM({tenths} * told)
            FROM plays_contentquarter q
            JOIN devices_device d ON d.id = q.device_id JOIN devices_site s ON s.id = d.site_id
            GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 4, 3, 5""")


def key(to):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [("devices", "0025_time_zones_set_before"), ("plays", "0002_days_of_contents")]

    operations = [
        migrations.CreateModel(
            name="ContentHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("plays", models.IntegerField()),
                ("shown_ms", models.BigIntegerField()),
                ("seen_ms", models.BigIntegerField(help_text="The part of `shown_ms` in which the camera was on.")),
                (
                    "impressions",
                    models.IntegerField(
                        help_text="Pairs of a play and a visit that were together for a second or more."
                    ),
                ),
                ("together_ms", models.BigIntegerField(help_text="Of these pairs.")),
                (
                    "noticed_ms",
                    models.BigIntegerField(help_text="Of the pairs whose person looked at the display in the visit."),
                ),
                ("told", models.IntegerField(help_text="Impressions whose attention is known.")),
                ("attention_ms", models.BigIntegerField(help_text="Of them.")),
                ("visits", models.IntegerField(help_text="Visits with an impression of the content, each once.")),
                (
                    "viewers",
                    models.IntegerField(help_text="Visits with a second of attention to the content, each once."),
                ),
                (
                    "passers_by",
                    models.IntegerField(help_text="Visits that were told of by devices that look for bodies."),
                ),
                ("passing_viewers", models.IntegerField(help_text="The viewers among them.")),
                ("thumbs_up", models.IntegerField(help_text="Thumbs-up that were begun while the content was shown.")),
                ("day", models.DateField()),
                ("groups", models.IntegerField(help_text="Quarter hours.")),
                ("attention_squares", models.BigIntegerField(help_text="Of attention in tenths of a second.")),
                ("told_squares", models.BigIntegerField()),
                ("products", models.BigIntegerField(help_text="Of attention in tenths of a second and `told`.")),
                (
                    "hour",
                    models.PositiveSmallIntegerField(
                        help_text="The local hour, 0 to 23; where clocks go back, both of them."
                    ),
                ),
                ("content", key("plays.content")),
                ("device", key("devices.device")),
                ("screen", key("plays.screen")),
            ],
            options={
                "indexes": [models.Index(fields=["content", "day"], name="hours_of_a_content")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("device", "day", "screen", "content", "hour"), name="one_tally_per_hour_and_content"
                    )
                ],
            },
        ),
        _keys.KeyByDevice("contenthour"),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
