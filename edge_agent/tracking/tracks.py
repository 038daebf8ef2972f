"""Follows faces from look to look by their distance, so that each person is one track. Pure.

A face is matched with the track whose expected place is nearest, measured in widths of the face. A person two metres
away then gets the same room as one eight metres away. No picture and no description of a face is kept: a track is a
place, a speed and a random number, and all of them end with it.
"""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import Box

LOST_SECONDS = 2.0
"""A track that is lost for less than this time goes on."""

REACH = 0.8
"""Face widths between the expected and the found place that are allowed without any time between the two looks: the
detector's noise, and the sway of somebody who stands."""

KNOWN_REACH_PER_SECOND = 1.5
"""Face widths that are added to `REACH` for each second, where the track's speed is known from several looks."""

NEW_REACH_PER_SECOND = 9.0
"""Face widths that are added to `REACH` for each second, where the track has one look, so that its speed is unknown:
1.4 m/s, a brisk walk, in face widths of 0.155 m."""

SIZE_REACH = 0.35
SIZE_REACH_PER_SECOND = 0.5
"""How much the logarithm of a face's size may change at once, and for each second: somebody who walks towards the
camera at 1.4 m/s from 3 m away changes it by 0.6 in a second."""

BODY_NOISE = 4.0
"""How much more uncertain than a face's own place that is which the box of its body tells: a body with its arms is so
many faces wide."""

BODY_SETTLES = 0.5
"""Seconds below which the way between two boxes of a body tells no speed: it is mostly noise."""

PLACE_WEIGHT = 0.75
SPEED_WEIGHT = 0.4
SIZE_WEIGHT = 0.3
"""Shares of a new measurement in the track's place, speed and size; the rest is what was expected."""

OVERSHOOT_WEIGHT = 0.3
"""How much it counts, beside the distance from the way on which a track is expected, that a face is not at its end."""


@dataclass(slots=True)
class Track:
    """One person's face, followed. Places and sizes are pixels, speeds pixels a second, times seconds."""

    id: str
    x: float
    y: float
    size: float
    seen_at: float
    vx: float = 0.0
    vy: float = 0.0
    looks: int = 1
    """The number of looks in which the face was found."""

    def expected(self, at: float) -> tuple[float, float]:
        """Return the place at which the face is expected at this time."""
        return self.x + self.vx * (at - self.seen_at), self.y + self.vy * (at - self.seen_at)

    def move(self, x: float, y: float, size: float, at: float, *, is_body: bool = False) -> None:
        """Take in the place at which the face was found, or must be by the box of its body."""
        passed = max(at - self.seen_at, BODY_SETTLES if is_body else 0.0)
        if self.looks == 1:
            self.vx, self.vy = (x - self.x) / passed, (y - self.y) / passed
            self.x, self.y = x, y
        else:
            expected_x, expected_y = self.expected(at)
            off_x, off_y = x - expected_x, y - expected_y
            self.x, self.y = x - (1 - PLACE_WEIGHT) * off_x, y - (1 - PLACE_WEIGHT) * off_y
            self.vx, self.vy = self.vx + SPEED_WEIGHT * off_x / passed, self.vy + SPEED_WEIGHT * off_y / passed
        self.size *= (size / self.size) ** SIZE_WEIGHT
        self.seen_at, self.looks = at, self.looks + 1


class Tracker:
    """Gives each face of a look the track of its person. One tracker for each camera; not thread-safe."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    def update(self, at: float, boxes: Sequence[Box], heads: Sequence[Box] = ()) -> tuple[list[Track], list[Track]]:
        """Return the track of each of these faces, in their order, and the tracks that have ended before this look.

        `heads` are where the faces of bodies must be; their tracks follow in the result. `at` is the look's time in
        seconds and must ascend from call to call.
        """
        ended = [track for track in self._tracks if at - track.seen_at >= LOST_SECONDS]
        self._tracks = [track for track in self._tracks if at - track.seen_at < LOST_SECONDS]
        everything = [*boxes, *heads]
        faces = [(left + width / 2, top + height / 2, _size(width, height)) for left, top, width, height in everything]
        noise = np.repeat([1.0, BODY_NOISE], [len(boxes), len(heads)])
        matched = {face: self._tracks[track] for track, face in _matches(_costs(self._tracks, faces, noise, at))}
        for face, track in matched.items():
            track.move(*faces[face], at, is_body=face >= len(boxes))
        new = {face: Track(_new_id(), *faces[face], at) for face in range(len(faces)) if face not in matched}
        self._tracks += new.values()
        found = matched | new
        return [found[face] for face in range(len(faces))], ended

    def expected(self, at: float) -> list[tuple[Track, Box]]:
        """Return each track, and where its face is expected at this time."""
        return [
            (track, (round(x - track.size / 2), round(y - track.size / 2), round(track.size), round(track.size)))
            for track in self._tracks
            for x, y in [track.expected(at)]
        ]

    def end_all(self) -> list[Track]:
        """End all tracks and return them."""
        ended, self._tracks = self._tracks, []
        return ended


def _costs(
    tracks: Sequence[Track],
    faces: Sequence[tuple[float, float, float]],
    noise: NDArray[np.float64],
    at: float,
) -> NDArray[np.float64]:
    """Return a cost for each track and face; infinite where the face cannot be the track's.

    Somebody may go on at the same speed or stop. So the distance is that from the whole way between the last place and
    the place that the speed leads to.
    """
    if not tracks or not faces:
        return np.empty((len(tracks), len(faces)))
    x, y, size, passed, vx, vy, looks = (
        np.array(values)[:, np.newaxis]
        for values in zip(
            *((t.x, t.y, t.size, at - t.seen_at, t.vx, t.vy, t.looks) for t in tracks),
            strict=True,
        )
    )
    face_x, face_y, face_size = np.array(faces).T
    way_x, way_y = vx * passed, vy * passed
    length = np.maximum(way_x**2 + way_y**2, 1e-9)
    gone = np.clip(((face_x - x) * way_x + (face_y - y) * way_y) / length, 0.0, 1.0)
    unit = np.sqrt(size * face_size)
    off_way = np.hypot(face_x - x - gone * way_x, face_y - y - gone * way_y) / unit
    off_end = np.hypot(face_x - x - way_x, face_y - y - way_y) / unit
    change = np.abs(np.log(face_size / size))
    reach = REACH * noise + np.where(looks > 1, KNOWN_REACH_PER_SECOND * noise, NEW_REACH_PER_SECOND) * passed
    allowed = (off_way <= reach) & (change <= SIZE_REACH + SIZE_REACH_PER_SECOND * passed)
    cost = off_way + OVERSHOOT_WEIGHT * off_end + change
    return np.where(allowed, cost, np.inf)


def _matches(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs of track and face, the cheapest first, each track and each face at most once."""
    pairs: list[tuple[int, int]] = []
    costs = costs.copy()
    while costs.size and math.isfinite(costs.min()):
        track, face = divmod(int(costs.argmin()), costs.shape[1])
        pairs.append((track, face))
        costs[track, :] = costs[:, face] = np.inf
    return pairs


def _size(width: float, height: float) -> float:
    return math.sqrt(max(width, 1) * max(height, 1))


def _new_id() -> str:
    return secrets.token_hex(8)
