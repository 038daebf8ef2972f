"""Tells a gesture from a hand's landmarks by a trained model."""

import time

import numpy as np
from numpy.typing import NDArray

from edge_agent.learned import hand_features
from edge_agent.learned.model_file import BadModelFile, ModelFile
from edge_agent.vision.gestures import Gesture

CLOSE = 1e-3
"""Largest difference of a confidence from that of the self-test; the processors of boxes round differently."""

MAX_HAND_MS = 5.0
"""Milliseconds that a model may take for a hand. A look at a hand takes 30 ms and more, so this is a tenth of a frame
with two hands at five frames a second."""

FEWEST_TESTED, MOST_TESTED = 1, 200
"""Hands of the self-test."""


class GestureModel:
    """A trained model of gestures. Raises `BadModelFile` where its arrays do not fit together.

    A hand that is further from every learned gesture than the hands of the training makes none of them.
    """

    def __init__(self, file: ModelFile) -> None:
        if file.header.kind != "gesture":
            raise BadModelFile(f"the model is of the kind “{file.header.kind}”, not of gestures")
        count, labels = hand_features.COUNT, len(file.header.labels)
        self.header = file.header
        self._mean, self._scale = file.array("mean", count), file.array("scale", count)
        self._weights, self._bias = file.array("weights", labels, count), file.array("bias", labels)
        self._projection = file.array("projection", None, count)
        self._centres = file.array("centres", labels, len(self._projection))
        self._reach = file.array("reach", labels)
        self._tests = file.array("test_landmarks", None, hand_features.LANDMARKS, 3)
        self._answers = file.array("test_answers", len(self._tests), labels)
        if not (self._scale > 0).all():
            raise BadModelFile("the array “scale” must be greater than zero")
        if not FEWEST_TESTED <= len(self._tests) <= MOST_TESTED:
            raise BadModelFile(f"the self-test has {len(self._tests)} hands, not {FEWEST_TESTED} to {MOST_TESTED}")

    def confidences(self, landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the confidence of each label, 0 to 1; all are 0 for a hand unlike those of the training."""
        scaled = (hand_features.describe(landmarks) - self._mean) / self._scale
        logits = self._weights @ scaled + self._bias
        likely = np.exp(logits - logits.max())
        likely /= likely.sum()
        away = np.linalg.norm(self._centres - self._projection @ scaled, axis=1)
        return np.asarray(likely * bool((away <= self._reach).any()), np.float64)

    def judge(self, landmarks: NDArray[np.floating]) -> Gesture | None:
        """Return the gesture that the hand makes; None for none, or one that is not reported."""
        confidences = self.confidences(landmarks)
        best = int(confidences.argmax())
        label, confidence = self.header.labels[best], float(confidences[best])
        if confidence < max(self.header.threshold, np.finfo(float).tiny) or label in self.header.silent:
            return None
        return Gesture(label, confidence, compared=len(self.header.labels) > 1)

    def test(self) -> float:
        """Judge the hands of the self-test; return the median of the milliseconds for a hand.

        Raises `BadModelFile` for another answer than the file's, or slowness.
        """
        took = []
        for landmarks, expected in zip(self._tests, self._answers, strict=True):
            start = time.perf_counter()
            answer = self.confidences(landmarks)
            took.append(time.perf_counter() - start)
            if np.abs(answer - expected).max() > CLOSE:
                raise BadModelFile("the model answers otherwise here than where it was trained")
        milliseconds = 1000 * float(np.median(took))
        if milliseconds > MAX_HAND_MS:
            raise BadModelFile(f"the model takes {milliseconds:.1f} ms for a hand; at most {MAX_HAND_MS:g} are allowed")
        return milliseconds
