"""Creates people and guests, and records and withdraws their consents."""

import datetime as dt
import hashlib

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from devices.models import Site
from faces.models import Consent, Face, Method, Person, SitePolicy, guest_name
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import collection_of

GUEST_TERM = dt.timedelta(days=365)
"""The term of a guest's profile. Illinois' BIPA (740 ILCS 14/15) allows at most three years after the last visit."""

GUEST_TEXT_VERSION = "everyone-1"


def with_coffees_and_consent(people: "QuerySet[Person]", *, now: dt.datetime) -> "QuerySet[Person]":
    """Annotate the people with `coffees_counted`, and with `has_consent`: whether a consent is in force at `now`."""
    valid = Consent.objects.filter(person=OuterRef("pk")).valid(now)
    counted = Count("coffees", filter=Q(coffees__voided=False), distinct=True)
    return people.annotate(coffees_counted=counted, has_consent=Exists(valid))


def create_person(*, site: Site, name: str, line: str = "") -> Person:
    """Create a person of the site. Raises `ValidationError` if a value is invalid."""
    person = Person(site=site, name=name.strip(), line=line.strip())
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
) -> Consent:
    """Record what the person agreed to, how, and for how long. Raises `ValidationError` if a value is missing.

    The new consent also takes over the person's faces that are enrolled already.
    """
    consent = Consent(
        person=person,
        text=text,
        text_version=text_version.strip(),
        text_sha256=text_digest(text),
        method=method,
        signed_by=signed_by.strip(),
        signed_at=signed_at,
        expires_at=expires_at,
    )
    consent.full_clean()
    with transaction.atomic():
        consent.save()
        Face.objects.filter(consent__person=person).update(consent=consent)
    return consent


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
        expires_at=now + GUEST_TERM,
    )
