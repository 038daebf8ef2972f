"""Forgetting somebody."""

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from faces import pictures
from faces.models import Capture, Coffee, Consent, Erasure, Face, Person, Sighting
from faces.services.people import remove_faces

if TYPE_CHECKING:
    from devices.models import User


def forget(*, person: Person, by: "User | None", now: dt.datetime | None = None) -> Erasure:
    """Erase the person: the recogniser's faces, embeddings, consents and every picture they were recognised in.

    Their coffees and sightings stay as anonymous counts. The receipt says how much went, with the SHA-256 of each
    picture and of each face's name at its recogniser. May be called again after an interruption; raises
    `RecogniserUnavailable` where the recogniser cannot be asked, with the person still there.
    """
    faces = list(Face.objects.filter(consent__person=person).select_related("consent__person"))
    captures = list(Capture.objects.filter(sightings__person=person).exclude(image="").distinct())
    digests = [_sha256(face.provider_id.encode()) for face in faces]
    digests += [digest for capture in captures if (digest := _digest(capture))]
    remove_faces(faces)
    for capture in captures:
        pictures.remove(str(capture.image))
    return _erase(person, by, now or timezone.now(), captures, sorted(digests), len(faces))


@transaction.atomic
def _erase(
    person: Person, by: "User | None", now: dt.datetime, captures: list[Capture], digests: list[str], faces: int
) -> Erasure:
    Capture.objects.filter(pk__in=[capture.pk for capture in captures]).update(image="")
    counts = {
        "faces": faces,
        "consents": Consent.objects.filter(person=person).count(),
        "pictures": len(captures),
        "sightings": Sighting.objects.filter(person=person).update(person=None, similarity=None, emotions={}),
        "coffees": Coffee.objects.filter(person=person).update(person=None),
    }
    receipt = Erasure.objects.create(
        site=person.site,
        person_number=person.pk,
        requested_at=now,
        erased_at=now,
        erased_by=by,
        counts=counts,
        digests=digests,
    )
    _blank_admin_log(person)
    person.delete()
    return receipt


def _blank_admin_log(person: Person) -> None:
    """The admin's history keeps the name of what was changed."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Person), object_id=str(person.pk))
    entries.update(object_repr=f"erased person {person.pk}", change_message="")


def _digest(capture: Capture) -> str | None:
    try:
        return _sha256(pictures.read(capture))
    except FileNotFoundError:
        return None  # an interrupted erasure has removed it before


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
