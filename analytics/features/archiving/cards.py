"""The card of archived facts on the page of a site or device."""

from django.db.models import Max, Min
from django.template.loader import render_to_string

from analytics.models.archive import ArchivedFile, FactKind
from analytics.pages.cards import Subject


def archive_card(subject: Subject) -> str:
    """Return a form that downloads archived facts; nothing where none are archived."""
    days = ArchivedFile.objects.filter(is_complete=True).aggregate(first=Min("day"), last=Max("day"))
    if days["first"] is None or not subject.devices:
        return ""
    context = {
        **days,
        "kinds": FactKind.choices,
        "site": subject.devices[0].site.slug,
        "device": subject.device.name if subject.device else "",
    }
    return render_to_string("analytics/archived.html", context)
