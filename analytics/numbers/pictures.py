"""The picture of a detection: the one that its device took nearest in time to the frame."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.db.models import OuterRef, Q, QuerySet

from analytics.models import Detection
from faces.models import Capture, State

PICTURE_WITHIN = dt.timedelta(seconds=2)
"""The largest difference in time between a frame and its picture; agents examine two frames a second."""

AT_ONCE = 200
"""Detections of one query; SQLite takes no expression with a thousand conditions."""


def read_pictures(detections: Sequence[Detection]) -> dict[int, Capture]:
    """Return the stored picture of each detection that has one, by the detection's key.

    Makes a query for `AT_ONCE` detections.
    """
    return read_pictures_and_links(detections)[0]


def read_pictures_and_links(detections: Sequence[Detection]) -> tuple[dict[int, Capture], dict[int, Capture]]:
    """Return the stored picture of each detection that has one, by the detection's key; and of each other detection
    the capture of which only the address is known.

    Makes a query for `AT_ONCE` detections.
    """
    stored, linked = _CapturesByDevice(list), _CapturesByDevice(list)
    for start in range(0, len(detections), AT_ONCE):
        near = map(_is_near, detections[start : start + AT_ONCE])
        for capture in Capture.objects.filter(reduce(or_, near)).filter(_PICTURED).order_by("taken_at"):
            (stored if capture.image else linked)[capture.device_id].append(capture)
    pictures = _nearest_of_each(detections, stored)
    return pictures, _nearest_of_each([each for each in detections if each.pk not in pictures], linked)


_CapturesByDevice = defaultdict[int, list[Capture]]
_PICTURED = ~Q(image="") | Q(state=State.LINKED)


def _nearest_of_each(detections: Sequence[Detection], captures: _CapturesByDevice) -> dict[int, Capture]:
    nearest = ((each, _nearest(each, captures[each.device_id])) for each in detections)
    return {detection.pk: capture for detection, capture in nearest if capture is not None}


def _is_near(detection: Detection) -> Q:
    at = taken_at(detection)
    return Q(device=detection.device_id, taken_at__range=(at - PICTURE_WITHIN, at + PICTURE_WITHIN))


def pictures_near() -> "QuerySet[Capture]":
    """Return the pictures near the detection of an outer query, for `Exists`; also those that wait to be fetched.

    One that could not be fetched is left out until it has come.
    """
    at = OuterRef("taken_at")
    near = Capture.objects.filter(device=OuterRef("device"), taken_at__range=(at - PICTURE_WITHIN, at + PICTURE_WITHIN))
    return near.filter(~Q(image="") | Q(state=State.LINKED, reason="")).order_by()


def taken_at(taken: Capture | Detection) -> dt.datetime:
    at: dt.datetime = taken.taken_at
    return at


def _nearest(detection: Detection, pictures: Sequence[Capture]) -> Capture | None:
    def distance(picture: Capture) -> dt.timedelta:
        return abs(taken_at(picture) - taken_at(detection))

    nearest = min(pictures, key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) <= PICTURE_WITHIN else None
