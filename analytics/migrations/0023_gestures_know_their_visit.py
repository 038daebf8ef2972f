from django.db import migrations, models

VISIT = "Key of the visit of the person who shows it; empty where the device does not tell, and for occupied spells."


class Migration(migrations.Migration):
    """Columns for the visit of a detection's and a gesture's person; no row is rewritten on PostgreSQL."""

    dependencies = [("analytics", "0022_walls_expire_and_tell_their_use")]

    operations = [
        migrations.AddField(
            "detection",
            "visit",
            models.CharField(
                help_text="Key of the visit of the person; empty where the device does not tell.",
                max_length=32,
                null=True,
            ),
        ),
        migrations.AddField("episode", "visit", models.CharField(db_default="", help_text=VISIT, max_length=32)),
        migrations.AddField(
            "reportedgesture", "visit", models.CharField(db_default="", help_text=VISIT, max_length=32)
        ),
    ]
