"""Which consents end soon, and tells the people, so that consents are renewed before faces are forgotten."""

import datetime as dt
import logging
from functools import partial

from django.core.mail import send_mail
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.formats import date_format

from devices.faults.isolation import each
from faces.models import Consent, Method, SitePolicy

log = logging.getLogger(__name__)

SOON = dt.timedelta(days=30)
"""How long before its end a consent is announced."""

TOLD = """Hello {name},

you agreed that the cameras of {site} recognise you. That ends on {ends}. From then on nobody recognises you,
and the data of your face are deleted; nothing needs to be done.

If you want to be recognised longer, agree anew before that day: ask {contact}.
"""
"""What a person is told before the consent ends."""


def ending_consents(*, now: dt.datetime, within: dt.timedelta = SOON) -> "QuerySet[Consent]":
    """Return the consents in force that end within this time, the first to end first, with `person__site`.

    A consent that a longer one follows is left out, and so are guests, who have not agreed in person.
    """
    longer = Consent.objects.filter(person=OuterRef("person")).valid(now).filter(expires_at__gt=now + within)
    ending = Consent.objects.valid(now).filter(expires_at__lte=now + within).exclude(method=Method.OWNER)
    return ending.filter(~Exists(longer)).select_related("person__site").order_by("expires_at", "pk")


def announce_renewals(*, now: dt.datetime) -> int:
    """Tell each person whose address is known, once, that the consent ends soon; return how many were told.

    A message that the mail server refuses is logged, and tried again the next night.
    """
    untold = ending_consents(now=now).filter(reminded_at=None).exclude(person__email="")
    numbers = list(untold.order_by().values_list("person", flat=True).distinct())
    # By their numbers, because a fault is logged with what it stopped.
    return sum(each(numbers, partial(_tell, now), what="the announcement that a consent ends, of person"))


def _tell(now: dt.datetime, number: int) -> bool:
    ending = ending_consents(now=now).filter(person=number)
    consent = ending.select_related("person__site__policy").last()
    if consent is None:
        return False
    person, site = consent.person, consent.person.site
    policy = getattr(site, "policy", None) or SitePolicy()
    text = TOLD.format(
        name=person.name,
        site=site.name,
        ends=date_format(consent.expires_at.astimezone(site.zone), "j F Y"),
        contact=policy.contact or f"whoever runs the cameras of {site.name}",
    )
    try:
        send_mail(f"Your consent at {site.name} ends soon", text, None, [person.email])
    except OSError as error:  # smtplib's errors among them, which quote the address
        log.warning("Person %d was not told that the consent ends: %s.", number, type(error).__name__)
        return False
    return bool(Consent.objects.filter(pk__in=ending.order_by().values("pk")).update(reminded_at=now))
