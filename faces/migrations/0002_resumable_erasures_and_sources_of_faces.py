import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F
from django.utils import timezone


def requested_when_erased(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("faces", "Erasure").objects.update(requested_at=F("erased_at"))


class Migration(migrations.Migration):
    dependencies = [("faces", "0001_pictures_people_and_coffees")]

    operations = [
        migrations.AddField(
            model_name="face",
            name="picture_sha256",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="SHA-256 of the file that was enrolled, which is not stored.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="face",
            name="capture",
            field=models.ForeignKey(
                blank=True,
                help_text="The capture that the face was enrolled from, if any.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="enrolled_faces",
                to="faces.capture",
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="requested_at",
            field=models.DateTimeField(default=timezone.now),
            preserve_default=False,
        ),
        migrations.RunPython(requested_when_erased, migrations.RunPython.noop),
        migrations.AddField(
            model_name="erasure",
            name="reason",
            field=models.TextField(blank=True, default="", help_text="Why the erasure is not finished yet."),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="erasure",
            name="erased_at",
            field=models.DateTimeField(blank=True, help_text="Empty while the erasure is not finished.", null=True),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="person_number",
            field=models.BigIntegerField(help_text="The primary key of the person's row.", unique=True),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="digests",
            field=models.JSONField(help_text="SHA-256 of each removed picture, face and embedding, sorted."),
        ),
        migrations.AlterModelOptions(name="erasure", options={"ordering": ["-requested_at"]}),
    ]
