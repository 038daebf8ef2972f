"""What a finished training hands over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from learning.evaluating.learning_curve import Point


class Wait(NamedTuple):
    """The run can go on only later."""

    seconds: float


class StoredModel(NamedTuple):
    """A model that is in the storage already."""

    name: str
    sha256: str
    bytes: int


class StoppedElsewhere(Exception):
    """Somebody has stopped the training at the service that carries it out."""


@dataclass(frozen=True, slots=True)
class Result:
    """A trained model and its evaluation."""

    model: bytes | StoredModel
    labels: Sequence[str]
    """The labels that the model reports."""
    silent: Sequence[str]
    threshold: float
    trained: Mapping[str, int]
    """Examples of each label to learn from."""
    split: Mapping[str, str]
    warnings: Sequence[str]
    curve: Sequence[Point]
    not_found: Mapping[str, int]
    """`annotated` and `not_found` boxes of the part to evaluate with, and those to learn from."""
    predictions: Sequence[Mapping[str, Any]] | None
    """None where the run has stored them already."""
    seconds: float
