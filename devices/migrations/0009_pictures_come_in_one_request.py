from django.core.files.storage import default_storage
from django.db import migrations


def forget_unfinished_uploads(apps, schema_editor):
    """Remove the bytes of uploads that were never taken in, which their devices still have, and the task for them."""
    for name in apps.get_model("devices", "Upload").objects.values_list("name", flat=True):
        default_storage.delete(name)
    apps.get_model("django_q", "Schedule").objects.filter(func="devices.tasks.tidy_uploads").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0008_uploads_tell_what_they_show"),
        ("django_q", "0016_schedule_intended_date_kwarg"),
    ]

    operations = [
        migrations.RunPython(forget_unfinished_uploads, migrations.RunPython.noop),
        migrations.DeleteModel(name="Upload"),
    ]
