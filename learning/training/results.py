"""What a finished training hands over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """A trained model and its evaluation."""

    model: bytes
    labels: Sequence[str]
    """The labels that the model reports."""
    silent: Sequence[str]
    threshold: float
    trained: Mapping[str, int]
    """Examples of each label to learn from."""
    split: Mapping[str, str]
    warnings: Sequence[str]
    curve: Sequence[tuple[int, float, float, float]]
    """Examples of each label, the share found with them, and the ends of its interval."""
    not_found: Mapping[str, int]
    """`annotated` and `not_found` boxes of the part to evaluate with, and those to learn from."""
    predictions: Sequence[Mapping[str, Any]]
    seconds: float
