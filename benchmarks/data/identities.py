"""Embeddings of real people, and any number of synthetic embeddings with the same distribution."""

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
"""One embedding per row."""

PICTURES_EACH = 5
"""The number of pictures of each synthetic person."""

OTHER_PICTURES = (AS_IT_IS, "mirrored", "half the size", "half as bright")
"""Variations that serve as further pictures of a person."""

APART = 0.8
"""The assumed mean distance of two people if there are too few real ones. LFW's photographs have about this value."""

SHRUNK = 0.5
"""The shrinkage of covariances towards a multiple of the identity matrix (Ledoit and Wolf).

It is needed because there are fewer faces than dimensions.
"""


@dataclass(frozen=True)
class Seen:
    """A face of a photograph under a variation. Its embedding is None if the detector does not find the face."""

    person: str
    photograph: str
    variation: str
    embedding: Embedding | None
    side: int = 0
    """The shorter side of the detected box, in pixels."""


def faces(detector: FaceDetector, embedder: FaceEmbedder, variations: Sequence[str]) -> Iterator[Seen]:
    """Yield all faces of the photographs under these variations. Only photographs of one name show the same person."""
    photographs = [*from_scikit_image(), *from_matplotlib(), *from_folder()]
    people = [(photograph, face) for photograph in photographs for face in photograph.truth.get("faces", [])]
    for number, (photograph, face) in enumerate(tqdm(people, desc="Faces", leave=False)):
        label, marked = face
        person = f"{photograph.name} {number}" if marked else re.sub(r"\d*\.\w+$", "", photograph.name)
        alone = Photograph(photograph.name, photograph.rgb, {"faces": [(label, marked)]})
        for variation in (each for each in VARIATIONS if each.name in variations):
            rgb, truth = varied(alone, variation)
            if truth["faces"]:  # a rotation may move the face out of the picture
                box = _found(detector.detect(rgb), truth["faces"][0][1])
                found = (embedder.embed(rgb, box), min(box[2:])) if box else (None,)
                yield Seen(person, photograph.name, variation.name, *found)


def from_matplotlib() -> Iterator[Photograph]:
    """Yield the portrait of Grace Hopper in matplotlib, which is installed with MediaPipe."""
    from matplotlib.cbook import get_sample_data

    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    yield Photograph("grace-hopper.jpg", read(Path(str(path))), {"faces": [("face", None)]})


def _found(detected: Iterable[Face], marked: Box | None) -> Box | None:
    """Return the box of the face at the marked place, or of the largest face if no place is marked."""
    boxes = [face.box for face in detected if face.box]
    if marked is not None:
        boxes = [box for box in boxes if overlap(box, marked) > SAME]
    return max(boxes, key=lambda box: box[2] * box[3], default=None)


def real(detector: FaceDetector, embedder: FaceEmbedder) -> list[Embeddings]:
    """Return, for each person in the photographs, the embeddings of the variations in `OTHER_PICTURES`."""
    people: dict[str, list[Embedding]] = {}
    for seen in faces(detector, embedder, OTHER_PICTURES):
        if seen.embedding is not None:
            people.setdefault(seen.person, []).append(seen.embedding)
    return [np.stack(embeddings) for embeddings in people.values() if len(embeddings) > 1]


def enrolled(seen: Sequence[Seen]) -> list[Seen]:
    """Return each person's first unchanged photograph in which the face is large enough for enrolment."""
    people: dict[str, Seen] = {}
    for face in seen:
        if face.variation == AS_IT_IS and face.side >= SMALLEST_FACE:
            people.setdefault(face.person, face)
    return list(people.values())


@dataclass(frozen=True)
class Comparison:
    """The comparison of a face with an enrolled one: whether both show one person, and their Euclidean distance."""

    variation: str
    is_same: bool
    distance: float


def comparisons(seen: Sequence[Seen]) -> list[Comparison]:
    """Compare each face under each variation with each enrolled face, but no enrolled face with itself."""
    return [
        Comparison(face.variation, face.person == known.person, float(np.linalg.norm(face.embedding - known.embedding)))
        for face in seen
        for known in enrolled(seen)
        if face is not known and face.embedding is not None and known.embedding is not None
    ]


class Crowd:
    """Draws synthetic people and pictures whose distances are distributed as those of the real ones."""

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
        """Return one random picture of each of these people."""
        return (people + self._drawn(len(people), self._within)).astype(np.float32)

    def gallery(self, size: int) -> tuple[Embeddings, Embeddings]:
        """Return random people, and `size` pictures of them."""
        people = self.people(-(-size // PICTURES_EACH))
        return people, self.pictures(np.repeat(people, PICTURES_EACH, axis=0)[:size])

    def _drawn(self, count: int, root: NDArray[np.float32]) -> Embeddings:
        drawn: Embeddings = self._chance.standard_normal((count, len(root)), np.float32) @ root.T
        return drawn


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float32]:
    even = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    return np.linalg.cholesky((1 - SHRUNK) * covariance + SHRUNK * even).astype(np.float32)
