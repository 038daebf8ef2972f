"""The picture of a detection: the one that its device took nearest in time to the frame."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.db.models import OuterRef, Q, QuerySet

from analytics.models import Detection
from faces.models import Capture

PICTURE_WITHIN = dt.timedelta(seconds=2)
"""The largest difference in time between a frame and its picture; agents examine two frames a second."""

AT_ONCE = 200
"""Detections of one query; SQLite takes no expression with a thousand conditions."""


def read_pictures(detections: Sequence[Detection]) -> dict[int, Capture]:
    """Return the stored picture of each detection that has one, by the detection's key.

    Makes a query for `AT_ONCE` detections.
    """
    of_device: defaultdict[int, list[Capture]] = defaultdict(list)
    for start in range(0, len(detections), AT_ONCE):
        near = map(_is_near, detections[start : start + AT_ONCE])
        for picture in Capture.objects.filter(reduce(or_, near)).exclude(image="").order_by("taken_at"):
            of_device[picture.device_id].append(picture)
    nearest = ((each, _nearest(each, of_device[each.device_id])) for each in detections)
    return {detection.pk: picture for detection, picture in nearest if picture is not None}


def _is_near(detection: Detection) -> Q:
    at = taken_at(detection)
    return Q(device=detection.device_id, taken_at__range=(at - PICTURE_WITHIN, at + PICTURE_WITHIN))


def pictures_near() -> "QuerySet[Capture]":
    """Return the pictures near the detection of an outer query, for `Exists`."""
    at = OuterRef("taken_at")
    near = Capture.objects.filter(device=OuterRef("device"), taken_at__range=(at - PICTURE_WITHIN, at + PICTURE_WITHIN))
    return near.exclude(image="").order_by()


def taken_at(taken: Capture | Detection) -> dt.datetime:
    at: dt.datetime = taken.taken_at
    return at


def _nearest(detection: Detection, pictures: Sequence[Capture]) -> Capture | None:
    def distance(picture: Capture) -> dt.timedelta:
        return abs(taken_at(picture) - taken_at(detection))

    nearest = min(pictures, key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) <= PICTURE_WITHIN else None
