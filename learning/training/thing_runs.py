"""The steps of a run that trains things on the shipped detector's features: train in one go, then evaluate."""

import random
import time
from collections.abc import Callable
from typing import Any

from edge_agent.learned.model_file import with_threshold
from edge_agent.learned.seen import Seen
from learning.datasets import pictures
from learning.datasets.reads import split_items, split_of
from learning.datasets.splitting import TRAIN, VALIDATION
from learning.evaluating import learning_curve
from learning.evaluating.matching import items_of, match
from learning.evaluating.tables import Item, best_threshold
from learning.models import Picture, Run
from learning.training.gesture_runs import LEAST_THRESHOLD, Tell, things_of
from learning.training.results import Result
from learning.training.rigid_runs import SAME_PLACE, rows_of
from learning.training.things import MOST_PICTURES, Example, ThingDetector, counts_of, left_out, train

TRAINING = 0.8
"""The progress when the model is trained."""


def advance(run: Run, *, is_over: Callable[[], bool], tell: Tell) -> Result:
    """Train and evaluate, in one slice. Raises `CannotTrain`, `CannotSplit` and `ModelsUnavailable`."""
    split = split_of(run.data_set, split_items(run.data_set))
    truths = things_of(run)
    start = time.monotonic()
    keys, warnings = sorted(split.keys(TRAIN)), list(split.warnings)
    if len(keys) > MOST_PICTURES:
        chance = random.Random(int(run.parameters["seed"]))  # noqa: S311 - a choice of pictures need not be secret
        warnings.append(f"{MOST_PICTURES:,} of {len(keys):,} pictures were learned from, chosen by chance.")
        keys = sorted(chance.sample(keys, MOST_PICTURES))
    rows = {row.pk: row for row in Picture.objects.filter(pk__in=split.part).defer("hands").order_by("pk")}
    examples = [Example(pictures.pixels(rows[key]), truths.get(key, ()), rows[key].recording) for key in keys]
    name = f"{run.data_set.name} {run.number}"[:120]

    def told(share: float) -> None:
        tell(TRAINING * share, f"learns from {len(examples):,} pictures")

    content, held_out, smaller = train(
        examples, name=name, parameters=run.parameters, threshold=LEAST_THRESHOLD, tell=told
    )
    detector = ThingDetector(content)
    trained = {label: count for label, count in counts_of(examples).items() if label in detector.labels}
    detectors = {**{size: ThingDetector(each) for size, each in smaller}, max(trained.values()): detector}
    learned = [
        item
        for each, guesses in held_out
        for item in items_of(match(list(each.truths), list(guesses), least_overlap=SAME_PLACE))
    ]
    predictions: list[dict[str, Any]] = []
    found: dict[int, list[Item]] = {size: [] for size in detectors}
    held = sorted(split.keys(VALIDATION))
    for number, key in enumerate(held):
        tell(TRAINING + (1 - TRAINING) * number / len(held), f"evaluates: {number:,} of {len(held):,} pictures")
        seen = Seen(pictures.pixels(rows[key]))
        for size, each in detectors.items():
            pairs = match(truths.get(key, ()), each.find(seen), least_overlap=SAME_PLACE)
            found[size] += items_of(pairs)
            predictions += rows_of(rows[key], pairs) if each is detector else []
    threshold = best_threshold(learned, LEAST_THRESHOLD)
    return Result(
        model=with_threshold(content, threshold),
        labels=sorted(trained),
        silent=[],
        threshold=threshold,
        trained=trained,
        split=split.recordings,
        warnings=[*warnings, *left_out(examples)],
        curve=learning_curve.curve(found, threshold),
        not_found={},
        predictions=predictions,
        seconds=time.monotonic() - start,
    )
