"""A site's known faces. The database is the truth; what a process holds of it in memory only makes searching quick.

Before each search a process catches up with the changes that were committed since its last, and whatever it finds is
looked up in the database before anybody believes it. A process that searches no more forgets everything.
"""

import datetime as dt
import threading
import time
from collections.abc import Collection

import numpy as np

from devices.models import Site
from faces.models import Face, GalleryChange, Method
from faces.recognition.vectors import EmbeddingIndex, Embeddings

KEPT_FOR_S = 60.0
"""A process that has not searched a gallery for so long drops it: nobody erased stays in an idle worker for longer."""

CANDIDATES = 8
"""Faces looked up in one query. A second query is needed only where the nearest ones may not be matched any more."""

WIDTH = 128
"""Numbers of an embedding."""

READ_AT_ONCE = 20_000
"""Rows fetched from the database at a time."""


class SiteGallery:
    """The faces of a site that may be matched at this moment, by one recogniser; a `recogniser.Gallery`."""

    def __init__(self, *, site: Site, provider: str, now: dt.datetime, with_guests: bool = True) -> None:
        self._site_id, self._provider = site.pk, provider
        faces = Face.objects.consented(now).at(site.pk, provider=provider)
        self._faces = faces if with_guests else faces.exclude(consent__method=Method.OWNER)

    @property
    def is_empty(self) -> bool:
        return not self._faces.exists()

    def among(self, provider_ids: Collection[str]) -> set[str]:
        return set(self._faces.filter(provider_id__in=provider_ids).values_list("provider_id", flat=True))

    def faces(self, provider_ids: Collection[str]) -> dict[str, Face]:
        """With their people, by the recogniser's names for them; without those that may not be matched."""
        found = self._faces.filter(provider_id__in=provider_ids).select_related("consent__person").defer("embedding")
        return {face.provider_id: face for face in found}

    def nearest(self, embedding: bytes, *, within: float) -> tuple[str, float] | None:
        near = _nearest(self._site_id, self._provider, _row(embedding), within)
        for start in range(0, len(near), CANDIDATES):
            candidates = near[start : start + CANDIDATES]
            numbers = [number for number, _ in candidates]
            names = dict(self._faces.filter(pk__in=numbers).values_list("pk", "provider_id"))
            for number, distance in candidates:
                if number in names:
                    return names[number], distance
        return None


def drop_face(site_id: int, number: int) -> None:
    """Forget a face in this process now, rather than before its next search."""
    with _lock:
        for (site, _), held in _held.items():
            if site == site_id:
                held.vectors.remove(number)


def drop_idle(*, now: float) -> None:
    """Forget the galleries that were not searched for `KEPT_FOR_S`, by `time.monotonic()`."""
    with _lock:
        for key in [key for key, held in _held.items() if now - held.used_at >= KEPT_FOR_S]:
            _held.pop(key).vectors.clear()


class _Held:
    """What this process holds of a gallery in memory."""

    def __init__(self, site_id: int, provider: str) -> None:
        self._site_id, self._provider = site_id, provider
        # First what has changed, then what is there: a change in between is caught up with once more.
        self._seen = GalleryChange.objects.filter(site=site_id).order_by("pk").last()
        self.vectors = self._read()
        self.used_at = time.monotonic()

    def catch_up(self) -> bool:
        """Take in the changes committed since; False where the whole gallery must be read again."""
        since = self._seen.pk if self._seen else 0
        changes = list(GalleryChange.objects.filter(site=self._site_id, pk__gte=since).order_by("pk"))
        if self._seen:
            # A change that this process saw in a transaction of its own may have been rolled back since.
            if not changes or (changes[0].pk, changes[0].token) != (self._seen.pk, self._seen.token):
                return False
            changes = changes[1:]
        if changes:
            self._apply({change.face_number for change in changes})
            self._seen = changes[-1]
        return True

    def _apply(self, numbers: set[int]) -> None:
        faces = Face.objects.at(self._site_id, provider=self._provider).filter(pk__in=numbers)
        there = dict(faces.exclude(embedding=None).values_list("pk", "embedding"))
        for number in numbers:
            if number in there:
                self.vectors.add(number, _row(there[number]))
            else:
                self.vectors.remove(number)

    def _read(self) -> EmbeddingIndex:
        faces = Face.objects.at(self._site_id, provider=self._provider).exclude(embedding=None).order_by()
        numbers, rows = [], []
        for number, embedding in faces.values_list("pk", "embedding").iterator(READ_AT_ONCE):
            numbers.append(number)
            rows.append(bytes(embedding))
        return EmbeddingIndex(np.array(numbers, np.int64), _row(b"".join(rows)).reshape(-1, WIDTH))


def _row(embedding: bytes) -> Embeddings:
    return np.frombuffer(embedding, "<f4").astype(np.float32)


_held: dict[tuple[int, str], _Held] = {}
_lock = threading.RLock()
_watch: threading.Timer | None = None


def _nearest(site_id: int, provider: str, embedding: Embeddings, within: float) -> list[tuple[int, float]]:
    """The faces nearer than `within`, by number, the nearest first."""
    with _lock:
        held = _held.get((site_id, provider))
        if held is not None and not held.catch_up():
            _held.pop((site_id, provider)).vectors.clear()
            held = None
        if held is None:
            held = _held[site_id, provider] = _Held(site_id, provider)
        held.used_at = time.monotonic()
        _keep_watch()
        return held.vectors.nearest(embedding, within=within)


def _keep_watch() -> None:
    """Have idle galleries dropped; the thread that does it ends with the last of them, and none outlives a fork."""
    global _watch
    if _watch is None or not _watch.is_alive():
        _watch = threading.Timer(KEPT_FOR_S, _look_after)
        _watch.daemon = True
        _watch.start()


def _look_after() -> None:
    global _watch
    drop_idle(now=time.monotonic())
    with _lock:
        _watch = None
        if _held:
            _keep_watch()
