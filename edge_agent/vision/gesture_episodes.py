"""Gestures as they begin and end: a thumb held up for five seconds is one episode, however many frames show it."""

from collections.abc import Sequence

import msgspec

from edge_agent.messages import GestureEpisode, Labelled

FORGIVEN_MS = 1_500
"""A gesture may be missed for this long without ending: at two looks a second, two of them."""


class Episodes:
    """Tells at each frame which gestures began or ended with it. It knows no clock: frames bring their times, rising.

    A label has one episode at a time, however many hands show it. `forgiven_ms` is the longest gap within an episode;
    where frames are further apart than that, pass a longer one.
    """

    def __init__(self, forgiven_ms: int = FORGIVEN_MS) -> None:
        self._forgiven_ms = forgiven_ms
        self._running: dict[str, GestureEpisode] = {}
        self._seen_at: dict[str, int] = {}

    def look(self, taken_at: int, gestures: Sequence[Labelled]) -> tuple[GestureEpisode, ...]:
        """The episodes that ended before this frame, then those that begin with it. `taken_at` is epoch milliseconds.

        An episode that goes on is in neither; its end tells its best confidence.
        """
        ended = [self._end(label) for label, seen in list(self._seen_at.items()) if taken_at - seen > self._forgiven_ms]
        began = [self._show(taken_at, gesture) for gesture in gestures]
        return (*ended, *(episode for episode in began if episode is not None))

    def end(self) -> tuple[GestureEpisode, ...]:
        """End all that still run, because nothing will be seen any more."""
        return tuple(self._end(label) for label in list(self._running))

    def _show(self, taken_at: int, gesture: Labelled) -> GestureEpisode | None:
        self._seen_at[gesture.label] = taken_at
        running = self._running.get(gesture.label)
        if running is None:
            self._running[gesture.label] = GestureEpisode(gesture.label, taken_at, gesture.confidence)
            return self._running[gesture.label]
        best = max(running.confidence, gesture.confidence)
        self._running[gesture.label] = msgspec.structs.replace(running, confidence=best)
        return None

    def _end(self, label: str) -> GestureEpisode:
        return msgspec.structs.replace(self._running.pop(label), ended_at=self._seen_at.pop(label))
