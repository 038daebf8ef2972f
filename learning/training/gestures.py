"""Trains a model of gestures from the landmarks of hands. Pure: the same hands and parameters make the same bytes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge_agent.learned import hand_features, model_file
from edge_agent.learned.gesture_model import GestureModel as GestureModel

FEWEST = 5
"""Hands of a label below which nothing can be learned from them."""

FOLDS = 5
"""Parts of the hands, where possible recordings, of which each is once held against a model of the others."""

TESTED = 20
"""Hands that the file brings along for its self-test."""

SLACK = 1.25
"""How much further than that a hand of another recording may be. Without it, one hand in eighty of an unknown recording
is taken for none."""

UNIT_STRENGTH = 0.003
"""Logistic regression's C at a strength of 1. On seven recordings of raised hands, four to learn from and three to
evaluate with in four orders, at most 20 hands a label tell 97 % of the found hands."""

DOUBT = 0.03
"""The share of hands that may be told wrong although the held-out ones were not."""

SPREAD = 1e-3
"""A number that varies by less than this among all hands tells nothing, and is not stretched."""


class Hand(NamedTuple):
    landmarks: NDArray[np.float64]
    label: str
    recording: str


class CannotTrain(ValueError):
    """The pictures are not enough. The text says why and what to do, in one or two sentences."""


class Fitted(NamedTuple):
    """A trained model before it becomes a file."""

    labels: Sequence[str]
    silent: Sequence[str]
    arrays: Mapping[str, NDArray[np.float64]]
    held_out: Sequence[tuple[str, str, float]]
    """For each hand that was held out in its turn: its label, the label that was said, and the confidence."""
    tested: Sequence[Hand]


def fit(
    hands: Sequence[Hand], *, parameters: Mapping[str, Any], silent: Sequence[str] = (), calibrate: bool = True
) -> Fitted:
    """Return a model that tells the labels of these hands. Raises `CannotTrain`.

    Without `calibrate` its confidences are too low, but the order of the labels is the same.
    """
    labels = sorted({hand.label for hand in hands})
    _check(hands, labels, silent)
    with threadpool_limits(1):  # the order of additions, and so the last digits, would depend on the processors
        rows, codes, groups = _examples(hands, labels, parameters)
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        scale = np.where(spread > SPREAD, spread, 1.0)
        scaled, fold = (rows - mean) / scale, _folds(groups)
        weights, bias = _weights(scaled, codes, len(labels), parameters)
        logits = _held_out(scaled, codes, fold, len(labels), parameters) if calibrate else None
        sharpness = 1.0 if logits is None else _sharpness(logits, codes)
        projection, centres = _places(scaled, codes, len(labels))
        reach = _reach(scaled, codes, fold, len(labels), float(parameters["known_share"]))
    arrays = {
        "mean": mean,
        "scale": scale,
        "weights": sharpness * weights,
        "bias": sharpness * bias,
        "projection": projection,
        "centres": centres,
        "reach": reach,
    }
    said = [] if logits is None else list(_said(sharpness * logits, codes, labels))
    chosen = tuple(label for label in silent if label in labels)
    return Fitted(labels, chosen, arrays, said, hands)


def with_enough(hands: Sequence[Hand], silent: Sequence[str]) -> tuple[list[Hand], list[str]]:
    """Return the hands of labels that have enough of them, and a sentence for each label that is left out.

    All hands are returned where otherwise none of a label that is reported would be left; `fit` says why then.
    """
    counts = {label: sum(hand.label == label for hand in hands) for label in sorted({hand.label for hand in hands})}
    few = {label for label, count in counts.items() if count < FEWEST}
    if not counts.keys() - few - set(silent):
        return list(hands), []
    left_out = [
        f"“{label}” was left out: only {counts[label]} hands of it were found in the pictures to learn from; at least "
        f"{FEWEST} are needed, and 20 are a good number."
        for label in sorted(few)
    ]
    return [hand for hand in hands if hand.label not in few], left_out


def model_of(content: bytes) -> GestureModel:
    return GestureModel(model_file.read(content))


def _check(hands: Sequence[Hand], labels: Sequence[str], silent: Sequence[str]) -> None:
    if not set(labels) - set(silent):
        raise CannotTrain("No hand of a label that can be reported was found in the pictures to learn from.")
    for label in labels:
        count = sum(hand.label == label for hand in hands)
        if count < FEWEST:
            raise CannotTrain(
                f"Only {count} hands of “{label}” were found in the pictures to learn from; at least {FEWEST} are "
                "needed, and 20 are a good number. Add pictures, or delete the label."
            )


def _examples(
    hands: Sequence[Hand], labels: Sequence[str], parameters: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Return the numbers of each hand, the number of its label, and its recording; also of the hand as it might be."""
    lean = float(parameters["lean"])
    angles = (-lean, 0.0, lean) if lean else (0.0,)
    sides = 2 if parameters["mirror"] == "yes" else 1
    rows, codes, groups = [], [], []
    for hand in hands:
        for landmarks in (hand.landmarks, hand_features.mirrored(hand.landmarks))[:sides]:
            rows += [hand_features.describe(hand_features.turned(landmarks, angle)) for angle in angles]
        codes += [labels.index(hand.label)] * sides * len(angles)
        groups += [hand.recording] * sides * len(angles)
    return np.array(rows), np.array(codes), groups


def _weights(
    scaled: NDArray[np.float64], codes: NDArray[np.int64], count: int, parameters: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights and biases of a logistic regression, one row for each label."""
    if count == 1:  # whether a hand makes the only gesture, its place alone decides
        return np.zeros((1, scaled.shape[1])), np.zeros(1)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=float(parameters["strength"]) * UNIT_STRENGTH,
        class_weight="balanced",
        max_iter=5_000,
        random_state=int(parameters["seed"]),
    ).fit(scaled, codes)
    if count == 2:  # one row tells both
        half = model.coef_[0] / 2
        return np.array([-half, half]), np.array([-model.intercept_[0] / 2, model.intercept_[0] / 2])
    return np.asarray(model.coef_), np.asarray(model.intercept_)


def _places(
    scaled: NDArray[np.float64], codes: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a projection in which hands of one label spread evenly, and the centre of each label there."""
    from sklearn.covariance import ledoit_wolf

    means = np.array([scaled[codes == code].mean(axis=0) for code in range(count)])
    covariance, _ = ledoit_wolf(scaled - means[codes], assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    projection = (vectors / np.sqrt(np.maximum(values, np.finfo(float).eps))).T
    return projection, means @ projection.T


def _held_out(
    scaled: NDArray[np.float64],
    codes: NDArray[np.int64],
    fold: NDArray[np.int64],
    count: int,
    parameters: Mapping[str, Any],
) -> NDArray[np.float64] | None:
    """Return what models of the other recordings say of each hand, before confidences; None where that is unknown."""
    if count == 1:
        return None
    logits = np.full((len(scaled), count), np.nan)
    for number in sorted(set(fold.tolist())):
        held, rest = fold == number, fold != number
        if len(set(codes[rest].tolist())) == count:
            weights, bias = _weights(scaled[rest], codes[rest], count, parameters)
            logits[held] = scaled[held] @ weights.T + bias
    return None if np.isnan(logits).all() else logits


def _sharpness(logits: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """Return the factor of the logits with which the confidences of the held hands are likeliest: temperature scaling.

    C. Guo et al., “On calibration of modern neural networks”, ICML 2017. A share of `DOUBT` is left to other labels,
    because hands that were all told right would make every confidence 1.
    """
    known = ~np.isnan(logits[:, 0])
    count = logits.shape[1]
    wanted = np.full((int(known.sum()), count), DOUBT / (count - 1))
    wanted[np.arange(len(wanted)), codes[known]] = 1 - DOUBT
    losses = []
    for factor in np.geomspace(0.5, 50, 60).tolist():
        likely = np.log(np.maximum(_shares(factor * logits[known]), np.finfo(float).tiny))
        losses.append((-float((wanted * likely).sum(axis=1).mean()), factor))
    return float(min(losses)[1])


def _said(
    logits: NDArray[np.float64], codes: NDArray[np.int64], labels: Sequence[str]
) -> Iterator[tuple[str, str, float]]:
    for row, code in zip(logits, codes.tolist(), strict=True):
        if not np.isnan(row[0]):
            shares = _shares(row[np.newaxis])[0]
            yield labels[code], labels[int(shares.argmax())], float(shares.max())


def _shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def _reach(
    scaled: NDArray[np.float64], codes: NDArray[np.int64], fold: NDArray[np.int64], count: int, share: float
) -> NDArray[np.float64]:
    """Return for each label how far from its centre a hand may be: somewhat further than this share of its own hands.

    Each hand's distance is measured from a centre that was computed without its recording.
    """
    away: dict[int, list[float]] = {code: [] for code in range(count)}
    for number in sorted(set(fold.tolist())):
        held, rest = fold == number, fold != number
        if len(set(codes[rest].tolist())) < count:
            continue
        projection, centres = _places(scaled[rest], codes[rest], count)
        distances = np.linalg.norm(scaled[held] @ projection.T - centres[codes[held]], axis=1)
        for code, distance in zip(codes[held].tolist(), distances.tolist(), strict=True):
            away[code].append(distance)
    known = [distance for distances in away.values() for distance in distances]
    if not known:
        projection, centres = _places(scaled, codes, count)
        known = np.linalg.norm(scaled @ projection.T - centres[codes], axis=1).tolist()
    together = float(np.quantile(known, share))
    each = [float(np.quantile(away[code], share)) if away[code] else 0.0 for code in range(count)]
    return SLACK * np.maximum(together, each)


def _folds(groups: Sequence[str]) -> NDArray[np.int64]:
    """Return the part of each hand: recordings where there are at least two, otherwise stretches of the only one."""
    names = sorted(set(groups))
    if len(names) > 1:
        return np.array([names.index(group) % FOLDS for group in groups])
    return np.arange(len(groups)) * FOLDS // len(groups)


def to_file(fitted: Fitted, *, name: str, threshold: float) -> bytes:
    """Return the model's file, with the hands of its self-test, which are landmarks and never pictures."""
    step = max(1, len(fitted.tested) // TESTED)
    tested = np.array([_normal(hand.landmarks) for hand in fitted.tested[::step][:TESTED]]).astype(np.float32)
    arrays = {key: each.astype(np.float32) for key, each in fitted.arrays.items()}
    arrays |= {"test_landmarks": tested, "test_answers": np.zeros((len(tested), len(fitted.labels)), np.float32)}
    details: dict[str, Any] = {
        "kind": "gesture",
        "name": name,
        "labels": tuple(fitted.labels),
        "silent": tuple(fitted.silent),
        "threshold": threshold,
    }
    model = model_of(model_file.write(arrays=arrays, **details))
    answers = [model.confidences(each) for each in tested.astype(np.float64)]
    return model_file.write(arrays=arrays | {"test_answers": np.array(answers, np.float32)}, **details)


def _normal(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the landmarks without the place and the size of the hand in its picture."""
    centred = landmarks - landmarks.mean(axis=0)
    return np.asarray(centred / max(float(np.abs(centred).max()), np.finfo(float).tiny))
