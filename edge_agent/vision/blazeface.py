"""Runs MediaPipe's full-range model of faces: one quick look at a picture, without tiles and without a second look."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.search import Found, Picture, distinct

CELLS = 48
"""Cells a side of the model's grid, each with one anchor in its middle (MediaPipe's graph
`face_detection_full_range.pbtxt`)."""

VALUES = 16
"""Numbers of each box: its middle, its size, and six key points that nobody uses here."""


SMALLEST_LINEAR = 0.5
"""Scale from which on a picture is scaled down linearly; below, that would skip pixels."""


class BlazeFace:
    """MediaPipe's full-range model of faces. Not thread-safe. Raises `ValueError` where the file is no such model."""

    def __init__(self, model: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(str(model), num_threads=1)
        self._interpreter.allocate_tensors()
        given = self._interpreter.get_input_details()[0]
        self._input, self._side = given["index"], int(given["shape"][1])
        outputs = {int(each["shape"][-1]): each["index"] for each in self._interpreter.get_output_details()}
        self._scores, self._boxes = outputs[1], outputs[VALUES]
        middles = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS
        self._anchors = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)

    def find(self, rgb: Picture, threshold: float) -> list[Found]:
        """Return the faces of at least this confidence, each once, in pixels of the picture."""
        height, width = rgb.shape[:2]
        longest = max(height, width)
        self._interpreter.set_tensor(self._input, self._scaled(rgb, longest))
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._scores)[0, :, 0]
        rows = np.flatnonzero(logits >= _logit(threshold))
        if not rows.size:
            return []
        # The model sees the picture in the upper left corner of a square.
        raw = self._interpreter.get_tensor(self._boxes)[0, rows, :4] / self._side
        raw[:, :2] += self._anchors[rows]
        raw *= longest
        confidences = 1 / (1 + np.exp(-logits[rows].astype(float)))
        return distinct(_found(score, row) for score, row in zip(confidences.tolist(), raw.tolist(), strict=True))

    def _scaled(self, rgb: Picture, longest: int) -> NDArray[np.float32]:
        factor = self._side / longest
        size = (max(round(rgb.shape[1] * factor), 1), max(round(rgb.shape[0] * factor), 1))
        # Tiles are hardly larger than the input, and for them the linear method takes a third of the time.
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if factor < SMALLEST_LINEAR else cv2.INTER_LINEAR)
        square = np.zeros((1, self._side, self._side, 3), np.float32)
        square[0, : size[1], : size[0]] = small
        square[0, : size[1], : size[0]] /= 127.5
        square[0, : size[1], : size[0]] -= 1
        return square


def _found(confidence: float, row: list[float]) -> Found:
    x, y, width, height = row
    return Found(confidence, x - width / 2, y - height / 2, width, height)


def _logit(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.log(inside / (1 - inside)))
