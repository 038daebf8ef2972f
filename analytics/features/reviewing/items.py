"""The items of the review page: a detection, the picture nearest in time, and the reviewers' verdicts."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from analytics.models import Detection, Review, Verdict
from analytics.numbers.pictures import pictures_near, read_pictures_and_links, taken_at
from devices.models import Device
from faces.models import Capture

if TYPE_CHECKING:
    from devices.models import User

Show = Literal["open", "pictured", "mine", "right", "wrong", "disputed", "all"]
SHOWS: tuple[Show, ...] = get_args(Show)


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A detection that a reviewer decides on."""

    detection: Detection
    picture: Capture | None
    """The picture nearest in time to the detection's frame; None where none is within `PICTURE_WITHIN`."""
    linked: Capture | None
    """Without a picture: the capture nearest in time whose picture still waits in the device's bucket."""
    own_verdict: str | None
    """The verdict of the reviewer who sees the page."""
    right: int
    wrong: int
    """The number of reviewers with this verdict, including the one who sees the page."""

    @property
    def is_disputed(self) -> bool:
        """Whether as many reviewers say right as wrong."""
        return self.right == self.wrong > 0

    @property
    def summary(self) -> str:
        """The verdicts of all reviewers in words."""
        if not self.right + self.wrong:
            return "not reviewed"
        counts = " and ".join(
            f"{count} {word}" for count, word in ((self.right, "right"), (self.wrong, "wrong")) if count
        )
        return f"{counts}: disputed" if self.is_disputed else f"called {counts}"

    @property
    def box(self) -> list[int] | None:
        """The detection's box in pixels of the frame; None where it is unknown or lies outside the picture."""
        box, area = self.detection.box, self.picture.area if self.picture else None
        return box if box and area and _overlap(box, area) else None

    @property
    def is_same_moment(self) -> bool:
        """Whether the picture was taken at the time of the frame, to a tenth of a second."""
        return self.picture is not None and round(abs(self._picture_delay_s), 1) == 0

    @property
    def picture_time(self) -> str:
        """How long before or after the frame the picture was taken, in words; "" without a picture."""
        if self.picture is None:
            return ""
        if self.is_same_moment:
            return "of the same moment"
        return f"{abs(self._picture_delay_s):.1f} s {'later' if self._picture_delay_s > 0 else 'earlier'}"

    @property
    def _picture_delay_s(self) -> float:
        """Seconds from the frame to the picture; negative where the picture was taken before the frame."""
        return (taken_at(self.picture) - taken_at(self.detection)).total_seconds() if self.picture else 0.0


@dataclass(frozen=True, slots=True)
class DetectionFilter:
    """The conditions of the detections to review, from `start` to before `end`."""

    devices: Sequence[Device]
    label: str
    start: dt.datetime
    end: dt.datetime
    show: Show
    least: float
    most: float
    """Bounds of the confidence, 0 to 1, both inclusive."""


def select_detections(conditions: DetectionFilter, reviewer: "User") -> "QuerySet[Detection]":
    """Return the detections that meet the conditions, newest first."""
    detections = Detection.objects.filter(
        device__in=[device.pk for device in conditions.devices],
        taken_at__gte=conditions.start,
        taken_at__lt=conditions.end,
        label=conditions.label,
        confidence__gte=conditions.least,
        confidence__lte=conditions.most,
    )
    reviews = Review.objects.filter(
        device=OuterRef("device"), taken_at=OuterRef("taken_at"), detection_id=OuterRef("pk")
    )
    shows: dict[Show, Q] = {
        "open": ~Q(Exists(reviews)),
        "pictured": ~Q(Exists(reviews)) & Q(Exists(pictures_near())),
        "mine": Q(Exists(reviews.filter(reviewer=reviewer))),
        "right": Q(review=Verdict.RIGHT),
        "wrong": Q(review=Verdict.WRONG),
        "disputed": Q(review=None) & Q(Exists(reviews)),
        "all": Q(),
    }
    detections = detections.filter(shows[conditions.show]).select_related("device__site")
    return detections.order_by("-taken_at", "-pk")


def detections_after(detections: "QuerySet[Detection]", last: Detection) -> "QuerySet[Detection]":
    """Return the detections that follow `last` in the order of `select_detections`."""
    at = last.taken_at
    return detections.filter(Q(taken_at__lt=at) | Q(taken_at=at, pk__lt=last.pk))


def read_items(detections: Sequence[Detection], reviewer: "User") -> list[ReviewItem]:
    """Return an item for each of these detections, in three queries."""
    pictures, linked = read_pictures_and_links(detections)
    counts = _count_verdicts(detections)
    own_verdicts = dict(
        Review.objects.filter(detection__in=detections, reviewer=reviewer).values_list("detection_id", "verdict")
    )
    return [
        ReviewItem(
            detection=detection,
            picture=pictures.get(detection.pk),
            linked=linked.get(detection.pk),
            own_verdict=own_verdicts.get(detection.pk),
            right=counts.get((detection.pk, Verdict.RIGHT), 0),
            wrong=counts.get((detection.pk, Verdict.WRONG), 0),
        )
        for detection in detections
    ]


def _count_verdicts(detections: Sequence[Detection]) -> dict[tuple[int, str], int]:
    verdicts = Review.objects.filter(detection__in=detections).values_list("detection_id", "verdict")
    return {(pk, verdict): count for pk, verdict, count in verdicts.annotate(count=Count("pk"))}


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    """Return whether two boxes, `[left, top, width, height]`, have a pixel in common."""
    return all(
        max(one[axis], other[axis]) < min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) for axis in (0, 1)
    )
