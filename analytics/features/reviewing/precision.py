"""The precision of a label by reviewers' verdicts: per device, software and threshold.

Precision is the share of right detections among the decided ones, with Wilson's interval of 95 %. It describes the
reviewed detections alone: a detector looks worse than it is if people review only doubtful detections.
"""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analytics.models import DeviceSoftware, Review, Verdict
from analytics.models.quarters import CONFIDENCE_BINS, confidence_bin
from analytics.numbers.intervals import Interval, wilson
from devices.models import Device

UNKNOWN_SOFTWARE = "not told"
"""The software of a device that never reports its software, such as a DeepLens."""


class DecidedDetection(NamedTuple):
    """A detection on which a majority of its reviewers agrees."""

    device: str
    software: str
    confidence: float
    """0 to 1."""
    is_right: bool


@dataclass(frozen=True, slots=True)
class Precision:
    """The share of right detections among the decided ones, and its 95 % interval."""

    right: int
    wrong: int

    @property
    def decided(self) -> int:
        """The number of decided detections."""
        return self.right + self.wrong

    @property
    def share(self) -> float | None:
        """0 to 1; None where nothing is decided."""
        return self.right / self.decided if self.decided else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval of the share; None where nothing is decided."""
        return wilson(self.right, self.decided)


class DevicePrecision(NamedTuple):
    """The precision of a device while it ran one software."""

    device: str
    software: str
    precision: Precision


class ThresholdPrecision(NamedTuple):
    """The precision of the detections with at least this confidence, 0 to 1."""

    threshold: float
    precision: Precision


@dataclass(frozen=True, slots=True)
class PrecisionTable:
    """The precision of a label: in total, of each device with each software, and at and above each threshold."""

    total: Precision
    disputed: int
    """The number of detections of which as many reviewers say right as wrong."""
    by_device: list[DevicePrecision]
    by_threshold: list[ThresholdPrecision]
    """Ascending; a threshold that selects the same detections as the next one is left out."""


def read_precision(devices: Sequence[Device], *, label: str, start: dt.datetime, end: dt.datetime) -> PrecisionTable:
    """Return the precision of the label at these devices from `start` to before `end`, in three queries."""
    reviews = Review.objects.filter(device__in=list(devices), taken_at__gte=start, taken_at__lt=end)
    reviewed = reviews.filter(detection__label=label).order_by().distinct()
    rows = list(
        reviewed.values_list("device", "taken_at", "detection_id", "detection__confidence", "detection__review")
    )
    names = {device.pk: device.name for device in devices}
    history = _software_history(devices)
    decided = [
        DecidedDetection(names[pk], _software_at(history[pk], at), confidence, review == Verdict.RIGHT)
        for pk, at, _, confidence, review in rows
        if review is not None
    ]
    return precision_table(decided, disputed=len(rows) - len(decided))


def precision_table(decided: Iterable[DecidedDetection], *, disputed: int) -> PrecisionTable:
    """Return the table of these decided detections; `disputed` is the number of undecided ones. Pure."""
    rows = list(decided)
    groups: dict[tuple[str, str], list[DecidedDetection]] = defaultdict(list)
    for row in rows:
        groups[row.device, row.software].append(row)
    return PrecisionTable(
        total=_precision(rows),
        disputed=disputed,
        by_device=[DevicePrecision(*key, _precision(groups[key])) for key in sorted(groups)],
        by_threshold=_by_threshold(rows),
    )


def _precision(rows: Sequence[DecidedDetection]) -> Precision:
    right = sum(row.is_right for row in rows)
    return Precision(right, len(rows) - right)


def _by_threshold(rows: Sequence[DecidedDetection]) -> list[ThresholdPrecision]:
    bins = Counter((confidence_bin(row.confidence), row.is_right) for row in rows)
    right, wrong = 0, 0
    descending: list[ThresholdPrecision] = []
    for number in reversed(range(CONFIDENCE_BINS)):
        if not bins[number, True] + bins[number, False]:
            continue
        right, wrong = right + bins[number, True], wrong + bins[number, False]
        descending.append(ThresholdPrecision(number / CONFIDENCE_BINS, Precision(right, wrong)))
    return descending[::-1]


def _software_history(devices: Sequence[Device]) -> Mapping[int, list[tuple[dt.datetime, str]]]:
    history: dict[int, list[tuple[dt.datetime, str]]] = defaultdict(list)
    reports = DeviceSoftware.objects.filter(device__in=list(devices)).order_by("since")
    for pk, since, software in reports.values_list("device_id", "since", "software"):
        history[pk].append((since, software))
    return history


def _software_at(history: Sequence[tuple[dt.datetime, str]], at: dt.datetime) -> str:
    place = bisect_right([since for since, _ in history], at)
    return history[place - 1][1] if place else UNKNOWN_SOFTWARE
