"""Draws the stream's current picture: the newest frame with its detections, the countdown and a greeting."""

from collections import deque

from edge_agent.messages import Frame, Greeting
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.photographer import PhotographerState
from edge_agent.stream.drawing import annotate

GREETING_SECONDS = 6.0
"""How long a greeting is shown: time to read it twice while putting down a cup."""

MAX_GREETINGS = 4
"""Greetings that are queued; where more arrive at once, the oldest are not shown."""


class Overlay:
    """Keeps the latest frame, detections and greetings.

    Seconds are passed in and must not decrease. One thread only.
    """

    def __init__(self) -> None:
        self._rgb: Picture | None = None
        self._frame: Frame | None = None
        self._state, self._state_at = PhotographerState("waiting"), 0.0
        self._greetings: deque[Greeting] = deque(maxlen=MAX_GREETINGS)
        self._greeted_at: float | None = None

    def update(self, rgb: Picture, frame: Frame, state: PhotographerState, now: float) -> None:
        """Replace the picture, its detections and the photographer's state; `render` draws them from now on."""
        self._rgb, self._frame, self._state, self._state_at = rgb, frame, state, now

    def add_greeting(self, greeting: Greeting) -> None:
        """Queue this greeting, to be shown for `GREETING_SECONDS` after the greetings before it."""
        self._greetings.append(greeting)

    def render(self, now: float, newer: Picture | None = None) -> Picture | None:
        """Return the annotated picture; None before the first frame.

        Where `newer`, a later picture without detections of its own, is given, the latest detections are drawn into it.
        """
        rgb = self._rgb if newer is None else newer
        if rgb is None:
            return None
        return annotate(rgb, self._frame, self._state.after(now - self._state_at), self._current_greeting(now))

    def _current_greeting(self, now: float) -> Greeting | None:
        if self._greeted_at is not None and now - self._greeted_at >= GREETING_SECONDS:
            self._greetings.popleft()
            self._greeted_at = None
        if not self._greetings:
            return None
        if self._greeted_at is None:
            self._greeted_at = now
        return self._greetings[0]
