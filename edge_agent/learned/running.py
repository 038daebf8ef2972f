"""The models that run on the box: what they say together, and what happens when one fails."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.learned.gesture_model import MAX_HAND_MS, GestureModel
from edge_agent.learned.outline_model import OutlineModel
from edge_agent.learned.seen import Seen
from edge_agent.learned.thing_model import ThingModel
from edge_agent.learned.thing_watch import Look, ThingWatch
from edge_agent.messages import Labelled
from edge_agent.vision.gestures import Gesture
from edge_agent.vision.search import Found, Picture, distinct, pixels

log = logging.getLogger(__name__)

SLOW_HANDS = 50
"""So many hands in a row that take too long, on average, stop a model. A single slow one may be the machine's fault."""

Model = GestureModel | ThingModel | OutlineModel


class RunningModels:
    """Models of gestures that judge each hand, and of things that are looked for in each frame.

    A model that fails or is too slow is left out from then on. A label of a model replaces the built-in one of that
    label. Any thread, one at a time; things are looked for in a thread of their own.
    """

    def __init__(self, models: Sequence[tuple[str, Model]] = ()) -> None:
        """`models` are pairs of the SHA-256 of a model's file and the model."""
        self._gestures = {sha256: model for sha256, model in models if isinstance(model, GestureModel)}
        self._things = {sha256: model for sha256, model in models if not isinstance(model, GestureModel)}
        self._took: dict[str, list[float]] = {sha256: [] for sha256 in self._gestures}
        self._watch = ThingWatch(self._look) if self._things else None
        self.faults: dict[str, str] = {}
        """For each model that was left out, one sentence that says why."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of gestures that the models report, in alphabetical order."""
        return _labels(list(self._gestures.values()))

    @property
    def thing_labels(self) -> tuple[str, ...]:
        """All labels of things that the models report, in alphabetical order."""
        return _labels(list(self._things.values()))

    @property
    def sha256s(self) -> tuple[str, ...]:
        return (*self._gestures, *self._things)

    @property
    def notes(self) -> dict[str, str]:
        """One sentence for each model that runs otherwise than the settings say."""
        lowered = self._watch.lowered if self._watch else ""
        return dict.fromkeys(self._things, lowered) if lowered else {}

    @property
    def things_period(self) -> float:
        """Seconds between two looks for things; 0 without such a model, and before the first frame."""
        return self._watch.period if self._watch else 0.0

    def take_faults(self) -> dict[str, str]:
        """Return the models that were left out since the last call, and why."""
        faults, self.faults = self.faults, {}
        return faults

    def judge(self, landmarks: NDArray[np.floating]) -> Gesture | None:
        """Return the gesture that a model is surest of, first of those that compare; None where no model finds one."""
        found = [
            gesture
            for sha256, model in list(self._gestures.items())
            if (gesture := self._ask(sha256, model, landmarks)) is not None
        ]
        return max(found, key=lambda gesture: (gesture.compared, gesture.confidence), default=None)

    def find_things(self, rgb: Picture, at: float, period: float) -> tuple[Labelled, ...]:
        """Return the things that the latest look has found, and look at this frame when the next look is due.

        `at` is the frame's time, `period` the time between two frames, both in seconds. Boxes are in pixels of `rgb`.
        """
        if self._watch is None:
            return ()
        found = self._watch.update(rgb, at, period)
        return tuple(Labelled(each.label, round(each.confidence, 4), pixels(each, rgb)) for each in found)

    def _look(self, rgb: Picture) -> Look:
        start, seen = time.thread_time(), Seen(rgb)
        found: list[Found] = []
        for sha256, model in list(self._things.items()):
            try:
                found += model.find(seen)
            except Exception as error:
                self._leave_out(sha256, f"the model “{model.header.name}” failed: {error}")
        return Look(distinct(found), time.thread_time() - start)

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
        self._gestures.pop(sha256, None)
        self._things.pop(sha256, None)
        self.faults = {**self.faults, sha256: why}


def _labels(models: Sequence[Model]) -> tuple[str, ...]:
    return tuple(
        sorted({label for model in models for label in model.header.labels if label not in model.header.silent})
    )
