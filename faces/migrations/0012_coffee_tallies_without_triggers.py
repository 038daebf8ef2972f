from collections import Counter
from zoneinfo import ZoneInfo

from django.db import migrations

TRIGGERS = ("inserted", "deleted", "updated_before", "updated_after", "moved", "clock")


def drop_triggers(apps, schema_editor):
    """The database kept the tallies; the platform's services do now."""
    for name in TRIGGERS:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP FUNCTION IF EXISTS faces_coffeetally_{name}() CASCADE")
        else:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS faces_coffeetally_{name}")


def count_anew(apps, schema_editor):
    """Each `migrate` counted the coffees until now; this is the last time."""
    coffees, tallies = apps.get_model("faces", "Coffee"), apps.get_model("faces", "CoffeeTally")
    rows = coffees.objects.filter(voided=False).order_by()
    counted = Counter()
    for device, person, at, zone in rows.values_list(
        "device", "person", "taken_at", "device__site__timezone"
    ).iterator():
        day = at.astimezone(ZoneInfo(zone)).date()
        for span, start in (("day", day), ("month", day.replace(day=1)), ("year", day.replace(month=1, day=1))):
            counted[device, span, start, person or 0] += 1
    tallies.objects.all().delete()
    tallies.objects.bulk_create(
        (
            tallies(device_id=device, span=span, start=start, person_number=person, coffees=number)
            for (device, span, start, person), number in sorted(counted.items())
        ),
        batch_size=1000,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0008_uploads_tell_what_they_show"),
        ("faces", "0011_coffees_by_year_of_the_site"),
    ]

    operations = [
        migrations.RunPython(drop_triggers, migrations.RunPython.noop),
        migrations.RunPython(count_anew, migrations.RunPython.noop),
    ]
