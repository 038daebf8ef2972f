"""Tallies of quarter hours from frames and detections. Pure; the intake and the rebuild use the same functions.

Rows of the same quarter from different batches are merged as `ENGAGEMENT_MERGE` and `LABEL_MERGE` define. The order and
grouping of the merges do not matter, so the tallies depend only on the set of frames.
"""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from analytics.models.quarters import QUARTER, QUARTER_MINUTES, bin_of_millionths, millionths, quarter_start
from devices.storage.sql import Merge

LOCK = "headcount tallies"
"""The name of the advisory locks on devices: shared for adding to a device's tallies, exclusive for rebuilding them."""


FrameFaces = tuple[int, dt.datetime, int | None]
"""A frame: the id of its device, its time in UTC, and its number of faces, None where the device does not count faces.

A plain tuple, because the intake makes thousands a second.
"""

DetectionFacts = tuple[int, dt.datetime, str, float, bool]
"""A detection: the id of its device, its frame's time in UTC, its label, its confidence (0 to 1), and whether reviewers
rejected it.
"""


class EngagementRow(NamedTuple):
    """A row of `EngagementQuarter`, with its fields' names and order."""

    device_id: int
    start: dt.datetime
    frames: int
    faces_sum: int
    faces_peak: int
    minutes_seen: int
    minutes_occupied: int
    minutes_told: int


class LabelRow(NamedTuple):
    """A row of `LabelQuarter`, with its fields' names and order."""

    device_id: int
    start: dt.datetime
    label: str
    confidence_bin: int
    count: int  # type: ignore[assignment]  # hides the method `count` of tuples
    rejected: int
    confidence_millionths_sum: int


ENGAGEMENT_MERGE: dict[str, Merge] = {
    "frames": "sum",
    "faces_sum": "sum",
    "faces_peak": "max",
    "minutes_seen": "or",
    "minutes_occupied": "or",
    "minutes_told": "or",
}
"""How each number of `EngagementRow`, in its order, is merged with another row of the quarter.

Reads add up quarters to hours and days in the same way, except that they count the bits of masks ("or") and add those.
"""
SIGN_OF_LIFE_MERGE: dict[str, Merge] = {"minutes": "or"}
LABEL_MERGE: dict[str, Merge] = {"count": "sum", "rejected": "sum", "confidence_millionths_sum": "sum"}


class SignOfLifeRow(NamedTuple):
    """A row of `SignOfLifeQuarter`, with its fields' names and order."""

    device_id: int
    start: dt.datetime
    minutes: int


class _QuarterStart:
    """Finds the quarter hours of ascending times: a comparison with the last quarter is faster than a computation."""

    def __init__(self) -> None:
        self._start = self._end = dt.datetime.min.replace(tzinfo=dt.UTC)

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        if not self._start <= moment < self._end:
            self._start = quarter_start(moment)
            self._end = self._start + QUARTER
        return self._start


def engagement_rows(frames: Iterable[FrameFaces]) -> list[EngagementRow]:
    """Return a row for each device and quarter, sorted by both. Each frame must be given once."""
    rows: dict[tuple[int, dt.datetime], list[int]] = {}
    quarter = _QuarterStart()
    for device_id, taken_at, faces in frames:
        key = (device_id, quarter.start_of(taken_at))
        row = rows.get(key) or rows.setdefault(key, [0, 0, 0, 0, 0])
        minute = 1 << taken_at.minute % QUARTER_MINUTES
        row[3] |= minute
        if faces is None:
            continue
        row[0] += 1
        row[1] += faces
        if faces:
            row[4] |= minute
            if faces > row[2]:
                row[2] = faces
    return [EngagementRow(*key, *[*row, row[3]]) for key, row in sorted(rows.items())]


def sign_of_life_rows(signs: Iterable[tuple[int, dt.datetime]]) -> list[SignOfLifeRow]:
    """Return a row for each device and quarter, sorted by both, of these ids of devices and times in UTC."""
    rows = engagement_rows((device_id, at, None) for device_id, at in signs)
    return [SignOfLifeRow(row.device_id, row.start, row.minutes_seen) for row in rows]


def engagement_of_signs(rows: Iterable[SignOfLifeRow]) -> list[EngagementRow]:
    """Return for each row what it adds to the engagement: minutes in which the camera was on, and no frame."""
    return [EngagementRow(row.device_id, row.start, 0, 0, 0, row.minutes, 0, 0) for row in rows]


def with_signs(rows: Iterable[EngagementRow], signs: Iterable[SignOfLifeRow]) -> list[EngagementRow]:
    """Return the rows of frames with the minutes of these signs, sorted; each quarter is in each list once at most."""
    merged = {row[:2]: row for row in rows}
    for sign in engagement_of_signs(signs):
        row = merged.get(sign[:2])
        merged[sign[:2]] = sign if row is None else row._replace(minutes_seen=row.minutes_seen | sign.minutes_seen)
    return [merged[key] for key in sorted(merged)]


def label_rows(detections: Iterable[DetectionFacts]) -> list[LabelRow]:
    """Return a row for each device, quarter, label and confidence bin, sorted by them.

    Each detection must be given once.
    """
    rows: dict[tuple[int, dt.datetime, str, int], list[int]] = {}
    quarter = _QuarterStart()
    for device_id, taken_at, label, confidence, rejected in detections:
        rounded = millionths(confidence)
        key = (device_id, quarter.start_of(taken_at), label, bin_of_millionths(rounded))
        row = rows.get(key) or rows.setdefault(key, [0, 0, 0])
        row[0] += 1
        if rejected:
            row[1] += 1
        else:
            row[2] += rounded
    return [LabelRow(*key, *rows[key]) for key in sorted(rows)]
