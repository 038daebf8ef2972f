"""Enrols a person's face from an uploaded picture or from a capture."""

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from devices.models import Site
from devices.reading.pictures import BadPicture, photograph_jpeg
from edge_agent.messages import Box
from faces.enrolment import portraits
from faces.models import Capture, Consent, Face, Person
from faces.pictures import storage
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import IndexedFace, Recogniser, UnusablePicture, collection_of
from faces.recognition.gallery import SiteGallery


class EnrolmentRefused(ValueError):
    """A face was not enrolled. The text is one sentence with the reason and what to do."""


class MatchesSomebody(EnrolmentRefused):
    """The face matches another person of the site. The text names that person: show it to members of the site only."""

    def __init__(self, other: Person) -> None:
        super().__init__(f"The face matches {other}, who is enrolled at this site already; add the picture to {other}.")
        self.other = other


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture with one face that is good enough to enrol, and the picture's origin."""

    jpeg: bytes
    face: Box
    sha256: str
    """The hash of the file as it was uploaded. It recognises the same file when it is uploaded again."""
    capture: Capture | None = None


def enrol(
    *,
    person: Person,
    consent: Consent,
    jpeg: bytes,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Face:
    """Enrol the one face in this picture, a JPEG, PNG or HEIC, and return the face. The picture itself is not stored.

    A picture that the person was enrolled from before returns the existing face. Raises `EnrolmentRefused` if the
    consent is another person's or not in force, or if the picture cannot be used; `RecogniserUnavailable` if the
    recogniser cannot be reached.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    check_consent(person=person, consent=consent, now=now)
    existing = _existing_face(person, _sha256(jpeg), recogniser)
    if existing is not None:
        return existing
    portrait = check_portrait(site=person.site, jpeg=jpeg, person=person, now=now, recogniser=recogniser)
    return enrol_portrait(person=person, consent=consent, portrait=portrait, now=now, recogniser=recogniser)


def enrol_portrait(
    *,
    person: Person,
    consent: Consent,
    portrait: Portrait,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Face:
    """Enrol the face of a portrait that `check_portrait` or `check_capture` has returned. Raises as `enrol` does."""
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    check_consent(person=person, consent=consent, now=now)
    existing = _existing_face(person, portrait.sha256, recogniser)
    if existing is not None:
        return existing
    try:
        indexed = recogniser.index(portrait.jpeg, portrait.face, collection=collection_of(person.site_id))
    except UnusablePicture as error:
        raise EnrolmentRefused(f"{error} Take another picture.") from error
    return save_face(consent=consent, indexed=indexed, recogniser=recogniser, now=now, portrait=portrait)


def check_consent(*, person: Person, consent: Consent, now: dt.datetime) -> None:
    """Raise `EnrolmentRefused` unless the consent is this person's and in force."""
    if consent.person_id != person.pk:
        raise EnrolmentRefused(f"The consent is another person's; record {person}'s own consent first.")
    if not consent.is_valid(now):
        raise EnrolmentRefused(f"{person}'s consent is withdrawn or not in force; record a new consent first.")


def check_portrait(
    *,
    site: Site,
    jpeg: bytes,
    person: Person | None = None,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Portrait:
    """Return the re-encoded picture and its one face, which is large enough, sharp enough and nobody else's.

    The face may match the faces of `person`, but of no other person of the site. Raises `EnrolmentRefused`, and
    `MatchesSomebody` where the face is another person's.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    try:
        picture = photograph_jpeg(jpeg)
        face = portraits.foremost_face([face.box for face in recogniser.detect(picture).faces])
        portraits.check(picture, face)
    except (BadPicture, UnusablePicture) as error:
        raise EnrolmentRefused(str(error)) from error
    _check_nobody_else_matches(picture, face, site, person, now, recogniser)
    return Portrait(picture, face, _sha256(jpeg))


def check_capture(
    *,
    site: Site,
    capture: Capture,
    number: int | None = None,
    person: Person | None = None,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Portrait:
    """Check a capture of the site as `check_portrait` checks an uploaded picture.

    `number` selects the face if the picture shows several; faces are counted from the left, from 1. Raises
    `EnrolmentRefused` as `check_portrait` does, and for a capture of another site or without a picture.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    if capture.device.site_id != site.pk:
        raise EnrolmentRefused(f"{capture} was not taken at {site}; choose a capture of {site}.")
    try:
        jpeg = storage.read(capture)
        faces = [face.box for face in recogniser.detect(jpeg).faces]
        face = portraits.foremost_face(faces) if number is None else portraits.face_by_number(faces, number)
        portraits.check(jpeg, face)
    except FileNotFoundError as error:
        raise EnrolmentRefused(f"The picture of {capture} has been removed; choose another capture.") from error
    except UnusablePicture as error:
        raise EnrolmentRefused(str(error)) from error
    _check_nobody_else_matches(jpeg, face, site, person, now, recogniser)
    return Portrait(jpeg, face, _sha256(jpeg), capture)


def save_face(
    *,
    consent: Consent,
    indexed: IndexedFace,
    recogniser: Recogniser,
    now: dt.datetime | None = None,
    portrait: Portrait | None = None,
) -> Face:
    """Store a face that the recogniser has just indexed. If storing fails, the recogniser forgets the face.

    Raises `EnrolmentRefused` if the consent was withdrawn meanwhile.
    """
    try:
        with transaction.atomic():  # includes the `GalleryChange` that a signal stores
            locked = Consent.objects.select_for_update(no_key=True, of=("self",)).get(pk=consent.pk)
            check_consent(person=consent.person, consent=locked, now=now or timezone.now())
            return Face.objects.create(
                consent=locked,
                provider=recogniser.name,
                provider_id=indexed.provider_id,
                embedding=indexed.embedding,
                picture_sha256=portrait.sha256 if portrait else "",
                capture=portrait.capture if portrait else None,
            )
    except Exception:
        recogniser.forget([indexed.provider_id], collection=collection_of(consent.person.site_id))
        raise


def _existing_face(person: Person, sha256: str, recogniser: Recogniser) -> Face | None:
    """The face that the person was enrolled with from this picture before, if any."""
    faces = Face.objects.filter(consent__person=person, provider=recogniser.name, picture_sha256=sha256)
    face: Face | None = faces.first()
    return face


def _check_nobody_else_matches(
    jpeg: bytes, face: Box, site: Site, person: Person | None, now: dt.datetime, recogniser: Recogniser
) -> None:
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now)
    (match,) = recogniser.identify(jpeg, [face], collection=collection_of(site.pk), gallery=gallery)
    known_face = gallery.faces([match.provider_id]).get(match.provider_id) if match else None
    if known_face is not None and known_face.person != person:
        raise MatchesSomebody(known_face.person)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
