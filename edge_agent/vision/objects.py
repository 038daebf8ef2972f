"""Detects cups and people in a frame."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Box, Labelled
from edge_agent.vision import files, mediapipe_tasks
from edge_agent.vision.reach import SURE_AGAIN, cup_square, cups_square, held_cups
from edge_agent.vision.search import (
    Found,
    Picture,
    Tile,
    check_picture,
    distinct,
    is_among,
    look_at_parts,
    pixels,
    search,
)

CUP, PERSON = "cup", "person"

LABELS = {"Mug": CUP, "Coffee cup": CUP, "Person": PERSON}
"""The model's classes that are reported, and the label of each; several classes may share a label."""

TILE = 1.0
"""A tile's side over the frame's shorter side.

Measured with a photographed cup in 60 frames of 1280 × 720: the whole frame alone finds cups of 142 pixels across and
more, with these tiles of 95 and more, and neither finds one in 32 photographs without. Smaller tiles do.
"""

PERSON_THRESHOLD = 0.4
"""Least confidence of a body.

In 40 frames of a film, 94 % of 239 bodies of 35 to 170 pixels are found, and 94 % of the boxes are right
(`make bench-film`).
"""

SMALLEST_PERSON = 36
"""Pixels of the shortest body that is reported. Below, anything upright looks like one."""

THREADS = 1
"""Threads of the model. A second one would make a run shorter, and take more processor time in all."""

INPUT = 300
"""Pixels a side of the model's input. The constants below are from the model's training pipeline, SSD
MobileNetV2."""
GRIDS = (19, 10, 5, 3, 2, 1)
"""Cells a side of each layer: 300 pixels at strides of 16 to 512, rounded up."""
SMALLEST, LARGEST = 0.2, 0.95
"""Anchor scales of the first and the last layer, over the input's side."""
RATIOS = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)
LOWEST_LAYER = ((0.1, 1.0), (SMALLEST, 2.0), (SMALLEST, 1 / 2))
CENTRE_SCALE, SIZE_SCALE = 10.0, 5.0
"""Factors by which the model's outputs exceed the centres' shifts and the logarithms of the sizes."""


class ObjectDetector:
    """Finds objects with MediaPipe Objectron's SSD MobileNetV2.

    `models` is the folder that `files.fetch_models` filled. `threshold` is the least confidence, 0 to 1; at the
    default of 0.35 the whole frame alone shows 12 of 14 photographed cups, and none in 21 photographs without.
    Not thread-safe: one detector for each thread.

    Raises `files.ModelsUnavailable` where a model file is missing.
    """

    def __init__(self, models: Path, *, threshold: float = 0.35) -> None:
        names = files.require(models, files.OBJECT_LABELS).read_text("utf-8").split("\n")
        self._columns = [(column, LABELS[name]) for column, name in enumerate(names) if name in LABELS]
        self._threshold = threshold
        self._anchors = anchors()
        with mediapipe_tasks.quiet():
            self._load(files.require(models, files.OBJECTS))

    def detect(self, rgb: Picture) -> tuple[Labelled, ...]:
        """Return all cups ("cup") and people ("person"), highest confidence first.

        Boxes are in pixels of `rgb` (height × width × 3, RGB) and inside it. Cups of a sixth of the shorter
        side and more are found. Raises `ValueError` where `rgb` is not such a picture.
        """
        check_picture(rgb)
        found = search(rgb, round(TILE * min(rgb.shape[:2])), self._look)
        return tuple(Labelled(thing.label, round(thing.confidence, 4), pixels(thing, rgb)) for thing in found)

    def detect_cups_below(self, rgb: Picture, faces: Sequence[Box]) -> tuple[Labelled, ...]:
        """Return the cups that people with these faces hold, each with the index of its person's face.

        Each person's square below the chin is looked at on its own, so that small cups are found.
        Boxes and order are as in `detect`.
        """
        check_picture(rgb)
        return held_cups([cup for face in faces for cup in self.look_below(rgb, face)], rgb, faces)

    def look_below(self, rgb: Picture, face: Box) -> list[Found]:
        """Return the cups in the square below the chin of the person with this face, in pixels of `rgb`.

        Each cup must be found again in a second look, at the square around it: a bowl passes one of the looks now and
        then, and seldom both. A person holds two cups at most.
        """
        cups = distinct(self._cups(rgb, cups_square(face, rgb), self._threshold))[:2]
        least = SURE_AGAIN * self._threshold
        return [cup for cup in cups if is_among(cup, self._cups(rgb, cup_square(cup, face, rgb), least))]

    def _cups(self, rgb: Picture, square: Tile, threshold: float) -> list[Found]:
        found = self._look(square.of(rgb), threshold)
        return [cup.moved(square.left, square.top) for cup in found if cup.label == CUP]

    def find_people(self, rgb: Picture, parts: Iterable[Tile]) -> list[Box]:
        """Return the bodies in these parts of the frame, the most certain first, also such as an edge of it cuts.

        A body of a sixth of a part's side is found, from behind as well as from the front.
        """
        check_picture(rgb)
        people = distinct(thing for thing in look_at_parts(rgb, parts, self._look) if thing.label == PERSON)
        sure = (each for each in people if each.confidence >= PERSON_THRESHOLD and each.height >= SMALLEST_PERSON)
        return [pixels(person, rgb) for person in sure]

    def detect_cups(self, rgb: Picture, faces: Sequence[Box]) -> tuple[Labelled, ...]:
        """Return the cups anywhere in a picture, as `detect`, and the small ones below these faces."""
        found = [*self.detect(rgb), *self.detect_cups_below(rgb, faces)]
        cups = {Found(cup.confidence, *cup.box, cup.label): cup for cup in found if cup.label == CUP and cup.box}
        return tuple(cups[cup] for cup in distinct(cups))

    def _load(self, model: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(str(model), num_threads=THREADS)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = {output["name"]: output["index"] for output in self._interpreter.get_output_details()}
        self._boxes = outputs["raw_outputs/box_encodings"]
        self._classes = outputs["raw_outputs/class_predictions"]

    def _look(self, rgb: Picture, threshold: float | None = None) -> list[Found]:
        small = cv2.resize(rgb, (INPUT, INPUT), interpolation=cv2.INTER_AREA)
        self._interpreter.set_tensor(self._input, (small.astype(np.float32) / 127.5 - 1)[np.newaxis])
        self._interpreter.invoke()
        confidences = _sigmoid(self._interpreter.get_tensor(self._classes)[0])
        height, width = rgb.shape[:2]
        boxes = decode(self._interpreter.get_tensor(self._boxes)[0], self._anchors) * (width, height, width, height)
        return [
            Found(float(confidences[row, column]), left, top, across, down, label)
            for column, label in self._columns
            for row in np.flatnonzero(confidences[:, column] >= (threshold or self._threshold))
            for left, top, across, down in [boxes[row].tolist()]
        ]


def anchors() -> NDArray[np.float32]:
    """Return the model's 1,917 anchor boxes in its order: centre x and y, width, height, over the input's side."""
    scales = [*np.linspace(SMALLEST, LARGEST, len(GRIDS)), 1.0]
    rows = []
    for layer, cells in enumerate(GRIDS):
        between = (scales[layer] * scales[layer + 1]) ** 0.5
        shapes = [*((scales[layer], ratio) for ratio in RATIOS), (between, 1.0)] if layer else LOWEST_LAYER
        sizes = [(scale * ratio**0.5, scale / ratio**0.5) for scale, ratio in shapes]
        centres = [((x + 0.5) / cells, (y + 0.5) / cells) for y in range(cells) for x in range(cells)]
        rows += [centre + size for centre in centres for size in sizes]
    return np.array(rows, np.float32)


def decode(encodings: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the boxes (n × left, top, width, height) of the model's encodings (n × y, x, height, width)."""
    centres = encodings[:, [1, 0]] / CENTRE_SCALE * anchors[:, 2:] + anchors[:, :2]
    sizes = np.exp(encodings[:, [3, 2]] / SIZE_SCALE) * anchors[:, 2:]
    return np.hstack([centres - sizes / 2, sizes])


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
