"""Detects gestures in a frame."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Labelled
from edge_agent.vision import files, mediapipe_tasks
from edge_agent.vision.gestures import Gesture, find_gesture
from edge_agent.vision.hand_traits import measure_traits
from edge_agent.vision.search import Found, Picture, check_picture, pixels

MAX_HANDS = 4
"""Hands that are analysed in one frame; each hand costs a run of the landmark model."""

PALM_THRESHOLD, HAND_THRESHOLD = 0.3, 0.7
"""Least confidence of a palm, for the landmark model to run, and of a hand, for its landmarks to be used.

Measured with a photographed hand in 64 frames of 1280 × 720 at widths from 33 to 178 pixels: 45 gestures are right and
none wrong; with MediaPipe's defaults of 0.5 and 0.5, 42 are right and one wrong.
"""


class HandDetector:
    """Finds the gestures of `gestures.RULES` with MediaPipe's hand landmarks.

    `models` is the folder that `files.fetch_models` filled; loading takes a second or two. `threshold` is the
    least confidence of a gesture; below `gestures.LEAST_CONFIDENCE` it changes nothing.
    Not thread-safe: one detector for each thread.

    Raises `files.ModelsUnavailable` where the model or a system library is missing.
    """

    def __init__(self, models: Path, *, threshold: float = 0.5) -> None:
        model = files.require(models, files.HANDS)
        self._threshold = threshold
        with mediapipe_tasks.quiet():
            self._task = mediapipe_tasks.create(
                self,
                "HandLandmarker",
                model,
                num_hands=MAX_HANDS,
                min_hand_detection_confidence=PALM_THRESHOLD,
                min_hand_presence_confidence=HAND_THRESHOLD,
            )
            self._task.detect(mediapipe_tasks.image(np.zeros((1, 1, 3), np.uint8)))

    def detect(self, rgb: Picture) -> tuple[Labelled, ...]:
        """Return the gestures of all hands, highest confidence first; hands without a gesture are left out.

        Boxes enclose the hand's landmarks, in pixels of `rgb` (height × width × 3, RGB) and inside it. Hands of a fifth
        of the shorter side and more are found, smaller hands often.
        Raises `ValueError` where `rgb` is not such a picture.
        """
        check_picture(rgb)
        hands = self._task.detect(mediapipe_tasks.image(np.ascontiguousarray(rgb))).hand_landmarks
        seen = [(find_gesture(measure_traits(points)), points) for points in (_landmarks(hand, rgb) for hand in hands)]
        found = [_found(made, points) for made, points in seen if made and made.confidence >= self._threshold]
        return tuple(Labelled(hand.label, round(hand.confidence, 4), pixels(hand, rgb)) for hand in sorted(found)[::-1])


def _landmarks(hand: Any, rgb: Picture) -> NDArray[np.float64]:
    """Return the landmarks, 21 × 3, in pixels. MediaPipe's depth has the unit of its x: a fraction of the width."""
    height, width = rgb.shape[:2]
    return np.array([(point.x, point.y, point.z) for point in hand]) * (width, height, width)


def _found(gesture: Gesture, points: NDArray[np.float64]) -> Found:
    left, top = points[:, :2].min(axis=0).tolist()
    right, bottom = points[:, :2].max(axis=0).tolist()
    return Found(gesture.confidence, left, top, right - left, bottom - top, gesture.label)
