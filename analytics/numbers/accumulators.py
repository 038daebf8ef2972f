"""What the rows of a bucket add up to, each made empty; `analytics/numbers/reads.py` tells what they mean."""

from dataclasses import dataclass, field

from analytics.models.quarters import CONFIDENCE_BINS


@dataclass(slots=True)
class EngagementTotal:
    frames: int = 0
    faces_sum: int = 0
    faces_peak: int = 0
    minutes_seen: int = 0
    minutes_occupied: int = 0

    def add(self, frames: int, faces_sum: int, faces_peak: int, seen: int, occupied: int) -> None:
        self.frames += frames
        self.faces_sum += faces_sum
        self.faces_peak = max(self.faces_peak, faces_peak)
        self.minutes_seen += seen
        self.minutes_occupied += occupied


@dataclass(slots=True)
class Known:
    is_known: bool = False

    def know(self) -> None:
        self.is_known = True


@dataclass(slots=True)
class CountTotal(Known):
    count: int = 0
    millionths: int = 0

    def add(self, count: int, millionths: int) -> None:
        self.count += count
        self.millionths += millionths
        self.know()


def _bins() -> list[int]:
    return [0] * CONFIDENCE_BINS


@dataclass(slots=True)
class ConfidenceTotal(Known):
    bins: list[int] = field(default_factory=_bins)
    millionths: list[int] = field(default_factory=_bins)

    def add(self, number: int, count: int, millionths: int) -> None:
        self.bins[number] += count
        self.millionths[number] += millionths
        self.know()
