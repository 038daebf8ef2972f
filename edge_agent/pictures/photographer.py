"""Decides when a picture is taken: a face starts a countdown, then come the picture and a cool-down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge_agent.messages import Face

MAX_FACE_GAP_SECONDS = 1.0
"""A face may be missing this long (somebody blinks, turns, or is not detected) without ending the countdown."""


@dataclass(frozen=True)
class PhotographerState:
    """What the photographer is doing, and the seconds that are left of a countdown or a cool-down."""

    phase: Literal["waiting", "countdown", "picture", "cooldown"]
    remaining: float = 0.0

    def after(self, seconds: float) -> "PhotographerState":
        """Return this state so many seconds later, where no new frame has come."""
        return replace(self, remaining=max(self.remaining - seconds, 0.0))


class Photographer:
    """Returns its state at each frame. Seconds are passed in with each frame and must not decrease.

    A face of at least `face_probability` starts the countdown. After `countdown` seconds, the picture is taken at the
    next frame that shows such a face. In the cool-down that follows, faces start no countdown. A face that is missing
    for longer than `MAX_FACE_GAP_SECONDS` ends the countdown without a picture. So every picture shows a face, and two
    pictures are at least `countdown + cooldown` seconds apart.
    """

    def __init__(self, *, face_probability: float, countdown: float, cooldown: float) -> None:
        self._face_probability = face_probability
        self._countdown = countdown
        self._cooldown = cooldown
        self._counting_since: float | None = None
        self._last_face_at = 0.0
        self._cooling_until = float("-inf")

    def update(self, now: float, faces: Sequence[Face]) -> PhotographerState:
        """Return the state at this frame, which shows these faces; in phase "picture", the frame is to be sent."""
        if now < self._cooling_until:
            return PhotographerState("cooldown", self._cooling_until - now)
        if self.select_faces(faces):
            self._last_face_at = now
            return self._count_down(now, face_is_here=True)
        if self._counting_since is None or now - self._last_face_at > MAX_FACE_GAP_SECONDS:
            self._counting_since = None
            return PhotographerState("waiting")
        return self._count_down(now, face_is_here=False)

    def select_faces(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Return the faces that are probable enough for a picture."""
        return tuple(face for face in faces if face.confidence >= self._face_probability)

    def _count_down(self, now: float, *, face_is_here: bool) -> PhotographerState:
        if self._counting_since is None:
            self._counting_since = now
        remaining = self._counting_since + self._countdown - now
        if remaining > 0 or not face_is_here:
            return PhotographerState("countdown", max(remaining, 0.0))
        self._counting_since = None
        self._cooling_until = now + self._cooldown
        return PhotographerState("picture")
