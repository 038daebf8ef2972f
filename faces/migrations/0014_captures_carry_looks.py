from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("faces", "0013_terms_have_a_maximum")]

    operations = [
        migrations.AddField(
            model_name="capture",
            name="looks",
            field=models.JSONField(
                blank=True,
                default=list,
                editable=False,
                help_text="Looks at the claimed faces in earlier frames: index and JPEG as base64. Deleted by the recognition.",
            ),
        ),
    ]
