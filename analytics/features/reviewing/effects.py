"""The effects of a review: the numbers of the days of its detections, before and after."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.counting import corrections
from analytics.models import FACE, Detection, Verdict
from analytics.numbers.buckets import day_start
from analytics.numbers.reads import Selection, read_counts, read_engagement
from analytics.plots import texts
from analytics.verdicts.metrics import format_number
from devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devices.models import User


@dataclass(frozen=True, slots=True)
class LabelDay:
    """A local day of a device and a label."""

    device: Device
    date: dt.date
    label: str

    def __str__(self) -> str:
        return f"{self.device}, {texts.format_date(self.date)}"


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """The numbers of a `LabelDay`."""

    count: int
    mean_confidence: float | None
    average_faces: float | None
    """None for labels other than faces, and where no camera was on."""


def review_and_describe(*, verdicts: "Mapping[Detection, Verdict | None]", by: "User", now: dt.datetime) -> list[str]:
    """Store verdicts as `corrections.review` does, and return a sentence per day with the numbers that changed.

    A further sentence tells of each day whose numbers are settled.
    """
    days = sorted({_day(detection) for detection in verdicts}, key=str)
    before = [_numbers(day, now) for day in days]
    corrections.review(verdicts=verdicts, by=by, now=now)
    settled = corrections.settled_days(verdicts)
    return [*_describe(days, before, [_numbers(day, now) for day in days]), *_describe_settled(verdicts, settled)]


def _describe(days: Sequence[LabelDay], before: Sequence[DayNumbers], after: Sequence[DayNumbers]) -> Iterable[str]:
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


def _describe_settled(detections: Iterable[Detection], settled: set[tuple[int, dt.date]]) -> Iterator[str]:
    names = {each.device_id: each.device for each in detections}
    for device, day in sorted(settled):
        yield (
            f"{names[device]}, {texts.format_date(day)} (UTC): frames of this day are deleted, so its numbers stay as "
            "they are. The verdicts count for the precision only."
        )


def _day(detection: Detection) -> LabelDay:
    device = detection.device
    return LabelDay(device, detection.taken_at.astimezone(device.site.zone).date(), detection.label)


def _numbers(day: LabelDay, now: dt.datetime) -> DayNumbers:
    zone = day.device.site.zone
    start = day_start(day.date, zone)
    # The shortest period that lies in the day; the bucket is the whole day.
    end = start + dt.timedelta.resolution
    selections = [Selection([day.device], zone, start, end)]
    ((counts,),) = read_counts(selections, label=day.label, bucket="day")
    engagement = None
    if day.label == FACE:
        ((engagement,),) = read_engagement(selections, bucket="day", now=now)
    return DayNumbers(counts.count, counts.mean_confidence, engagement.average_faces if engagement else None)


def _share(share: float | None) -> str:
    return format_number("{:.1%}", share)


def _people(people: float | None) -> str:
    return format_number("{:.3f}", people)
