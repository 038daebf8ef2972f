"""Embeddings of real people, and as many synthetic ones around them as a benchmark asks for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.accuracy import (
    AS_IT_IS,
    SAME,
    VARIATIONS,
    Photograph,
    from_folder,
    from_scikit_image,
    overlap,
    read,
    varied,
)
from edge_agent.messages import Box, Face
from edge_agent.vision.faces import FaceDetector
from edge_agent.vision.identity import FaceEmbedder
from faces.enrolment.portraits import SMALLEST_FACE

Embedding = NDArray[np.float32]
Embeddings = NDArray[np.float32]
"""One row each."""

PICTURES_EACH = 5
"""Of each synthetic person."""

OTHER_PICTURES = (AS_IT_IS, "mirrored", "half the size", "half as bright")
"""Variations that stand for further pictures of a person."""

APART = 0.8
"""Mean distance of two people where there are too few real ones to tell; on LFW's photographs it is about that."""

SHRUNK = 0.5
"""How far covariances are drawn towards an even one, as there are fewer faces than dimensions (Ledoit and Wolf)."""


@dataclass(frozen=True)
class Seen:
    """A face of a photograph under a variation, as the platform sees it; None where the detector does not find it."""

    person: str
    photograph: str
    variation: str
    embedding: Embedding | None
    side: int = 0
    """Pixels of the shorter side of what was found."""


def faces(detector: FaceDetector, embedder: FaceEmbedder, variations: Sequence[str]) -> Iterator[Seen]:
    """All faces of the photographs under these variations. Nobody is in two photographs but those of one name."""
    photographs = [*from_scikit_image(), *from_matplotlib(), *from_folder()]
    people = [(photograph, face) for photograph in photographs for face in photograph.truth.get("faces", [])]
    for number, (photograph, face) in enumerate(tqdm(people, desc="Faces", leave=False)):
        label, marked = face
        person = f"{photograph.name} {number}" if marked else re.sub(r"\d*\.\w+$", "", photograph.name)
        alone = Photograph(photograph.name, photograph.rgb, {"faces": [(label, marked)]})
        for variation in (each for each in VARIATIONS if each.name in variations):
            rgb, truth = varied(alone, variation)
            if truth["faces"]:  # not turned out of the picture
                box = _found(detector.detect(rgb), truth["faces"][0][1])
                found = (embedder.embed(rgb, box), min(box[2:])) if box else (None,)
                yield Seen(person, photograph.name, variation.name, *found)


def from_matplotlib() -> Iterator[Photograph]:
    """The portrait of Grace Hopper that matplotlib ships; it comes with MediaPipe."""
    from matplotlib.cbook import get_sample_data

    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    yield Photograph("grace-hopper.jpg", read(Path(str(path))), {"faces": [("face", None)]})


def _found(detected: Iterable[Face], marked: Box | None) -> Box | None:
    """The face at the marked place; the largest, where no place is marked."""
    boxes = [face.box for face in detected if face.box]
    if marked is not None:
        boxes = [box for box in boxes if overlap(box, marked) > SAME]
    return max(boxes, key=lambda box: box[2] * box[3], default=None)


def real(detector: FaceDetector, embedder: FaceEmbedder) -> list[Embeddings]:
    """Of each person in the photographs the embeddings in `OTHER_PICTURES`."""
    people: dict[str, list[Embedding]] = {}
    for seen in faces(detector, embedder, OTHER_PICTURES):
        if seen.embedding is not None:
            people.setdefault(seen.person, []).append(seen.embedding)
    return [np.stack(embeddings) for embeddings in people.values() if len(embeddings) > 1]


def enrolled(seen: Sequence[Seen]) -> list[Seen]:
    """Of each person the first photograph as it is, where the face is as large as the platform asks for."""
    people: dict[str, Seen] = {}
    for face in seen:
        if face.variation == AS_IT_IS and face.side >= SMALLEST_FACE:
            people.setdefault(face.person, face)
    return list(people.values())


@dataclass(frozen=True)
class Comparison:
    """A face against an enrolled one: whether they are one person's, and their Euclidean distance."""

    variation: str
    is_same: bool
    distance: float


def comparisons(seen: Sequence[Seen]) -> list[Comparison]:
    """Each face under each variation against each of the enrolled; but none with itself unchanged."""
    return [
        Comparison(face.variation, face.person == known.person, float(np.linalg.norm(face.embedding - known.embedding)))
        for face in seen
        for known in enrolled(seen)
        if face is not known and face.embedding is not None and known.embedding is not None
    ]


class Crowd:
    """Draws people that lie as far from each other, and pictures that lie as far from their person, as real ones."""

    def __init__(self, people: Sequence[Embeddings], seed: int = 0) -> None:
        self._chance = np.random.default_rng(seed)
        middles = np.stack([pictures.mean(axis=0) for pictures in people])
        within = np.concatenate([pictures - pictures.mean(axis=0) for pictures in people])
        width = middles.shape[1]
        even = np.eye(width) * APART**2 / (2 * width)
        between = np.cov(middles.T) if len(people) > 2 else even
        self._middle, self._between, self._within = middles.mean(axis=0), _root(between), _root(np.cov(within.T))

    def people(self, count: int) -> Embeddings:
        people: Embeddings = (self._middle + self._drawn(count, self._between)).astype(np.float32)
        return people

    def pictures(self, people: Embeddings) -> Embeddings:
        """One of each."""
        return (people + self._drawn(len(people), self._within)).astype(np.float32)

    def gallery(self, size: int) -> tuple[Embeddings, Embeddings]:
        """The people, and so many pictures of them all."""
        people = self.people(-(-size // PICTURES_EACH))
        return people, self.pictures(np.repeat(people, PICTURES_EACH, axis=0)[:size])

    def _drawn(self, count: int, root: NDArray[np.float32]) -> Embeddings:
        drawn: Embeddings = self._chance.standard_normal((count, len(root)), np.float32) @ root.T
        return drawn


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float32]:
    even = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    return np.linalg.cholesky((1 - SHRUNK) * covariance + SHRUNK * even).astype(np.float32)
