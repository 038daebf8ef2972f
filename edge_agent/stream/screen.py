"""What the stream shows at a moment: the newest picture, what was seen in it, the photographer, a greeting."""

from collections import deque

from edge_agent.messages import Frame, Greeting
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.photographer import Moment
from edge_agent.stream.drawing import annotated

GREETING_SECONDS = 6.0
"""How long a greeting stays: to be read twice by somebody who is just putting down her cup."""

MOST_GREETINGS = 4
"""Greetings that wait for their turn; of more people at once the first ones are not greeted."""


class Screen:
    """Remembers the latest of everything. Seconds are passed in and must not decrease; one thread only."""

    def __init__(self) -> None:
        self._rgb: Picture | None = None
        self._seen: Frame | None = None
        self._moment, self._moment_at = Moment("waiting"), 0.0
        self._greetings: deque[Greeting] = deque(maxlen=MOST_GREETINGS)
        self._greeted_at: float | None = None

    def looked(self, rgb: Picture, seen: Frame, moment: Moment, now: float) -> None:
        """This frame was looked at, with this result; it is what `picture` shows from now on."""
        self._rgb, self._seen, self._moment, self._moment_at = rgb, seen, moment, now

    def greet(self, greeting: Greeting) -> None:
        """Show this greeting for `GREETING_SECONDS`, after those that are there already."""
        self._greetings.append(greeting)

    def picture(self, now: float, newer: Picture | None = None) -> Picture | None:
        """The annotated picture; with `newer`, what was seen before is drawn into that. None before the first frame."""
        rgb = self._rgb if newer is None else newer
        if rgb is None:
            return None
        return annotated(rgb, self._seen, self._moment.after(now - self._moment_at), self._greeting(now))

    def _greeting(self, now: float) -> Greeting | None:
        if self._greeted_at is not None and now - self._greeted_at >= GREETING_SECONDS:
            self._greetings.popleft()
            self._greeted_at = None
        if not self._greetings:
            return None
        if self._greeted_at is None:
            self._greeted_at = now
        return self._greetings[0]
