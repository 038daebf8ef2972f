"""Joins the gestures of single frames to episodes: a thumb that one person holds up for five seconds is one episode."""

from collections.abc import Sequence

import msgspec

from edge_agent.messages import GestureEpisode, Labelled

_Key = tuple[str, str | None]
"""A label, and the visit of the person."""

MAX_GAP_MS = 1_500
"""A gesture may be missed for this long without ending: at two frames a second, in two frames."""


class EpisodeTracker:
    """Returns at each frame the episodes that began or ended with it. Frames must come in the order of their times.

    A person has one episode of a label at a time, with however many hands. All hands whose person is unknown have one
    together. `max_gap_ms` is the longest gap within an episode; where frames are further apart than `MAX_GAP_MS`, pass
    a longer gap.
    """

    def __init__(self, max_gap_ms: int = MAX_GAP_MS) -> None:
        self._max_gap_ms = max_gap_ms
        self._running: dict[_Key, GestureEpisode] = {}
        self._last_seen_at: dict[_Key, int] = {}

    def update(self, taken_at: int, gestures: Sequence[Labelled]) -> tuple[GestureEpisode, ...]:
        """Return the episodes that ended before this frame, then the episodes that begin with it.

        `taken_at` is epoch milliseconds. Where that clock jumps back, all episodes end with their last frame. An
        episode that goes on is in neither group; when it ends, it carries its best confidence.
        """
        passed = {key: taken_at - at for key, at in self._last_seen_at.items()}
        ended = [self._end(key) for key, gap in passed.items() if not 0 <= gap <= self._max_gap_ms]
        began = [self._begin_or_extend(taken_at, gesture) for gesture in gestures]
        return (*ended, *(episode for episode in began if episode is not None))

    def end_all(self) -> tuple[GestureEpisode, ...]:
        """End every running episode and return it, because no further frame will come."""
        return tuple(self._end(key) for key in list(self._running))

    def _begin_or_extend(self, taken_at: int, gesture: Labelled) -> GestureEpisode | None:
        """Return the new episode; None where the gesture extends a running one."""
        key = gesture.label, gesture.visit
        self._last_seen_at[key] = taken_at
        running = self._running.get(key)
        if running is None:
            began = GestureEpisode(gesture.label, taken_at, gesture.confidence, visit=gesture.visit)
            self._running[key] = began
            return began
        best = max(running.confidence, gesture.confidence)
        self._running[key] = msgspec.structs.replace(running, confidence=best)
        return None

    def _end(self, key: _Key) -> GestureEpisode:
        return msgspec.structs.replace(self._running.pop(key), ended_at=self._last_seen_at.pop(key))
