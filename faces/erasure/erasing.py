"""Erases a person step by step. Each step is recorded before it is carried out, so that an outage loses none."""

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from devices.faults.isolation import each
from devices.kept.names import Spellings
from devices.kept.search import erase_name, forget_number
from faces.coffees import coffee_tallies
from faces.coffees.counting import lock_site
from faces.erasure.copies import captures_not_recognised, remove_unrecognised
from faces.erasure.signals import person_erased
from faces.models import (
    Capture,
    Coffee,
    Consent,
    EnrolmentPhoto,
    Erasure,
    Face,
    Merge,
    Person,
    Sighting,
    State,
    guest_name,
)
from faces.people.consent import remove_faces
from faces.pictures import storage
from faces.recognisers.recogniser import RecogniserUnavailable

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)

ABOUT_THE_ERASED = "Written about somebody who was erased."
"""The text that takes the place of the reason for which a coffee of the erased person was reviewed."""


NOT_LOOKED_AT = "The picture was removed before it was recognised, because it may have shown somebody who was erased."

NO_COUNTS = {"pictures": 0, "faces": 0, "unrecognised": 0, "rows": 0, "texts": 0}


class NotErasedYet(Exception):
    """An outage has interrupted the erasure. The text says what is left; a task finishes it within the hour."""


def forget(*, person: Person, by: "User | None", now: dt.datetime | None = None) -> Erasure:
    """Erase the person's faces, embeddings, consents and every picture that they were recognised in.

    What bears the person's name is deleted or loses the name, wherever the register of `devices.kept` says.
    The person's coffees and sightings stay as anonymous counts. From the start of the erasure no face is matched with
    the person. The returned receipt counts what was removed, and has the SHA-256 of each picture, each embedding and
    each face's name at its recogniser; `faces.erasure.verification` checks receipts later. Must not be called in a
    transaction.

    Raises `NotErasedYet` if the recogniser or the storage cannot be reached. `finish_erasures` or another call then
    resumes the erasure.
    """
    now = now or timezone.now()
    erasure = _begin(person, by, now)
    try:
        is_finished = False
        while not is_finished:
            # Pictures first: a face's row is the only record of the capture that it was enrolled from.
            _remove_pictures(erasure, person)
            _remove_faces(erasure, person)
            _remove_unrecognised(erasure, person)
            _erase_names(erasure, person)
            is_finished = _finish(erasure, person, now)
    except (RecogniserUnavailable, OSError, BotoCoreError, ClientError) as error:
        reason = str(error) if isinstance(error, RecogniserUnavailable) else f"A picture cannot be removed: {error}."
        Erasure.objects.filter(pk=erasure.pk).update(reason=reason)
        raise NotErasedYet(f"{reason} The erasure is not finished; it is resumed within the hour.") from error
    return erasure


def finish_erasures(*, now: dt.datetime) -> int:
    """Resume every interrupted erasure, and return how many are finished now."""
    unfinished = Erasure.objects.filter(erased_at=None).order_by("requested_at", "pk")
    numbers = list(unfinished.values_list("person_number", flat=True))
    return sum(each(numbers, partial(_finish_one, now), what="the erasure of person"))


def _finish_one(now: dt.datetime, number: int) -> int:
    """Resume the erasure of the person with this number; return 1 if it is finished, otherwise 0."""
    person = Person.objects.filter(pk=number).select_related("site").first()
    if person is None:
        return 0
    try:
        forget(person=person, by=None, now=now)
    except NotErasedYet as error:
        log.warning("The erasure of person %d is not finished: %s", number, error)
        return 0
    return 1


@transaction.atomic(durable=True)
def _begin(person: Person, by: "User | None", now: dt.datetime) -> Erasure:
    lock_site(person.site)
    Consent.objects.filter(person=person, withdrawn_at=None).update(withdrawn_at=now)
    erasure, _ = Erasure.objects.get_or_create(
        person_number=person.pk,
        defaults={"site": person.site, "requested_at": now, "erased_by": by, "counts": dict(NO_COUNTS), "digests": []},
    )
    return erasure


def _remove_faces(erasure: Erasure, person: Person) -> None:
    for face in Face.objects.filter(consent__person=person).select_related("consent__person"):
        identifiers = [face.provider_id.encode(), *([bytes(face.embedding)] if face.embedding else [])]
        _record_digests(erasure, map(sha256, identifiers))
        if face.picture_sha256:
            _record_digests(erasure, [face.picture_sha256])
        remove_faces([face])
        _count(erasure, "faces")


def _remove_pictures(erasure: Erasure, person: Person) -> None:
    for capture in pictures_of(person):
        if capture.image:
            try:
                _record_digests(erasure, [sha256(storage.read(capture))])
            except FileNotFoundError:
                log.info("The picture of capture %s was removed before.", capture.pk)
            storage.remove(str(capture.image))
        storage.remove_original(capture)
        with transaction.atomic():
            Capture.objects.filter(pk=capture.pk).update(image="", source_url="", looks=[])
            _count(erasure, "pictures")


def _remove_unrecognised(erasure: Erasure, person: Person) -> None:
    for capture in captures_not_recognised(person.site).select_related("device"):
        storage.remove(str(capture.image))
        storage.remove_original(capture)
        with transaction.atomic():
            rows = Capture.objects.filter(pk=capture.pk)
            rows.update(image="", source_url="", looks=[], state=State.FAILED, reason=NOT_LOOKED_AT)
            _count(erasure, "unrecognised")
    with transaction.atomic():
        _count(erasure, "unrecognised", remove_unrecognised(person.site))


def _erase_names(erasure: Erasure, person: Person) -> None:
    for names in spellings_of(person):
        erase_name(names, site=person.site, note=partial(_count, erasure))


def spellings_of(person: Person) -> list[Spellings]:
    """Return the spellings of each name that the person has here, or had as a guest or before a merge."""
    names = {person.name, *Merge.objects.filter(person=person).values_list("other_name", flat=True)}
    if person.guest_number is not None:
        names.add(guest_name(person.guest_number))
    return [Spellings(name) for name in sorted(names) if any(map(str.isalnum, name))]


def pictures_of(person: Person) -> "QuerySet[Capture]":
    """The captures with a picture in which the person was recognised, or from which they were enrolled."""
    is_kept = ~Q(image="") | Q(source_url__startswith="s3://") | Q(source_url__startswith="file://")
    return Capture.objects.filter(_shows(person), is_kept).select_related("device").distinct()


def _shows(person: Person) -> Q:
    """The captures in which the person was recognised, or from which they were enrolled."""
    return Q(sightings__person=person) | Q(enrolled_faces__consent__person=person)


@transaction.atomic(durable=True)
def _finish(erasure: Erasure, person: Person, now: dt.datetime) -> bool:
    """Finish the erasure and return True; return False if faces or pictures are left, such as new ones."""
    lock_site(person.site)  # no worker recognises anybody at the site until the commit
    if Face.objects.filter(consent__person=person).exists() or pictures_of(person).exists():
        return False
    coffees = Coffee.objects.filter(person=person)
    shown = list(Capture.objects.filter(_shows(person)).values_list("pk", flat=True).distinct())
    _blank_admin_log(person, list(coffees.values_list("pk", flat=True)))
    # It is written about the person, also where it does not name them.
    coffees.exclude(review_reason="").update(review_reason=ABOUT_THE_ERASED)
    forget_number(person.pk)
    with coffee_tallies.in_step(coffees):
        erasure.counts |= {
            "consents": Consent.objects.filter(person=person).count(),
            "sightings": Sighting.objects.filter(person=person).update(person=None, similarity=None),
            "coffees": coffees.update(person=None),
        }
    erasure.erased_at, erasure.reason = now, ""
    erasure.save()
    EnrolmentPhoto.objects.filter(rival=person).delete()
    person_erased.send(Person, site=person.site, captures=shown)
    person.delete()
    transaction.on_commit(_truncate_sqlite_log, robust=True)
    return True


def _record_digests(erasure: Erasure, digests: Iterable[str]) -> None:
    erasure.digests = sorted({*erasure.digests, *digests})
    erasure.save(update_fields=["digests"])


def _count(erasure: Erasure, kind: str, number: int = 1) -> None:
    erasure.counts[kind] = erasure.counts.get(kind, 0) + number
    erasure.save(update_fields=["counts"])


def _blank_admin_log(person: Person, coffees: list[int]) -> None:
    """Remove the person's name from the admin's history, which stores the name of each changed row."""
    names = [person.pk, *Merge.objects.filter(person=person).values_list("other_number", flat=True)]
    for model, pks in ((Person, names), (Coffee, coffees)):
        kind = ContentType.objects.get_for_model(model)
        entries = LogEntry.objects.filter(content_type=kind, object_id__in=map(str, pks))
        entries.update(object_repr=f"{kind.name} of an erased person", change_message="")


def _truncate_sqlite_log() -> None:
    """Truncate SQLite's write-ahead log, which still holds the erased pages; PostgreSQL recycles its own log."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
