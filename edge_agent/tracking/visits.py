"""Reports a person's visit while it lasts and when it has ended. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from edge_agent.messages import Box, Face, Visit
from edge_agent.tracking.tracks import Track, Tracker

LEAST_LOOKS = 3
"""A track is a visit from this many looks on. A detector's false face seldom lasts longer."""

UPDATE_SECONDS = 5.0
"""A visit that lasts is reported this often, so that a crash of the agent loses at most so much of it."""

BRIDGED_LOOKS, BRIDGED_SECONDS = 1, 0.65
"""Where so many looks in a row, or looks of so much time, miss a face, it is taken to have stayed as it was."""

FACE_METRES = 0.19
"""Height of a face from the hairline to the chin, which is what the detectors' boxes show."""

HEIGHT_WEIGHT = 0.3
"""Share of a new look in the height of the face from which the distance is computed; the rest is the former height."""


@dataclass(slots=True)
class _Visit:
    """A visit under way. `began` and `seen` are seconds of the agent's clock, `attention` seconds."""

    began_at: int
    began: float
    seen: float
    look: int
    facing: bool | None
    attention: float | None
    height: float
    nearest: float | None
    reported: float | None = None

    def see(self, at: float, look: int, face: Face, focal: float | None) -> None:
        passed = at - self.seen
        is_bridged = look - self.look <= 1 + BRIDGED_LOOKS or passed <= BRIDGED_SECONDS
        if face.facing is not None:
            self.attention = self.attention or 0.0
            if is_bridged:
                self.attention += passed * (bool(self.facing) + face.facing) / 2
        self.seen, self.look = at, look
        self.facing = face.facing if face.facing is not None else self.facing
        self.height += HEIGHT_WEIGHT * (_height(face) - self.height)
        self.nearest = _nearer(self.nearest, _distance(self.height, focal))


class VisitTracker:
    """Follows the people before one camera and reports their visits. Not thread-safe.

    `lens` is the lens's horizontal angle of view in degrees; without it no distance is reported.
    """

    def __init__(self, lens: float | None = None) -> None:
        self._lens = lens
        self._tracker = Tracker()
        self._visits: dict[str, tuple[Track, _Visit]] = {}
        self._look = 0
        self._size: tuple[int, int] | None = None

    def look(
        self, at: float, taken_at: int, faces: Sequence[Face], size: tuple[int, int]
    ) -> tuple[tuple[Face, ...], tuple[Visit, ...]]:
        """Return these faces with the ids of their visits, and the visits to report after this look.

        `at` is the time in seconds of a clock that never goes back, `taken_at` the same moment in epoch milliseconds,
        and `size` the frame's width and height in pixels; all visits end where it changes. A face without a box has no
        visit.
        """
        resized = self.end_all() if self._size not in (None, size) else ()
        self._look, self._size = self._look + 1, size
        focal = None if self._lens is None else size[0] / 2 / math.tan(math.radians(self._lens) / 2)
        boxed = [face for face in faces if face.box is not None]
        tracks, ended = self._tracker.update(at, [face.box for face in boxed if face.box is not None])
        for track, face in zip(tracks, boxed, strict=True):
            if track.id in self._visits:
                self._visits[track.id][1].see(at, self._look, face, focal)
            else:
                self._visits[track.id] = track, self._begin(at, taken_at, face, focal)
        ids = iter(tracks)
        named = tuple(face if face.box is None else msgspec.structs.replace(face, visit=next(ids).id) for face in faces)
        return named, (*resized, *self._end(ended), *self._due(at))

    def expected(self, at: float) -> list[Box]:
        """Return where the faces of the people are expected at this time: where it is worth looking for them."""
        return self._tracker.expected(at)

    def end_all(self) -> tuple[Visit, ...]:
        """End all visits and return them, because no further frame will come."""
        return self._end(self._tracker.end_all())

    def _begin(self, at: float, taken_at: int, face: Face, focal: float | None) -> _Visit:
        height = _height(face)
        attention = None if face.facing is None else 0.0
        return _Visit(taken_at, at, at, self._look, face.facing, attention, height, _distance(height, focal))

    def _end(self, tracks: Iterable[Track]) -> tuple[Visit, ...]:
        visits = [self._visits.pop(track.id) for track in tracks]
        return tuple(_message(track, visit, ended=True) for track, visit in visits if track.looks >= LEAST_LOOKS)

    def _due(self, at: float) -> list[Visit]:
        due = [
            (track, visit)
            for track, visit in self._visits.values()
            if track.looks >= LEAST_LOOKS and (visit.reported is None or at - visit.reported >= UPDATE_SECONDS)
        ]
        for _, visit in due:
            visit.reported = at
        return [_message(track, visit, ended=False) for track, visit in due]


def _message(track: Track, visit: _Visit, *, ended: bool) -> Visit:
    return Visit(
        id=track.id,
        began_at=visit.began_at,
        dwell=round(1000 * (visit.seen - visit.began)),
        attention=None if visit.attention is None else round(1000 * visit.attention),
        nearest=None if visit.nearest is None else round(visit.nearest, 2),
        ended=ended,
    )


def _height(face: Face) -> float:
    return float(max(face.box[3], 1)) if face.box is not None else 1.0


def _distance(height: float, focal: float | None) -> float | None:
    return None if focal is None else FACE_METRES * focal / height


def _nearer(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)
