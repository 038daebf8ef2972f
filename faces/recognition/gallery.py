"""A site's enrolled faces. The database is authoritative; a process caches embeddings to search them quickly.

Before each search a process applies the changes committed since its previous search. Each match is looked up in the
database before it is returned. A process that stops searching drops its cache.
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
"""Seconds after its last search at which a cached gallery is dropped, with the embeddings of erased people."""

CANDIDATES = 8
"""Faces looked up per query. A second query is needed only if none of the nearest may be matched any more."""

WIDTH = 128
"""The length of an embedding."""

READ_AT_ONCE = 20_000
"""Rows fetched from the database at a time."""


class SiteGallery:
    """The faces of a site that one recogniser may match at this moment. Implements `recogniser.Gallery`."""

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
        """Return the faces that may be matched, with their people, by the recogniser's names for the faces."""
        faces = self._faces.filter(provider_id__in=provider_ids).select_related("consent__person").defer("embedding")
        return {face.provider_id: face for face in faces}

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
    """Remove a face from this process's cache now, rather than before the next search."""
    with _lock:
        for (site, _), cached in _cache.items():
            if site == site_id:
                cached.vectors.remove(number)


def drop_idle(*, now: float) -> None:
    """Drop the cached galleries that were not searched for `KEPT_FOR_S`. `now` is a `time.monotonic()`."""
    with _lock:
        for key in [key for key, cached in _cache.items() if now - cached.used_at >= KEPT_FOR_S]:
            _cache.pop(key).vectors.clear()


class _CachedGallery:
    """The embeddings of one gallery in this process's memory."""

    def __init__(self, site_id: int, provider: str) -> None:
        self._site_id, self._provider = site_id, provider
        # The changes are read before the faces, so that a change in between is applied again rather than missed.
        self._last_change = GalleryChange.objects.filter(site=site_id).order_by("pk").last()
        self.vectors = self._read()
        self.used_at = time.monotonic()

    def catch_up(self) -> bool:
        """Apply the changes committed since; return False if the whole gallery must be read again."""
        since = self._last_change.pk if self._last_change else 0
        changes = list(GalleryChange.objects.filter(site=self._site_id, pk__gte=since).order_by("pk"))
        if self._last_change:
            # A change that this process read in its own transaction may have been rolled back since.
            if not changes or (changes[0].pk, changes[0].token) != (self._last_change.pk, self._last_change.token):
                return False
            changes = changes[1:]
        if changes:
            self._apply({change.face_number for change in changes})
            self._last_change = changes[-1]
        return True

    def _apply(self, numbers: set[int]) -> None:
        faces = Face.objects.at(self._site_id, provider=self._provider).filter(pk__in=numbers)
        embeddings = dict(faces.exclude(embedding=None).values_list("pk", "embedding"))
        for number in numbers:
            if number in embeddings:
                self.vectors.add(number, _row(embeddings[number]))
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


_cache: dict[tuple[int, str], _CachedGallery] = {}
_lock = threading.RLock()
_timer: threading.Timer | None = None


def _nearest(site_id: int, provider: str, embedding: Embeddings, within: float) -> list[tuple[int, float]]:
    """Return the numbers of the faces nearer than `within`, with their distances, the nearest first."""
    with _lock:
        cached = _cache.get((site_id, provider))
        if cached is not None and not cached.catch_up():
            _cache.pop((site_id, provider)).vectors.clear()
            cached = None
        if cached is None:
            cached = _cache[site_id, provider] = _CachedGallery(site_id, provider)
        cached.used_at = time.monotonic()
        _start_timer()
        return cached.vectors.nearest(embedding, within=within)


def _start_timer() -> None:
    """Start the timer that drops idle galleries. It ends with the last gallery; a forked process starts its own."""
    global _timer
    if _timer is None or not _timer.is_alive():
        _timer = threading.Timer(KEPT_FOR_S, _drop_idle_and_restart)
        _timer.daemon = True
        _timer.start()


def _drop_idle_and_restart() -> None:
    global _timer
    drop_idle(now=time.monotonic())
    with _lock:
        _timer = None
        if _cache:
            _start_timer()
