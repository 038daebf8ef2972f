"""A recogniser with scripted results, for what no picture can cause: outages and killed workers."""

from collections.abc import Callable, Collection, Iterator, Sequence, Set

import numpy as np

from edge_agent.messages import Box
from faces.recognisers.recogniser import DetectedCup, DetectedFace, Detections, Gallery, IndexedFace, Match

NOTHING = Detections((), ())


def detections(*faces: Box, cups: Sequence[Box | None] = ()) -> Detections:
    return Detections(tuple(DetectedFace(face, 0.9) for face in faces), tuple(DetectedCup(0.8, cup) for cup in cups))


class FixedGallery(list[IndexedFace]):
    """A `Gallery` of these faces only, without a database."""

    @property
    def is_empty(self) -> bool:
        return not self

    def among(self, provider_ids: Collection[str]) -> set[str]:
        return {face.provider_id for face in self}.intersection(provider_ids)

    def nearest(self, embedding: bytes, *, within: float) -> tuple[str, float] | None:
        wanted = np.frombuffer(embedding, "<f4")
        known = [face for face in self if face.embedding is not None]
        found = [(float(np.linalg.norm(np.frombuffer(face.embedding or b"", "<f4") - wanted)), face) for face in known]
        distance, face = min(found, key=lambda each: each[0], default=(within, None))
        return (face.provider_id, distance) if face and distance < within else None


class Scripted:
    """Detects what it was given; identifies each face by the left edge of its box."""

    name = "scripted"

    def __init__(self, detections: Detections = NOTHING, *, before: Callable[[], None] = lambda: None) -> None:
        self.detections, self.before = detections, before
        self.after_identify: Callable[[], object] = lambda: None
        self.after_index: Callable[[], object] = lambda: None
        self.detect_calls = 0
        self.searched: list[Box] = []
        self.forgotten: list[str] = []
        self.kept: dict[str, str] = {}
        """Notes by the names of the indexed faces that are not forgotten."""

    def detect(self, jpeg: bytes) -> Detections:
        self.detect_calls += 1
        self.before()
        return self.detections

    def identify(self, jpeg: bytes, faces: Sequence[Box], *, collection: str, gallery: Gallery) -> list[Match | None]:
        self.searched += faces
        self.after_identify()
        names = [f"{collection}/{face[0]}" for face in faces]
        ids = gallery.among(names)
        return [Match(name, 0.9) if name in ids else None for name in names]

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        provider_id = f"{collection}/{face[0]}"
        self.kept[provider_id] = note
        self.after_index()
        return IndexedFace(provider_id)

    def find_by_notes(self, notes: Set[str], *, collection: str) -> list[str]:
        return [name for name, note in self.kept.items() if note in notes]

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        self.forgotten += provider_ids
        for name in provider_ids:
            self.kept.pop(name, None)

    def list_faces(self, *, collection: str) -> Iterator[str]:
        return iter(list(self.kept))
