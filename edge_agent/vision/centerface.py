"""Runs CenterFace, a model that finds small faces in a whole picture at once."""

import os
from pathlib import Path

import cv2
import numpy as np

from edge_agent.vision.search import Found, Picture, distinct

STRIDE = 4
"""Pixels of the input for each cell of the outputs."""

MULTIPLE = 32
"""The sides of the input are multiples of this."""

OUTPUTS = ("537", "538", "539", "540")
"""Names of the model's outputs: heat map, sizes, offsets and landmarks."""

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH_RIGHT, MOUTH_LEFT = range(5)
"""Indices of a face's key points: the person's own right and left."""

KEY_POINTS = 5


class CenterFace:
    """CenterFace by OpenCV. Not thread-safe. Raises `cv2.error` where the file is no such model."""

    def __init__(self, model: Path) -> None:
        self._network = cv2.dnn.readNetFromONNX(os.fspath(model))

    def find(self, rgb: Picture, threshold: float) -> list[Found]:
        """Return the faces, each once, in pixels of the picture; a face has its `KEY_POINTS` key points."""
        height, width = (max(-(-side // MULTIPLE), 1) * MULTIPLE for side in rgb.shape[:2])
        padded = np.zeros((height, width, 3), np.uint8)
        padded[: rgb.shape[0], : rgb.shape[1]] = rgb
        self._network.setInput(cv2.dnn.blobFromImage(padded))
        heat, sizes, offsets, landmarks = self._network.forward(OUTPUTS)
        rows, columns = np.nonzero(heat[0, 0] >= threshold)
        across, down = (np.exp(sizes[0, axis, rows, columns]) * STRIDE for axis in (1, 0))
        left = (columns + offsets[0, 1, rows, columns] + 0.5) * STRIDE - across / 2
        top = (rows + offsets[0, 0, rows, columns] + 0.5) * STRIDE - down / 2
        points = landmarks[0, :, rows, columns]
        xs, ys = points[:, 1::2] * across[:, None] + left[:, None], points[:, ::2] * down[:, None] + top[:, None]
        boxes = np.stack([heat[0, 0, rows, columns], left, top, across, down], axis=1).tolist()
        key_points = np.stack([xs, ys], axis=2).tolist()
        return distinct(
            Found(confidence, x, y, width, height, points=tuple((right, below) for right, below in points))
            for (confidence, x, y, width, height), points in zip(boxes, key_points, strict=True)
        )
