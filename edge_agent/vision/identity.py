"""Whose face it is: faces as points in a space where the faces of one person lie close together."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Box
from edge_agent.vision import files
from edge_agent.vision.search import Picture, check_picture

SAME_PERSON = 0.5
"""The distance below which two faces are taken for the same person's.

dlib's own example `face_recognition.py` takes 0.6, at which 99.38 % of the pairs of Labeled Faces in the Wild are told
right. On the photographs of `make accuracy` that takes 35 of 2,929 pairs of different people for one, and 0.5 takes
none, while both know all 63 pictures of the same people: whom a picture is not enough like stays a stranger.
"""


class FaceEmbedder:
    """Embeds faces with dlib's five-point landmarks and its ResNet.

    `models` is the folder that `files.fetch_models` filled on a machine with dlib; loading takes half a second.
    Not thread-safe: one embedder for each thread.

    Raises `files.ModelsUnavailable` where dlib or one of its weights is missing.
    """

    def __init__(self, models: Path) -> None:
        points, embedding = files.require(models, files.FACE_POINTS), files.require(models, files.FACE_EMBEDDING)
        try:
            import dlib
        except ImportError as error:
            raise files.ModelsUnavailable("dlib is not installed. Install requirements.txt again.") from error
        self._rectangle = dlib.rectangle
        self._points = dlib.shape_predictor(str(points))
        self._network = dlib.face_recognition_model_v1(str(embedding))

    def embed(self, rgb: Picture, box: Box) -> NDArray[np.float32]:
        """The face in `box` as 128 numbers, to be compared by `distance`; the same picture gives the same numbers.

        `box` is `left, top, width, height` in pixels of `rgb` (height × width × 3, RGB), as `FaceDetector` gives
        it. Raises `ValueError` where `rgb` is not such a picture or the box is empty or outside it.
        """
        check_picture(rgb)
        left, top, width, height = box
        if width <= 0 or height <= 0 or not _meets(box, rgb):
            raise ValueError(f"the box {box} shows nothing of a picture of {rgb.shape[1]} × {rgb.shape[0]} pixels")
        picture = np.ascontiguousarray(rgb)
        points = self._points(picture, self._rectangle(left, top, left + width - 1, top + height - 1))
        return np.array(self._network.compute_face_descriptor(picture, points), np.float32)


def distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How far two faces are from each other (Euclidean): 0 for the same numbers, below `SAME_PERSON` for one person."""
    return float(np.linalg.norm(one - other))


def _meets(box: Box, rgb: Picture) -> bool:
    left, top, width, height = box
    return left < rgb.shape[1] and top < rgb.shape[0] and left + width > 0 and top + height > 0
