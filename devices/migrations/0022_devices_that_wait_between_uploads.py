from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0021_boxes_claims_and_releases")]

    operations = [
        migrations.AddField(
            model_name="device",
            name="waits_between_uploads",
            field=models.BooleanField(
                blank=True,
                help_text="Whether a DeepLens says that it has seen nothing while it only waits. In minutes without a frame, "
                "its labels are unknown then. Empty until messages of the device show it.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="devicestate",
            name="signs_since_upload",
            field=models.PositiveIntegerField(
                editable=False,
                help_text="Of a DeepLens: how often it said that it was on since its latest upload.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="devicestate",
            name="uploads_after_waits",
            field=models.PositiveSmallIntegerField(
                editable=False,
                help_text="How many uploads in a row came after at least `FEWEST_SIGNS` signs.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="device",
            name="sought_is_corrected",
            field=models.BooleanField(
                default=False,
                help_text="Whether somebody corrected what the device looks for, or whether it waits. Messages change it no "
                "more then.",
                verbose_name="corrected by hand",
            ),
        ),
    ]
