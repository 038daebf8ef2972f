"""Finds the rigid thing of a trained model in pictures, by its outlines."""

import math
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.learned import outlines
from edge_agent.learned.model_file import BadModelFile, ModelFile
from edge_agent.learned.seen import Seen
from edge_agent.learned.thing_features import pattern
from edge_agent.learned.thing_model import strongest
from edge_agent.vision.search import Found

STEEPNESS = 4.0
"""Factor of a score in the confidence: a score of 0, dlib's own threshold, is a confidence of 0.5."""

CLOSE = 0.02
"""Largest difference of a score from that of the self-test; the processors of boxes round differently."""

MAX_TEST_MS = 100.0
"""Milliseconds that the self-test's picture of 300 pixels a side may take. A frame of 1280 × 720 pixels takes 33 times
as long, so a box at this limit looks every 13 seconds; a server takes 5 ms."""

LARGEST = 40
"""Cells of a side of the thing at most."""

MOST_DOUBLED = 2


class OutlineModel:
    """A trained model of a rigid thing. Raises `BadModelFile` where its arrays do not fit together."""

    def __init__(self, file: ModelFile) -> None:
        if file.header.kind != "rigid":
            raise BadModelFile(f"the model is of the kind “{file.header.kind}”, not of a rigid thing")
        if len(file.header.labels) != 1:
            raise BadModelFile(f"a rigid thing has one label, and the model has {len(file.header.labels)}")
        self.header = file.header
        self._filters = file.array("filters", outlines.CHANNELS, None, None).astype(np.float32)
        if not all(3 <= side <= LARGEST for side in self._filters.shape[1:]):
            raise BadModelFile(f"the array “filters” must have 3 to {LARGEST} cells a side")
        self._bias = float(file.array("bias", 1)[0])
        self._doubled, doubled = int(file.array("doubled", 1)[0]), float(file.array("doubled", 1)[0])
        if doubled not in range(MOST_DOUBLED + 1):
            raise BadModelFile(f"the array “doubled” must be 0 to {MOST_DOUBLED}")
        self._double = float(file.array("overlap", 1)[0])
        self._answers = file.array("test_scores", None, None)

    def find(self, seen: Seen, *, least: float | None = None) -> list[Found]:
        """Return the things, surest first, at least as sure as the model's threshold or as `least`."""
        least = self.header.threshold if least is None else least
        lowest = math.log(least / (1 - least)) / STEEPNESS if 0 < least < 1 else -math.inf if least <= 0 else math.inf
        down, across = self._filters.shape[1:]
        # A cell around the thing belongs to the filters, but not to the box.
        inset = np.array(((across - 1) // 2 - 2, (down - 1) // 2 - 2))
        size = outlines.CELL * (np.array((across, down)) - 3) + 1
        boxes, sure = [np.zeros((0, 4))], [np.zeros(0)]
        for picture, factor in outlines.scaled(seen.rgb, self._doubled):
            scores = self.scores(outlines.outlines(picture))
            rows, columns = np.nonzero(scores >= lowest)
            corners = outlines.CELL * (np.stack([columns, rows], 1) - inset) + outlines.CELL // 2 + 1
            boxes.append(np.concatenate([corners, np.broadcast_to(size, corners.shape)], 1) / factor)
            sure.append(scores[rows, columns].astype(np.float64))
        confidences = 1 / (1 + np.exp(-STEEPNESS * np.concatenate(sure)))
        return strongest(np.concatenate(boxes), confidences[:, np.newaxis], self.header.labels, least, self._double)

    def scores(self, cells: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how much the surroundings of each cell look like the thing; from 0 on, they do."""
        total = np.full(cells.shape[1:], self._bias, np.float32)
        anchor = tuple((side - 1) // 2 for side in self._filters.shape[:0:-1])
        if total.size:
            for channel, weights in zip(cells, self._filters, strict=True):
                total += cv2.filter2D(channel, cv2.CV_32F, weights, anchor=anchor, borderType=cv2.BORDER_CONSTANT)
        return total

    def test(self) -> float:
        """Judge a drawn picture; return the milliseconds that it took.

        Raises `BadModelFile` for another answer than the file's, or slowness.
        """
        start = time.thread_time()
        scores = self.scores(outlines.outlines(pattern()))
        milliseconds = 1000 * (time.thread_time() - start)
        if scores.shape != self._answers.shape or np.abs(scores - self._answers).max() > CLOSE:
            raise BadModelFile("the model answers otherwise here than where it was trained")
        if milliseconds > MAX_TEST_MS:
            raise BadModelFile(
                f"the model takes {milliseconds:.0f} ms for a small picture; at most {MAX_TEST_MS:g} are allowed"
            )
        return milliseconds
