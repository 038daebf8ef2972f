"""Detects faces in a frame, and tells which of them are turned to the camera."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_agent.messages import Accuracy, Box, Face
from edge_agent.vision import files, mediapipe_tasks
from edge_agent.vision.blazeface import BlazeFace
from edge_agent.vision.centerface import CenterFace
from edge_agent.vision.head_pose import WITH_MOUTH_CORNERS, head_pose
from edge_agent.vision.search import (
    TILE,
    Found,
    Picture,
    Tile,
    check_picture,
    distinct,
    is_among,
    look_at_parts,
    overlap,
    pixels,
    search,
)

QUICK_CANDIDATE, EXACT_CANDIDATE = 0.3, 0.25
"""Least confidences with which the two searches propose a face. The looks at its crop decide."""

CROPS = ((2.0, 96), (4.0, 128))
"""The looks at a proposed face: the crop's side over the face's, and the side in pixels to which the crop is scaled.

One look that shows the face suffices, so that most faces need only the first.
"""

FOLLOWED = ((3.0, 96), (5.0, 160), *CROPS)
"""The looks that follow a known face: most are near the expected place, and the second look costs three times as much.
Between two looks, a fifth of a second apart, a person who walks past moves by one and a half heights of their face."""

KNOWN = 0.7
"""The share of the threshold at which a known face is still seen. Without it, a face of which the model is hardly
certain would come and go from look to look."""

SMALLEST = 12
"""Pixels of the shortest face that is reported. Below, ten pixels of anything look like a face."""

SAME_FACE = 0.25
"""Intersection over union from which on a look at a crop shows the proposed face."""

MOST_PIXELS: dict[Accuracy, int] = {"balanced": 1280 * 720, "high": 2560 * 1440}
"""The most pixels that an exact search looks at. A larger frame is scaled down to them first."""

ENLARGED, MOST_ENLARGED = 1280 * 720, 2.0
"""A smaller frame is scaled up to so many pixels, but by no more than that factor: its faces are small, too."""

PITCH_AHEAD, PITCH_GAIN = 2.0, 2.5
"""The pitch that the key points of a face show that looks ahead, and the factor by which they understate a nod.

The model draws lowered faces as if they were lowered less: of 87 faces that were judged by eye, those that look ahead
have 2.1 ± 3.5 degrees, and those that look down at a table or a telephone −5 to −20.
"""

FACING_ANGLE = 30.0
"""A face faces the camera up to this angle between the two, in degrees.

Of those 87 faces, 43 of 44 that face the camera are kept, and 37 of 43 others are not. What is missed looks down or
past the camera by less than 30 degrees.
"""


class FaceDetector:
    """Finds faces.

    Candidates are found in two ways: by MediaPipe's full-range model in tiles of the frame, which is the quick search,
    and by CenterFace in the whole frame, which is the exact one. The exact search takes three times the processor time
    and shows smaller and more turned faces. CenterFace confirms each candidate in a crop. `accuracy` decides how many
    pixels of a large frame the exact search looks at.

    `models` is the folder that `files.fetch_models` filled. `threshold` is the least confidence, 0 to 1. A face faces
    the camera up to `facing_angle`, in degrees. Not thread-safe: one detector for each thread.

    Raises `files.ModelsUnavailable` where a model is missing or damaged.
    """

    def __init__(
        self,
        models: Path,
        *,
        threshold: float = 0.55,
        accuracy: Accuracy = "balanced",
        facing_angle: float = FACING_ANGLE,
    ) -> None:
        self._threshold, self._most_pixels, self._facing_angle = threshold, MOST_PIXELS[accuracy], facing_angle
        with mediapipe_tasks.quiet():
            self._quick = BlazeFace(files.require(models, files.FACES))
            self._exact = CenterFace(files.require(models, files.FACES_EXACT))

    def detect(self, rgb: Picture) -> tuple[Face, ...]:
        """Return all faces, the most certain first; boxes in pixels of `rgb` (height × width × 3, RGB) and inside it.

        A box goes from the forehead to the chin. Raises `ValueError` where `rgb` is not such a picture.
        """
        check_picture(rgb)
        factor = self._factor(rgb)
        # What the exact search enlarges may be too large for it, and what it scales down may be too small.
        quickly = search(rgb, TILE, self._look_quickly) if factor < 1 else self._look_quickly(rgb)
        candidates = [*quickly, *self._look_exactly(rgb, factor)]
        return self._faces(rgb, self._confirmed(rgb, distinct(candidates)))

    def detect_quickly(self, rgb: Picture) -> tuple[Face, ...]:
        """As `detect`, in less than half of its time: faces in profile and below 30 pixels may be missed."""
        check_picture(rgb)
        return self._faces(rgb, self._confirmed(rgb, search(rgb, TILE, self._look_quickly)))

    def follow(
        self, rgb: Picture, known: Iterable[Box], parts: Iterable[Tile] = (), exactly: Iterable[Tile] = ()
    ) -> tuple[Face, ...]:
        """As `detect`, in a fraction of its time: the large faces, and the small ones that are known or in `parts`.

        `known` are the boxes of faces in a frame of a moment ago, or where they are expected now. A small face that is
        in none of the parts of the frame (`SearchPlan.due`) and was not known is not found. The parts `exactly` are
        searched exactly.
        """
        check_picture(rgb)
        factor = self._factor(rgb)
        candidates = [
            *self._look_quickly(rgb),
            *look_at_parts(rgb, parts, self._look_quickly),
            *look_at_parts(rgb, exactly, lambda part: self._look_exactly(part, factor)),
        ]
        found = list(self._confirmed(rgb, distinct(candidates)))
        for face in (Found(0.0, *box) for box in known):
            if not any(overlap(face, other) > SAME_FACE for other in found):
                found += self._followed(rgb, face, found)
        return self._faces(rgb, found)

    def _followed(self, rgb: Picture, face: Found, others: Sequence[Found]) -> list[Found]:
        """Return what the first look shows that shows more than `others`, the faces that were found already."""
        for share, side in FOLLOWED:
            looked = self._look_at(rgb, face, share, side, KNOWN * self._threshold)
            new = [each for each in looked if not is_among(each, others)]
            if new:
                return new
        return []

    def _look_quickly(self, rgb: Picture) -> list[Found]:
        return self._quick.find(rgb, QUICK_CANDIDATE)

    def _look_exactly(self, rgb: Picture, factor: float) -> list[Found]:
        return [face.scaled(1 / factor) for face in self._exact.find(_scaled(rgb, factor), EXACT_CANDIDATE)]

    def _factor(self, rgb: Picture) -> float:
        """Return the factor by which an exact search scales this frame."""
        shown = rgb.shape[0] * rgb.shape[1]
        enlarged = min(max((ENLARGED / shown) ** 0.5, 1.0), MOST_ENLARGED)
        return float(min((self._most_pixels / shown) ** 0.5, enlarged))

    def _confirmed(self, rgb: Picture, candidates: Iterable[Found]) -> Iterator[Found]:
        for candidate in candidates:
            looks = (self._look_at(rgb, candidate, share, side, self._threshold) for share, side in CROPS)
            shown = ([face for face in look if overlap(face, candidate) > SAME_FACE] for look in looks)
            face = next((max(faces) for faces in shown if faces), None)
            if face is not None:
                yield face

    def _look_at(self, rgb: Picture, face: Found, share: float, side: int, threshold: float) -> list[Found]:
        """Return what a crop around this face shows; `share` is the crop's side over the face's."""
        tile = _around(face, share, rgb)
        factor = side / max(tile.width, tile.height)
        found = self._exact.find(_scaled(tile.of(rgb), factor), threshold)
        return [each.scaled(1 / factor).moved(tile.left, tile.top) for each in found]

    def _faces(self, rgb: Picture, found: Iterable[Found]) -> tuple[Face, ...]:
        return tuple(self._face(rgb, face) for face in distinct(found) if face.height >= SMALLEST)

    def _face(self, rgb: Picture, face: Found) -> Face:
        pose = head_pose(face.points, WITH_MOUTH_CORNERS)
        nod = min(max(PITCH_GAIN * (pose.pitch - PITCH_AHEAD), -90.0), 90.0)
        pose = pose._replace(pitch=nod)
        return Face(
            confidence=round(face.confidence, 4),
            box=pixels(face, rgb),
            facing=pose.angle <= self._facing_angle,
            yaw=round(pose.yaw, 1),
            pitch=round(pose.pitch, 1),
        )


def _scaled(rgb: Picture, factor: float) -> Picture:
    if factor == 1.0:
        return rgb
    size = (max(round(rgb.shape[1] * factor), 1), max(round(rgb.shape[0] * factor), 1))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=method), np.uint8)


def _around(face: Found, share: float, rgb: Picture) -> Tile:
    height, width = rgb.shape[:2]
    side = max(round(share * max(face.width, face.height)), 1)
    left = round(face.left + face.width / 2 - side / 2)
    top = round(face.top + face.height / 2 - side / 2)
    across, down = min(side, width), min(side, height)
    return Tile(min(max(left, 0), width - across), min(max(top, 0), height - down), across, down)
