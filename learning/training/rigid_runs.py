"""The steps of a run that trains dlib's HOG detector: train in one go, then evaluate."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from edge_agent.learned.model_file import with_threshold
from learning.datasets import pictures
from learning.datasets.reads import split_items, split_of
from learning.datasets.splitting import TRAIN, VALIDATION
from learning.evaluating import learning_curve
from learning.evaluating.matching import Pair, Truth, items_of, match
from learning.evaluating.tables import Item, best_threshold
from learning.models import Picture, Run
from learning.training.gesture_runs import LEAST_THRESHOLD, Tell, things_of
from learning.training.gestures import CannotTrain
from learning.training.results import Result
from learning.training.rigid import FEWEST, Example, Rgb, RigidDetector, train

SAME_PLACE = 0.5
"""Intersection over union from which on a detection is at an annotated box."""

CURVE_SEED = 1
"""dlib's training has no seed of its own by which the pictures of the learning curve could be chosen."""

READING, TRAINING = 0.1, 0.8
"""The progress when the pictures are read, and when the detector is trained."""


def advance(run: Run, *, is_over: Callable[[], bool], tell: Tell) -> Result:
    """Train and evaluate. dlib cannot be interrupted, so the run has no slices.

    Raises `CannotTrain` and `CannotSplit`.
    """
    split = split_of(run.data_set, split_items(run.data_set))
    truths = things_of(run)
    labels = sorted({truth.label for each in truths.values() for truth in each})
    if len(labels) != 1:
        raise CannotTrain(
            f"The HOG detector learns one label, and the data set has {len(labels)}. Make a data set for each label."
        )
    label = labels[0]
    tell(0.0, "reads the pictures")
    start = time.monotonic()
    rows = {row.pk: row for row in Picture.objects.filter(pk__in=split.part).defer("hands").order_by("pk")}
    examples = [
        Example(pictures.pixels(rows[key]), [truth.box for truth in truths.get(key, ())])
        for key in sorted(split.keys(TRAIN))
    ]
    count = sum(len(each.boxes) for each in examples)
    tell(READING, f"trains on {count} boxes; this cannot be interrupted")
    name = f"{run.data_set.name} {run.number}"[:120]
    content = train(examples, name=name, label=label, parameters=run.parameters, threshold=LEAST_THRESHOLD)
    detector = RigidDetector(content)
    detectors = {**dict(_smaller(examples, label, run.parameters)), count: detector}
    tell(TRAINING, "evaluates")
    learned = [
        item
        for key, each in zip(sorted(split.keys(TRAIN)), examples, strict=True)
        for item in items_of(_pairs(detector, each.rgb, truths.get(key, ())))
    ]
    predictions: list[dict[str, Any]] = []
    found: dict[int, list[Item]] = {size: [] for size in detectors}
    for key in sorted(split.keys(VALIDATION)):
        rgb = pictures.pixels(rows[key])
        for size, each in detectors.items():
            pairs = _pairs(each, rgb, truths.get(key, ()))
            found[size] += items_of(pairs)
            predictions += rows_of(rows[key], pairs) if each is detector else []
    threshold = best_threshold(learned, LEAST_THRESHOLD)
    return Result(
        model=with_threshold(content, threshold),
        labels=[label],
        silent=[],
        threshold=threshold,
        trained={label: count},
        split=split.recordings,
        warnings=split.warnings,
        curve=learning_curve.curve(found, threshold),
        not_found={},
        predictions=predictions,
        seconds=time.monotonic() - start,
    )


def _smaller(
    examples: Sequence[Example], label: str, parameters: Mapping[str, Any]
) -> Iterator[tuple[int, RigidDetector]]:
    """Yield the two largest sizes of the learning curve up to a half of the boxes, and detectors of so many boxes.

    dlib's time grows with the boxes, so these take less than that of all boxes together.
    """
    boxes = [[label] * len(each.boxes) for each in examples]
    count = sum(map(len, boxes))
    sizes = [size for size in learning_curve.smaller(Counter({label: count}), FEWEST) if size <= count / 2]
    for size in sizes[-2:]:
        some = [examples[index] for index in learning_curve.pictures_of(boxes, size, CURVE_SEED)]
        try:
            content = train(some, name="curve", label=label, parameters=parameters, threshold=LEAST_THRESHOLD)
        except CannotTrain:  # so few boxes differ too much in their shape
            continue
        yield size, RigidDetector(content)


def _pairs(detector: RigidDetector, rgb: Rgb, truths: Sequence[Truth]) -> list[Pair]:
    return match(truths, detector.find(rgb), least_overlap=SAME_PLACE)


def rows_of(picture: Picture, pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """Return the rows of `Prediction` for a picture's boxes and detections."""
    return [
        {
            "picture": picture,
            "recording": picture.recording,
            "truth": truth.label if truth else "",
            "truth_box": list(truth.box) if truth else None,
            "label": guess.label if guess else "",
            "confidence": guess.confidence if guess else 0.0,
            "box": list(guess.box) if guess else None,
        }
        for truth, guess in pairs
    ]
