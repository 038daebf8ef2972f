"""Recognition on this machine with the edge agent's models. No picture leaves the machine."""

import io
import threading
import uuid
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge_agent.messages import Box
from edge_agent.vision.files import ModelsUnavailable, models_folder
from faces.recognisers.recogniser import (
    DetectedCup,
    DetectedFace,
    Detections,
    Gallery,
    IndexedFace,
    Match,
    RecogniserUnavailable,
    UnusablePicture,
)

FACE_THRESHOLD = 0.55
"""The edge agent's threshold."""


class LocalRecogniser:
    """A `Recogniser` that stores no faces itself; it searches embeddings in the site's gallery.

    A lock lets one thread at a time use the models, which are not thread-safe.
    """

    name = "local"
    detects_emotions = False

    def __init__(self, models: Path) -> None:
        """`models` is the folder that the command `fetch_models` fills. Raises `RecogniserUnavailable`."""
        # Imported on use, because they load OpenCV and dlib, which most processes do not need.
        from edge_agent.vision.faces import FaceDetector
        from edge_agent.vision.identity import SAME_PERSON, FaceEmbedder
        from edge_agent.vision.objects import ObjectDetector

        self._lock, self._within = threading.Lock(), SAME_PERSON
        try:
            self._faces = FaceDetector(models, threshold=FACE_THRESHOLD)
            self._objects = ObjectDetector(models)
            self._embedder = FaceEmbedder(models)
        except ModelsUnavailable as error:
            raise RecogniserUnavailable(str(error)) from error

    @classmethod
    def from_environment(cls) -> "LocalRecogniser":
        return cls(models_folder())

    def detect(self, jpeg: bytes) -> Detections:
        rgb = _decoded(jpeg)
        with self._lock:
            faces = self._faces.detect_quickly(rgb)
            cups = self._objects.detect_cups(rgb, [face.box for face in faces if face.box is not None])
        detected = [DetectedFace(face.box, face.confidence) for face in faces if face.box is not None]
        held = tuple(DetectedCup(cup.confidence, cup.box) for cup in cups)
        return Detections(tuple(sorted(detected, key=lambda face: face.box)), held)

    def identify(self, jpeg: bytes, faces: Sequence[Box], *, collection: str, gallery: Gallery) -> list[Match | None]:
        nearest = (gallery.nearest(_to_bytes(row), within=self._within) for row in self._embed(jpeg, faces))
        return [Match(hit[0], 1 - hit[1]) if hit else None for hit in nearest]

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        (embedding,) = self._embed(jpeg, [face])
        return IndexedFace(uuid.uuid4().hex, _to_bytes(embedding))

    def find_by_notes(self, notes: Set[str], *, collection: str) -> list[str]:
        return []

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        """Do nothing: the embeddings are deleted with the database's rows."""

    def list_faces(self, *, collection: str) -> Iterator[str]:
        return iter(())

    def _embed(self, jpeg: bytes, faces: Sequence[Box]) -> list[NDArray[np.float32]]:
        rgb = _decoded(jpeg)
        try:
            with self._lock:
                return [self._embedder.embed(rgb, face) for face in faces]
        except ValueError as error:
            raise UnusablePicture(f"A face lies outside the picture: {error}.") from error


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnusablePicture(f"The picture cannot be decoded: {error}.") from error


def _to_bytes(embedding: NDArray[np.float32]) -> bytes:
    return embedding.astype("<f4").tobytes()
