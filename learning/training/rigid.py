"""Trains dlib's HOG detector for a rigid thing, such as a face or a sign. Pure.

dlib learns the weights; they are kept as plain arrays, and what finds the thing, here and on the camera box, is
`edge_agent.learned.outline_model`.

N. Dalal and B. Triggs, “Histograms of oriented gradients for human detection”, CVPR 2005; D. King, “Max-margin object
detection”, 2015. The same pictures and parameters make the same detector.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.learned import model_file, outlines
from edge_agent.learned.outline_model import OutlineModel
from edge_agent.learned.seen import Seen
from edge_agent.learned.thing_features import INPUT, pattern
from learning.evaluating.matching import BoxSides, Guess
from learning.training.found import guesses_of
from learning.training.gestures import CannotTrain

FEWEST = 4
"""Boxes below which nothing can be learned."""

MOST_PIXELS = 60_000_000
"""Pixels of all pictures together: dlib keeps their gradients in memory, at several levels."""

LOWEST_CONFIDENCE = 0.12
"""Detections with a lower confidence are not evaluated."""

Rgb = NDArray[np.uint8]


class Example(NamedTuple):
    rgb: Rgb
    boxes: Sequence[BoxSides]


def train(
    examples: Sequence[Example], *, name: str, label: str, parameters: Mapping[str, Any], threshold: float
) -> bytes:
    """Return the model's file. Raises `CannotTrain`."""
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
        detector = read_dlib(path.read_bytes())
    return to_file(detector, name=name, label=label, threshold=threshold, doubled=int(parameters["upsample"]))


class Learned(NamedTuple):
    """What dlib has learned."""

    filters: NDArray[np.float64]
    """`outlines.CHANNELS` × cells down × cells across."""
    bias: float
    """What is added to the sum of the filters, so that a thing has a score from 0 on."""
    overlap: float
    """Intersection over union from which two detections are of one thing."""


def read_dlib(content: bytes) -> Learned:
    """Return what dlib has stored of a detector. Raises `CannotTrain` for another version's file.

    The file is a row of whole numbers, of which two make a broken one: a mantissa and a power of two.
    """
    numbers = list(_whole_numbers(content))
    cell, padding, *window = numbers[4:8]
    sides = [round(side / outlines.CELL) + 2 * padding for side in window[::-1]]
    count = outlines.CHANNELS * sides[0] * sides[1]
    # The version, the shape of the search, the two limits of overlaps, one detector, and its column of weights.
    if numbers[0] != 2 or cell != outlines.CELL or numbers[13] != count or numbers[18:21] != [1, -count - 1, -1]:
        raise CannotTrain("This version of dlib stores its detectors in a form that Headcount does not know.")
    weights = _broken(numbers[21 : 21 + 2 * (count + 1)])
    return Learned(
        weights[:-1].reshape(outlines.CHANNELS, *sides), -float(weights[-1]), float(_broken(numbers[14:16])[0])
    )


def _broken(pairs: Sequence[int]) -> NDArray[np.float64]:
    return np.array([mantissa * 2.0**power for mantissa, power in zip(pairs[::2], pairs[1::2], strict=True)])


def _whole_numbers(content: bytes) -> Iterator[int]:
    """Yield the numbers: each is a byte with sign and length, and so many bytes, the lowest first."""
    place = 0
    while place < len(content):
        length, is_negative = content[place] & 0x0F, content[place] & 0x80
        number = int.from_bytes(content[place + 1 : place + 1 + length], "little")
        yield -number if is_negative else number
        place += 1 + length


def to_file(learned: Learned, *, name: str, label: str, threshold: float, doubled: int) -> bytes:
    """Return the model's file, whose self-test is a drawn picture: nothing of the pictures goes along."""
    arrays = {
        "filters": learned.filters.astype(np.float32),
        "bias": np.array([learned.bias], np.float32),
        "overlap": np.array([learned.overlap], np.float32),
        "doubled": np.array([doubled], np.int32),
        "test_scores": np.zeros((INPUT, INPUT), np.float32),
    }
    details: dict[str, Any] = {"kind": "rigid", "name": name, "labels": (label,), "threshold": threshold}
    model = OutlineModel(model_file.read(model_file.write(arrays=arrays, **details)))
    scores = model.scores(outlines.outlines(pattern()))
    return model_file.write(arrays=arrays | {"test_scores": scores}, **details)


class RigidDetector:
    """Finds a rigid thing in pictures, as a camera box does."""

    def __init__(self, content: bytes) -> None:
        self._model = OutlineModel(model_file.read(content))

    def find(self, rgb: Rgb) -> list[Guess]:
        """Return the things, surest first, with boxes within the picture."""
        return guesses_of(self._model.find(Seen(rgb), least=LOWEST_CONFIDENCE), rgb)


def _rectangle(box: BoxSides) -> Any:
    import dlib

    left, top, width, height = box
    return dlib.rectangle(left, top, left + width - 1, top + height - 1)
