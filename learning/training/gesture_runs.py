"""The steps of a run that trains gestures: find the hands, train, evaluate, draw the learning curve."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from learning.datasets.boxes import overlap
from learning.datasets.reads import split_items, split_of
from learning.datasets.splitting import TRAIN, VALIDATION, Split
from learning.evaluating import learning_curve
from learning.evaluating.matching import Guess, Truth, match
from learning.evaluating.tables import Item, best_threshold
from learning.models import Annotation, Picture, Review, Run
from learning.training import gestures, hands
from learning.training.gestures import CannotTrain, Hand
from learning.training.results import Result

SILENT = frozenset({"none", "nothing", "other", "background"})
"""Labels of hands that make no gesture: learned, but never reported."""

ONE_LABEL = (
    "The model knows one label, so it takes many other hands for it, and built-in gestures go before it. Add hands "
    "that make other gestures, with the label “none”."
)

STEPS_TOLD = 10
"""Pictures between two reports of the progress."""

FINDING, TRAINING = 0.85, 0.9
"""The progress when all hands are found, and when the model is trained."""

PROBE_THRESHOLD = 0.0
"""The threshold of the evaluation, so that figures can be shown for every threshold."""

LEAST_THRESHOLD = 0.5
"""A gesture that is less likely than any other is not reported."""

Tell = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its boxes and its hands."""

    picture: Picture
    truths: Sequence[Truth]
    hands: Sequence[hands.Landmarks]


def advance(run: Run, *, is_over: Callable[[], bool], tell: Tell) -> Result | None:
    """Do the next steps until `is_over`; return the result, or None if steps are left.

    Raises `CannotTrain`, `CannotSplit` and `ModelsUnavailable`.
    """
    items = split_items(run.data_set)
    split = split_of(run.data_set, items)
    truths = truths_of(run)
    left = list(
        Picture.objects.filter(
            data_set=run.data_set, review=Review.KEPT, hands__isnull=True, pk__in=split.part
        ).order_by("pk")
    )
    total = max(len(split.part), 1)
    for number, picture in enumerate(left):
        if number % STEPS_TOLD == 0:
            done = total - len(left) + number
            tell(FINDING * done / total, f"finds hands: {done:,} of {total:,} pictures")
            if number and is_over():
                return None
        hands.look_at(picture, [truth.box for truth in truths.get(picture.pk, ())])
    tell(FINDING, "trains")
    start = time.monotonic()
    shown = [
        Shown(picture, truths.get(picture.pk, ()), hands.hands_of(picture))
        for picture in Picture.objects.filter(pk__in=split.part).order_by("pk")
    ]
    return _train(run, split, shown, tell, start)


def truths_of(run: Run) -> dict[int, list[Truth]]:
    """Return the annotated boxes of each picture, with the labels as devices report them."""
    truths: dict[int, list[Truth]] = defaultdict(list)
    rows = Annotation.objects.filter(picture__data_set=run.data_set, picture__review=Review.KEPT).order_by("pk")
    for picture, key, *box in rows.values_list("picture_id", "label__key", "left", "top", "width", "height"):
        truths[picture].append(Truth(key, (box[0], box[1], box[2], box[3])))
    return truths


def things_of(run: Run) -> dict[int, list[Truth]]:
    """Return the same without labels of what is no thing: there, a model of things learns that there is none."""
    return {
        picture: [truth for truth in found if truth.label not in SILENT] for picture, found in truths_of(run).items()
    }


def _train(run: Run, split: Split, shown: Sequence[Shown], tell: Tell, start: float) -> Result:
    learned = [each for each in shown if split.part[each.picture.pk] == TRAIN]
    held = [each for each in shown if split.part[each.picture.pk] == VALIDATION]
    examples, missing = examples_of(learned)
    examples, left_out = gestures.with_enough(examples, sorted(SILENT))
    silent = sorted({each.label for each in examples} & SILENT)
    name = f"{run.data_set.name} {run.number}"[:120]
    fitted = gestures.fit(examples, parameters=run.parameters, silent=silent)
    if len(fitted.labels) == 1:
        left_out.append(ONE_LABEL)
    threshold = threshold_of(fitted)
    probe = gestures.to_file(fitted, name=name, threshold=PROBE_THRESHOLD)
    model = gestures.to_file(fitted, name=name, threshold=threshold)
    tell(TRAINING, "evaluates")
    predictions = [row for each in held for row in predictions_of(each, probe, silent)]
    found, not_found = examples_of(held)
    curve = _curve(examples, found, run.parameters, silent)
    labels = sorted({each.label for each in examples} - set(silent))
    trained: dict[str, int] = defaultdict(int)
    for each in examples:
        trained[each.label] += 1
    return Result(
        model=model,
        labels=labels,
        silent=silent,
        threshold=threshold,
        trained=trained,
        split=split.recordings,
        warnings=[*split.warnings, *left_out],
        curve=curve,
        not_found={
            "train_annotated": len(examples) + missing,
            "train_not_found": missing,
            "validation_annotated": len(found) + not_found,
            "validation_not_found": not_found,
        },
        predictions=predictions,
        seconds=time.monotonic() - start,
    )


def examples_of(shown: Sequence[Shown]) -> tuple[list[Hand], int]:
    """Return the hand in each annotated box, and in how many boxes no hand was found."""
    examples, missing = [], 0
    for each in shown:
        for truth in each.truths:
            hand = max(each.hands, key=lambda found: overlap(hands.box_of(found), truth.box), default=None)
            if hand is None or overlap(hands.box_of(hand), truth.box) < hands.AT_BOX:
                missing += 1
            else:
                examples.append(Hand(hand, truth.label, each.picture.recording))
    return examples, missing


def predictions_of(shown: Shown, model: bytes, silent: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of `Prediction` for a picture: each annotated box once, and each other hand with a gesture."""
    judge = gestures.model_of(model)
    guesses = []
    for hand in shown.hands:
        made = judge.judge(hand)
        guesses.append(Guess(made.label if made else "", made.confidence if made else 0.0, hands.box_of(hand)))
    rows = []
    for truth, guess in match(shown.truths, guesses, least_overlap=hands.AT_BOX):
        expected = truth.label if truth and truth.label not in silent else ""
        if expected or (guess and guess.label):
            rows.append(
                {
                    "picture": shown.picture,
                    "recording": shown.picture.recording,
                    "truth": expected,
                    "truth_box": list(truth.box) if truth else None,
                    "label": guess.label if guess else "",
                    "confidence": guess.confidence if guess else 0.0,
                    "box": list(guess.box) if guess and guess.label else None,
                }
            )
    return rows


def threshold_of(fitted: gestures.Fitted) -> float:
    """Return the threshold at which the hands are told best that were held out in training, never lower than 0.5.

    The recordings of the evaluation take no part.
    """
    items = [
        Item("" if truth in fitted.silent else truth, "" if said in fitted.silent else said, confidence)
        for truth, said, confidence in fitted.held_out
    ]
    return best_threshold(items, LEAST_THRESHOLD)


def _judged(model: gestures.GestureModel, held: Sequence[Hand], silent: Sequence[str]) -> list[Item]:
    items = []
    for hand in held:
        made = model.judge(hand.landmarks)
        truth = "" if hand.label in silent else hand.label
        items.append(Item(truth, made.label if made else "", made.confidence if made else 0.0, hand.recording))
    return items


def _curve(
    examples: Sequence[Hand], held: Sequence[Hand], parameters: Mapping[str, Any], silent: Sequence[str]
) -> list[learning_curve.Point]:
    """Return the share of the held hands that is told right by models of fewer examples, and by that of all."""
    by_label: dict[str, list[Hand]] = defaultdict(list)
    for each in examples:
        by_label[each.label].append(each)
    counts = Counter({label: len(group) for label, group in by_label.items()})
    points = []
    for size in [*learning_curve.smaller(counts, fewest=1), max(counts.values(), default=0)]:
        chance = random.Random(int(parameters["seed"]))  # noqa: S311 - a choice of examples need not be secret
        some = [each for group in by_label.values() for each in chance.sample(group, min(size, len(group)))]
        try:
            fitted = gestures.fit(some, parameters=parameters, silent=silent, calibrate=False)
        except CannotTrain:
            continue
        content = gestures.to_file(fitted, name="curve", threshold=PROBE_THRESHOLD)
        points += learning_curve.point(size, _judged(gestures.model_of(content), held, silent), PROBE_THRESHOLD)
    return points
