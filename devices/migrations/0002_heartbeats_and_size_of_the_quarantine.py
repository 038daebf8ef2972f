from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0001_sites_devices_and_quarantine")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("process", models.CharField(max_length=160, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("numbers", models.JSONField(default=dict, help_text="The process's counters, by name.")),
            ],
        ),
        migrations.AddField(
            model_name="quarantinedmessage",
            name="size",
            field=models.PositiveIntegerField(default=0, help_text="Bytes of the payload."),
            preserve_default=False,
        ),
    ]
