"""From frames and detections to the rows of a quarter hour's tallies. Pure: the sink and the rebuild share it.

Rows of the same quarter from different batches are merged by `ENGAGEMENT_MERGE` and `LABEL_MERGE`. Both work in any
order and grouping, so the tallies depend only on which frames there are.
"""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from analytics.models.quarters import QUARTER, QUARTER_MINUTES, bin_of_millionths, millionths, quarter_start
from devices.sql import Merge

LOCK = "headcount tallies"
"""Held by a device's number: by one who computes its tallies anew alone, by those who add to them together."""


SeenFaces = tuple[int, dt.datetime, int | None]
"""A frame, as far as engagement is concerned: its device's id, its time in UTC, and how many faces it shows.

None stands for the number where the device does not look for faces. Plain tuples, since the intake makes thousands a
second.
"""

SeenLabel = tuple[int, dt.datetime, str, float, bool]
"""A detection, as far as counting is concerned: its device's id, its frame's time in UTC, its label, its confidence
(a probability, 0 to 1), and whether a reviewer rejected it.
"""


class EngagementRow(NamedTuple):
    """A row of `EngagementQuarter`; the names are its fields'."""

    device_id: int
    start: dt.datetime
    frames: int
    faces_sum: int
    faces_peak: int
    minutes_seen: int
    minutes_occupied: int


class LabelRow(NamedTuple):
    """A row of `LabelQuarter`; the names are its fields'."""

    device_id: int
    start: dt.datetime
    label: str
    confidence_bin: int
    count: int  # type: ignore[assignment]  # instead of the tuple's own `count`
    rejected: int
    confidence_millionths_sum: int


ENGAGEMENT_MERGE: dict[str, Merge] = {
    "frames": "sum",
    "faces_sum": "sum",
    "faces_peak": "max",
    "minutes_seen": "or",
    "minutes_occupied": "or",
}
LABEL_MERGE: dict[str, Merge] = {"count": "sum", "rejected": "sum", "confidence_millionths_sum": "sum"}


class _Quarter:
    """The quarter hour of the latest moment asked for: frames come in their order, and a comparison is quick."""

    def __init__(self) -> None:
        self._start = self._end = dt.datetime.min.replace(tzinfo=dt.UTC)

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        if not self._start <= moment < self._end:
            self._start = quarter_start(moment)
            self._end = self._start + QUARTER
        return self._start


def engagement_rows(frames: Iterable[SeenFaces]) -> list[EngagementRow]:
    """One row per device and quarter, sorted by them. Each frame must be given once."""
    rows: dict[tuple[int, dt.datetime], list[int]] = {}
    quarter = _Quarter()
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
    return [EngagementRow(*key, *rows[key]) for key in sorted(rows)]


def label_rows(detections: Iterable[SeenLabel]) -> list[LabelRow]:
    """One row per device, quarter, label and confidence bin, sorted by them. Each detection must be given once."""
    rows: dict[tuple[int, dt.datetime, str, int], list[int]] = {}
    quarter = _Quarter()
    for device_id, taken_at, label, confidence, rejected in detections:
        whole = millionths(confidence)
        key = (device_id, quarter.start_of(taken_at), label, bin_of_millionths(whole))
        row = rows.get(key) or rows.setdefault(key, [0, 0, 0])
        row[0] += 1
        if rejected:
            row[1] += 1
        else:
            row[2] += whole
    return [LabelRow(*key, *rows[key]) for key in sorted(rows)]
