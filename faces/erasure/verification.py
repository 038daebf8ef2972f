"""Compares the receipts of erasures with all stored data, to prove that nothing is left of the erased people."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import ForeignKey, QuerySet

from devices.kept.names import Spellings
from devices.kept.register import tables
from devices.kept.search import find_name
from faces.erasure.erasing import sha256
from faces.models import Erasure, Face, Person
from faces.pictures.versions import VersionedS3Storage
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import collection_of

Progress = Callable[[Sequence[str]], Iterable[str]]
"""Yields the given names unchanged, for example while it shows a progress bar."""


def find_traces(
    erasures: "QuerySet[Erasure]", *, names: Iterable[str] = (), progress: Progress = iter
) -> Iterator[str]:
    """Yield one sentence for each trace of the people of these receipts; nothing if the erasures are complete.

    A receipt holds no name. Whoever knows the `names` of the erased people can give them, and then every registered
    text of the receipts' sites is searched for their spellings. Raises `ValueError` for a name without a letter.

    Reads every stored file, piece by piece. Raises `RecogniserUnavailable`, and `OSError` or botocore's errors if the
    storage cannot
    be read; the check is then inconclusive.
    """
    receipts = {digest: erasure for erasure in erasures for digest in erasure.digests}
    since = {digest: erasure.erased_at for digest, erasure in receipts.items()}
    for erasure in erasures:
        if erasure.erased_at is None:
            yield f"The {erasure} is not finished: {erasure.reason or 'it is under way'}."
        else:
            yield from _traces_in_rows(erasure)
    yield from _traces_of_names(erasures, [Spellings(name) for name in names])
    for what, digest in (*_stored_faces(since), *_recogniser_faces(erasures), *_pictures(progress)):
        if digest in receipts:
            yield f"{what} still exists after the {receipts[digest]}."


def _traces_in_rows(erasure: Erasure) -> Iterator[str]:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey) and field.related_model is Person:
                count = model._base_manager.filter(**{field.attname: erasure.person_number}).count()
                if count:
                    yield f"{count} rows of {model._meta.label} still refer to the person of the {erasure}."
    for table in tables():
        rows = apps.get_model(table.model)._base_manager
        for column in table.numbers:
            if count := rows.filter(**{column: erasure.person_number}).count():
                yield f"{count} rows of {table.model} still have the number of the person of the {erasure}."
    if Person.objects.filter(pk=erasure.person_number).exists():
        yield f"The person of the {erasure} still exists."


def _traces_of_names(erasures: "QuerySet[Erasure]", names: list[Spellings]) -> Iterator[str]:
    sites = {erasure.site_id: erasure.site for erasure in erasures.select_related("site")}
    for site in sites.values():
        for spellings in names:
            for table, key, column in find_name(spellings, site=site):
                yield f"The column {column} of {table.model} {key} still names the person."


def _stored_faces(since: Mapping[str, dt.datetime | None]) -> Iterator[tuple[str, str]]:
    """The faces and the digests of their identifiers; faces enrolled anew after the erasure are left out."""
    for face in Face.objects.iterator():
        identifiers = [sha256(face.provider_id.encode()), face.picture_sha256]
        identifiers += [sha256(bytes(face.embedding))] if face.embedding else []
        for digest in identifiers:
            erased_at = since.get(digest)
            if erased_at is not None and face.created_at <= erased_at:
                yield f"Face {face.pk}", digest


def _recogniser_faces(erasures: "QuerySet[Erasure]") -> Iterator[tuple[str, str]]:
    """The faces that the recogniser itself stores, and the digests of their names."""
    recogniser = recognisers.configured_recogniser()
    for site in sorted({erasure.site_id for erasure in erasures}):
        for name in recogniser.list_faces(collection=collection_of(site)):
            yield f"A face of {recogniser.name}", sha256(name.encode())


def _pictures(progress: Progress) -> Iterator[tuple[str, str]]:
    """The stored pictures and their digests, in a bucket with all their versions."""
    if isinstance(default_storage, VersionedS3Storage):
        for name, content in default_storage.contents():
            yield f"A version of the picture {name}", _sha256_of(content)
        return
    for name in progress(sorted(_files(""))):
        try:
            with default_storage.open(name) as file:
                yield f"The picture {name}", _sha256_of(file.chunks())
        except FileNotFoundError:
            continue  # removed since the listing


def _sha256_of(pieces: Iterable[bytes]) -> str:
    """Return the SHA-256 in hexadecimal of a file, of which one piece at a time is in memory."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _files(folder: str) -> Iterator[str]:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}".lstrip("/") for file in files if file)
    for subfolder in folders:
        yield from _files(f"{folder}/{subfolder}".lstrip("/"))
