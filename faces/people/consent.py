"""People, what they agreed to, and the faces they are known by."""

import datetime as dt
import hashlib

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from devices.models import Site
from faces.models import Consent, Face, Method, Person, SitePolicy
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import collection_of

GUEST_TERM = dt.timedelta(days=365)
"""How long a guest is known; Illinois' BIPA (740 ILCS 14/15) allows at most three years after the last visit."""

GUEST_TEXT_VERSION = "everyone-1"


def create_person(*, site: Site, name: str, line: str = "") -> Person:
    """Somebody whom the site may get to know. Raises `ValidationError` where a value is wrong."""
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
    """Record what the person agreed to, how, and for how long. Raises `ValidationError` where something is missing.

    A newer consent also covers the faces that are enrolled already.
    """
    consent = Consent(
        person=person,
        text=text,
        text_version=text_version.strip(),
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
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


def withdraw_consent(*, consent: Consent, now: dt.datetime | None = None) -> Consent:
    """End the consent, and forget the faces that rest on it.

    Raises `RecogniserUnavailable` with the consent ended and some faces left, which nobody is matched with any more;
    then call it again.
    """
    with transaction.atomic():
        # Whoever enrols a face holds this row too: it is either saved by now, and goes, or refused.
        held = Consent.objects.select_for_update(no_key=True).get(pk=consent.pk)
        consent.withdrawn_at = held.withdrawn_at or now or timezone.now()
        consent.save(update_fields=["withdrawn_at"])
    remove_faces(list(consent.faces.select_related("consent__person")))
    return consent


def remove_faces(faces: list[Face]) -> None:
    """Have each face forgotten by its recogniser, then by us, so that an outage between leaves the record of it."""
    for face in faces:
        collection = collection_of(face.person.site_id)
        recognisers.recogniser_by_name(face.provider).forget([face.provider_id], collection=collection)
        face.delete()


def create_guest(*, policy: SitePolicy, now: dt.datetime) -> Consent:
    """A numbered guest with the owner's confirmation in place of a consent; the caller has locked the site."""
    site, owner = policy.site, policy.confirmed_by
    if owner is None or policy.confirmed_at is None:
        raise ValueError(f"nobody has confirmed “everyone” at {site}")
    SitePolicy.objects.filter(pk=policy.pk).update(latest_guest=F("latest_guest") + 1)
    policy.refresh_from_db(fields=["latest_guest"])
    number = policy.latest_guest
    guest = Person.objects.create(site=site, name=f"Guest {number}", guest_number=number)
    return record_consent(
        person=guest,
        text=f"{owner} confirmed that whoever holds a cup before a camera of {site} gets a guest profile.",
        text_version=GUEST_TEXT_VERSION,
        method=Method.OWNER,
        signed_by=str(owner),
        signed_at=policy.confirmed_at,
        expires_at=now + GUEST_TERM,
    )
