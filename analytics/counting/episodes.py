"""Episodes from frames: occupied spells, and showings of a gesture or object, each counted once. Pure.

An episode is a run of frames of one device that have the same label, with no gap longer than the label's. Where the
device tells of which person's visit a gesture or object is, each person has their own episodes: three people with a
thumb up are three, two thumbs of one person are one. An occupied spell is the place's, whoever is there. Joining
episodes is associative, commutative and idempotent. So the episodes of all frames are the joined episodes of their
batches, in any order and however often a batch arrives.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from analytics.models import FACE
from devices.storage.sql import Merge

SPELL_GAP = dt.timedelta(seconds=20)
"""The longest time without a face within an occupied spell, as in Liquid Galaxy's statistics of occupancy."""

GESTURE_GAP = dt.timedelta(seconds=3)
"""The longest time without the label within a showing.

Two thumbs-up of one person are further apart. A thumb that the detector misses is detected again sooner.
"""

LONGEST_GESTURE = dt.timedelta(hours=1)
"""The longest showing that a report is trusted with: a longer one means that the device's clock has jumped."""

LOCK = "headcount episodes"
"""The name of the exclusive advisory locks on devices for joining their episodes."""


class EpisodeRow(NamedTuple):
    """A row of `Episode`, with its fields' names and order. The first three tell whose and what it is."""

    device_id: int
    label: str
    visit: str
    started: dt.datetime
    """UTC, as is `ended`."""
    ended: dt.datetime
    peak: int
    confidence: float


EPISODE_KEY = 4
"""The first so many fields of a row are unique."""

EPISODE_MERGE: dict[str, Merge] = {"ended": "max", "peak": "max", "confidence": "max"}
"""How a row is merged with a stored episode of the same key."""


def max_gap(label: str) -> dt.timedelta:
    """Return the longest time between two frames of one episode of this label."""
    return SPELL_GAP if label == FACE else GESTURE_GAP


def join_episodes(rows: Iterable[EpisodeRow]) -> list[EpisodeRow]:
    """Join all episodes that are no further apart than their label's gap; sorted."""
    joined: list[EpisodeRow] = []
    for row in sorted(rows):
        if joined and row[:3] == joined[-1][:3] and row.started - joined[-1].ended <= max_gap(row.label):
            joined[-1] = _join(joined[-1], row)
        else:
            joined.append(row)
    return joined


def _join(first: EpisodeRow, second: EpisodeRow) -> EpisodeRow:
    return EpisodeRow(
        first.device_id,
        first.label,
        first.visit,
        first.started,
        max(first.ended, second.ended),
        max(first.peak, second.peak),
        max(first.confidence, second.confidence),
    )


FrameDetections = tuple[int, dt.datetime, int | None, Iterable[tuple[str, float, Any, str | None]]]
"""A frame: the id of its device, its time in UTC, its number of faces, and its detections without the rejected ones.

A detection is a tuple of its label, its confidence, anything, and the visit of its person, None where that is unknown.
"""


def episodes_in_frames(frames: Iterable[FrameDetections]) -> list[EpisodeRow]:
    """Return the episodes in these frames, sorted. Times must ascend for each device.

    As in the tallies, an object with the label `FACE` does not count as a face.
    """
    finished: list[EpisodeRow] = []
    running: dict[tuple[int, str, str], _Run] = {}
    for frame, (device_id, taken_at, faces, detections) in enumerate(frames):
        for label, confidence, _, visit in detections:
            if label != FACE:
                key, number = (device_id, label, visit or ""), None
            elif faces:
                key, number = (device_id, label, ""), faces
            else:
                continue
            run = running.get(key)
            if run is None or taken_at > run.until:
                if run is not None:
                    finished.append(run.row())
                run = running[key] = _Run(key, taken_at)
            run.add(frame, taken_at, number, confidence)
    return sorted([*finished, *(run.row() for run in running.values())])


class _Run:
    """An episode under way. The intake calls it for each detection, so it is optimised for speed."""

    __slots__ = ("_best", "_frame", "_gap", "_key", "_number", "_peak", "_started", "_taken_at", "until")

    def __init__(self, key: tuple[int, str, str], started: dt.datetime) -> None:
        self._key, self._gap, self._started = key, max_gap(key[1]), started
        self._frame, self._number, self._peak, self._best = -1, 0, 0, 0.0
        self.until = self._taken_at = started

    def add(self, frame: int, taken_at: dt.datetime, number: int | None, confidence: float) -> None:
        """Add a detection of the frame with this running number.

        `number` is the frame's number of the label; with None each call for the frame counts one.
        """
        if frame != self._frame:
            self._frame, self._number, self._taken_at, self.until = frame, 0, taken_at, taken_at + self._gap
        self._number = number or self._number + 1
        if self._number > self._peak:
            self._peak = self._number
        if confidence > self._best:
            self._best = confidence

    def row(self) -> EpisodeRow:
        return EpisodeRow(*self._key, self._started, self._taken_at, self._peak, self._best)


def reported_episode(
    device_id: int, label: str, visit: str, began_at: dt.datetime, ended_at: dt.datetime, confidence: float
) -> EpisodeRow:
    """Return the episode that a device has reported: the gesture was shown all the time, with or without frames."""
    return EpisodeRow(device_id, label, "" if label == FACE else visit, began_at, ended_at, 1, confidence)
