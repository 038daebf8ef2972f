"""Announces and then erases the people whom no camera has seen for the term of their consent, and old guests."""

import datetime as dt
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.core.mail import send_mail
from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.utils.formats import date_format

from devices.faults.isolation import each
from faces.erasure.erasing import NotErasedYet, forget
from faces.models import MOST_UNSEEN_DAYS, Consent, ErasureNotice, Method, Person, SitePolicy

log = logging.getLogger(__name__)

NOTICE = dt.timedelta(days=7)
"""The time from the announcement in the admin to the erasure, which cannot be undone."""

TOLD = """Hello {name},

the cameras of {site} know your face, because you agreed to it. They have not seen you since {seen}.
So your name, your pictures and your face are erased on {erased}, and nothing needs to be done.

If you want to stay, come to a camera before that day, or ask {contact}.
"""
"""What a person is told before the erasure."""


@dataclass(frozen=True, slots=True)
class UnseenPerson:
    """A person whom no camera has seen for longer than the term of their consent, or a guest at the end of the term."""

    person: Person
    last_seen_at: dt.datetime
    erase_at: dt.datetime
    """UTC; the first nightly run after this time erases the person."""


def unseen_people(*, now: dt.datetime) -> Iterator[UnseenPerson]:
    """Yield the people to be erased, in the order of their numbers. Writes nothing.

    A person without any consent has no face and no term, and is left out.
    """
    for person in _people():
        last_seen_at, ends_at = _last_seen(person)
        if now >= ends_at:
            notice = getattr(person, "erasure_notice", None)
            yield UnseenPerson(person, last_seen_at, notice.erase_at if notice else now + NOTICE)


def announce_erasures(*, now: dt.datetime) -> int:
    """Update the notices in the admin, and return how many there are.

    The notice of a person who was seen again, or has agreed again, is deleted. A person whose address is known is told.
    """
    unseen = {entry.person.pk: entry for entry in unseen_people(now=now)}
    ErasureNotice.objects.exclude(person__in=unseen).delete()
    announced = set(ErasureNotice.objects.values_list("person", flat=True))
    ErasureNotice.objects.bulk_create(
        ErasureNotice(person=entry.person, last_seen_at=entry.last_seen_at, noticed_at=now, erase_at=entry.erase_at)
        for number, entry in unseen.items()
        if number not in announced
    )
    _tell(now)
    return len(unseen)


def _tell(now: dt.datetime) -> None:
    """Send each announcement to the person's address, once; a failed one is tried again the next night."""
    untold = ErasureNotice.objects.filter(told_at=None).exclude(person__email="").select_related("person__site__policy")
    deque(each(untold, partial(_tell_one, now), what="the announcement of an erasure, number"), maxlen=0)


def _tell_one(now: dt.datetime, notice: ErasureNotice) -> None:
    site = notice.person.site
    policy = getattr(site, "policy", None) or SitePolicy()
    seen, erased = (at.astimezone(site.zone) for at in (notice.last_seen_at, notice.erase_at))
    text = TOLD.format(
        name=notice.person.name,
        site=site.name,
        seen=date_format(seen, "j F Y"),
        erased=date_format(erased, "j F Y"),
        contact=policy.contact or f"whoever runs the cameras of {site.name}",
    )
    try:
        send_mail(f"{site.name} will forget you", text, None, [notice.person.email])
    except OSError as error:  # smtplib's errors among them
        ErasureNotice.objects.filter(pk=notice.pk).update(problem=f"The mail server refused the announcement: {error}.")
        return
    ErasureNotice.objects.filter(pk=notice.pk).update(told_at=now, problem="")


def erase_announced(*, now: dt.datetime) -> Iterator[bool]:
    """Erase the people whose notice period is over, unless they were seen meanwhile.

    Yields for each person whether the erasure is finished. If an outage interrupts an erasure, the notice contains
    the reason, and the next run resumes. Must not be called in a transaction.
    """
    numbers = list(ErasureNotice.objects.filter(erase_at__lte=now).order_by("pk").values_list("person", flat=True))
    outcomes = each(numbers, partial(_erase_if_unseen, now), what="the erasure of person")
    return (outcome for outcome in outcomes if outcome is not None)


def _erase_if_unseen(now: dt.datetime, number: int) -> bool | None:
    """Erase the person; return whether that is finished, or None if the person was seen or erased meanwhile."""
    person = _people().filter(pk=number).first()
    if person is None:
        return None
    _, ends_at = _last_seen(person)
    if now < ends_at:
        return None
    try:
        forget(person=person, by=None, now=now)
    except NotErasedYet as error:
        ErasureNotice.objects.filter(person=number).update(problem=str(error))
        log.warning("Person %d is not erased yet: %s", number, error)
        return False
    return True


def _people() -> "QuerySet[Person]":
    latest = Consent.objects.filter(person=OuterRef("pk")).order_by("-signed_at", "-pk")
    return (  # type: ignore[no-any-return]
        Person.objects.select_related("site__policy", "erasure_notice")
        .annotate(
            sighted_at=Max("sightings__capture__taken_at"),
            signed_at=Subquery(latest.values("signed_at")[:1]),
            expires_at=Subquery(latest.values("expires_at")[:1]),
            method=Subquery(latest.values("method")[:1]),
        )
        .exclude(signed_at=None)
        .order_by("pk")
    )


def _last_seen(person: Person) -> tuple[dt.datetime, dt.datetime]:
    """When the person was last seen or last agreed, and until when they are kept.

    That is the term of the latest consent, or the site's term of people who are not seen if that is shorter.
    A guest without a consent of their own is kept for the term that the site has set, seen or not.
    """
    values = vars(person)
    signed_at, sighted_at, expires_at = values["signed_at"], values["sighted_at"], values["expires_at"]
    last_seen_at = max(signed_at, sighted_at or signed_at)
    if values["method"] == Method.OWNER:
        return last_seen_at, expires_at
    policy = getattr(person.site, "policy", None) or SitePolicy()
    # A row from before the highest term was checked may have a longer one.
    unseen = dt.timedelta(days=min(policy.unseen_days, MOST_UNSEEN_DAYS))
    return last_seen_at, last_seen_at + min(expires_at - signed_at, unseen)
