"""When a picture is taken: a face, a countdown, the picture, a cool-down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge_agent.messages import Face

FORGIVEN_SECONDS = 1.0
"""A face may be lost this long in a countdown (somebody blinks, turns, is missed by the detector) without ending it."""


@dataclass(frozen=True)
class Moment:
    """What the photographer does now, and for how many more seconds where it lasts."""

    doing: Literal["waiting", "countdown", "picture", "cooldown"]
    remaining: float = 0.0

    def after(self, seconds: float) -> "Moment":
        """The same so many seconds later, while no new frame is there."""
        return replace(self, remaining=max(self.remaining - seconds, 0.0))


class Photographer:
    """Tells at each frame what to do. It knows no clock: seconds come with each frame and must never decrease.

    A face of at least `face_probability` starts the countdown. When `countdown` seconds are over, the picture is
    taken at the next frame that shows such a face; then comes the cool-down, in which faces start nothing. A face
    lost for longer than `FORGIVEN_SECONDS` ends the countdown without a picture. So every picture shows a face, and
    two pictures are at least `countdown + cooldown` seconds apart.
    """

    def __init__(self, *, face_probability: float, countdown: float, cooldown: float) -> None:
        self._face_probability = face_probability
        self._countdown = countdown
        self._cooldown = cooldown
        self._counting_since: float | None = None
        self._face_seen_at = 0.0
        self._cooling_until = float("-inf")

    def look(self, now: float, faces: Sequence[Face]) -> Moment:
        """What to do at this frame, which shows these faces."""
        if now < self._cooling_until:
            return Moment("cooldown", self._cooling_until - now)
        if self.chosen(faces):
            self._face_seen_at = now
            return self._count(now, face_is_here=True)
        if self._counting_since is None or now - self._face_seen_at > FORGIVEN_SECONDS:
            self._counting_since = None
            return Moment("waiting")
        return self._count(now, face_is_here=False)

    def chosen(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Those of the faces that are probable enough for a picture."""
        return tuple(face for face in faces if face.confidence >= self._face_probability)

    def _count(self, now: float, *, face_is_here: bool) -> Moment:
        if self._counting_since is None:
            self._counting_since = now
        remaining = self._counting_since + self._countdown - now
        if remaining > 0 or not face_is_here:
            return Moment("countdown", max(remaining, 0.0))
        self._counting_since = None
        self._cooling_until = now + self._cooldown
        return Moment("picture")
