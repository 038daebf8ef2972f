"""Enrolling a folder of people; whatever was enrolled before is passed over, so that it can be done again."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from devices.intake.pictures import MAX_BYTES
from devices.models import Site
from faces.enrolment.enrolment import EnrolmentRefused, enrol
from faces.enrolment.folders import Agreement, BadFolder, PersonFolder, read_agreement
from faces.models import Consent, Person
from faces.people.consent import create_person, record_consent
from faces.recognisers.recogniser import Recogniser


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a picture, or of a whole person's folder where no consent was to be had."""

    path: Path
    refused: str = ""
    """Why it was not enrolled, in one sentence; empty where it is."""


def enrol_folder(*, folder: PersonFolder, site: Site, now: dt.datetime, recogniser: Recogniser) -> Iterator[Outcome]:
    """Enrol a person of the site by each picture of the folder, one at a time, under the consent that it tells.

    Where no picture does, neither the consent nor the person is kept, unless they were there before.
    Raises `RecogniserUnavailable`; what was enrolled by then stays.
    """
    try:
        agreement, line = read_agreement(folder)
        consent, made = _consent(folder, site, agreement, line, now)
        if not folder.pictures:
            raise BadFolder("There is no JPEG or PNG in it.")
    except (BadFolder, EnrolmentRefused) as error:
        yield from (Outcome(path, str(error)) for path in folder.pictures or [folder.path])
        return
    try:
        for path in folder.pictures:
            yield Outcome(path, _refusal(path, consent, now, recogniser))
    finally:
        if made is not None and not consent.faces.exists():
            made.delete()


@transaction.atomic
def _consent(
    folder: PersonFolder, site: Site, agreement: Agreement, line: str, now: dt.datetime
) -> tuple[Consent, Person | Consent | None]:
    """The recorded consent, and what had to be made for it: it, its person, or nothing. Raises `EnrolmentRefused`."""
    people = list(Person.objects.filter(site=site, name=folder.name, guest_number=None))
    if len(people) > 1:
        raise EnrolmentRefused(f"{len(people)} people of {site} are called {folder.name}; enrol them in the admin.")
    try:
        person = people[0] if people else create_person(site=site, name=folder.name, line=line)
        recorded = _recorded(person, agreement)
        consent = recorded or _record(person, agreement)
    except ValidationError as error:
        raise EnrolmentRefused(" ".join(error.messages)) from error
    if not consent.is_valid(now):
        raise EnrolmentRefused(f"{person}'s consent is withdrawn or not in force; have a new one signed first.")
    return consent, None if recorded else consent if people else person


def _recorded(person: Person, agreement: Agreement) -> Consent | None:
    same: Consent | None = person.consents.filter(
        text_sha256=hashlib.sha256(agreement.text.encode()).hexdigest(),
        text_version=agreement.text_version.strip(),
        signed_by=agreement.signed_by.strip(),
        signed_at=agreement.signed_at,
    ).first()
    return same


def _record(person: Person, agreement: Agreement) -> Consent:
    return record_consent(
        person=person,
        text=agreement.text,
        text_version=agreement.text_version,
        method=agreement.method,
        signed_by=agreement.signed_by,
        signed_at=agreement.signed_at,
        expires_at=agreement.expires_at,
    )


def _refusal(path: Path, consent: Consent, now: dt.datetime, recogniser: Recogniser) -> str:
    try:
        with path.open("rb") as file:
            jpeg = file.read(MAX_BYTES + 1)
        enrol(person=consent.person, consent=consent, jpeg=jpeg, now=now, recogniser=recogniser)
    except OSError as error:
        return f"The picture cannot be read: {error.strerror}."
    except EnrolmentRefused as error:
        return str(error)
    return ""
