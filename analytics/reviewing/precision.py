"""How often the cameras are right, as far as reviewers have said: per device, software and threshold.

Precision is the share of right ones among the detections that are decided, with Wilson's interval of 95 %. It speaks
for what was reviewed: who reviews the doubtful ones only makes a detector look worse than it is.
"""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analytics.models import Detection, DeviceSoftware, Review, Verdict
from analytics.models.quarters import CONFIDENCE_BINS, confidence_bin
from analytics.numbers.intervals import Interval, wilson
from devices.models import Device

UNTOLD = "not told"
"""The software of a device that never said which it runs, as a DeepLens never does."""


class Decided(NamedTuple):
    """A detection that reviewers have decided on."""

    device: str
    software: str
    confidence: float
    """0 to 1."""
    is_right: bool


@dataclass(frozen=True, slots=True)
class Precision:
    """The share of right ones, and the interval in which the true share lies with a probability of 95 %."""

    right: int
    wrong: int

    @property
    def decided(self) -> int:
        return self.right + self.wrong

    @property
    def share(self) -> float | None:
        return self.right / self.decided if self.decided else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's; None where nothing is decided."""
        return wilson(self.right, self.decided)


class OfDevice(NamedTuple):
    """What a device found with one software."""

    device: str
    software: str
    precision: Precision


class OfThreshold(NamedTuple):
    """What was found with at least this confidence, 0 to 1."""

    threshold: float
    precision: Precision


@dataclass(frozen=True, slots=True)
class Table:
    """The precision of a label: of all, of each device with each software, and at and above each threshold."""

    whole: Precision
    disputed: int
    by_device: list[OfDevice]
    by_threshold: list[OfThreshold]
    """Ascending; those that change nothing are left out."""


def table(devices: Sequence[Device], *, label: str, start: dt.datetime, end: dt.datetime) -> Table:
    """What was decided on these devices' detections of the label from `start` to `end`. Three queries."""
    found = Detection.objects.filter(pk__in=Review.objects.order_by().values("detection"), label=label)
    found = found.filter(frame__device__in=list(devices), frame__taken_at__gte=start, frame__taken_at__lt=end)
    rows = list(found.values_list("frame__device", "frame__taken_at", "confidence", "review"))
    names = {device.pk: device.name for device in devices}
    ran = _software(devices)
    decided = [
        Decided(names[pk], _running(ran[pk], at), confidence, review == Verdict.RIGHT)
        for pk, at, confidence, review in rows
        if review is not None
    ]
    return tabulated(decided, disputed=len(rows) - len(decided))


def tabulated(decided: Iterable[Decided], *, disputed: int) -> Table:
    """The table of these detections. Pure."""
    rows = list(decided)
    groups: dict[tuple[str, str], list[Decided]] = defaultdict(list)
    for row in rows:
        groups[row.device, row.software].append(row)
    return Table(
        whole=_precision(rows),
        disputed=disputed,
        by_device=[OfDevice(*key, _precision(groups[key])) for key in sorted(groups)],
        by_threshold=_by_threshold(rows),
    )


def _precision(rows: Sequence[Decided]) -> Precision:
    right = sum(row.is_right for row in rows)
    return Precision(right, len(rows) - right)


def _by_threshold(rows: Sequence[Decided]) -> list[OfThreshold]:
    bins = Counter((confidence_bin(row.confidence), row.is_right) for row in rows)
    right, wrong = 0, 0
    found: list[OfThreshold] = []
    for number in reversed(range(CONFIDENCE_BINS)):
        if not bins[number, True] + bins[number, False]:
            continue
        right, wrong = right + bins[number, True], wrong + bins[number, False]
        found.append(OfThreshold(number / CONFIDENCE_BINS, Precision(right, wrong)))
    return found[::-1]


def _software(devices: Sequence[Device]) -> Mapping[int, list[tuple[dt.datetime, str]]]:
    ran: dict[int, list[tuple[dt.datetime, str]]] = defaultdict(list)
    told = DeviceSoftware.objects.filter(device__in=list(devices)).order_by("since")
    for pk, since, software in told.values_list("device_id", "since", "software"):
        ran[pk].append((since, software))
    return ran


def _running(ran: Sequence[tuple[dt.datetime, str]], at: dt.datetime) -> str:
    place = bisect_right([since for since, _ in ran], at)
    return ran[place - 1][1] if place else UNTOLD
