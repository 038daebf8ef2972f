"""What a data set holds, in a few queries however large it is."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from learning.datasets.formats.boxes import Annotated, Box
from learning.datasets.splitting import TRAIN, VALIDATION, CannotSplit, Item, Split, split
from learning.models import Annotation, DataSet, Label, Picture, Review


@dataclass(frozen=True, slots=True)
class LabelCounts:
    label: Label
    boxes: int
    pictures: int
    train: int
    """Boxes in the part to learn from."""
    validation: int


@dataclass(frozen=True, slots=True)
class RecordingCounts:
    name: str
    pictures: int
    boxes: int
    part: str
    """`train`, `validation`, or "" where a recording is divided or the data set cannot be split."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a data set, and its split."""

    pictures: int
    kept: int
    open: int
    discarded: int
    boxes: int
    labels: Sequence[LabelCounts]
    recordings: Sequence[RecordingCounts]
    split: Split | None
    split_problem: str
    """Why the data set cannot be split; "" if it can."""


def split_items(data_set: DataSet) -> list[Item]:
    """Return the kept pictures for a split, in two queries."""
    labels: dict[int, list[str]] = defaultdict(list)
    rows = Annotation.objects.filter(picture__data_set=data_set, picture__review=Review.KEPT)
    for picture, name in rows.order_by("pk").values_list("picture_id", "label__name"):
        labels[picture].append(name)
    kept = data_set.pictures.filter(review=Review.KEPT).order_by("pk").values_list("pk", "recording", "folder")
    return [Item(pk, recording, tuple(labels[pk]), folder) for pk, recording, folder in kept]


def split_of(data_set: DataSet, items: Sequence[Item] | None = None) -> Split:
    """Return the split by the data set's own settings. Raises `CannotSplit`."""
    return split(
        split_items(data_set) if items is None else items,
        by=data_set.split_by,
        seed=data_set.split_seed,
        share=data_set.validation_share,
    )


def summarise(data_set: DataSet) -> Summary:
    """Return the summary, in four queries."""
    items = split_items(data_set)
    problem, parts = "", None
    try:
        parts = split_of(data_set, items)
    except CannotSplit as error:
        problem = str(error)
    reviews = Counter(dict(data_set.pictures.order_by().values_list("review").annotate(Count("pk"))))
    boxes: dict[str, Counter[str]] = {part: Counter() for part in ("", TRAIN, VALIDATION)}
    shown: Counter[str] = Counter()
    recordings: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for item in items:
        boxes[parts.part.get(item.key, "") if parts else ""].update(item.labels)
        shown.update(set(item.labels))
        recordings[item.recording][0] += 1
        recordings[item.recording][1] += len(item.labels)
    return Summary(
        pictures=sum(reviews.values()),
        kept=reviews[Review.KEPT],
        open=reviews[Review.OPEN],
        discarded=reviews[Review.DISCARDED],
        boxes=sum(sum(each.values()) for each in boxes.values()),
        labels=[
            LabelCounts(
                label,
                sum(each[label.name] for each in boxes.values()),
                shown[label.name],
                boxes[TRAIN][label.name],
                boxes[VALIDATION][label.name],
            )
            for label in data_set.labels.all()
        ],
        recordings=[
            RecordingCounts(name, pictures, count, parts.recordings.get(name, "") if parts else "")
            for name, (pictures, count) in sorted(recordings.items())
        ],
        split=parts,
        split_problem=problem,
    )


def annotated_pictures(data_set: DataSet) -> list[tuple[Picture, Annotated]]:
    """Return all pictures but the discarded ones with their boxes, in the order of their names, in two queries."""
    boxes: dict[int, list[Box]] = defaultdict(list)
    rows = Annotation.objects.filter(picture__data_set=data_set).exclude(picture__review=Review.DISCARDED)
    for key, *values in rows.order_by("picture__name", "pk").values_list(
        "picture_id", "label__name", "left", "top", "width", "height"
    ):
        boxes[key].append(Box(*values))
    used = data_set.pictures.exclude(review=Review.DISCARDED).defer("hands").order_by("name")
    return [(each, Annotated(each.name, each.width, each.height, tuple(boxes[each.pk]), each.folder)) for each in used]
