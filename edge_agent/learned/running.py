"""The models that run on the box: what they say together, and what happens when one fails."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.learned.gesture_model import MAX_HAND_MS, GestureModel
from edge_agent.vision.gestures import Gesture

log = logging.getLogger(__name__)

SLOW_HANDS = 50
"""So many hands in a row that take too long, on average, stop a model. A single slow one may be the machine's fault."""


class RunningModels:
    """Models of gestures that judge each hand. A model that fails or is too slow is left out from then on.

    A label of a model replaces the built-in rule of that label. Any thread, one at a time.
    """

    def __init__(self, models: Sequence[tuple[str, GestureModel]] = ()) -> None:
        """`models` are pairs of the SHA-256 of a model's file and the model."""
        self._models = dict(models)
        self._took: dict[str, list[float]] = {sha256: [] for sha256 in self._models}
        self.faults: dict[str, str] = {}
        """For each model that was left out, one sentence that says why."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that the models report, in alphabetical order."""
        labels = {
            label
            for model in self._models.values()
            for label in model.header.labels
            if label not in model.header.silent
        }
        return tuple(sorted(labels))

    @property
    def sha256s(self) -> tuple[str, ...]:
        return tuple(self._models)

    def take_faults(self) -> dict[str, str]:
        """Return the models that were left out since the last call, and why."""
        faults, self.faults = self.faults, {}
        return faults

    def judge(self, landmarks: NDArray[np.floating]) -> Gesture | None:
        """Return the gesture that a model is surest of; None where no model finds one."""
        found = [
            gesture
            for sha256, model in list(self._models.items())
            if (gesture := self._ask(sha256, model, landmarks)) is not None
        ]
        return max(found, key=lambda gesture: gesture.confidence, default=None)

    def _ask(self, sha256: str, model: GestureModel, landmarks: NDArray[np.floating]) -> Gesture | None:
        start = time.perf_counter()
        try:
            gesture = model.judge(landmarks)
        except Exception as error:
            self._leave_out(sha256, f"the model “{model.header.name}” failed: {error}")
            return None
        took = self._took[sha256]
        took.append(1000 * (time.perf_counter() - start))
        if len(took) >= SLOW_HANDS:
            average = sum(took) / len(took)
            took.clear()
            if average > MAX_HAND_MS:
                self._leave_out(sha256, f"the model “{model.header.name}” takes {average:.1f} ms for a hand")
        return gesture

    def _leave_out(self, sha256: str, why: str) -> None:
        log.error("%s; it is switched off, and the former one comes back", why)
        del self._models[sha256]
        self.faults[sha256] = why
