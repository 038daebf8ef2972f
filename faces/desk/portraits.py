"""Faces of people for pages: the latest picture in which each was recognised, in a fixed number of queries."""

import io
from collections.abc import Iterable
from typing import Any

from django.db.models import OuterRef, Subquery
from PIL import Image

from faces.models import Person, Sighting
from faces.pictures import storage, thumbnails

PREVIEW = 320
"""Pixels of the longer side of a photograph in a list."""


class Portraits:
    """The latest sighting with a picture of each of these people."""

    def __init__(self, people: Iterable[Person]) -> None:
        numbers = {person.pk for person in people}
        latest = with_pictures(Sighting.objects.filter(person=OuterRef("pk"))).order_by("-capture__taken_at", "-pk")
        found = Person.objects.filter(pk__in=numbers).annotate(face=Subquery(latest.values("pk")[:1]))
        faces = [number for number in found.values_list("face", flat=True) if number] if numbers else []
        rows = Sighting.objects.filter(pk__in=faces).select_related("capture") if faces else []
        self._faces = {sighting.person_id: sighting for sighting in rows}

    def of(self, person: Person) -> Sighting | None:
        return self._faces.get(person.pk)


def with_pictures(sightings: Any) -> Any:
    """Return those sightings of the query set whose face can be shown."""
    return sightings.exclude(capture__image="").exclude(box=None)


def face_of(sighting: Sighting) -> bytes | None:
    """Return the face as a JPEG; None if the picture was removed meanwhile."""
    try:
        return thumbnails.thumbnail(storage.read(sighting.capture), tuple(sighting.box or ()))
    except OSError:
        return None


def small(jpeg: bytes) -> bytes:
    """Return the picture with at most `PREVIEW` pixels on its longer side."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        picture.thumbnail((PREVIEW, PREVIEW))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=80)
    return out.getvalue()
