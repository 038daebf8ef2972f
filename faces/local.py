"""Recognition on this machine, by the edge agent's own models: nothing leaves it."""

import io
import threading
import uuid
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge_agent.messages import Box
from edge_agent.vision.faces import FaceDetector
from edge_agent.vision.files import ModelsUnavailable, models_folder
from edge_agent.vision.identity import SAME_PERSON, FaceEmbedder
from edge_agent.vision.objects import ObjectDetector
from faces.recogniser import Indexed, Match, RecogniserUnavailable, Seen, SeenCup, SeenFace, UnusablePicture

FACE_THRESHOLD = 0.6
"""As the edge agent's: in the simulated rooms real faces had 0.66 or more, what only looked like one at most 0.59."""

CUP = "cup"
"""What the object detector calls mugs and coffee cups."""


class LocalRecogniser:
    """A `Recogniser` that keeps no faces itself: their embeddings live in the database.

    Threads take turns, as the models are not thread-safe.
    """

    name = "local"

    def __init__(self, models: Path) -> None:
        """`models` is the folder that the command `fetch_models` filled. Raises `RecogniserUnavailable`."""
        self._lock = threading.Lock()
        try:
            self._faces = FaceDetector(models, threshold=FACE_THRESHOLD)
            self._objects = ObjectDetector(models)
            self._embedder = FaceEmbedder(models)
        except ModelsUnavailable as error:
            raise RecogniserUnavailable(str(error)) from error

    @classmethod
    def from_environment(cls) -> "LocalRecogniser":
        return cls(models_folder())

    def look(self, jpeg: bytes) -> Seen:
        rgb = _decoded(jpeg)
        with self._lock:
            faces = self._faces.detect(rgb)
            things = self._objects.detect(rgb)
        found = [SeenFace(face.box, face.confidence) for face in faces if face.box is not None]
        cups = [SeenCup(thing.confidence, thing.box) for thing in things if thing.label == CUP]
        return Seen(tuple(sorted(found, key=lambda face: face.box)), tuple(cups))

    def identify(
        self, jpeg: bytes, faces: Sequence[Box], *, collection: str, known: Sequence[Indexed]
    ) -> list[Match | None]:
        gallery = [face for face in known if face.embedding is not None]
        if not gallery or not faces:
            return [None] * len(faces)
        matrix = np.stack([_from_bytes(face.embedding) for face in gallery if face.embedding is not None])
        return [self._nearest(embedding, matrix, gallery) for embedding in self._embed(jpeg, faces)]

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> Indexed:
        (embedding,) = self._embed(jpeg, [face])
        return Indexed(uuid.uuid4().hex, embedding.astype("<f4").tobytes())

    def noted(self, notes: Set[str], *, collection: str) -> list[str]:
        return []

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        """Nothing to do: what it knows goes with the database's rows."""

    def _embed(self, jpeg: bytes, faces: Sequence[Box]) -> list[NDArray[np.float32]]:
        rgb = _decoded(jpeg)
        with self._lock:
            return [self._embedder.embed(rgb, face) for face in faces]

    @staticmethod
    def _nearest(
        embedding: NDArray[np.float32], matrix: NDArray[np.float32], gallery: Sequence[Indexed]
    ) -> Match | None:
        distances = np.linalg.norm(matrix - embedding, axis=1)
        best = int(distances.argmin())
        distance = float(distances[best])
        return Match(gallery[best].provider_id, 1 - distance) if distance < SAME_PERSON else None


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            return np.array(picture.convert("RGB"), np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise UnusablePicture(f"The picture cannot be decoded: {error}.") from error


def _from_bytes(embedding: bytes) -> NDArray[np.float32]:
    return np.frombuffer(embedding, "<f4").astype(np.float32)
