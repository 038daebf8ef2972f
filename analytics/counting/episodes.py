"""From frames to episodes: visits, and gestures or objects that are shown once however many frames show them. Pure.

An episode is a run of frames of one device that show the same, none further apart than the label's gap. Joining
episodes gives the same in any order and grouping, and joining one with itself changes nothing; so the episodes of
all frames may be had by joining those of any batches, however often a batch comes.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from analytics.models import FACE
from devices.sql import Merge

VISIT_GAP = dt.timedelta(seconds=20)
"""The gap that Liquid Galaxy's statistics of occupancy use: who looks away for less has not left."""

GESTURE_GAP = dt.timedelta(seconds=3)
"""Two thumbs-up of one person are further apart; a thumb that the detector misses comes back sooner."""

LONGEST_GESTURE = dt.timedelta(hours=1)
"""A device that reports a longer one has a clock that jumped; what is over is not believed."""

LOCK = "headcount episodes"
"""Held by a device's number by one who joins its episodes with others."""


class EpisodeRow(NamedTuple):
    """A row of `Episode`; the names are its fields'."""

    device_id: int
    label: str
    started: dt.datetime
    """UTC, as is `ended`."""
    ended: dt.datetime
    peak: int
    confidence: float


EPISODE_MERGE: dict[str, Merge] = {"ended": "max", "peak": "max", "confidence": "max"}
"""How an episode grows that starts as it did before."""


def gap(label: str) -> dt.timedelta:
    """The longest time between two frames of one episode of this label."""
    return VISIT_GAP if label == FACE else GESTURE_GAP


def joined(rows: Iterable[EpisodeRow]) -> list[EpisodeRow]:
    """The fewest episodes that these are parts of, sorted by device, label and start."""
    runs: list[EpisodeRow] = []
    for row in sorted(rows):
        if runs and row[:2] == runs[-1][:2] and row.started - runs[-1].ended <= gap(row.label):
            runs[-1] = _together(runs[-1], row)
        else:
            runs.append(row)
    return runs


def _together(first: EpisodeRow, second: EpisodeRow) -> EpisodeRow:
    return EpisodeRow(
        first.device_id,
        first.label,
        first.started,
        max(first.ended, second.ended),
        max(first.peak, second.peak),
        max(first.confidence, second.confidence),
    )


Shown = tuple[int, dt.datetime, int | None, Iterable[tuple[str, float, Any]]]
"""Of a frame: its device, its time in UTC, how many faces it counts, and its detections but for those called wrong.

A detection begins with its label and its confidence.
"""


def shown(frames: Iterable[Shown]) -> list[EpisodeRow]:
    """The episodes that these frames show, sorted by device, label and start. Times must ascend for each device.

    As in the tallies an object that a device calls a face is no visitor.
    """
    ended: list[EpisodeRow] = []
    running: dict[tuple[int, str], _Run] = {}
    for frame, (device_id, taken_at, faces, detections) in enumerate(frames):
        for label, confidence, _ in detections:
            if label == FACE and not faces:
                continue
            run = running.get((device_id, label))
            if run is None or taken_at > run.until:
                if run is not None:
                    ended.append(run.row())
                run = running[device_id, label] = _Run(device_id, label, taken_at)
            run.add(frame, taken_at, faces if label == FACE else None, confidence)
    return sorted([*ended, *(run.row() for run in running.values())])


class _Run:
    """An episode under way. The intake makes and asks it for each detection, so it is made for speed."""

    __slots__ = ("_best", "_frame", "_gap", "_key", "_number", "_peak", "_started", "_taken_at", "until")

    def __init__(self, device_id: int, label: str, started: dt.datetime) -> None:
        self._key, self._gap, self._started = (device_id, label), gap(label), started
        self._frame, self._number, self._peak, self._best = -1, 0, 0, 0.0
        self.until = self._taken_at = started

    def add(self, frame: int, taken_at: dt.datetime, number: int | None, confidence: float) -> None:
        """A detection of the frame with this running number, and how many it has; None: one more for each call."""
        if frame != self._frame:
            self._frame, self._number, self._taken_at, self.until = frame, 0, taken_at, taken_at + self._gap
        self._number = number or self._number + 1
        if self._number > self._peak:
            self._peak = self._number
        if confidence > self._best:
            self._best = confidence

    def row(self) -> EpisodeRow:
        return EpisodeRow(*self._key, self._started, self._taken_at, self._peak, self._best)


def reported(device_id: int, label: str, began_at: dt.datetime, ended_at: dt.datetime, confidence: float) -> EpisodeRow:
    """What a device told of a gesture: all that time it was shown, whether or not there is a frame of it."""
    return EpisodeRow(device_id, label, began_at, ended_at, 1, confidence)
