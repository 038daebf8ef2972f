"""The audit has kept the licences and consents of data sets word by word, which may name people."""

from typing import Any

from django.db import migrations


def hide_texts(apps: Any, schema_editor: Any) -> None:
    entries = apps.get_model("devices", "AuditEntry").objects.filter(subject="data set")
    for entry in entries.iterator():
        texts = {"licence", "consent"} & entry.changes.keys()
        if texts:
            entry.changes |= {name: ["(not recorded)"] for name in texts}
            entry.save(update_fields=["changes"])


class Migration(migrations.Migration):
    dependencies = [("learning", "0005_pictures_from_cameras"), ("devices", "0019_audit")]

    operations = [migrations.RunPython(hide_texts, migrations.RunPython.noop, elidable=True)]
