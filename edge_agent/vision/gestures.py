"""The gestures that the agent reports: each label with the rule by which a hand makes that gesture.

`RULES` is the only list of gestures. Platform and demo import the labels from here, so this module imports neither
NumPy nor a model.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Protocol

Fingers = tuple[float, float, float, float]
"""A value for each of the index, middle, ring and little finger."""


class HandTraits(NamedTuple):
    """How clearly a hand has each trait, from 0 (certainly not) to 1 (certainly); 0.5 is an even bet."""

    curled: Fingers
    straight: Fingers
    thumb_apart: float
    """The thumb's tip is away from the fingers."""
    thumb_at_fingers: float
    thumb_up: float
    """The thumb points up in the picture."""
    thumb_down: float
    pointing: float
    """The index finger stands out from the other fingers, as when it points towards the camera."""


class Gesture(NamedTuple):
    """A gesture's label, and how clearly the hand makes it, from 0.5 to 1."""

    label: str
    confidence: float
    compared: bool = True
    """Whether it was told from other gestures. A model of one label has nothing to compare a hand with."""


class LearnedGestures(Protocol):
    """Trained models of gestures; `edge_agent.learned.running` has the real ones."""

    @property
    def labels(self) -> Collection[str]:
        """The labels on which the models decide instead of the rules."""

    def judge(self, landmarks: Any) -> Gesture | None:
        """Return the gesture of the hand with these landmarks, 21 × 3 in pixels; None for none."""


THUMBS_UP, THUMBS_DOWN, OPEN_PALM, FIST = "thumbs-up", "thumbs-down", "open-palm", "fist"

RULES: dict[str, Callable[[HandTraits], float]] = {
    # A finger that points at the camera looks as short as a curled one, so a pointing hand must not vote.
    THUMBS_UP: lambda hand: min(*hand.curled, hand.thumb_apart, hand.thumb_up, 1 - hand.pointing),
    THUMBS_DOWN: lambda hand: min(*hand.curled, hand.thumb_apart, hand.thumb_down, 1 - hand.pointing),
    # The thumb must be apart: four straight fingers with the thumb along them are any hand at rest.
    OPEN_PALM: lambda hand: min(*hand.straight, hand.thumb_apart),
    FIST: lambda hand: min(*hand.curled, hand.thumb_at_fingers),
}
"""For each label in the devices' messages, how clearly a hand makes that gesture, 0 to 1."""

GESTURES = tuple(RULES)
"""All labels of gestures."""

LEAST_CONFIDENCE = 0.5
"""A hand that makes every gesture less clearly than this makes none."""


def find_gesture(hand: HandTraits, *, without: Collection[str] = ()) -> Gesture | None:
    """Return the gesture that a hand with these traits makes most clearly; None where it makes none.

    `without` are labels on which a trained model decides instead of the rule.
    """
    clear = [Gesture(label, rule(hand)) for label, rule in RULES.items() if label not in without]
    best = max(clear, key=lambda gesture: gesture.confidence, default=None)
    return best if best is not None and best.confidence >= LEAST_CONFIDENCE else None
