"""Reports a person's visit while it lasts and when it has ended. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from edge_agent.messages import Box, Face, Visit
from edge_agent.tracking.heads import heads_without_face
from edge_agent.tracking.tracks import Track, Tracker

LEAST_LOOKS = 3
"""A track with a face is a visit from this many looks on. A detector's false face seldom lasts longer."""

LEAST_BODY_LOOKS = 5
"""A track without a face is a visit from this many looks on: for a moment, the box of a body may jump to another body
or hold two bodies."""

UPDATE_SECONDS = 5.0
"""A visit that lasts is reported this often, so that a crash of the agent loses at most so much of it."""

BRIDGED_LOOKS, BRIDGED_SECONDS = 1, 0.65
"""A face that was missed counts as unchanged meanwhile, if at most so many looks in a row or so many seconds missed
it."""

FACE_METRES = 0.19
"""Height of a face from the hairline to the chin, which is what the detectors' boxes show."""

HEIGHT_WEIGHT = 0.3
"""Share of a new look in the height of the face from which the distance is computed; the rest is the former height."""

MOVED = 5.0
"""Widths of the face by which a body whose face was never seen must have moved to be somebody's: three quarters of a
metre. What stands still from the beginning is a sign or a plant that looks like a body."""


@dataclass(slots=True)
class _Visit:
    """A visit under way. `began` and `seen` are seconds of the agent's clock, `attention` seconds.

    `face_at` and `face_look` are the time and the number of the last look that has shown the face, not the body alone.
    """

    began_at: int
    began: float
    place: tuple[float, float]
    seen: float
    attention: float | None = None
    facing: bool | None = None
    face_at: float | None = None
    face_look: int = 0
    height: float = 0.0
    nearest: float | None = None
    has_moved: bool = False
    reported: float | None = None

    def see(self, at: float, track: Track) -> None:
        """Take in that the person was seen, with or without the face."""
        self.seen = at
        off = math.hypot(track.x - self.place[0], track.y - self.place[1])
        self.has_moved = self.has_moved or off > MOVED * track.size

    def see_face(self, at: float, look: int, face: Face, focal: float | None) -> None:
        """Take in the person's face; `focal` is the lens's focal length in pixels, None where it is not known."""
        if face.facing is not None:
            self.attention = self.attention or 0.0
            if self.face_at is not None:
                passed = at - self.face_at
                if look - self.face_look <= 1 + BRIDGED_LOOKS or passed <= BRIDGED_SECONDS:
                    self.attention += passed * (bool(self.facing) + face.facing) / 2
            self.facing = face.facing
        self.height += (1.0 if self.face_at is None else HEIGHT_WEIGHT) * (_height(face) - self.height)
        self.face_at, self.face_look = at, look
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
        self._sees_bodies = False

    def look(
        self,
        at: float,
        taken_at: int,
        faces: Sequence[Face],
        size: tuple[int, int],
        bodies: Sequence[Box] | None = None,
    ) -> tuple[tuple[Face, ...], tuple[Visit, ...]]:
        """Return these faces with the ids of their visits, and the visits to report after this look.

        `at` is the time in seconds of a clock that never goes back, `taken_at` the same moment in epoch milliseconds,
        and `size` the frame's width and height in pixels; all visits end where it changes. A face without a box has no
        visit. `bodies` are the bodies in the frame, or in a part of it; None where nobody looks for them. A body with
        its face is one person, whose track goes on while only one of the two is seen.
        """
        resized = self.end_all() if self._size not in (None, size) else ()
        self._look, self._size = self._look + 1, size
        focal = None if self._lens is None else size[0] / 2 / math.tan(math.radians(self._lens) / 2)
        self._sees_bodies = bodies is not None
        boxed = [face for face in faces if face.box is not None]
        boxes = [face.box for face in boxed if face.box is not None]
        heads = heads_without_face(bodies or (), boxes, size)
        tracks, ended = self._tracker.update(at, boxes, heads)
        for track in tracks:
            _, visit = self._visits.setdefault(track.id, (track, _Visit(taken_at, at, (track.x, track.y), at)))
            visit.see(at, track)
        for track, face in zip(tracks, boxed, strict=False):
            self._visits[track.id][1].see_face(at, self._look, face, focal)
        ids = iter(tracks)
        named = tuple(face if face.box is None else msgspec.structs.replace(face, visit=next(ids).id) for face in faces)
        return named, (*resized, *self._end(ended), *self._due(at))

    def expected(self, at: float) -> list[Box]:
        """Return where the faces of the people are expected at this time: where it is worth looking for them."""
        expected = self._tracker.expected(at)
        return [box for track, box in expected if self._visits[track.id][1].face_at is not None]

    def end_all(self) -> tuple[Visit, ...]:
        """End all visits and return them, because no further frame will come."""
        return self._end(self._tracker.end_all())

    def _end(self, tracks: Iterable[Track]) -> tuple[Visit, ...]:
        visits = [self._visits.pop(track.id) for track in tracks]
        return tuple(self._message(*each, ended=True) for each in visits if _is_visit(*each))

    def _due(self, at: float) -> list[Visit]:
        due = [
            (track, visit)
            for track, visit in self._visits.values()
            if _is_visit(track, visit) and (visit.reported is None or at - visit.reported >= UPDATE_SECONDS)
        ]
        for _, visit in due:
            visit.reported = at
        return [self._message(track, visit, ended=False) for track, visit in due]

    def _message(self, track: Track, visit: _Visit, *, ended: bool) -> Visit:
        # A person whose face was never seen has not looked at the display.
        unseen = 0.0 if self._sees_bodies and visit.face_at is None else None
        attention = unseen if visit.attention is None else visit.attention
        return Visit(
            id=track.id,
            began_at=visit.began_at,
            dwell=round(1000 * (visit.seen - visit.began)),
            attention=None if attention is None else round(1000 * attention),
            nearest=None if visit.nearest is None else round(visit.nearest, 2),
            bodies=self._sees_bodies,
            ended=ended,
        )


def _is_visit(track: Track, visit: _Visit) -> bool:
    if visit.face_at is not None:
        return track.looks >= LEAST_LOOKS
    return visit.has_moved and track.looks >= LEAST_BODY_LOOKS


def _height(face: Face) -> float:
    return float(max(face.box[3], 1)) if face.box is not None else 1.0


def _distance(height: float, focal: float | None) -> float | None:
    return None if focal is None else FACE_METRES * focal / height


def _nearer(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)
