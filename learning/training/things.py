"""Trains a model of things on the features of the object detector that is shipped, with a logistic regression.

A window of the network's cells, described by the mean of each of its quarters, is one of the labels or none. The same
pictures, parameters and seed make the same model. dlib's HOG detector needs things of one shape; this one also finds
hands. Training and camera box share `edge_agent.learned.thing_features`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge_agent.learned import model_file, thing_features
from edge_agent.learned.seen import Seen
from edge_agent.learned.thing_features import Numbers, Weights, numbers_of, shares_of, windows
from edge_agent.learned.thing_model import MOST_ASPECTS, ThingModel, strongest
from edge_agent.vision.files import models_folder
from edge_agent.vision.search import Picture
from learning.datasets.boxes import overlap
from learning.evaluating import learning_curve
from learning.evaluating.matching import Guess, Truth
from learning.training.found import guesses_of
from learning.training.gestures import CannotTrain

FEWEST = 10
"""Boxes of a label below which nothing is learned."""

MOST_PICTURES = 150
"""Pictures to learn from; more would take longer than a task may."""

SAME, CLOSE, OTHER = 0.6, 0.4, 0.3
"""Overlap from which a window shows the thing, from which the best ones of a box do, and below which it shows none."""

BEST, OTHERS, HARDEST = 4, 30, 20
"""Windows of each box that show it at least, and windows of a picture without a thing: by chance, and those that are
mistaken most in each of `ROUNDS`."""

ROUNDS = 2
UNIT_STRENGTH = 0.002
"""Logistic regression's C at a strength of 1."""

LOWEST_CONFIDENCE = 0.3
FOLDS = 2
"""Parts of the recordings, each of which is once held against a model of the others, to find the threshold."""

JUDGED = 30
"""Pictures in which the threshold is looked for."""

TESTED = 20
"""Windows that the file brings along for its self-test, as features."""

Rgb = Picture
Tell = Callable[[float], None]


class Example(NamedTuple):
    rgb: Rgb
    truths: Sequence[Truth]
    recording: str = ""


class Trained(NamedTuple):
    """A model's file, and what models of other recordings find in some of the pictures that it has learned from."""

    content: bytes
    held_out: Sequence[tuple[Example, Sequence[Guess]]]
    smaller: Sequence[tuple[int, bytes]]
    """The files of models of fewer examples, each after the number of examples of each label: the learning curve's."""


def train(
    examples: Sequence[Example], *, name: str, parameters: Mapping[str, Any], threshold: float, tell: Tell
) -> Trained:
    """Return the model. `tell` hears the share that is done. Raises `CannotTrain` and `ModelsUnavailable`."""
    counts = counts_of(examples)
    labels = sorted(label for label, count in counts.items() if count >= FEWEST)
    if not counts:
        raise CannotTrain("No box is in the pictures to learn from.")
    if not labels:
        most = max(counts, key=lambda label: counts[label])
        raise CannotTrain(
            f"Only {counts[most]} boxes of “{most}” are in the pictures to learn from; at least {FEWEST} are needed."
        )
    shapes = [[t.box[2] / t.box[3] for each in examples for t in each.truths if t.label == label] for label in labels]
    aspects = _spread({min(max(round(float(np.median(each)), 1), 0.1), 20.0) for each in shapes})
    shown = list(_with_mirrored(examples) if parameters["mirror"] == "yes" else examples)
    copies = len(shown) // len(examples)
    chance = np.random.default_rng(int(parameters["seed"]))
    network = thing_features.network(models_folder())
    rows: list[Numbers] = []
    codes: list[NDArray[np.int64]] = []
    origins: list[NDArray[np.int64]] = []
    arrays: dict[str, Numbers] = {}
    with threadpool_limits(1):  # the order of additions, and so the last digits, would depend on the processors
        for number in range(ROUNDS + 1):
            for place, each in enumerate(shown):
                tell((number * len(shown) + place) / ((ROUNDS + 1) * len(shown)))
                boxes, views = windows(thing_features.cells_of(each.rgb, network), aspects)
                found, free = _labelled(boxes, each.truths, labels)
                if number == 0:
                    rows.append(numbers_of(views, np.flatnonzero(found)))
                    codes.append(found[found > 0])
                    chosen = chance.choice(free, min(OTHERS, len(free)), replace=False)
                else:
                    mistaken = 1 - shares_of(views, _weights_of(arrays))[free, 0]
                    chosen = free[np.argsort(-mistaken, kind="stable")[:HARDEST]]
                rows.append(numbers_of(views, chosen))
                codes.append(np.zeros(len(chosen), np.int64))
                new = sum(map(len, codes)) - sum(map(len, origins))
                origins.append(np.full(new, place // copies))
            arrays = _fitted(np.concatenate(rows), np.concatenate(codes), parameters, len(labels))
        arrays["aspects"] = np.array(aspects, np.float32)
        collected = Collected(np.concatenate(rows), np.concatenate(codes), np.concatenate(origins))
        arrays |= _tests(collected, arrays, network)
        held_out = list(_held_out(examples, labels, aspects, collected, parameters, network))
        fewer = [(size, arrays | fitted) for size, fitted in _smaller(examples, labels, collected, parameters)]

    def file_of(arrays: Mapping[str, Numbers]) -> bytes:
        return model_file.write(kind="thing", name=name, labels=tuple(labels), threshold=threshold, arrays=arrays)

    return Trained(file_of(arrays), held_out, [(size, file_of(each)) for size, each in fewer])


def counts_of(examples: Sequence[Example]) -> Counter[str]:
    """Return how many boxes each label has."""
    return Counter(truth.label for each in examples for truth in each.truths)


def left_out(examples: Sequence[Example]) -> list[str]:
    """Return a sentence for each label that has too few boxes to be learned. Windows there are not learned at all."""
    return [
        f"“{label}” was left out: only {count} boxes of it are in the pictures to learn from; at least {FEWEST} are "
        "needed."
        for label, count in sorted(counts_of(examples).items())
        if count < FEWEST
    ]


class Collected(NamedTuple):
    """Windows to learn from: their numbers, the number of their label or 0, and the index of their example."""

    rows: Numbers
    codes: NDArray[np.int64]
    origins: NDArray[np.int64]


def _folds(examples: Sequence[Example]) -> list[int]:
    """Return the fold of each example: recordings in turn, or halves of the only one."""
    names = sorted({each.recording for each in examples})
    if len(names) > 1:
        return [names.index(each.recording) % FOLDS for each in examples]
    return [place * FOLDS // len(examples) for place in range(len(examples))]


def _held_out(
    examples: Sequence[Example],
    labels: Sequence[str],
    aspects: Sequence[float],
    collected: Collected,
    parameters: Mapping[str, Any],
    network: thing_features.Network,
) -> Iterator[tuple[Example, Sequence[Guess]]]:
    """Yield examples with what a model of the other folds finds in them. In its own pictures a model is too sure."""
    fold_of = np.array(_folds(examples))
    for fold in range(FOLDS):
        rest = fold_of[collected.origins] != fold
        if len(set(collected.codes[rest].tolist())) < 2:
            continue
        weights = _weights_of(_fitted(collected.rows[rest], collected.codes[rest], parameters, len(labels)))
        held = [examples[index] for index in np.flatnonzero(fold_of == fold).tolist()]
        for each in held[: JUDGED // FOLDS]:
            boxes, views = windows(thing_features.cells_of(each.rgb, network), aspects)
            found = strongest(boxes, shares_of(views, weights)[:, 1:], labels, LOWEST_CONFIDENCE)
            yield each, guesses_of(found, each.rgb)


def _smaller(
    examples: Sequence[Example], labels: Sequence[str], collected: Collected, parameters: Mapping[str, Any]
) -> Iterator[tuple[int, dict[str, Numbers]]]:
    """Yield sizes and what is learned from so many examples of each label.

    The windows that the model of all examples mistook most take part, which favours the smaller ones a little.
    """
    boxes = [[truth.label for truth in each.truths if truth.label in labels] for each in examples]
    counts = Counter(label for each in boxes for label in each)
    for size in learning_curve.smaller(counts, FEWEST):
        some = np.isin(collected.origins, learning_curve.pictures_of(boxes, size, int(parameters["seed"])))
        yield size, _fitted(collected.rows[some], collected.codes[some], parameters, len(labels))


def _spread(aspects: set[float]) -> list[float]:
    """Return so many of the aspects as a model may have, evenly chosen."""
    places = np.linspace(0, len(aspects) - 1, min(len(aspects), MOST_ASPECTS)).round().astype(int)
    return [sorted(aspects)[place] for place in places]


def _tests(collected: Collected, arrays: Mapping[str, Numbers], network: thing_features.Network) -> dict[str, Numbers]:
    """Return what the file brings along for its self-test: windows of each label and of none, as features."""
    rows, codes, _ = collected
    kinds = sorted(set(codes.tolist()))
    chosen = np.concatenate([np.flatnonzero(codes == kind)[: max(1, TESTED // len(kinds))] for kind in kinds])
    drawn = network.features(thing_features.pattern())
    answers = thing_features.shares_of_numbers(rows[chosen], _weights_of(arrays))
    return {
        "test_windows": rows[chosen],
        "test_answers": answers.astype(np.float32),
        "test_features": drawn.mean(axis=(0, 1)).astype(np.float32),
    }


def _weights_of(arrays: Mapping[str, Numbers]) -> Weights:
    return thing_features.weights_of(**{key: arrays[key] for key in ("mean", "scale", "weights", "bias")})


def _with_mirrored(examples: Sequence[Example]) -> Iterator[Example]:
    for each in examples:
        yield each
        width = each.rgb.shape[1]
        truths = [Truth(t.label, (width - t.box[0] - t.box[2], *t.box[1:])) for t in each.truths]
        yield Example(np.ascontiguousarray(each.rgb[:, ::-1]), truths, each.recording)


def _labelled(
    boxes: NDArray[np.float64], truths: Sequence[Truth], labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each window's label, from 1, 0 for none; and the windows that show nothing."""
    codes = np.zeros(len(boxes), np.int64)
    most = np.zeros(len(boxes))
    for truth in truths:
        shared = np.array([overlap(box, truth.box) for box in boxes.tolist()])
        best = np.argsort(-shared, kind="stable")[:BEST]
        shows = shared >= SAME
        shows[best] |= shared[best] >= CLOSE
        code = labels.index(truth.label) + 1 if truth.label in labels else 0
        codes[shows & (shared > most)] = code
        most = np.maximum(most, shared)
    return codes, np.flatnonzero(most < OTHER)


def _fitted(rows: Numbers, codes: NDArray[np.int64], parameters: Mapping[str, Any], labels: int) -> dict[str, Numbers]:
    from sklearn.linear_model import LogisticRegression

    if len(set(codes.tolist())) < 2:
        raise CannotTrain("No window of a picture fits the boxes: they are too small, or larger than half a picture.")
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    model = LogisticRegression(
        C=float(parameters["strength"]) * UNIT_STRENGTH, class_weight="balanced", max_iter=1_000
    ).fit((rows - mean) / scale, codes)
    weights, bias = np.zeros((labels + 1, rows.shape[1])), np.full(labels + 1, -50.0)
    if len(model.classes_) == 2:
        first, second = model.classes_.tolist()
        weights[first], weights[second] = -model.coef_[0] / 2, model.coef_[0] / 2
        bias[first], bias[second] = -model.intercept_[0] / 2, model.intercept_[0] / 2
    else:
        weights[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    made = {"mean": mean, "scale": scale, "weights": weights, "bias": bias}
    return {key: np.asarray(each, np.float32) for key, each in made.items()}


class ThingDetector:
    """Finds the things of a model in pictures, as a camera box does.

    Raises `model_file.BadModelFile` where its arrays do not fit.
    """

    def __init__(self, content: bytes) -> None:
        self._model = ThingModel(model_file.read(content), models_folder())

    @property
    def labels(self) -> Sequence[str]:
        return self._model.header.labels

    def find(self, seen: Seen) -> list[Guess]:
        """Return the things, surest first, with boxes within the picture."""
        with threadpool_limits(1):
            return guesses_of(self._model.find(seen, least=LOWEST_CONFIDENCE), seen.rgb)
