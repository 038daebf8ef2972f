"""People whom no camera has seen for the term of their consent: announced first, then erased."""

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Max, OuterRef, QuerySet, Subquery

from faces.erasure.erasing import NotErasedYet, forget
from faces.models import Consent, ErasureNotice, Method, Person
from faces.people.consent import GUEST_TERM

log = logging.getLogger(__name__)

NOTICE = dt.timedelta(days=7)
"""Between the announcement in the admin and the erasure, which nobody can undo."""


@dataclass(frozen=True, slots=True)
class UnseenPerson:
    """Somebody unseen for longer than their consent's term."""

    person: Person
    last_seen_at: dt.datetime
    erase_at: dt.datetime
    """UTC; the first nightly run after it erases them."""


def unseen_people(*, now: dt.datetime) -> Iterator[UnseenPerson]:
    """Who is to be erased, and when; nothing is written. Whoever never gave a consent has no face and no term."""
    for person in _people():
        last_seen_at, term = _last_seen(person)
        if now - last_seen_at >= term:
            notice = getattr(person, "erasure_notice", None)
            yield UnseenPerson(person, last_seen_at, notice.erase_at if notice else now + NOTICE)


def announce_erasures(*, now: dt.datetime) -> int:
    """Bring the notices in the admin up to date, and return how many there are.

    Who was seen again or has agreed anew is not announced any more.
    """
    unseen = {one.person.pk: one for one in unseen_people(now=now)}
    ErasureNotice.objects.exclude(person__in=unseen).delete()
    announced = set(ErasureNotice.objects.values_list("person", flat=True))
    ErasureNotice.objects.bulk_create(
        ErasureNotice(person=one.person, last_seen_at=one.last_seen_at, noticed_at=now, erase_at=one.erase_at)
        for number, one in unseen.items()
        if number not in announced
    )
    return len(unseen)


def erase_announced(*, now: dt.datetime) -> Iterator[bool]:
    """Erase whoever's notice has run out, unless they were seen meanwhile; yield of each whether it is done.

    What an outage interrupts says so in its notice, and goes on. Must not be called in a transaction.
    """
    for notice in ErasureNotice.objects.filter(erase_at__lte=now):
        person = _people().filter(pk=notice.person_id).first()
        if person is None or now - _last_seen(person)[0] < _last_seen(person)[1]:
            continue
        try:
            forget(person=person, by=None, now=now)
        except NotErasedYet as error:
            ErasureNotice.objects.filter(pk=notice.pk).update(problem=str(error))
            log.warning("Person %d is not erased yet: %s", person.pk, error)
            yield False
        else:
            yield True


def _people() -> "QuerySet[Person]":
    latest = Consent.objects.filter(person=OuterRef("pk")).order_by("-signed_at", "-pk")
    return (  # type: ignore[no-any-return]
        Person.objects.select_related("site", "erasure_notice")
        .annotate(
            sighted_at=Max("sightings__capture__taken_at"),
            signed_at=Subquery(latest.values("signed_at")[:1]),
            expires_at=Subquery(latest.values("expires_at")[:1]),
            method=Subquery(latest.values("method")[:1]),
        )
        .exclude(signed_at=None)
        .order_by("pk")
    )


def _last_seen(person: Person) -> tuple[dt.datetime, dt.timedelta]:
    """When the person was last seen or last agreed, and for how long they may be unseen from then."""
    told = vars(person)
    signed_at, sighted_at = told["signed_at"], told["sighted_at"]
    term = GUEST_TERM if told["method"] == Method.OWNER else told["expires_at"] - signed_at
    return max(signed_at, sighted_at or signed_at), term
