"""The learning curve: the share found by models that learned from fewer examples. Pure."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from learning.evaluating.tables import Item, table

SIZES = (5, 10, 20, 50, 100)
"""Examples of each label at which the curve is measured, besides all of them."""


class Point(NamedTuple):
    """Examples of each label, and the share found with them with its interval, 0 to 1."""

    examples: int
    found: float
    low: float
    high: float


def smaller(counts: Counter[str], fewest: int) -> list[int]:
    """Return the sizes below that of the label with the most examples, from `fewest` on."""
    most = max(counts.values(), default=0)
    return [size for size in SIZES if fewest <= size < most]


def point(examples: int, items: Iterable[Item], threshold: float) -> list[Point]:
    """Return the point of a model of so many examples of each label; none where nothing was to be found."""
    measured = table(items, threshold)
    if measured.recall is None or measured.recall_interval is None:
        return []
    return [Point(examples, measured.recall, measured.recall_interval.low, measured.recall_interval.high)]


def curve(items: Mapping[int, Iterable[Item]], threshold: float) -> list[Point]:
    """Return the points of models by their examples of each label, in this order."""
    return [each for examples, found in items.items() for each in point(examples, found, threshold)]


def pictures_of(labels: Sequence[Sequence[str]], size: int, seed: int) -> list[int]:
    """Return which pictures give `size` boxes of each label, or all of a label that has fewer.

    `labels` has the labels of each picture's boxes. Pictures come in an order by chance, and of the pictures without a
    box as large a share is taken as of the others. The indexes ascend.
    """
    order = list(range(len(labels)))
    random.Random(seed).shuffle(order)  # noqa: S311 - a choice of examples need not be secret
    counts: Counter[str] = Counter()
    chosen = []
    for index in (index for index in order if labels[index]):
        if any(counts[label] < size for label in labels[index]):
            chosen.append(index)
            counts.update(labels[index])
    empty = [index for index in order if not labels[index]]
    chosen += empty[: round(len(empty) * len(chosen) / max(1, len(order) - len(empty)))]
    return sorted(chosen)
