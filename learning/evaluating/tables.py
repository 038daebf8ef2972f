"""The figures of an evaluation for any threshold. Pure.

A prediction at or above the threshold is true if it has the label of the annotated box there, and false otherwise. An
annotated box without a true prediction is missed. So expected = true + missed, as in the well-known table.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analytics.numbers.intervals import Interval, wilson

NOTHING = "nothing"
"""The row and column of the confusion matrix for no box and no prediction."""


class Item(NamedTuple):
    """An annotated box, a prediction, or both where they are at the same place."""

    truth: str
    """The label of the annotated box; "" without one."""
    label: str
    """The predicted label; "" without a prediction."""
    confidence: float
    recording: str = ""
    key: int = 0

    def outcome(self, threshold: float) -> str:
        """Return `true`, `false`, `missed`, or `none` where neither a box nor a prediction is there."""
        if self.label and self.confidence >= threshold:
            return "true" if self.label == self.truth else "false"
        return "missed" if self.truth else "none"


@dataclass(frozen=True, slots=True)
class Table:
    """The row of the table: numbers of boxes and predictions, mean confidences, and intervals."""

    expected: int
    true: int
    false: int
    mean_true: float | None
    """Mean confidence of the true predictions; None without one."""
    mean_false: float | None

    @property
    def missed(self) -> int:
        return self.expected - self.true

    @property
    def recall(self) -> float | None:
        """The share of the expected that was found; None where nothing was expected."""
        return self.true / self.expected if self.expected else None

    @property
    def precision(self) -> float | None:
        """The share of the predictions that is true; None without a prediction."""
        return self.true / (self.true + self.false) if self.true + self.false else None

    @property
    def recall_interval(self) -> Interval | None:
        """Wilson's 95 % interval, as if the pictures were independent."""
        return wilson(self.true, self.expected)

    @property
    def precision_interval(self) -> Interval | None:
        return wilson(self.true, self.true + self.false)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall, by which the best run is marked."""
        total = 2 * self.true + self.false + self.missed
        return 2 * self.true / total if total else None


def table(items: Iterable[Item], threshold: float) -> Table:
    """Return the figures at this threshold, 0 to 1."""
    expected, confidences = 0, {"true": [0.0, 0.0], "false": [0.0, 0.0]}
    for item in items:
        expected += bool(item.truth)
        outcome = item.outcome(threshold)
        if outcome in confidences:
            confidences[outcome][0] += 1
            confidences[outcome][1] += item.confidence
    (true, of_true), (false, of_false) = confidences["true"], confidences["false"]
    return Table(expected, int(true), int(false), of_true / true if true else None, of_false / false if false else None)


def by(items: Sequence[Item], key: Callable[[Item], str], threshold: float) -> dict[str, Table]:
    """Return the figures of each group, in the order of the names."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return {name: table(groups[name], threshold) for name in sorted(groups)}


def by_label(items: Sequence[Item], threshold: float) -> dict[str, Table]:
    """Return the figures of each label: its boxes, and the predictions that say it."""
    labels = sorted({each for item in items for each in (item.truth, item.label) if each})
    return {label: table(_as_seen_by(items, label), threshold) for label in labels}


def _as_seen_by(items: Iterable[Item], label: str) -> Iterable[Item]:
    for item in items:
        if label in (item.truth, item.label):
            yield item._replace(
                truth=item.truth if item.truth == label else "", label=item.label if item.label == label else ""
            )


def by_recording(items: Sequence[Item], threshold: float) -> dict[str, Table]:
    return by(items, lambda item: item.recording, threshold)


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a box of each label got each prediction; the last row and column are `NOTHING`."""

    labels: Sequence[str]
    rows: Sequence[Sequence[int]]


def confusion(items: Sequence[Item], threshold: float) -> Confusion:
    """Return the confusion matrix: a row for each true label, a column for each predicted one."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in items:
        predicted = item.label if item.label and item.confidence >= threshold else ""
        if item.truth or predicted:
            counts[item.truth, predicted] += 1
    labels = sorted({each for pair in counts for each in pair if each})
    names = [*labels, ""]
    rows = [[counts[truth, label] for label in names] for truth in names]
    return Confusion([*labels, NOTHING], rows)


class CurvePoint(NamedTuple):
    threshold: float
    precision: float
    recall: float


def precision_recall(items: Sequence[Item], most: int = 200) -> list[CurvePoint]:
    """Return precision and recall at each confidence that occurs, from the highest, thinned out to `most` points."""
    expected = sum(bool(item.truth) for item in items)
    predicted = sorted((item for item in items if item.label), key=lambda item: -item.confidence)
    if not expected or not predicted:
        return []
    points: list[CurvePoint] = []
    true = 0
    for number, item in enumerate(predicted, 1):
        true += item.label == item.truth
        is_last_of_confidence = number == len(predicted) or predicted[number].confidence < item.confidence
        if is_last_of_confidence:
            points.append(CurvePoint(item.confidence, true / number, true / expected))
    step = max(1, -(-len(points) // most))
    return points if step == 1 else [*points[:-1:step], points[-1]]


NEARLY = 0.005
"""An F1 that is lower by so little is as good."""


def best_threshold(items: Sequence[Item], least: float) -> float:
    """Return the lowest threshold, from `least` on, whose F1 is nearly the best; `least` without predictions."""
    # Rounded down, so that the threshold of a confidence keeps the prediction that has it.
    rounded = {math.floor(1000 * item.confidence) / 1000 for item in items if item.label}
    candidates = _thinned([least, *sorted(each for each in rounded if each > least)], 100)
    scores = [(table(items, each).f1 or 0.0, each) for each in candidates]
    best = max(score for score, _ in scores)
    return next(each for score, each in scores if score >= best - NEARLY)


def _thinned(values: Sequence[float], most: int) -> Sequence[float]:
    return values[:: max(1, -(-len(values) // most))]


FIGURES = ("expected", "true", "false", "mean_true", "mean_false")


def entered(figures: Mapping[str, float | None]) -> Table:
    """Return the table of figures that somebody entered."""
    mean_true, mean_false = figures.get("mean_true"), figures.get("mean_false")
    return Table(
        int(figures["expected"] or 0), int(figures["true"] or 0), int(figures["false"] or 0), mean_true, mean_false
    )
