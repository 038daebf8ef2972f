"""Every deliberate write about what was seen: reviews, and tallies computed anew from the frames."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Max, Min

from analytics.counting import episode_rows, tallies
from analytics.models import (
    FACE,
    Detection,
    EngagementQuarter,
    Episode,
    Frame,
    LabelQuarter,
    ReportedGesture,
    Review,
    Verdict,
    quarters,
)
from devices import sql
from devices.models import Device
from devices.roles import Right

if TYPE_CHECKING:
    from devices.models import User

DAY = dt.timedelta(days=1)

_OF_EPISODES = ((ReportedGesture, "began_at"), (Episode, "started"), (Episode, "ended"))

Row = TypeVar("Row", tallies.EngagementRow, tallies.LabelRow)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a device's time, in UTC, from one quarter hour's beginning to another's."""

    device: Device
    start: dt.datetime
    end: dt.datetime

    def of(self, queryset: "models.QuerySet[Any]", *, field: str = "start", device: str = "device") -> Any:
        return queryset.filter(**{device: self.device, f"{field}__gte": self.start, f"{field}__lt": self.end})


@transaction.atomic
def review(*, verdicts: Mapping[Detection, Verdict | None], by: "User", now: dt.datetime) -> None:
    """Note what a reviewer says of these detections, and correct every tally they are in; None takes a verdict back.

    What most reviewers say counts; where as many say right as wrong the detection counts as if nobody had said
    anything. A face called wrong is no longer among its frame's faces either. Raises `PermissionDenied` with a
    sentence, and then has written nothing, unless the reviewer is a superuser, or an operator or owner of the site of
    each detection.
    """
    for device in {detection.frame.device for detection in verdicts}:
        if not device.site.allows(by, Right.OPERATE):
            raise PermissionDenied(f"Only operators and owners of {device.site} may review what its devices detected.")
    sql.lock(tallies.LOCK, {detection.frame.device_id for detection in verdicts}, alone=True)
    _note(verdicts, by, now)
    _decide(verdicts)
    touched = {(each.frame.device, quarters.quarter_start(each.frame.taken_at)) for each in verdicts}
    for device, start in sorted(touched, key=lambda quarter: (quarter[0].pk, quarter[1])):
        rebuild(Stretch(device, start, start + quarters.QUARTER))


def _note(verdicts: Mapping[Detection, Verdict | None], by: "User", now: dt.datetime) -> None:
    Review.objects.filter(detection__in=list(verdicts), reviewer=by).delete()
    Review.objects.bulk_create(
        Review(detection=detection, reviewer=by, verdict=verdict, at=now)
        for detection, verdict in verdicts.items()
        if verdict is not None
    )


def _decide(detections: Iterable[Detection]) -> None:
    """Bring `Detection.review` up to date with what the reviewers say."""
    asked = list(detections)
    said = Counter(Review.objects.filter(detection__in=asked).values_list("detection_id", "verdict"))
    for detection in asked:
        majority = said[detection.pk, Verdict.RIGHT] - said[detection.pk, Verdict.WRONG]
        detection.review = (Verdict.RIGHT if majority > 0 else Verdict.WRONG) if majority else None
    Detection.objects.bulk_update(asked, ["review"])


def stretches(*, devices: Sequence[Device], now: dt.datetime, since: dt.date | None = None) -> list[Stretch]:
    """The days (of UTC) of these devices that have frames, tallies or episodes, as `rebuild` takes them.

    A day that is not wholly within the retention is left out: its frames may be gone, and its tallies are all
    that is known of it.
    """
    kept = _first_kept_day(now)
    first = max(kept, since or kept)
    return [stretch for device in devices for stretch in _days(device, first)]


@transaction.atomic
def rebuild(stretch: Stretch) -> int:
    """Compute the stretch's tallies and episodes from its frames and reviews; answers how many quarters were wrong.

    Frames that come in meanwhile wait, and are added to the tallies once they are right.
    """
    sql.lock(tallies.LOCK, [stretch.device.pk], alone=True)
    wrong = _correct(stretch, EngagementQuarter, tallies.EngagementRow, tallies.engagement_rows(_frames(stretch)))
    wrong |= _correct(stretch, LabelQuarter, tallies.LabelRow, tallies.label_rows(_labels(stretch)))
    corrected = episode_rows.correct(stretch.device.pk, stretch.start, stretch.end)
    wrong |= {quarters.quarter_start(row.started) for row in corrected}
    return len(wrong)


def _days(device: Device, first: dt.date) -> Iterator[Stretch]:
    ends = [
        (found["first"].date(), found["last"].date())
        for model, field in ((Frame, "taken_at"), (EngagementQuarter, "start"), (LabelQuarter, "start"), *_OF_EPISODES)
        if (found := model.objects.filter(device=device).aggregate(first=Min(field), last=Max(field)))["first"]
    ]
    day = max(first, min((earliest for earliest, _ in ends), default=first))
    last = max((latest for _, latest in ends), default=dt.date.min)
    while day <= last:
        start = dt.datetime.combine(day, dt.time.min, dt.UTC)
        yield Stretch(device, start, start + DAY)
        day += DAY


def _frames(stretch: Stretch) -> Iterator[tallies.SeenFaces]:
    faces = Detection.objects.filter(label=FACE, review=Verdict.WRONG)
    no_faces = Counter(_of_frames(stretch, faces).values_list("frame_id", flat=True))
    frames = stretch.of(Frame.objects.all(), field="taken_at").values_list("pk", "taken_at", "faces")
    for pk, taken_at, reported in frames.iterator():
        # Never below zero: a device may also call one of its objects a face.
        known = None if reported is None else max(0, reported - no_faces[pk])
        yield stretch.device.pk, taken_at, known


def _labels(stretch: Stretch) -> Iterator[tallies.SeenLabel]:
    found = _of_frames(stretch, Detection.objects.all())
    rows = found.values_list("frame__taken_at", "label", "confidence", "review")
    for taken_at, label, confidence, verdict in rows.iterator():
        yield stretch.device.pk, taken_at, label, confidence, verdict == Verdict.WRONG


def _of_frames(stretch: Stretch, detections: "models.QuerySet[Any]") -> Any:
    return stretch.of(detections, field="frame__taken_at", device="frame__device")


def _correct(
    stretch: Stretch,
    model: type[models.Model],
    row_type: type[Row],
    rows: Sequence[Row],
) -> set[dt.datetime]:
    """Put these rows in the place of what is there, unless it is the same; answers the quarters that differed."""
    there = stretch.of(model._default_manager.all())
    different = {row_type(*values) for values in there.values_list(*row_type._fields)} ^ set(rows)
    if different:
        there.delete()
        sql.Rows(model, row_type._fields, rows).insert()
    return {row.start for row in different}


def forget_old_frames(*, now: dt.datetime, at_once: int = 5_000) -> Iterator[int]:
    """Delete the frames, and what was detected in them, of the days (of UTC) that are past the retention.

    The tallies and episodes stay. Yields how many frames went with each transaction, so that it can be watched and
    stopped at any time.
    """
    cutoff = dt.datetime.combine(_first_kept_day(now) - DAY, dt.time.min, dt.UTC)
    for device in Device.objects.order_by("pk"):
        old = Frame.objects.filter(device=device, taken_at__lt=cutoff).order_by("taken_at")
        while pks := list(old.values_list("pk", flat=True)[:at_once]):
            with transaction.atomic():
                # Otherwise a review at this moment would recompute its quarter from what is left.
                sql.lock(tallies.LOCK, [device.pk], alone=True)
                Frame.objects.filter(pk__in=pks).delete()
            yield len(pks)
        ReportedGesture.objects.filter(device=device, began_at__lt=cutoff).delete()


def _first_kept_day(now: dt.datetime) -> dt.date:
    """The first day (of UTC) all of whose frames are kept."""
    return (now.astimezone(dt.UTC) - dt.timedelta(days=settings.FRAME_RETENTION_DAYS)).date() + DAY
