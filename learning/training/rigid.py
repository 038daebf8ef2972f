"""Trains dlib's HOG detector for a rigid thing, such as a face or a sign, and finds the thing in pictures. Pure.

N. Dalal and B. Triggs, “Histograms of oriented gradients for human detection”, CVPR 2005; D. King, “Max-margin object
detection”, 2015. The same pictures and parameters make the same detector.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.evaluating.matching import BoxSides, Guess
from learning.training.gestures import CannotTrain

FEWEST = 4
"""Boxes below which nothing can be learned."""

MOST_PIXELS = 60_000_000
"""Pixels of all pictures together: dlib keeps their gradients in memory, at several levels."""

STEEPNESS = 4.0
"""Factor of dlib's score in the confidence: a score of 0, dlib's own threshold, is a confidence of 0.5."""

LOWEST_SCORE = -0.5
"""Detections with a lower score are not evaluated."""

Rgb = NDArray[np.uint8]


class Example(NamedTuple):
    rgb: Rgb
    boxes: Sequence[BoxSides]


def train(examples: Sequence[Example], *, label: str, parameters: Mapping[str, Any]) -> bytes:
    """Return the detector as dlib stores it. Raises `CannotTrain`."""
    import dlib

    count = sum(len(each.boxes) for each in examples)
    if count < FEWEST:
        raise CannotTrain(
            f"Only {count} boxes of “{label}” are in the pictures to learn from; at least {FEWEST} are needed."
        )
    if sum(each.rgb.shape[0] * each.rgb.shape[1] for each in examples) > MOST_PIXELS:
        raise CannotTrain(
            f"The pictures to learn from have more than {MOST_PIXELS:,} pixels; use fewer or smaller ones."
        )
    options = dlib.simple_object_detector_training_options()
    options.add_left_right_image_flips = parameters["mirror"] == "yes"
    options.C, options.epsilon = float(parameters["strength"]), float(parameters["precision"])
    options.detection_window_size = int(parameters["window"]) ** 2
    options.num_threads, options.be_verbose = 2, False
    rectangles = [[_rectangle(box) for box in each.boxes] for each in examples]
    with tempfile.TemporaryDirectory(prefix="headcount-hog-") as folder:
        path = Path(folder) / "detector.svm"
        try:
            dlib.train_simple_object_detector([each.rgb for each in examples], rectangles, options).save(str(path))
        except RuntimeError as error:
            raise CannotTrain(
                f"dlib cannot learn from these boxes, which must have about the same shape: {str(error).strip()[:300]}"
            ) from None
        return path.read_bytes()


class RigidDetector:
    """Finds a rigid thing in pictures."""

    def __init__(self, content: bytes, *, label: str, upsample: int) -> None:
        import dlib

        self._label, self._upsample = label, upsample
        self._run = dlib.fhog_object_detector.run_multiple
        with tempfile.NamedTemporaryFile(suffix=".svm") as file:
            file.write(content)
            file.flush()
            self._detector = dlib.fhog_object_detector(file.name)

    def find(self, rgb: Rgb) -> list[Guess]:
        """Return the things, surest first, with boxes within the picture."""
        boxes, scores, _ = self._run([self._detector], rgb, self._upsample, LOWEST_SCORE)
        found = [
            Guess(self._label, 1 / (1 + math.exp(-STEEPNESS * score)), _within(box, rgb))
            for box, score in zip(boxes, scores, strict=True)
        ]
        return sorted(found, key=lambda guess: -guess.confidence)


def _rectangle(box: BoxSides) -> Any:
    import dlib

    left, top, width, height = box
    return dlib.rectangle(left, top, left + width - 1, top + height - 1)


def _within(box: Any, rgb: Rgb) -> BoxSides:
    left, top = max(box.left(), 0), max(box.top(), 0)
    right, bottom = min(box.right() + 1, rgb.shape[1]), min(box.bottom() + 1, rgb.shape[0])
    return left, top, max(right - left, 1), max(bottom - top, 1)
