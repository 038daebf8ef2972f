"""Whether anything is left of somebody who was erased: the receipts, held against everything that is kept."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import ForeignKey, QuerySet

from faces.erasure.erasing import sha256
from faces.models import Erasure, Face, Person
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import collection_of

Progress = Callable[[Sequence[str]], Iterable[str]]
"""Hands on the names it is given, such as with a progress bar."""


def find_traces(erasures: "QuerySet[Erasure]", *, progress: Progress = iter) -> Iterator[str]:
    """One sentence for each thing that is left of the people of these receipts; nothing where they are proved.

    Reads every stored picture. Raises `RecogniserUnavailable`, and `OSError` or botocore's errors where the storage
    cannot be read: then nothing is proved.
    """
    receipts = {digest: erasure for erasure in erasures for digest in erasure.digests}
    since = {digest: erasure.erased_at for digest, erasure in receipts.items()}
    for erasure in erasures:
        if erasure.erased_at is None:
            yield f"The {erasure} is not finished: {erasure.reason or 'it is under way'}."
        else:
            yield from _rows(erasure)
    for what, digest in (*_faces(since), *_kept(erasures), *_pictures(progress)):
        if digest in receipts:
            yield f"{what} is still there after the {receipts[digest]}."


def _rows(erasure: Erasure) -> Iterator[str]:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey) and field.related_model is Person:
                left = model._base_manager.filter(**{field.attname: erasure.person_number}).count()
                if left:
                    yield f"{left} rows of {model._meta.label} still name the person of the {erasure}."
    if Person.objects.filter(pk=erasure.person_number).exists():
        yield f"The person of the {erasure} is still there."


def _faces(since: Mapping[str, dt.datetime | None]) -> Iterator[tuple[str, str]]:
    """What the faces are known by; whoever came back with the same picture after their erasure is no trace."""
    for face in Face.objects.iterator():
        known_by = [sha256(face.provider_id.encode()), face.picture_sha256]
        known_by += [sha256(bytes(face.embedding))] if face.embedding else []
        for digest in known_by:
            erased_at = since.get(digest)
            if erased_at is not None and face.created_at <= erased_at:
                yield f"Face {face.pk}", digest


def _kept(erasures: "QuerySet[Erasure]") -> Iterator[tuple[str, str]]:
    recogniser = recognisers.configured_recogniser()
    for site in sorted({erasure.site_id for erasure in erasures}):
        for name in recogniser.list_faces(collection=collection_of(site)):
            yield f"A face of {recogniser.name}", sha256(name.encode())


def _pictures(progress: Progress) -> Iterator[tuple[str, str]]:
    for name in progress(sorted(_files(""))):
        try:
            with default_storage.open(name) as file:
                yield f"The picture {name}", sha256(file.read())
        except FileNotFoundError:
            continue  # removed while we were looking


def _files(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}".lstrip("/") for file in files if file)
    for each in folders:
        yield from _files(f"{folder}/{each}".lstrip("/"))
