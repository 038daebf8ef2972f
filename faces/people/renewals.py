"""Which consents end soon, so that they can be renewed before faces are forgotten."""

import datetime as dt

from django.db.models import Exists, OuterRef, QuerySet

from faces.models import Consent, Method

SOON = dt.timedelta(days=30)
"""How long before its end a consent is announced."""


def ending_consents(*, now: dt.datetime, within: dt.timedelta = SOON) -> "QuerySet[Consent]":
    """Return the consents in force that end within this time, the first to end first, with `person__site`.

    A consent that a longer one follows is left out, and so are guests, who have not agreed in person.
    """
    longer = Consent.objects.filter(person=OuterRef("person")).valid(now).filter(expires_at__gt=now + within)
    ending = Consent.objects.valid(now).filter(expires_at__lte=now + within).exclude(method=Method.OWNER)
    return ending.filter(~Exists(longer)).select_related("person__site").order_by("expires_at", "pk")
