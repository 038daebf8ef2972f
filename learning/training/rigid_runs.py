"""The steps of a run that trains dlib's HOG detector: train in one go, then evaluate."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from edge_agent.learned.model_file import with_threshold
from learning.datasets import pictures
from learning.datasets.reads import split_items, split_of
from learning.datasets.splitting import TRAIN, VALIDATION
from learning.evaluating.matching import Pair, Truth, match
from learning.evaluating.tables import Item, best_threshold
from learning.models import Picture, Run
from learning.training.gesture_runs import LEAST_THRESHOLD, Tell, things_of
from learning.training.gestures import CannotTrain
from learning.training.results import Result
from learning.training.rigid import Example, RigidDetector, train

SAME_PLACE = 0.5
"""Intersection over union from which on a detection is at an annotated box."""

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
    tell(READING, f"trains on {sum(len(each.boxes) for each in examples)} boxes; this cannot be interrupted")
    name = f"{run.data_set.name} {run.number}"[:120]
    content = train(examples, name=name, label=label, parameters=run.parameters, threshold=LEAST_THRESHOLD)
    detector = RigidDetector(content)
    tell(TRAINING, "evaluates")
    learned = [
        item
        for key, each in zip(sorted(split.keys(TRAIN)), examples, strict=True)
        for item in _items(detector, each, truths.get(key, ()))
    ]
    predictions = [
        row for key in sorted(split.keys(VALIDATION)) for row in _predictions(detector, rows[key], truths.get(key, ()))
    ]
    threshold = best_threshold(learned, LEAST_THRESHOLD)
    return Result(
        model=with_threshold(content, threshold),
        labels=[label],
        silent=[],
        threshold=threshold,
        trained={label: sum(len(each.boxes) for each in examples)},
        split=split.recordings,
        warnings=split.warnings,
        curve=[],
        not_found={},
        predictions=predictions,
        seconds=time.monotonic() - start,
    )


def _items(detector: RigidDetector, example: Example, truths: Any) -> list[Item]:
    pairs = match(list(truths), detector.find(example.rgb), least_overlap=SAME_PLACE)
    return [
        Item(truth.label if truth else "", guess.label if guess else "", guess.confidence if guess else 0.0)
        for truth, guess in pairs
    ]


def _predictions(detector: RigidDetector, picture: Picture, truths: "list[Truth] | tuple[()]") -> list[dict[str, Any]]:
    """Return the rows of `Prediction` for a picture."""
    pairs = match(list(truths), detector.find(pictures.pixels(picture)), least_overlap=SAME_PLACE)
    return rows_of(picture, pairs)


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
