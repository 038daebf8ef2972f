"""Turns reviewed detections into pictures to learn from: right ones with their label, wrong ones with `NOT_IT`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from analytics.models import Detection, Verdict
from analytics.numbers.pictures import read_pictures, taken_at
from devices.models import Device
from devices.reading.pictures import BadPicture
from faces.models import Capture
from faces.pictures import storage
from learning.datasets.formats.boxes import Box, checked_box
from learning.datasets.pictures import add, prepare
from learning.datasets.policies import policy_of
from learning.datasets.rights import check_operator
from learning.datasets.services import label_named
from learning.models import Annotation, DataSet, Origin, Picture, Review

if TYPE_CHECKING:
    from devices.models import User

NOT_IT = "none"
"""The label of a box in which a detection was wrong. Models learn it, and never report it."""

MOST = 500
"""Reviewed detections that are looked at, the newest first."""

SAME_MOMENT_S = 0.15
"""Seconds between frame and picture within which the box is at its place in the picture."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A reviewed detection with its picture and its box there."""

    detection: Detection
    capture: Capture
    box: tuple[int, int, int, int]


def waiting_corrections(data_set: DataSet) -> list[Correction]:
    """Return the reviewed detections of the data set's labels whose pictures it does not have yet, newest first."""
    labels = list(data_set.labels.values_list("key", flat=True))
    devices = list(Device.objects.filter(site=data_set.site_id).values_list("pk", flat=True))
    reviewed = Detection.objects.filter(
        device__in=devices, label__in=labels, review__in=(Verdict.RIGHT, Verdict.WRONG)
    ).select_related("device__site")
    detections = list(reviewed.order_by("-taken_at", "-pk")[:MOST])
    pictures = read_pictures(detections)
    known = set(data_set.pictures.exclude(capture=None).values_list("capture_id", flat=True))
    found = []
    for detection in detections:
        capture = pictures.get(detection.pk)
        if capture is None or not capture.image or capture.pk in known:
            continue
        if abs((taken_at(capture) - taken_at(detection)).total_seconds()) <= SAME_MOMENT_S and detection.box:
            found.append(Correction(detection, capture, tuple(detection.box)))
    return found


def add_corrections(*, data_set: DataSet, by: "User") -> tuple[int, list[str]]:
    """Add the waiting corrections as annotated pictures; return how many pictures, and a sentence for each problem.

    Raises `PermissionDenied`, and `ValidationError` unless the site's owner allows pictures of cameras for training.
    """
    check_operator(data_set.site, by)
    if not policy_of(data_set.site).is_on:
        raise ValidationError(
            f"Pictures of the cameras of {data_set.site} are not kept for training. An owner of the site can allow it."
        )
    by_capture: dict[Capture, list[Correction]] = {}
    for correction in waiting_corrections(data_set):
        by_capture.setdefault(correction.capture, []).append(correction)
    added, problems = 0, []
    for capture, corrections in by_capture.items():
        try:
            added += _add(data_set, capture, corrections)
        except (BadPicture, OSError) as error:
            problems.append(f"The picture of {capture} cannot be used: {error}")
    return added, problems


@transaction.atomic
def _add(data_set: DataSet, capture: Capture, corrections: Sequence[Correction]) -> bool:
    device = corrections[0].detection.device
    name = f"{device.name} {capture.taken_at:%Y-%m-%d}/{capture.pk}.jpg"
    prepared = prepare(
        data_set=data_set,
        name=name,
        data=storage.read(capture),
        recording=f"{device.name} {capture.taken_at:%Y-%m-%d}",
        origin=Origin.CAPTURE,
        device=device,
        capture=capture,
        taken_at=capture.taken_at,
    )
    picture, is_new = add(prepared=prepared)
    if not is_new:
        return False
    rows = []
    for each in corrections:
        box = _box_in(picture, capture, each)
        if box is not None:
            label, _ = label_named(data_set=data_set, name=box.label)
            rows.append(
                Annotation(picture=picture, label=label, left=box.left, top=box.top, width=box.width, height=box.height)
            )
    Annotation.objects.bulk_create(rows)
    picture.review = Review.KEPT
    picture.save(update_fields=["review"])
    return True


def _box_in(picture: Picture, capture: Capture, correction: Correction) -> Box | None:
    """Return the box in pixels of the picture, which may be a part of the frame and scaled down."""
    left, top, width, height = correction.box
    area = capture.area or [0, 0, picture.width, picture.height]
    across, down = picture.width / max(area[2], 1), picture.height / max(area[3], 1)
    label = correction.detection.label if correction.detection.review == Verdict.RIGHT else NOT_IT
    edges = (left - area[0], top - area[1], left + width - area[0], top + height - area[1])
    scaled = (edges[0] * across, edges[1] * down, edges[2] * across, edges[3] * down)
    return checked_box(label, *scaled, (picture.width, picture.height))[0]
