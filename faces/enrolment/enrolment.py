"""Knowing somebody by a picture: from an upload, or from what a camera has taken."""

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from devices.intake.pictures import BadPicture, sanitised_jpeg
from devices.models import Site
from edge_agent.messages import Box
from faces.enrolment import portraits
from faces.models import Capture, Consent, Face, Person
from faces.pictures import storage
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import IndexedFace, Recogniser, UnusablePicture, collection_of
from faces.recognition.gallery import SiteGallery


class EnrolmentRefused(ValueError):
    """A face was not enrolled; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture with a face that somebody may be known by, and where it came from."""

    jpeg: bytes
    face: Box
    sha256: str
    """Of the file as it came, so that it is known again."""
    capture: Capture | None = None


def enrol(
    *,
    person: Person,
    consent: Consent,
    jpeg: bytes,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Face:
    """Know the person by the one face in this picture (a JPEG or PNG of any origin), which itself is not kept.

    The same picture twice is one face. Raises `EnrolmentRefused` where the consent is not this person's or not valid,
    or the picture does not do, and `RecogniserUnavailable` where the recogniser cannot be asked.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    check_consent(person=person, consent=consent, now=now)
    known = _known(person, _sha256(jpeg), recogniser)
    if known is not None:
        return known
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
    """Know the person by a portrait that `check_portrait` or `check_capture` has just found good; raises as `enrol`."""
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    check_consent(person=person, consent=consent, now=now)
    known = _known(person, portrait.sha256, recogniser)
    if known is not None:
        return known
    try:
        indexed = recogniser.index(portrait.jpeg, portrait.face, collection=collection_of(person.site_id))
    except UnusablePicture as error:
        raise EnrolmentRefused(f"{error} Take another picture.") from error
    return save_face(consent=consent, indexed=indexed, recogniser=recogniser, now=now, portrait=portrait)


def check_consent(*, person: Person, consent: Consent, now: dt.datetime) -> None:
    """Raises `EnrolmentRefused` unless the consent is this person's and in force."""
    if consent.person_id != person.pk:
        raise EnrolmentRefused(f"The consent is not {person}'s; record theirs first.")
    if not consent.is_valid(now):
        raise EnrolmentRefused(f"{person}'s consent is withdrawn or not in force; record a new one first.")


def check_portrait(
    *,
    site: Site,
    jpeg: bytes,
    person: Person | None = None,
    now: dt.datetime | None = None,
    recogniser: Recogniser | None = None,
) -> Portrait:
    """The picture, made safe, and the one face in it, which is large and sharp enough and like nobody else's here.

    `person` is whom the face may be like. Raises `EnrolmentRefused`, which may name somebody of the site: it is for
    its members only.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    try:
        picture = sanitised_jpeg(jpeg)
        face = portraits.foremost([face.box for face in recogniser.detect(picture).faces])
        portraits.check(picture, face)
    except (BadPicture, UnusablePicture) as error:
        raise EnrolmentRefused(str(error)) from error
    _check_that_it_is_nobody_else(picture, face, site, person, now, recogniser)
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
    """As `check_portrait`, of what a camera of the site has taken.

    `number` says which face, counted from the left, from 1, where the picture shows several.
    """
    now, recogniser = now or timezone.now(), recogniser or recognisers.configured_recogniser()
    if capture.device.site_id != site.pk:
        raise EnrolmentRefused(f"{capture} was not taken at {site}; nobody is enrolled from another site's pictures.")
    try:
        jpeg = storage.read(capture)
        faces = [face.box for face in recogniser.detect(jpeg).faces]
        face = portraits.foremost(faces) if number is None else portraits.numbered(faces, number)
        portraits.check(jpeg, face)
    except FileNotFoundError as error:
        raise EnrolmentRefused(f"{capture} has no picture here any more.") from error
    except UnusablePicture as error:
        raise EnrolmentRefused(str(error)) from error
    _check_that_it_is_nobody_else(jpeg, face, site, person, now, recogniser)
    return Portrait(jpeg, face, _sha256(jpeg), capture)


def save_face(
    *,
    consent: Consent,
    indexed: IndexedFace,
    recogniser: Recogniser,
    now: dt.datetime | None = None,
    portrait: Portrait | None = None,
) -> Face:
    """Write down a face that the recogniser has just indexed, or have it forgotten where that fails.

    Raises `EnrolmentRefused` where the consent was withdrawn meanwhile.
    """
    try:
        with transaction.atomic():  # with what tells every process of it
            held = Consent.objects.select_for_update(no_key=True, of=("self",)).get(pk=consent.pk)
            check_consent(person=consent.person, consent=held, now=now or timezone.now())
            return Face.objects.create(
                consent=held,
                provider=recogniser.name,
                provider_id=indexed.provider_id,
                embedding=indexed.embedding,
                picture_sha256=portrait.sha256 if portrait else "",
                capture=portrait.capture if portrait else None,
            )
    except Exception:
        recogniser.forget([indexed.provider_id], collection=collection_of(consent.person.site_id))
        raise


def _known(person: Person, sha256: str, recogniser: Recogniser) -> Face | None:
    """The face that they were enrolled by from this picture before."""
    same = Face.objects.filter(consent__person=person, provider=recogniser.name, picture_sha256=sha256)
    face: Face | None = same.first()
    return face


def _check_that_it_is_nobody_else(
    jpeg: bytes, face: Box, site: Site, person: Person | None, now: dt.datetime, recogniser: Recogniser
) -> None:
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now)
    (match,) = recogniser.identify(jpeg, [face], collection=collection_of(site.pk), gallery=gallery)
    found = gallery.faces([match.provider_id]).get(match.provider_id) if match else None
    if found is not None and found.person != person:
        other = found.person
        raise EnrolmentRefused(f"This looks like {other}, who is known here already; add the picture to {other}.")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
