"""Sets the boxes of a picture, and compares what two annotators drew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from learning.datasets.formats.boxes import MOST_BOXES, Box, checked_box
from learning.datasets.rights import check_operator
from learning.datasets.services import label_named
from learning.models import Annotation, DataSet, Opinion, Picture, Review

if TYPE_CHECKING:
    from devices.models import User

LabelledBox = tuple[str, int, int, int, int]
"""Label, left, top, width and height."""

SAME_BOX = 0.5
"""Intersection over union from which on two boxes are the same thing; PASCAL VOC's measure."""


@transaction.atomic
def set_boxes(*, picture: Picture, boxes: Sequence[LabelledBox], review: Review, by: "User") -> list[Annotation]:
    """Replace all boxes of the picture, keep or discard it, and record the boxes as the annotator's opinion.

    Raises `ValidationError`, which names each box that cannot be used, and then changes nothing. Raises
    `PermissionDenied` unless the user may operate the site.
    """
    check_operator(picture.data_set.site, by)
    checked = list(_checked(picture, boxes))
    Annotation.objects.filter(picture=picture).delete()
    rows = [
        Annotation(
            picture=picture,
            label=label_named(data_set=picture.data_set, name=box.label)[0],
            left=box.left,
            top=box.top,
            width=box.width,
            height=box.height,
        )
        for box in checked
    ]
    made = Annotation.objects.bulk_create(rows)
    picture.review, picture.hands = review, None
    picture.save(update_fields=["review", "hands"])
    opinion = [[row.label.name, *row.box] for row in rows]
    Opinion.objects.update_or_create(picture=picture, annotator=by, defaults={"boxes": opinion, "at": timezone.now()})
    return made


def _checked(picture: Picture, boxes: Sequence[LabelledBox]) -> Iterator[Box]:
    if len(boxes) > MOST_BOXES:
        raise ValidationError(f"A picture has at most {MOST_BOXES:,} boxes, not {len(boxes):,}.")
    wrong = []
    for number, (label, left, top, width, height) in enumerate(boxes, 1):
        size = picture.width, picture.height
        box, why = checked_box(label, left, top, left + width, top + height, size)
        if box is None:
            wrong.append(f"Box {number}: {why}.")
        else:
            yield box
    if wrong:
        raise ValidationError(wrong)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection over union of two boxes of left, top, width and height."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    whole = one[2] * one[3] + other[2] * other[3] - shared
    return shared / whole if whole > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two annotators agree about the pictures that both have annotated."""

    first: str
    second: str
    pictures: int
    agreed: int
    """Boxes that both drew, with the same label."""
    differently_labelled: int
    only_first: int
    only_second: int
    pictures_that_differ: Sequence[int]

    @property
    def share(self) -> float | None:
        """The share of agreed boxes among all; None without a box."""
        total = self.agreed + self.differently_labelled + self.only_first + self.only_second
        return self.agreed / total if total else None


def compare_annotators(data_set: DataSet) -> list[Agreement]:
    """Return the agreement of each pair of annotators with a picture in common, in one query."""
    rows = (
        Opinion.objects.filter(picture__data_set=data_set).select_related("annotator").order_by("annotator__username")
    )
    by_annotator: dict[str, dict[int, list[Any]]] = {}
    for row in rows:
        by_annotator.setdefault(row.annotator.get_username(), {})[row.picture_id] = row.boxes
    names = list(by_annotator)
    return [
        _agreement(first, second, by_annotator[first], by_annotator[second])
        for number, first in enumerate(names)
        for second in names[number + 1 :]
        if by_annotator[first].keys() & by_annotator[second].keys()
    ]


def _agreement(first: str, second: str, one: dict[int, list[Any]], two: dict[int, list[Any]]) -> Agreement:
    agreed = differently = only_first = only_second = 0
    differing = []
    common = sorted(one.keys() & two.keys())
    for picture in common:
        left = list(two[picture])
        before = agreed
        for label, *box in one[picture]:
            same = max(left, key=lambda each: overlap(box, each[1:]), default=None)
            if same is None or overlap(box, same[1:]) < SAME_BOX:
                only_first += 1
                continue
            left.remove(same)
            agreed += same[0] == label
            differently += same[0] != label
        only_second += len(left)
        if agreed - before != max(len(one[picture]), len(two[picture])):
            differing.append(picture)
    return Agreement(first, second, len(common), agreed, differently, only_first, only_second, differing)
