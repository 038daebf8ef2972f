"""Detects gestures in a frame."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Box, Labelled
from edge_agent.vision import files, mediapipe_tasks
from edge_agent.vision.gestures import LearnedGestures, find_gesture
from edge_agent.vision.hand_traits import measure_traits
from edge_agent.vision.reach import MAX_PEOPLE, hands_square, nearest_face
from edge_agent.vision.search import Found, Picture, check_picture, overlap, pixels

MAX_HANDS = 4
"""Hands that are analysed in one look; each hand costs a run of the landmark model."""

PALM_THRESHOLD, HAND_THRESHOLD = 0.3, 0.7
"""Least confidence of a palm, for the landmark model to run, and of a hand, for its landmarks to be used.

Measured with a photographed hand in 64 frames of 1280 × 720 at widths from 33 to 178 pixels: 45 gestures are right and
none wrong; with MediaPipe's defaults of 0.5 and 0.5, 42 are right and one wrong.
"""

SAME_HAND = 0.4
"""Intersection over union from which on two looks have found the same hand."""

TOUCHING = 0.15
"""Two hands touch where their boxes, widened on each side by this share of their longer side, share an area. A heart
that two hands form is no gesture of either."""


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
        self.learned: LearnedGestures | None = None
        """The trained models that judge each hand beside the built-in rules. May be replaced between two looks."""
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
        of the shorter side and more are found, smaller hands often. A hand that touches another makes no gesture.
        Raises `ValueError` where `rgb` is not such a picture.
        """
        check_picture(rgb)
        return self._gestures(rgb, self._look(rgb), ())

    def detect_around(
        self, rgb: Picture, faces: Sequence[Box], around: Sequence[Box] | None = None
    ) -> tuple[Labelled, ...]:
        """As `detect`, around the people with these faces; each gesture has the index of its person's face.

        Small hands are found, because each person's square is looked at on its own. A hand that is further than an arm
        from each face is nobody's, and is left out. Only the squares of the faces `around` are looked at, by default
        of the `MAX_PEOPLE` largest of `faces`.
        """
        check_picture(rgb)
        largest = sorted(faces, key=lambda face: face[3], reverse=True)[:MAX_PEOPLE]
        squares = dict.fromkeys(hands_square(face, rgb) for face in (largest if around is None else around))
        found = [hand.moved(tile.left, tile.top) for tile in squares for hand in self._look(tile.of(rgb))]
        return self._gestures(rgb, found, faces)

    def count(self, rgb: Picture) -> int:
        """Return how many hands are found, whatever they do; for measurements."""
        return len(self.landmarks(rgb))

    def landmarks(self, rgb: Picture) -> list[NDArray[np.float64]]:
        """Return the landmarks of all hands, whatever they do, each 21 × 3 in pixels of `rgb`; for training."""
        check_picture(rgb)
        return [_landmarks(hand, rgb) for hand in self._hands_in(rgb)]

    def _look(self, rgb: Picture) -> list[Found]:
        """Return all hands, with their gesture as label or "" for none, and that gesture's confidence."""
        return [_found(_landmarks(hand, rgb), self.learned) for hand in self._hands_in(rgb)]

    def _hands_in(self, rgb: Picture) -> Sequence[Any]:
        hands: Sequence[Any] = self._task.detect(mediapipe_tasks.image(np.ascontiguousarray(rgb))).hand_landmarks
        return hands

    def _gestures(self, rgb: Picture, hands: Iterable[Found], faces: Sequence[Box]) -> tuple[Labelled, ...]:
        apart = [hand for hand in _apart(_once(hands)) if hand.label and hand.confidence >= self._threshold]
        owners = [nearest_face(hand, faces) for hand in apart]
        return tuple(
            Labelled(hand.label, round(hand.confidence, 4), pixels(hand, rgb), owner)
            for hand, owner in zip(apart, owners, strict=True)
            if owner is not None or not faces
        )


def _once(hands: Iterable[Found]) -> list[Found]:
    """Return each hand once, the clearest gesture first; several squares may show one hand."""
    kept: list[Found] = []
    for hand in sorted(hands, reverse=True):
        if not any(overlap(hand, other) > SAME_HAND for other in kept):
            kept.append(hand)
    return kept


def _apart(hands: Sequence[Found]) -> Iterator[Found]:
    """Yield the hands that touch no other."""
    touching = {id(hand) for pair in combinations(hands, 2) if overlap(*map(_widened, pair)) > 0 for hand in pair}
    return (hand for hand in hands if id(hand) not in touching)


def _widened(hand: Found) -> Found:
    margin = TOUCHING * max(hand.width, hand.height)
    return hand._replace(
        left=hand.left - margin,
        top=hand.top - margin,
        width=hand.width + 2 * margin,
        height=hand.height + 2 * margin,
    )


def _landmarks(hand: Any, rgb: Picture) -> NDArray[np.float64]:
    """Return the landmarks, 21 × 3, in pixels. MediaPipe's depth has the unit of its x: a fraction of the width."""
    height, width = rgb.shape[:2]
    return np.array([(point.x, point.y, point.z) for point in hand]) * (width, height, width)


def _found(points: NDArray[np.float64], learned: LearnedGestures | None) -> Found:
    left, top = points[:, :2].min(axis=0).tolist()
    right, bottom = points[:, :2].max(axis=0).tolist()
    # A rule is surer of what it knows than a model can be, and would hide a site's own fist or thumb.
    made = learned.judge(points) if learned else None
    if made is None or not made.compared:
        made = find_gesture(measure_traits(points), without=learned.labels if learned else ()) or made
    label, confidence = (made.label, made.confidence) if made else ("", 0.0)
    return Found(confidence, left, top, right - left, bottom - top, label)
