"""People, what they agreed to, and the faces they are known by."""

import datetime as dt
import hashlib

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from devices.models import Site
from devices.pictures import BadPicture, sanitised_jpeg
from edge_agent.messages import Box
from faces import recogniser as recognisers
from faces.gallery import SiteGallery
from faces.models import Consent, Face, Method, Person, SitePolicy
from faces.recogniser import Indexed, Recogniser, UnusablePicture, collection_of

SMALLEST_FACE = 80
"""Pixels a side; a smaller face is not enrolled. Rekognition refuses to index pictures of fewer."""

BACKGROUND = 0.5
"""A face at most this part as high as the largest one is twice as far away: a passer-by, or no face at all."""

GUEST_TERM = dt.timedelta(days=365)
"""How long a guest is known; Illinois' BIPA (740 ILCS 14/15) allows at most three years after the last visit."""

GUEST_TEXT_VERSION = "everyone-1"


class EnrolmentRefused(ValueError):
    """A face was not enrolled; one sentence says why and what to do."""


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
    consent.withdrawn_at = consent.withdrawn_at or now or timezone.now()
    consent.save(update_fields=["withdrawn_at"])
    remove_faces(list(consent.faces.select_related("consent__person")))
    return consent


def enrol(
    *,
    person: Person,
    consent: Consent,
    jpeg: bytes,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Face:
    """Know the person by the one face in this picture (a JPEG or PNG of any origin), which itself is not kept.

    Raises `EnrolmentRefused` where the consent is not this person's or not valid, or the picture does not do, and
    `RecogniserUnavailable` where the recogniser cannot be asked.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.chosen()
    if consent.person_id != person.pk:
        raise EnrolmentRefused(f"The consent is not {person}'s; record theirs first.")
    if not consent.is_valid(now):
        raise EnrolmentRefused(f"{person}'s consent is withdrawn or not in force; record a new one first.")
    picture, box = check_portrait(site=person.site, jpeg=jpeg, person=person, now=now, recogniser=recogniser)
    try:
        indexed = recogniser.index(picture, box, collection=collection_of(person.site_id))
    except UnusablePicture as error:
        raise EnrolmentRefused(f"{error} Take another picture.") from error
    return save_face(consent=consent, indexed=indexed, recogniser=recogniser)


def check_portrait(
    *,
    site: Site,
    jpeg: bytes,
    person: Person | None = None,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> tuple[bytes, Box]:
    """The picture, made safe, and the one face in it, which is large enough and like nobody else's at the site.

    `person` is whom the face may be like. Raises `EnrolmentRefused`.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.chosen()
    try:
        picture = sanitised_jpeg(jpeg)
        box = _only_face(picture, recogniser)
    except (BadPicture, UnusablePicture) as error:
        raise EnrolmentRefused(str(error)) from error
    other = _looks_like(picture, box, site, now, recogniser)
    if other is not None and other != person:
        raise EnrolmentRefused(f"This looks like {other}, who is known here already; add the picture to {other}.")
    return picture, box


def save_face(*, consent: Consent, indexed: Indexed, recogniser: Recogniser) -> Face:
    """Write down a face that the recogniser has just indexed, or have it forgotten where that fails."""
    try:
        with transaction.atomic():  # with what tells every process of it
            return Face.objects.create(
                consent=consent,
                provider=recogniser.name,
                provider_id=indexed.provider_id,
                embedding=indexed.embedding,
            )
    except Exception:
        recogniser.forget([indexed.provider_id], collection=collection_of(consent.person.site_id))
        raise


def remove_faces(faces: list[Face]) -> None:
    """Have each face forgotten by its recogniser, then by us, so that an outage between leaves the record of it."""
    for face in faces:
        collection = collection_of(face.person.site_id)
        recognisers.named(face.provider).forget([face.provider_id], collection=collection)
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


def _only_face(picture: bytes, recogniser: Recogniser) -> Box:
    """The one face in the foreground. Raises `UnusablePicture`."""
    faces = sorted((face.box for face in recogniser.look(picture).faces), key=_height, reverse=True)
    if not faces:
        raise UnusablePicture("The picture shows no face; take one from the front, in good light.")
    near = [face for face in faces if _height(face) > BACKGROUND * _height(faces[0])]
    if len(near) > 1:
        raise UnusablePicture(f"The picture shows {len(near)} faces; crop it to the one person.")
    width, height = faces[0][2:]
    if min(width, height) < SMALLEST_FACE:
        raise UnusablePicture(
            f"The face is {width} by {height} pixels; it must have {SMALLEST_FACE} a side. Come nearer."
        )
    return faces[0]


def _height(face: Box) -> int:
    return face[3]


def _looks_like(picture: bytes, box: Box, site: Site, now: dt.datetime, recogniser: Recogniser) -> Person | None:
    known = SiteGallery(site=site, provider=recogniser.name, now=now)
    (match,) = recogniser.identify(picture, [box], collection=collection_of(site.pk), known=known)
    face = known.faces([match.provider_id]).get(match.provider_id) if match else None
    return face.person if face else None
