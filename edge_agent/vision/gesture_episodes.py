"""Joins the gestures of single frames to episodes: a thumb held up for five seconds is one episode."""

from collections.abc import Sequence

import msgspec

from edge_agent.messages import GestureEpisode, Labelled

MAX_GAP_MS = 1_500
"""A gesture may be missed for this long without ending: at two frames a second, in two frames."""


class EpisodeTracker:
    """Returns at each frame the episodes that began or ended with it. Frames must come in the order of their times.

    A label has one episode at a time, however many hands make the gesture. `max_gap_ms` is the longest gap within an
    episode; where frames are further apart than `MAX_GAP_MS`, pass a longer gap.
    """

    def __init__(self, max_gap_ms: int = MAX_GAP_MS) -> None:
        self._max_gap_ms = max_gap_ms
        self._running: dict[str, GestureEpisode] = {}
        self._last_seen_at: dict[str, int] = {}

    def update(self, taken_at: int, gestures: Sequence[Labelled]) -> tuple[GestureEpisode, ...]:
        """Return the episodes that ended before this frame, then the episodes that begin with it.

        `taken_at` is epoch milliseconds. An episode that goes on is in neither group; when it ends, it carries its best
        confidence.
        """
        ended = [self._end(label) for label, at in list(self._last_seen_at.items()) if taken_at - at > self._max_gap_ms]
        began = [self._begin_or_extend(taken_at, gesture) for gesture in gestures]
        return (*ended, *(episode for episode in began if episode is not None))

    def end_all(self) -> tuple[GestureEpisode, ...]:
        """End every running episode and return it, because no further frame will come."""
        return tuple(self._end(label) for label in list(self._running))

    def _begin_or_extend(self, taken_at: int, gesture: Labelled) -> GestureEpisode | None:
        """Return the new episode; None where the gesture extends a running one."""
        self._last_seen_at[gesture.label] = taken_at
        running = self._running.get(gesture.label)
        if running is None:
            self._running[gesture.label] = GestureEpisode(gesture.label, taken_at, gesture.confidence)
            return self._running[gesture.label]
        best = max(running.confidence, gesture.confidence)
        self._running[gesture.label] = msgspec.structs.replace(running, confidence=best)
        return None

    def _end(self, label: str) -> GestureEpisode:
        return msgspec.structs.replace(self._running.pop(label), ended_at=self._last_seen_at.pop(label))
