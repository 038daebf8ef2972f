"""Boxes that models propose for a picture: hands with their gestures, faces, cups and people."""

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_agent.vision.files import models_folder
from learning.datasets import pictures
from learning.evaluating.matching import BoxSides
from learning.models import Kind, Picture, Run
from learning.training import gestures, hands

if TYPE_CHECKING:
    from edge_agent.vision.faces import FaceDetector
    from edge_agent.vision.objects import ObjectDetector

HAND_MARGIN = 0.12
"""Margin of a proposed box around a hand's landmarks, over the longer side: fingers are thicker than landmarks."""

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A box that a model proposes, in whole pixels of the picture."""

    label: str
    """The label that the model says; "" for a hand without a known gesture."""
    kind: str
    """`hand`, `face`, `cup` or `person`."""
    confidence: float
    box: BoxSides


@functools.cache
def _detectors() -> "tuple[FaceDetector, ObjectDetector]":
    from edge_agent.vision.faces import FaceDetector
    from edge_agent.vision.objects import ObjectDetector

    return FaceDetector(models_folder()), ObjectDetector(models_folder())


def propose(picture: Picture) -> list[Proposal]:
    """Return the proposals for a picture. A hand's label is that of the data set's latest model.

    Raises `FileNotFoundError` where the picture is gone, and `edge_agent.vision.files.ModelsUnavailable`.
    """
    rgb = pictures.pixels(picture)
    size = picture.width, picture.height
    of_gestures = Run.objects.filter(data_set=picture.data_set_id, kind=Kind.GESTURE)
    latest = of_gestures.exclude(model_file="").order_by("-number").first()
    return [*_hands(rgb, size, latest), *_things(rgb, size)]


def _hands(rgb: Any, size: tuple[int, int], latest: Run | None) -> Iterator[Proposal]:
    model = None
    if latest is not None:
        with latest.model_file.open("rb") as file:
            model = gestures.model_of(file.read())
    for landmarks in hands.find_hands(rgb, ()):
        made = model.judge(landmarks) if model else None
        box = _within(_widened(hands.box_of(landmarks)), size)
        yield Proposal(made.label if made else "", "hand", round(made.confidence, 3) if made else 0.0, box)


def _things(rgb: Any, size: tuple[int, int]) -> Iterator[Proposal]:
    with _lock:
        faces, objects = _detectors()
        found = [("face", face.confidence, face.box) for face in faces.detect_quickly(rgb)]
        found += [(thing.label, thing.confidence, thing.box) for thing in objects.detect(rgb)]
    for label, confidence, box in found:
        if box is not None:
            yield Proposal(label, label, round(confidence, 3), _within(box, size))


def _widened(box: BoxSides) -> BoxSides:
    margin = round(HAND_MARGIN * max(box[2], box[3]))
    return box[0] - margin, box[1] - margin, box[2] + 2 * margin, box[3] + 2 * margin


def _within(box: BoxSides, size: tuple[int, int]) -> BoxSides:
    left, top = max(0, min(box[0], size[0] - 1)), max(0, min(box[1], size[1] - 1))
    right, bottom = min(size[0], box[0] + box[2]), min(size[1], box[1] + box[3])
    return left, top, max(1, right - left), max(1, bottom - top)
