"""Deliberate writes: reviews of detections, rebuilt tallies and episodes, and the deletion of old frames."""

import datetime as dt
import itertools
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.db.models import Exists, Max, Min, OuterRef, QuerySet

from analytics.counting import episode_rows, tallies, visits
from analytics.models import (
    FACE,
    Detection,
    DurationQuarter,
    EngagementQuarter,
    Episode,
    Frame,
    FramePart,
    LabelQuarter,
    ReportedGesture,
    Review,
    SettledDay,
    SignOfLifeQuarter,
    Verdict,
    Visit,
    VisitQuarter,
    quarters,
)
from devices.faults.isolation import step_by_step
from devices.models import Device
from devices.rules.roles import Right
from devices.storage import partitions, sql

if TYPE_CHECKING:
    from devices.models import User

DAY = dt.timedelta(days=1)

_TIMES = (
    (Frame, "taken_at"),
    (EngagementQuarter, "start"),
    (LabelQuarter, "start"),
    (SignOfLifeQuarter, "start"),
    (ReportedGesture, "began_at"),
    (Episode, "started"),
    (Episode, "ended"),
    (Visit, "began_at"),
    (VisitQuarter, "start"),
    (DurationQuarter, "start"),
)
"""The tables of a device's facts and tallies, each with a field of its times."""

_DELETED = (
    (Frame, "taken_at"),
    (FramePart, "taken_at"),
    (ReportedGesture, "began_at"),
    (SignOfLifeQuarter, "start"),
    (Visit, "began_at"),
)
"""The tables whose old rows are deleted, each with its time; detections and reviews go with their frames."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a device's time; `start` and `end` are starts of quarter hours, in UTC."""

    device: Device
    start: dt.datetime
    end: dt.datetime

    def filter(self, queryset: "models.QuerySet[Any]", *, field: str = "start") -> Any:
        """Return the rows of the stretch, from `start` to before `end`."""
        return queryset.filter(device=self.device, **{f"{field}__gte": self.start, f"{field}__lt": self.end})


@transaction.atomic
def review(*, verdicts: Mapping[Detection, Verdict | None], by: "User", now: dt.datetime) -> None:
    """Store a reviewer's verdicts about detections, and correct the tallies; None withdraws a verdict.

    The tallies of a settled day stay as they are (`settled_days`): the frames that they were counted from are deleted.
    The majority of the reviewers decides. Where as many say right as wrong, the detection counts as if it had no
    review. A rejected face is subtracted from its frame's number of faces. Raises `PermissionDenied` with a sentence,
    and writes nothing, unless the reviewer may operate the site of each detection.
    """
    for device in {detection.device for detection in verdicts}:
        if not device.site.allows(by, Right.OPERATE):
            raise PermissionDenied(f"Only operators and owners of {device.site} may review what its devices detected.")
    sql.lock(tallies.LOCK, {detection.device_id for detection in verdicts}, alone=True)
    _store_reviews(verdicts, by, now)
    _update_majorities(verdicts)
    touched = {(each.device, quarters.quarter_start(each.taken_at)) for each in verdicts}
    for device, start in sorted(touched, key=lambda quarter: (quarter[0].pk, quarter[1])):
        rebuild(Stretch(device, start, start + quarters.QUARTER))


def _store_reviews(verdicts: Mapping[Detection, Verdict | None], by: "User", now: dt.datetime) -> None:
    Review.objects.filter(detection__in=list(verdicts), reviewer=by).delete()
    Review.objects.bulk_create(
        Review(detection=detection, reviewer=by, verdict=verdict, at=now)
        for detection, verdict in verdicts.items()
        if verdict is not None
    )


def _update_majorities(detections: Iterable[Detection]) -> None:
    """Set `Detection.review` to the majority of the reviews."""
    listed = list(detections)
    verdicts = Counter(Review.objects.filter(detection__in=listed).values_list("detection_id", "verdict"))
    for detection in listed:
        detection.review = majority(*(verdicts[detection.pk, verdict] for verdict in (Verdict.RIGHT, Verdict.WRONG)))
    of_devices = Detection.objects.filter(device__in={detection.device_id for detection in listed})
    of_devices.bulk_update(listed, ["review"])


def majority(right: int, wrong: int) -> Verdict | None:
    """Return the verdict of the majority of so many reviewers; None where as many say right as wrong."""
    return None if right == wrong else Verdict.RIGHT if right > wrong else Verdict.WRONG


def stretches(*, devices: Sequence[Device], now: dt.datetime, since: dt.date | None = None) -> list[Stretch]:
    """Return the UTC days of these devices from the first to the last fact, tally or episode, for `rebuild`.

    A settled day, and one that is not completely within the retention, is left out: its frames may be deleted, so that
    its tallies cannot be computed again.
    """
    first_kept = _first_kept_day(now)
    first = max(first_kept, since or first_kept)
    return [stretch for device in devices for stretch in _days(device, first) if not _is_settled(stretch)]


@transaction.atomic
def rebuild(stretch: Stretch) -> int:
    """Compute the tallies and episodes of the stretch from its facts; return how many quarters were wrong.

    The intake waits meanwhile for the lock on the device's tallies, and adds its frames afterwards. Does nothing if the
    stretch is in a settled day.
    """
    sql.lock(tallies.LOCK, [stretch.device.pk], alone=True)
    if _is_settled(stretch):
        return 0
    engagement = tallies.with_signs(tallies.engagement_rows(_frames(stretch)), _signs_of_life(stretch))
    labels = tallies.label_rows(_labels(stretch))
    seen = [visits.VisitRow(*values) for values in _visits(stretch)]
    wrong = _correct(stretch, EngagementQuarter, tallies.EngagementRow._fields, engagement)
    wrong |= _correct(stretch, LabelQuarter, tallies.LabelRow._fields, labels)
    wrong |= _correct(stretch, VisitQuarter, visits.VISIT_FIELDS, visits.visit_rows(seen))
    wrong |= _correct(stretch, DurationQuarter, visits.DURATION_FIELDS, visits.duration_rows(seen))
    corrected = episode_rows.correct(stretch.device.pk, stretch.start, stretch.end)
    wrong |= {quarters.quarter_start(row.started) for row in corrected}
    return len(wrong)


def settled_days(detections: Iterable[Detection]) -> set[tuple[int, dt.date]]:
    """Return the devices' keys and UTC days of these detections whose tallies a review does not change."""
    days = {(each.device_id, each.taken_at.astimezone(dt.UTC).date()) for each in detections}
    stored = SettledDay.objects.filter(device__in={device for device, _ in days}, day__in={day for _, day in days})
    return days & set(stored.values_list("device", "day"))


def _is_settled(stretch: Stretch) -> bool:
    last = stretch.end - quarters.QUARTER
    return SettledDay.objects.filter(device=stretch.device, day__range=(stretch.start.date(), last.date())).exists()


def _settle(device: Device, day: dt.date) -> None:
    """Note that the tallies of this day cannot be computed again, because its frames are being deleted."""
    SettledDay.objects.bulk_create([SettledDay(device=device, day=day)], ignore_conflicts=True)


def _days(device: Device, first: dt.date) -> Iterator[Stretch]:
    ends = [
        (found["first"].date(), found["last"].date())
        for model, field in _TIMES
        if (found := model.objects.filter(device=device).aggregate(first=Min(field), last=Max(field)))["first"]
    ]
    day = max(first, min((earliest for earliest, _ in ends), default=first))
    last = max((latest for _, latest in ends), default=dt.date.min)
    while day <= last:
        start = dt.datetime.combine(day, dt.time.min, dt.UTC)
        yield Stretch(device, start, start + DAY)
        day += DAY


def _frames(stretch: Stretch) -> Iterator[tallies.FrameFaces]:
    faces = Detection.objects.filter(label=FACE, review=Verdict.WRONG)
    rejected = Counter(stretch.filter(faces, field="taken_at").values_list("frame_id", flat=True))
    frames = stretch.filter(Frame.objects.all(), field="taken_at").values_list("pk", "taken_at", "faces")
    for pk, taken_at, reported in frames.iterator():
        # Not below zero: an object of the device may also have the label of faces.
        counted = None if reported is None else max(0, reported - rejected[pk])
        yield stretch.device.pk, taken_at, counted


def _signs_of_life(stretch: Stretch) -> Iterator[tallies.SignOfLifeRow]:
    signs = stretch.filter(SignOfLifeQuarter.objects.all()).values_list(*tallies.SignOfLifeRow._fields)
    return itertools.starmap(tallies.SignOfLifeRow, signs)


def _visits(stretch: Stretch) -> Iterator[Sequence[Any]]:
    rows = stretch.filter(Visit.objects.all(), field="began_at").values_list(*visits.VisitRow._fields)
    return iter(rows.iterator())


def _labels(stretch: Stretch) -> Iterator[tallies.DetectionFacts]:
    detections = stretch.filter(Detection.objects.all(), field="taken_at")
    rows = detections.values_list("taken_at", "label", "confidence", "review")
    for taken_at, label, confidence, verdict in rows.iterator():
        yield stretch.device.pk, taken_at, label, confidence, verdict == Verdict.WRONG


def _correct(
    stretch: Stretch,
    model: type[models.Model],
    fields: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> set[dt.datetime]:
    """Replace the stored rows of the stretch by these, unless they are equal; return the quarters that differed.

    The fields begin with the device and the start of the quarter.
    """
    stored = stretch.filter(model._default_manager.all())
    different = set(stored.values_list(*fields)) ^ set(rows)
    if different:
        stored.delete()
        sql.Rows(model, fields, rows).insert()
    return {start for _, start, *_ in different}


def forget_old_frames(*, now: dt.datetime, at_once: int = 5_000) -> Iterator[int]:
    """Delete frames, detections and visits of the UTC days that are past the retention; tallies and episodes stay.

    Deletes at most `at_once` frames in a transaction, and yields their number after each. The caller may stop at any
    time. A fault at one device is logged, and harms no other. Last, the months that are empty now are dropped where
    each month has a table of its own.
    """
    cutoff = first_kept_moment(now)
    forget = partial(_forget_old_facts, cutoff=cutoff, at_once=at_once)
    yield from step_by_step(_devices_with_facts_before(cutoff), forget, what="deleting the old frames of")
    partitions.drop_empty(before=cutoff)


def _devices_with_facts_before(cutoff: dt.datetime) -> QuerySet[Device]:
    """Return the devices that have anything to delete. One statement asks for all of a fleet."""
    has_old = [
        Exists(model.objects.filter(device=OuterRef("pk"), **{f"{time}__lt": cutoff})) for model, time in _DELETED
    ]
    return Device.objects.filter(reduce(operator.or_, has_old)).order_by("pk")


def _forget_old_facts(device: Device, *, cutoff: dt.datetime, at_once: int) -> Iterator[int]:
    while found := _oldest_frames(device, cutoff, at_once):
        yield _forget(device, *found)
    ReportedGesture.objects.filter(device=device, began_at__lt=cutoff).delete()
    SignOfLifeQuarter.objects.filter(device=device, start__lt=cutoff).delete()
    FramePart.objects.filter(device=device, taken_at__lt=cutoff).delete()
    _forget_visits(device, cutoff, at_once)


def _oldest_frames(device: Device, cutoff: dt.datetime, at_once: int) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the times of the first and last of the device's oldest frames, of one UTC day and before the cutoff."""
    old = (
        Frame.objects.filter(device=device, taken_at__lt=cutoff).order_by("taken_at").values_list("taken_at", flat=True)
    )
    first = old.first()
    if first is None:
        return None
    end = dt.datetime.combine(first.date() + DAY, dt.time.min, dt.UTC)
    of_day = old.filter(taken_at__lt=end)[:at_once]
    return first, list(of_day)[-1]


@transaction.atomic
def _forget(device: Device, first: dt.datetime, last: dt.datetime) -> int:
    """Delete the device's frames of these times, both included, with what hangs on them; return how many frames.

    Both are of one UTC day.
    """
    # Without the lock, a concurrent review would rebuild its quarter from the remaining frames.
    sql.lock(tallies.LOCK, [device.pk], alone=True)
    _settle(device, first.date())
    deleted = [
        # What hangs on a frame is selected by the frame's device and time, so that Django need not collect it.
        model.objects.filter(device=device, taken_at__range=(first, last))._raw_delete(using=DEFAULT_DB_ALIAS)
        for model in (Review, Detection, Frame)
    ]
    return deleted[-1]


def _forget_visits(device: Device, cutoff: dt.datetime, at_once: int) -> None:
    old = Visit.objects.filter(device=device, began_at__lt=cutoff).order_by("began_at")
    while began := list(old.values_list("began_at", flat=True)[:at_once]):
        with transaction.atomic():
            sql.lock(tallies.LOCK, [device.pk], alone=True)
            Visit.objects.filter(device=device, began_at__range=(began[0], began[-1])).delete()


def first_kept_moment(now: dt.datetime) -> dt.datetime:
    """Return the beginning of the first UTC day of which something is kept."""
    return dt.datetime.combine(_first_kept_day(now) - DAY, dt.time.min, dt.UTC)


def _first_kept_day(now: dt.datetime) -> dt.date:
    """Return the first UTC day whose frames are all kept."""
    return (now.astimezone(dt.UTC) - dt.timedelta(days=settings.FRAME_RETENTION_DAYS)).date() + DAY
