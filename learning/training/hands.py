"""Finds the hands in pictures of a data set, as the camera box does, and keeps their landmarks with the picture."""

import functools
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from devices.reading.pictures import BadPicture
from edge_agent.vision.files import models_folder
from learning.datasets import pictures
from learning.datasets.boxes import overlap
from learning.models import Picture

if TYPE_CHECKING:
    from edge_agent.vision.hands import HandDetector

AT_BOX = 0.3
"""Intersection over union from which on a hand's landmarks lie in an annotated box. A box that is drawn around a whole
hand is larger than the box of its landmarks."""

AROUND_BOX = 2.0
"""Side of the square around an annotated box that is looked at, over the box's longer side, if the look at the whole
picture finds no hand there. The camera box looks at a square around each person."""

DIGITS = 1
"""Decimals of the landmarks in pixels that are kept."""

Landmarks = NDArray[np.float64]

_lock = threading.Lock()


@functools.cache
def detector() -> "HandDetector":
    """Return this process's detector. Raises `edge_agent.vision.files.ModelsUnavailable`."""
    from edge_agent.vision.hands import HandDetector

    return HandDetector(models_folder())


def find_hands(rgb: Any, boxes: Iterable[Sequence[int]]) -> list[Landmarks]:
    """Return the landmarks, 21 × 3 in pixels, of all hands in the picture; around these boxes small ones are found too.

    The result does not depend on former pictures.
    """
    with _lock:
        look = detector()
        found = look.landmarks(rgb)
        for box in boxes:
            if not any(overlap(box_of(each), box) >= AT_BOX for each in found):
                left, top, part = _around(rgb, box)
                near = [each + np.array((left, top, 0)) for each in look.landmarks(part)]
                found += [
                    each for each in near if not any(overlap(box_of(each), box_of(one)) >= AT_BOX for one in found)
                ]
    return found


def box_of(landmarks: Landmarks) -> tuple[int, int, int, int]:
    """Return the box around the landmarks: left, top, width, height."""
    left, top = np.floor(landmarks[:, :2].min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(landmarks[:, :2].max(axis=0)).astype(int).tolist()
    return left, top, max(right - left, 1), max(bottom - top, 1)


def look_at(picture: Picture, boxes: Iterable[Sequence[int]]) -> None:
    """Find the picture's hands, and store them with it. A picture that cannot be read has none."""
    try:
        hands = find_hands(pictures.pixels(picture), boxes)
    except (BadPicture, OSError):
        hands = []
    picture.hands = [np.round(each, DIGITS).tolist() for each in hands]
    Picture.objects.filter(pk=picture.pk).update(hands=picture.hands)


def hands_of(picture: Picture) -> list[Landmarks]:
    """Return the landmarks that are stored with the picture."""
    return [np.array(each, float) for each in picture.hands or []]


def _around(rgb: Any, box: Sequence[int]) -> tuple[int, int, Any]:
    """Return the corner of the square around the box, and the square, cut off at the picture's edges."""
    height, width = rgb.shape[:2]
    half = AROUND_BOX * max(box[2], box[3]) / 2
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    left, top = max(0, round(x - half)), max(0, round(y - half))
    right, bottom = min(width, round(x + half)), min(height, round(y + half))
    return left, top, np.ascontiguousarray(rgb[top:bottom, left:right])
