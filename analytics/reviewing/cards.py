"""What the review page shows of each detection: the picture taken nearest to it, and what the reviewers say."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Literal, get_args

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from analytics.models import Detection, Frame, Review, Verdict
from devices.models import Device
from faces.models import Capture

if TYPE_CHECKING:
    from devices.models import User

PICTURE_WITHIN = dt.timedelta(seconds=2)
"""A picture taken this long before or after a frame shows the same moment; agents look at two frames a second."""

Show = Literal["open", "pictured", "mine", "right", "wrong", "disputed", "all"]
SHOWS: tuple[Show, ...] = get_args(Show)


@dataclass(frozen=True, slots=True)
class Card:
    """A detection as it is put before a reviewer."""

    detection: Detection
    picture: Capture | None
    """The picture that was taken nearest to the detection's frame, at most `PICTURE_WITHIN` away."""
    mine: str | None
    """What the asking reviewer said of it."""
    right: int
    wrong: int
    """How many reviewers said so, the asking one included."""

    @property
    def is_disputed(self) -> bool:
        return self.right == self.wrong > 0

    @property
    def said(self) -> str:
        """What all reviewers say, in words."""
        if not self.right + self.wrong:
            return "not reviewed"
        counts = " and ".join(
            f"{count} {word}" for count, word in ((self.right, "right"), (self.wrong, "wrong")) if count
        )
        return f"{counts}: disputed" if self.is_disputed else f"called {counts}"

    @property
    def box(self) -> list[int] | None:
        """The detection in pixels of the frame; None where the device told none, or the picture does not show it."""
        box, area = self.detection.box, self.picture.area if self.picture else None
        return box if box and area and _overlap(box, area) else None

    @property
    def is_same_moment(self) -> bool:
        """Whether the picture is of the detection's own frame, as far as tenths of a second tell."""
        return self.picture is not None and round(abs(self._seconds_off), 1) == 0

    @property
    def picture_off(self) -> str:
        """How long before or after the frame the picture was taken, in words; "" without one."""
        if self.picture is None:
            return ""
        if self.is_same_moment:
            return "of the same moment"
        return f"{abs(self._seconds_off):.1f} s {'later' if self._seconds_off > 0 else 'earlier'}"

    @property
    def _seconds_off(self) -> float:
        """From the detection's frame to the picture."""
        return (_at(self.picture) - _at(self.detection.frame)).total_seconds() if self.picture else 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which detections are asked for; `start` to `end` is UTC or any zone."""

    devices: Sequence[Device]
    label: str
    start: dt.datetime
    end: dt.datetime
    show: Show
    least: float
    most: float
    """Bounds of the confidence, 0 to 1, both inclusive."""


def chosen(wanted: Wanted, reviewer: "User") -> "QuerySet[Detection]":
    """The detections that are asked for, newest first."""
    found = Detection.objects.filter(
        frame__device__in=[device.pk for device in wanted.devices],
        frame__taken_at__gte=wanted.start,
        frame__taken_at__lt=wanted.end,
        label=wanted.label,
        confidence__gte=wanted.least,
        confidence__lte=wanted.most,
    )
    said = Review.objects.filter(detection=OuterRef("pk"))
    conditions: dict[Show, Q] = {
        "open": ~Q(Exists(said)),
        "pictured": ~Q(Exists(said)) & Q(Exists(_pictures_near())),
        "mine": Q(Exists(said.filter(reviewer=reviewer))),
        "right": Q(review=Verdict.RIGHT),
        "wrong": Q(review=Verdict.WRONG),
        "disputed": Q(review=None) & Q(Exists(said)),
        "all": Q(),
    }
    found = found.filter(conditions[wanted.show]).select_related("frame__device__site")
    return found.order_by("-frame__taken_at", "-pk")


def older_than(found: "QuerySet[Detection]", last: Detection) -> "QuerySet[Detection]":
    """Those of `chosen` that come after this one."""
    at = last.frame.taken_at
    return found.filter(Q(frame__taken_at__lt=at) | Q(frame__taken_at=at, pk__lt=last.pk))


def cards(detections: Sequence[Detection], reviewer: "User") -> list[Card]:
    """A card for each of these detections, in three queries."""
    pictures = _pictures_of(detections)
    said = _said_of(detections)
    mine = dict(
        Review.objects.filter(detection__in=detections, reviewer=reviewer).values_list("detection_id", "verdict")
    )
    return [
        Card(
            detection=each,
            picture=_nearest(each, pictures),
            mine=mine.get(each.pk),
            right=said.get((each.pk, Verdict.RIGHT), 0),
            wrong=said.get((each.pk, Verdict.WRONG), 0),
        )
        for each in detections
    ]


def _said_of(detections: Sequence[Detection]) -> dict[tuple[int, str], int]:
    said = Review.objects.filter(detection__in=detections).values_list("detection_id", "verdict")
    return {(pk, verdict): count for pk, verdict, count in said.annotate(count=Count("pk"))}


def _pictures_near() -> "QuerySet[Capture]":
    taken_at = OuterRef("frame__taken_at")
    near = Capture.objects.filter(
        device=OuterRef("frame__device"), taken_at__range=(taken_at - PICTURE_WITHIN, taken_at + PICTURE_WITHIN)
    )
    return near.exclude(image="").order_by()


def _pictures_of(detections: Sequence[Detection]) -> list[Capture]:
    near = (
        Q(
            device=each.frame.device_id,
            taken_at__range=(_at(each.frame) - PICTURE_WITHIN, _at(each.frame) + PICTURE_WITHIN),
        )
        for each in detections
    )
    return list(Capture.objects.filter(reduce(or_, near, Q(pk__in=[]))).exclude(image="").order_by(F("taken_at")))


def _nearest(detection: Detection, pictures: Sequence[Capture]) -> Capture | None:
    def distance(picture: Capture) -> dt.timedelta:
        return abs(_at(picture) - _at(detection.frame))

    here = (picture for picture in pictures if picture.device_id == detection.frame.device_id)
    nearest = min(here, key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) <= PICTURE_WITHIN else None


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two boxes, `[left, top, width, height]`, have a pixel in common."""
    return all(
        max(one[axis], other[axis]) < min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) for axis in (0, 1)
    )


def _at(taken: Capture | Frame) -> dt.datetime:
    at: dt.datetime = taken.taken_at
    return at
