"""Which prediction belongs to which annotated box. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from learning.datasets.boxes import overlap
from learning.evaluating.tables import Item

BoxSides = tuple[int, int, int, int]


class Truth(NamedTuple):
    label: str
    box: BoxSides


class Guess(NamedTuple):
    label: str
    confidence: float
    box: BoxSides


class Pair(NamedTuple):
    """A box, a prediction, or both where they are at the same place."""

    truth: Truth | None
    guess: Guess | None


def match(truths: Sequence[Truth], guesses: Sequence[Guess], *, least_overlap: float) -> list[Pair]:
    """Return each box once and each prediction once, as pairs where their intersection over union is large enough.

    The pairs with the largest overlap are made first, whatever the labels.
    """
    possible = sorted(
        (
            (overlap(truth.box, guess.box), -index, -number)
            for index, truth in enumerate(truths)
            for number, guess in enumerate(guesses)
        ),
        reverse=True,
    )
    of_truth: dict[int, int] = {}
    taken: set[int] = set()
    for shared, index, number in possible:
        if shared < least_overlap:
            break
        if -index not in of_truth and -number not in taken:
            of_truth[-index] = -number
            taken.add(-number)
    pairs = [Pair(truth, guesses[of_truth[index]] if index in of_truth else None) for index, truth in enumerate(truths)]
    return pairs + [Pair(None, guess) for number, guess in enumerate(guesses) if number not in taken]


def items_of(pairs: Iterable[Pair]) -> list[Item]:
    """Return the item of each pair, for the figures of an evaluation."""
    return [
        Item(truth.label if truth else "", guess.label if guess else "", guess.confidence if guess else 0.0)
        for truth, guess in pairs
    ]
