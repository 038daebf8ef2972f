"""Finds the things of a trained model in pictures, by the features of the object detector that is shipped."""

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.learned import thing_features
from edge_agent.learned.model_file import BadModelFile, ModelFile
from edge_agent.learned.seen import Seen
from edge_agent.vision.files import ModelsUnavailable
from edge_agent.vision.search import Found

CLOSE = 2e-3
"""Largest difference of a confidence from that of the self-test; the processors of boxes round differently."""

CLOSE_FEATURES = 0.02
"""Largest difference of a mean feature of the drawn picture, of at most 6, from that of the training."""

MAX_PART_MS = 500.0
"""Milliseconds that the network may take for a part of a frame. A frame of 16 by 9 has nine parts, so a box at this
limit looks every 18 seconds; a server takes 7 ms."""

FEWEST_TESTED, MOST_TESTED = 1, 200
"""Windows of the self-test."""

MOST_ASPECTS = 20
MOST_FOUND = 50
"""Things of a frame that are reported at most, the surest first."""

MOST_COMPARED = 5_000
"""Detections that are compared with each other, the surest ones."""

DOUBLE = 0.3
"""Overlap from which the weaker of two detections is left out."""


class ThingModel:
    """A trained model of things. Raises `BadModelFile` where its arrays do not fit together, or without the network."""

    def __init__(self, file: ModelFile, models: Path) -> None:
        """`models` is the folder of the models that are shipped."""
        if file.header.kind != "thing":
            raise BadModelFile(f"the model is of the kind “{file.header.kind}”, not of things")
        rows, numbers = len(file.header.labels) + 1, 4 * thing_features.CHANNELS
        self.header = file.header
        scale, self._aspects = file.array("scale", numbers), file.array("aspects", None).tolist()
        if not (scale > 0).all():
            raise BadModelFile("the array “scale” must be greater than zero")
        if not 1 <= len(self._aspects) <= MOST_ASPECTS or not all(0.05 <= each <= 20 for each in self._aspects):
            raise BadModelFile(f"the array “aspects” must have 1 to {MOST_ASPECTS} numbers from 0.05 to 20")
        self._weights = thing_features.weights_of(
            mean=file.array("mean", numbers),
            scale=scale,
            weights=file.array("weights", rows, numbers),
            bias=file.array("bias", rows),
        )
        self._tests = file.array("test_windows", None, numbers).astype(np.float32)
        self._answers = file.array("test_answers", len(self._tests), rows)
        self._features = file.array("test_features", thing_features.CHANNELS)
        if not FEWEST_TESTED <= len(self._tests) <= MOST_TESTED:
            raise BadModelFile(f"the self-test has {len(self._tests)} windows, not {FEWEST_TESTED} to {MOST_TESTED}")
        try:
            self._network = thing_features.network(models)
        except ModelsUnavailable as error:
            raise BadModelFile(f"things cannot be looked for here: {error}") from None

    def answers(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the confidence of nothing and of each label, a row for each row of a window's numbers."""
        return thing_features.shares_of_numbers(windows, self._weights)

    def find(self, seen: Seen, *, least: float | None = None) -> list[Found]:
        """Return the things, surest first, at least as sure as the model's threshold or as `least`."""
        boxes, views = thing_features.windows(seen.cells(self._network), self._aspects)
        confidences = thing_features.shares_of(views, self._weights)
        return strongest(
            boxes, confidences[:, 1:], self.header.labels, self.header.threshold if least is None else least
        )

    def test(self) -> float:
        """Judge the windows of the self-test and a drawn picture; return the milliseconds for a part of a frame.

        Raises `BadModelFile` for another answer than the file's, or slowness.
        """
        if np.abs(self.answers(self._tests) - self._answers).max() > CLOSE:
            raise BadModelFile("the model answers otherwise here than where it was trained")
        picture = thing_features.pattern()
        features = self._network.features(picture)
        if np.abs(features.mean(axis=(0, 1)) - self._features).max() > CLOSE_FEATURES:
            raise BadModelFile("the object detector's network answers otherwise here than where the model was trained")
        start = time.thread_time()
        self._network.features(picture)
        milliseconds = 1000 * (time.thread_time() - start)
        if milliseconds > MAX_PART_MS:
            raise BadModelFile(
                f"the network takes {milliseconds:.0f} ms for a part of a frame; at most {MAX_PART_MS:g} are allowed"
            )
        return milliseconds


def strongest(
    boxes: NDArray[np.float64],
    confidences: NDArray[np.float64],
    labels: Sequence[str],
    least: float,
    double: float = DOUBLE,
) -> list[Found]:
    """Return the surest boxes that do not overlap a surer one by more than `double`.

    `confidences` has a row for each box and a column for each label.
    """
    if not len(boxes):
        return []
    sure = confidences.max(axis=1)
    likely = np.flatnonzero(sure >= least)
    if not len(likely):
        return []
    kept = cv2.dnn.NMSBoxes(boxes[likely].tolist(), sure[likely].tolist(), 0.0, double, 1.0, MOST_COMPARED)
    places = likely[np.asarray(kept, np.int64)][:MOST_FOUND].tolist()
    return [
        Found(float(sure[place]), *_sides(boxes[place]), labels[int(confidences[place].argmax())]) for place in places
    ]


def _sides(box: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, top, width, height = box.tolist()
    return left, top, width, height
