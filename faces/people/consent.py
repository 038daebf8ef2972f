"""Creates people and guests, and records and withdraws their consents."""

import datetime as dt
import hashlib
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from devices.audit.recording import who_acts
from devices.models import Site
from faces.models import (
    MOST_TERM,
    Consent,
    ConsentTemplate,
    DeskLink,
    Face,
    Method,
    Person,
    SitePolicy,
    guest_name,
)
from faces.people import signatures
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import collection_of

GUEST_TEXT_VERSION = "everyone-1"


def with_coffees_and_consent(people: "QuerySet[Person]", *, now: dt.datetime) -> "QuerySet[Person]":
    """Annotate the people with `coffees_counted`, and with `has_consent`: whether a consent is in force at `now`."""
    valid = Consent.objects.filter(person=OuterRef("pk")).valid(now)
    counted = Count("coffees", filter=Q(coffees__voided=False), distinct=True)
    return people.annotate(coffees_counted=counted, has_consent=Exists(valid))


def create_person(
    *, site: Site, name: str, line: str = "", external_id: str = "", profile: str = "", email: str = ""
) -> Person:
    """Create a person of the site. Raises `ValidationError` if a value is invalid."""
    person = Person(
        site=site,
        name=name.strip(),
        line=line.strip(),
        external_id=external_id.strip(),
        profile=profile.strip(),
        email=email.strip(),
    )
    person.full_clean()
    person.save()
    return person


def record_consent(
    *,
    person: Person,
    text: str,
    text_version: str,
    method: Method | str,
    signed_by: str,
    signed_at: dt.datetime,
    expires_at: dt.datetime,
    template: ConsentTemplate | None = None,
    strokes: Sequence[Sequence[int]] = (),
    link: DeskLink | None = None,
    now: dt.datetime | None = None,
) -> Consent:
    """Record what the person agreed to, how, and for how long. Raises `ValidationError` if a value is missing or wrong.

    A consent is signed before it is recorded and lasts `MOST_TERM` at most. The new consent also takes over the
    person's faces that are enrolled already. Whoever acts is kept as the one who recorded it; with a `link`, whoever
    gave the link.
    """
    now = now or timezone.now()
    consent = Consent(
        person=person,
        text=text,
        text_version=text_version.strip(),
        text_sha256=text_digest(text),
        method=method,
        signed_by=signed_by.strip(),
        signed_at=signed_at,
        expires_at=expires_at,
        template=template,
        strokes=signatures.checked(strokes),
        recorded_by=link.created_by if link else who_acts()[0],
        recorded_at=now,
        on_own_device=link is not None,
    )
    consent.full_clean()
    if method != Method.OWNER:
        _check_term(signed_at, expires_at, now)
    with transaction.atomic():
        consent.save()
        Face.objects.filter(consent__person=person).update(consent=consent)
    return consent


def agree_to(
    *,
    person: Person,
    template: ConsentTemplate,
    signed_by: str,
    strokes: Sequence[Sequence[int]] = (),
    link: DeskLink | None = None,
    now: dt.datetime,
) -> Consent:
    """Record that the person has agreed to the site's text now, for the text's term. Raises as `record_consent`."""
    if template.site_id != person.site_id or template.retired_at is not None:
        raise ValidationError("This text is no longer in force; show the person the text that is.")
    return record_consent(
        person=person,
        text=f"{template.purpose}\n\n{template.text}",
        text_version=template.version,
        method=template.method,
        signed_by=signed_by,
        signed_at=now,
        expires_at=now + dt.timedelta(days=template.term_days),
        template=template,
        strokes=strokes,
        link=link,
        now=now,
    )


def _check_term(signed_at: dt.datetime, expires_at: dt.datetime, now: dt.datetime) -> None:
    """Raise `ValidationError` for a signature from the future or a term beyond `MOST_TERM`."""
    if signed_at > now:
        raise ValidationError({"signed_at": "This time is in the future; record a consent after it was given."})
    if expires_at - signed_at > MOST_TERM:
        raise ValidationError({"expires_at": f"A consent lasts three years at most, {MOST_TERM.days} days."})


def text_digest(text: str) -> str:
    """The SHA-256 of a consent's text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def withdraw_consent(*, consent: Consent, now: dt.datetime | None = None) -> Consent:
    """Withdraw the consent, and remove the faces that depend on it.

    Raises `RecogniserUnavailable` if some faces are left. The consent is withdrawn then, and the faces are not matched
    any more; call this again to remove them.
    """
    with transaction.atomic():
        # Enrolment locks this row too, so that a face is either stored before this and removed below, or refused.
        locked = Consent.objects.select_for_update(no_key=True).get(pk=consent.pk)
        consent.withdrawn_at = locked.withdrawn_at or now or timezone.now()
        consent.save(update_fields=["withdrawn_at"])
    remove_faces(list(consent.faces.select_related("consent__person")))
    return consent


def remove_faces(faces: list[Face]) -> None:
    """Delete each face at its recogniser, then its row, so that an outage in between leaves the row for a retry."""
    for face in faces:
        collection = collection_of(face.person.site_id)
        recognisers.recogniser_by_name(face.provider).forget([face.provider_id], collection=collection)
        face.delete()


def create_guest(*, policy: SitePolicy, now: dt.datetime) -> Consent:
    """Create a numbered guest, with the owner's confirmation as consent. The caller must have locked the site.

    Raises `ValueError` if no owner has confirmed the mode “everyone”.
    """
    site, owner = policy.site, policy.confirmed_by
    if owner is None or policy.confirmed_at is None:
        raise ValueError(f"No owner has confirmed “everyone” at {site}.")
    SitePolicy.objects.filter(pk=policy.pk).update(latest_guest=F("latest_guest") + 1)
    policy.refresh_from_db(fields=["latest_guest"])
    number = policy.latest_guest
    guest = Person.objects.create(site=site, name=guest_name(number), guest_number=number)
    return record_consent(
        person=guest,
        text=f"{owner} confirmed that whoever holds a cup before a camera of {site} gets a guest profile.",
        text_version=GUEST_TEXT_VERSION,
        method=Method.OWNER,
        signed_by=str(owner),
        signed_at=policy.confirmed_at,
        expires_at=now + dt.timedelta(days=policy.guest_days),
    )
