"""What a review changes: the numbers of the days that it touches, before and after."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.counting import corrections
from analytics.models import FACE, Detection, Verdict
from analytics.numbers.buckets import day_start
from analytics.numbers.metrics import format_number
from analytics.numbers.reads import Selection, read_counts, read_engagement
from analytics.plots import texts
from devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devices.models import User


@dataclass(frozen=True, slots=True)
class Day:
    """A device's day, at its site, of one label."""

    device: Device
    date: dt.date
    label: str

    def __str__(self) -> str:
        return f"{self.device}, {texts.format_date(self.date)}"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is shown of such a day."""

    count: int
    mean_confidence: float | None
    average_faces: float | None
    """None but for faces."""


def review(*, verdicts: "Mapping[Detection, Verdict | None]", by: "User", now: dt.datetime) -> list[str]:
    """Review as `services.review` does, and tell in a sentence for each day what it changed."""
    days = sorted({_day(each) for each in verdicts}, key=str)
    before = [_numbers(day, now) for day in days]
    corrections.review(verdicts=verdicts, by=by, now=now)
    return list(_told(days, before, [_numbers(day, now) for day in days]))


def _told(days: Sequence[Day], before: Sequence[Numbers], after: Sequence[Numbers]) -> Iterable[str]:
    for day, old, new in zip(days, before, after, strict=True):
        if old == new:
            yield f"{day}: {day.label} stays at {old.count:,}."
            continue
        changed = [
            f"{day.label} {old.count:,} → {new.count:,}",
            f"mean confidence {_share(old.mean_confidence)} → {_share(new.mean_confidence)}",
        ]
        if day.label == FACE:
            changed.append(f"average {_people(old.average_faces)} → {_people(new.average_faces)} people")
        yield f"{day}: {', '.join(changed)}."


def _day(detection: Detection) -> Day:
    device = detection.frame.device
    return Day(device, detection.frame.taken_at.astimezone(device.site.zone).date(), detection.label)


def _numbers(day: Day, now: dt.datetime) -> Numbers:
    zone = day.device.site.zone
    start = day_start(day.date, zone)
    # One moment suffices: the bucket is the whole day that it lies in.
    end = start + dt.timedelta.resolution
    selections = [Selection([day.device], zone, start, end)]
    ((counted,),) = read_counts(selections, label=day.label, bucket="day")
    seen = None
    if day.label == FACE:
        ((seen,),) = read_engagement(selections, bucket="day", now=now)
    return Numbers(counted.count, counted.mean_confidence, seen.average_faces if seen else None)


def _share(share: float | None) -> str:
    return format_number("{:.1%}", share)


def _people(people: float | None) -> str:
    return format_number("{:.3f}", people)
