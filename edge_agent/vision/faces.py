"""Faces in a frame."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edge_agent.messages import Box, Face
from edge_agent.vision import files, mediapipe_tasks
from edge_agent.vision.search import Found, Picture, Tile, check_picture, distinct, overlap, pixels, search

TILE = 0.6
"""A tile's side over the frame's shorter side.

Measured on nine photographs of groups from PASCAL VOC 2011 with 43 marked faces: the whole frame alone finds 13,
with square tiles of the full shorter side 31, of 0.6 of it 42, and smaller tiles find hands and folds of cloth.
"""

CERTAIN = 0.8
"""A face of at least this confidence needs no second look."""

SECOND_LOOKS = (2.0, 3.0)
"""Sides of the crops for the second looks, over the face's.

On those photographs and eight with one face or none they take away every false face that the tiles bring and none
of the true ones.
"""

FOLLOWED = 3.0
"""Side of the crop in which a known face is looked for again, over the face's: room for a step to either side."""

SAME_FACE = 0.3
"""Intersection over union from which on a second look has found the same face."""


class FaceDetector:
    """Finds faces with MediaPipe's short-range model.

    `models` is the folder that `files.fetch_models` filled; loading takes a second or two.
    `threshold` is the least confidence, 0 to 1. Not thread-safe: one detector for each thread.

    Raises `files.ModelsUnavailable` where the model or a system library is missing.
    """

    def __init__(self, models: Path, *, threshold: float = 0.5) -> None:
        model = files.require(models, files.FACES)
        with mediapipe_tasks.quiet():
            self._task = mediapipe_tasks.create(self, "FaceDetector", model, min_detection_confidence=threshold)
            self._look(np.zeros((1, 1, 3), np.uint8))

    def detect(self, rgb: Picture) -> tuple[Face, ...]:
        """All faces, the most certain first; boxes in pixels of `rgb` (height × width × 3, RGB) and inside it.

        A box goes from the forehead to the chin. Faces of a thirteenth of the shorter side and more are found.
        Raises `ValueError` where `rgb` is not such a picture.
        """
        check_picture(rgb)
        return self._certain(rgb, search(rgb, TILE, self._look))

    def follow(self, rgb: Picture, known: Iterable[Box]) -> tuple[Face, ...]:
        """As `detect`, in a fraction of its time: the large faces, and the small ones where they were just before.

        `known` are the boxes of faces in a frame of a moment ago. A small face that was not there then is not found.
        """
        check_picture(rgb)
        found = self._look(rgb)
        for box in known:
            before = Found(0.0, *box)
            if not any(overlap(face, before) > SAME_FACE for face in found):
                tile = _around(before, FOLLOWED, rgb)
                found += [face.moved(tile.left, tile.top) for face in self._look(tile.of(rgb))]
        return self._certain(rgb, distinct(found))

    def _certain(self, rgb: Picture, found: Iterable[Found]) -> tuple[Face, ...]:
        confirmed = (self._confirmed(rgb, face) for face in found)
        certain = distinct(face for face in confirmed if face is not None)
        return tuple(Face(round(face.confidence, 4), pixels(face, rgb)) for face in certain)

    def _confirmed(self, rgb: Picture, face: Found) -> Found | None:
        """The face with the lowest confidence of all looks, or None where one of them does not find it."""
        if face.confidence >= CERTAIN:
            return face
        for share in SECOND_LOOKS:
            tile = _around(face, share, rgb)
            again = [found.moved(tile.left, tile.top) for found in self._look(tile.of(rgb))]
            same = [found.confidence for found in again if overlap(found, face) > SAME_FACE]
            if not same:
                return None
            face = face._replace(confidence=min(face.confidence, max(same)))
        return face

    def _look(self, rgb: Picture) -> list[Found]:
        found = self._task.detect(mediapipe_tasks.image(rgb)).detections
        return [
            Found(float(face.categories[0].score), box.origin_x, box.origin_y, box.width, box.height)
            for face, box in ((face, face.bounding_box) for face in found)
        ]


def _around(face: Found, share: float, rgb: Picture) -> Tile:
    height, width = rgb.shape[:2]
    side = round(share * max(face.width, face.height))
    left = round(face.left + face.width / 2 - side / 2)
    top = round(face.top + face.height / 2 - side / 2)
    across, down = min(side, width), min(side, height)
    return Tile(min(max(left, 0), width - across), min(max(top, 0), height - down), across, down)
