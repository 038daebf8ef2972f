"""Forgetting somebody, step by step: each is written down before it is done, so that nothing is lost by an outage."""

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from faces.coffees import coffee_tallies
from faces.coffees.counting import lock_site
from faces.erasure.signals import person_erased
from faces.models import Capture, Coffee, Consent, Erasure, Face, Merge, Person, Sighting
from faces.people.consent import remove_faces
from faces.pictures import storage
from faces.recognisers.recogniser import RecogniserUnavailable

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)

ABOUT_THE_ERASED = "Written about somebody who was erased."
"""In place of a reviewer's words that name the person."""


NOTHING = {"pictures": 0, "faces": 0}


class NotErasedYet(Exception):
    """Something is left to be removed, by an outage elsewhere; one sentence says what. It goes on by itself."""


def forget(*, person: Person, by: "User | None", now: dt.datetime | None = None) -> Erasure:
    """Erase the person: the recogniser's faces, embeddings, consents and every picture they were recognised in.

    Their coffees and sightings stay as anonymous counts. From the first moment nobody is matched with them any more.
    The receipt says how much went, with the SHA-256 of each picture, each embedding and each face's name at its
    recogniser; `faces.erasure.verification` finds out later whether anything is left. Must not be called in a
    transaction.

    Raises `NotErasedYet` where the recogniser or the storage cannot be asked: `finish_erasures` goes on then, and so
    does another call.
    """
    now = now or timezone.now()
    erasure = _begin(person, by, now)
    try:
        while not _finish(erasure, person, now):
            # Pictures first: that somebody was enrolled from a capture is known as long as the face is.
            _remove_pictures(erasure, person)
            _remove_faces(erasure, person)
    except (RecogniserUnavailable, OSError, BotoCoreError, ClientError) as error:
        reason = str(error) if isinstance(error, RecogniserUnavailable) else f"A picture cannot be removed: {error}."
        Erasure.objects.filter(pk=erasure.pk).update(reason=reason)
        raise NotErasedYet(f"{reason} Not all is erased yet; it goes on within the hour.") from error
    return erasure


def finish_erasures(*, now: dt.datetime) -> int:
    """Go on with every erasure that an outage has interrupted; returns how many are done now."""
    done = 0
    for number in Erasure.objects.filter(erased_at=None).values_list("person_number", flat=True):
        for person in Person.objects.filter(pk=number).select_related("site"):
            try:
                forget(person=person, by=None, now=now)
                done += 1
            except NotErasedYet as error:
                log.warning("The erasure of person %d is not finished: %s", number, error)
    return done


@transaction.atomic(durable=True)
def _begin(person: Person, by: "User | None", now: dt.datetime) -> Erasure:
    lock_site(person.site)
    Consent.objects.filter(person=person, withdrawn_at=None).update(withdrawn_at=now)
    erasure, _ = Erasure.objects.get_or_create(
        person_number=person.pk,
        defaults={"site": person.site, "requested_at": now, "erased_by": by, "counts": dict(NOTHING), "digests": []},
    )
    return erasure


def _remove_faces(erasure: Erasure, person: Person) -> None:
    for face in Face.objects.filter(consent__person=person).select_related("consent__person"):
        known_by = [face.provider_id.encode(), *([bytes(face.embedding)] if face.embedding else [])]
        _note(erasure, map(sha256, known_by))
        if face.picture_sha256:
            _note(erasure, [face.picture_sha256])
        remove_faces([face])
        _count(erasure, "faces")


def _remove_pictures(erasure: Erasure, person: Person) -> None:
    for capture in _pictures_of(person):
        if capture.image:
            try:
                _note(erasure, [sha256(storage.read(capture))])
            except FileNotFoundError:
                log.info("The picture of capture %s was removed before.", capture.pk)
            storage.remove(str(capture.image))
        storage.remove_original(capture.source_url)
        with transaction.atomic():
            Capture.objects.filter(pk=capture.pk).update(image="", source_url="")
            _count(erasure, "pictures")


def _pictures_of(person: Person) -> "QuerySet[Capture]":
    """Those in which they were recognised, and those from which they were enrolled."""
    shows = Q(sightings__person=person) | Q(enrolled_faces__consent__person=person)
    is_kept = ~Q(image="") | Q(source_url__startswith="s3://") | Q(source_url__startswith="file://")
    return Capture.objects.filter(shows, is_kept).distinct()


@transaction.atomic(durable=True)
def _finish(erasure: Erasure, person: Person, now: dt.datetime) -> bool:
    """End the erasure, unless a face or a picture is left, such as one that came in meanwhile; then nothing."""
    lock_site(person.site)  # nobody is recognised from here to the commit
    if Face.objects.filter(consent__person=person).exists() or _pictures_of(person).exists():
        return False
    coffees = Coffee.objects.filter(person=person)
    _blank_admin_log(person, list(coffees.values_list("pk", flat=True)))
    coffees.filter(review_reason__icontains=person.name).update(review_reason=ABOUT_THE_ERASED)
    with coffee_tallies.in_step(coffees):
        erasure.counts |= {
            "consents": Consent.objects.filter(person=person).count(),
            "sightings": Sighting.objects.filter(person=person).update(person=None, similarity=None, emotions={}),
            "coffees": coffees.update(person=None),
        }
    erasure.erased_at, erasure.reason = now, ""
    erasure.save()
    person_erased.send(Person, site=person.site)
    person.delete()
    transaction.on_commit(_scrub, robust=True)
    return True


def _note(erasure: Erasure, digests: Iterable[str]) -> None:
    erasure.digests = sorted({*erasure.digests, *digests})
    erasure.save(update_fields=["digests"])


def _count(erasure: Erasure, kind: str) -> None:
    erasure.counts[kind] = erasure.counts.get(kind, 0) + 1
    erasure.save(update_fields=["counts"])


def _blank_admin_log(person: Person, coffees: list[int]) -> None:
    """The admin's history keeps the name of what was changed."""
    names = [person.pk, *Merge.objects.filter(person=person).values_list("other_number", flat=True)]
    for model, pks in ((Person, names), (Coffee, coffees)):
        kind = ContentType.objects.get_for_model(model)
        entries = LogEntry.objects.filter(content_type=kind, object_id__in=map(str, pks))
        entries.update(object_repr=f"{kind.name} of an erased person", change_message="")


def _scrub() -> None:
    """Have SQLite overwrite its log, which still holds the pages from before; PostgreSQL sees to its own."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
