from django.db import migrations

MORE = (
    *("passers_by", "passing_viewers", "passing_groups", "passer_squares", "passing_viewer_squares"),
    *("passing_products", "all_groups", "size_squares", "dwell_bin_squares", "dwell_bin_products"),
    *("told_size_squares", "attention_bin_squares", "attention_bin_products"),
)


def fill(apps, schema_editor):
    """Compute the new numbers of the quarters whose visits are all stored. Others have no interval of a median."""
    visit, tally = (apps.get_model("analytics", name) for name in ("Visit", "VisitQuarter"))
    for device in tally.objects.order_by("device").values_list("device", flat=True).distinct():
        # Only where there are visits, so that a new installation does not depend on today's rules.
        from analytics.counting import visits

        names = visits.VisitRow._fields
        stored = visit.objects.filter(device=device).order_by("began_at").values_list(*names)
        rows = [
            dict(zip(visits.VISIT_FIELDS, row, strict=True))
            for row in visits.visit_rows(visits.VisitRow(*values) for values in stored.iterator())
        ]
        for row in rows:
            mine = tally.objects.filter(device=device, start=row["start"], visits=row["visits"])
            mine.update(**{name: row[name] for name in MORE})


class Migration(migrations.Migration):
    dependencies = [("analytics", "0026_visits_of_passers_by")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
