"""What may show somebody without naming them: pictures that were not recognised yet, quarantined pictures, and views
of cameras at their set-up.
"""

from django.db import transaction
from django.db.models import Q, QuerySet

from devices.intake.quarantine import count_lost
from devices.models import BoxReport, QuarantinedMessage, Site, Thing
from faces.models import Capture, State


def quarantined_pictures(site: Site) -> "QuerySet[QuarantinedMessage]":
    """The quarantined messages with pictures of the site's devices, also of the time before these were registered.

    Nobody was recognised in such a picture, so it may show anybody, and its message may have been replayed.
    """
    things = Thing.objects.filter(devices__site=site).values_list("name", flat=True)
    of_site = Q(device__site=site)
    for name in set(things):
        of_site |= Q(device=None, topic__contains=f"/{name}/")
    return QuarantinedMessage.objects.filter(of_site, has_picture=True)


def captures_not_recognised(site: Site) -> "QuerySet[Capture]":
    """The site's captures with pictures in which nobody was looked for, or not to the end. They may show anybody."""
    return Capture.objects.filter(device__site=site).exclude(image="").exclude(state__in=(State.DONE, State.LINKED))


@transaction.atomic
def remove_unrecognised(site: Site) -> int:
    """Delete the site's quarantined pictures and the views of its boxes; return how many there were."""
    quarantined = quarantined_pictures(site)
    lost = quarantined.filter(replayed_at=None).count()
    deleted: int = quarantined.delete()[0]
    if lost:
        count_lost(lost, "erased_pictures_total")
    views = BoxReport.objects.filter(thing__devices__site=site).exclude(view=None)
    return deleted + views.update(view=None, viewed_at=None)
