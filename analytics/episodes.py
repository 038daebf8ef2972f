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
    """A row of `Episode`; the names are its fields'. What one frame shows is an episode that ends as it starts."""

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
    return joined_in_order(sorted(rows))


def joined_in_order(rows: Iterable[EpisodeRow]) -> list[EpisodeRow]:
    """The same of rows whose starts ascend for each device and label; sorted as `joined` sorts."""
    ended: list[EpisodeRow] = []
    running: dict[tuple[int, str], EpisodeRow] = {}
    for row in rows:
        key = row[:2]
        before = running.get(key)
        if before is None:
            running[key] = row
        elif row.started - before.ended > gap(row.label):
            ended.append(before)
            running[key] = row
        else:
            running[key] = _together(before, row)
    return sorted([*ended, *running.values()])


def _together(first: EpisodeRow, second: EpisodeRow) -> EpisodeRow:
    return EpisodeRow(
        first.device_id,
        first.label,
        first.started,
        max(first.ended, second.ended),
        max(first.peak, second.peak),
        max(first.confidence, second.confidence),
    )


def shown(
    device_id: int, taken_at: dt.datetime, faces: int | None, detections: Iterable[tuple[str, float, Any]]
) -> list[EpisodeRow]:
    """What one frame shows, by label. `faces` is how many it counts; detections are those not called wrong.

    Each detection begins with its label and confidence.
    """
    labels: dict[str, tuple[int, float]] = {}
    for label, confidence, _ in detections:
        number, best = labels.get(label, (0, 0.0))
        labels[label] = number + 1, max(best, confidence)
    if not faces:
        # An object that a device calls a face is no visitor.
        labels.pop(FACE, None)
    elif FACE in labels:
        labels[FACE] = faces, labels[FACE][1]
    return [EpisodeRow(device_id, label, taken_at, taken_at, *of) for label, of in labels.items()]


def reported(device_id: int, label: str, began_at: dt.datetime, ended_at: dt.datetime, confidence: float) -> EpisodeRow:
    """What a device told of a gesture: all that time it was shown, whether or not there is a frame of it."""
    return EpisodeRow(device_id, label, began_at, ended_at, 1, confidence)
