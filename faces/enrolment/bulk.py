"""Enrols a folder of people. Enrolling the same folder again changes nothing, so that a run can be repeated."""

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from devices.models import Site
from devices.reading.pictures import MAX_BYTES, PHOTOGRAPHS
from devices.rules.text import clean_line
from edge_agent.text.file_names import printable, why_passed_over
from faces.enrolment.enrolment import EnrolmentRefused, enrol
from faces.enrolment.folders import Agreement, BadFolder, PersonFolder, read_agreement
from faces.models import Consent, Person
from faces.people.consent import create_person, record_consent, text_digest
from faces.recognisers.recogniser import Recogniser, RecogniserUnavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one picture, or for a person's whole folder where there was no valid consent."""

    path: Path
    refused: str = ""
    """Why the picture was not enrolled, in one sentence; empty if it was enrolled."""


def enrol_folder(*, folder: PersonFolder, site: Site, now: dt.datetime, recogniser: Recogniser) -> Iterator[Outcome]:
    """Enrol one person of the site from a folder, picture by picture, and yield the outcome of each picture.

    The folder's consent file becomes the person's consent. If no picture can be used, a consent and a person that this
    call has created are deleted again. Raises `RecogniserUnavailable`; the faces enrolled before that stay.
    """
    for path in folder.unreadable:
        why = why_passed_over(path.name, PHOTOGRAPHS)
        yield Outcome(path, f"The picture cannot be used: {why}.")
    try:
        agreement, description = read_agreement(folder)
        consent, new_row = _find_or_record_consent(folder, site, agreement, description, now)
        if not folder.pictures:
            raise BadFolder("The folder has no JPEG, PNG or HEIC.")
    except (BadFolder, EnrolmentRefused) as error:
        if folder.pictures or not folder.unreadable:
            yield from (Outcome(path, str(error)) for path in folder.pictures or [folder.path])
        return
    try:
        for path in folder.pictures:
            yield Outcome(path, _enrol_picture(path, consent, now, recogniser))
    finally:
        if new_row is not None and not consent.faces.exists():
            new_row.delete()


@transaction.atomic
def _find_or_record_consent(
    folder: PersonFolder, site: Site, agreement: Agreement, description: dict[str, str], now: dt.datetime
) -> tuple[Consent, Person | Consent | None]:
    """Return the consent, and the row to delete if no face is enrolled: a new person, a new consent, or None.

    Raises `EnrolmentRefused`.
    """
    people = list(Person.objects.filter(site=site, name=folder.name, guest_number=None))
    if len(people) > 1:
        raise EnrolmentRefused(f"{len(people)} people of {site} are named {folder.name}; enrol them in the admin.")
    try:
        person = people[0] if people else create_person(site=site, name=folder.name, **description)
        recorded = _find_consent(person, agreement)
        consent = recorded or _record_consent(person, agreement, now)
    except ValidationError as error:
        raise EnrolmentRefused(" ".join(error.messages)) from error
    if not consent.is_valid(now):
        raise EnrolmentRefused(f"{person}'s consent is withdrawn or not in force; have a new consent signed first.")
    return consent, None if recorded else consent if people else person


def _find_consent(person: Person, agreement: Agreement) -> Consent | None:
    same: Consent | None = person.consents.filter(
        text_sha256=text_digest(agreement.text),
        text_version=clean_line(agreement.text_version),
        signed_by=clean_line(agreement.signed_by),
        signed_at=agreement.signed_at,
    ).first()
    return same


def _record_consent(person: Person, agreement: Agreement, now: dt.datetime) -> Consent:
    return record_consent(
        person=person,
        text=agreement.text,
        text_version=agreement.text_version,
        method=agreement.method,
        signed_by=agreement.signed_by,
        signed_at=agreement.signed_at,
        expires_at=agreement.expires_at,
        now=now,
    )


def _enrol_picture(path: Path, consent: Consent, now: dt.datetime, recogniser: Recogniser) -> str:
    """Enrol the picture; return why it was refused, or an empty text."""
    try:
        with path.open("rb") as file:
            jpeg = file.read(MAX_BYTES + 1)
        enrol(person=consent.person, consent=consent, jpeg=jpeg, now=now, recogniser=recogniser)
    except OSError as error:
        return f"The picture cannot be read: {error.strerror}."
    except EnrolmentRefused as error:
        return str(error)
    except RecogniserUnavailable:
        raise
    except Exception as error:
        log.exception("%s could not be processed.", printable(path))
        return f"The picture could not be processed ({type(error).__name__}); the log has the details."
    return ""
