"""What all formats of annotations have in common. Pure.

A box is left, top, width and height in whole pixels: the columns from `left` to before `left + width`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

SHORTEST = 1
"""Pixels of the shortest side of a box."""

MOST_BOXES = 1_000
"""Boxes of one picture; a crowd has some hundred."""

CHANNELS = ("train", "validation")
"""The folders of pictures in SageMaker's layout; the annotations are in the folders `train_annotation` and so on."""

RECORDING_MARK = "__"
"""Stands between recording and file name where a format has no folders of its own."""


class Box(NamedTuple):
    label: str
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Annotated:
    """A picture's name, its size in pixels, and its boxes."""

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    folder: str = ""
    """`train`, `validation` or ""."""


class Problem(NamedTuple):
    """Why an item was left out: where it stands, and one sentence."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


Sizes = Mapping[str, tuple[int, int]]
"""Width and height of the pictures by name, as far as the pictures are known."""


@dataclass(slots=True)
class Reading:
    """What was read from files of one format."""

    pictures: list[Annotated] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    """The labels in the order of the format's own list; empty for formats without a list."""

    def refuse(self, where: str, what: str) -> None:
        self.problems.append(Problem(where, what))


class BadAnnotations(ValueError):
    """A file cannot be read at all. The text is one sentence."""


def checked_box(
    label: str, left: float, top: float, right: float, bottom: float, size: tuple[int, int]
) -> tuple[Box | None, str]:
    """Return the box within the picture, and what is wrong with it ("" if nothing).

    A box that is inverted, has no area, or lies outside the picture is None. A box that reaches over the edge is cut
    off there, which is told.
    """
    if not all(abs(number) < 2**31 for number in (left, top, right, bottom)):  # also refuses NaN
        return None, "the box has a number that is none of a picture's"
    edges = tuple(round(number) for number in (left, top, right, bottom))
    if edges[2] < edges[0] or edges[3] < edges[1]:
        return (
            None,
            f"the box is inverted: {edges[0]}, {edges[1]} is its upper left and {edges[2]}, {edges[3]} its lower right",
        )
    if edges[2] - edges[0] < SHORTEST or edges[3] - edges[1] < SHORTEST:
        return None, f"the box has no area: {edges[2] - edges[0]} × {edges[3] - edges[1]} pixels"
    within = max(edges[0], 0), max(edges[1], 0), min(edges[2], size[0]), min(edges[3], size[1])
    if within[2] - within[0] < SHORTEST or within[3] - within[1] < SHORTEST:
        return None, f"the box lies outside the picture of {size[0]} × {size[1]} pixels"
    box = Box(label, within[0], within[1], within[2] - within[0], within[3] - within[1])
    return (
        box,
        "" if within == edges else f"the box reaches over the edge of {size[0]} × {size[1]} pixels and was cut off",
    )


class Boxes:
    """Collects the boxes of one picture while its annotation is read, and tells of each that cannot be used."""

    def __init__(self, reading: Reading, where: str, size: tuple[int, int]) -> None:
        self._reading, self._where, self._size = reading, where, size
        self._seen, self._place = 0, ""
        self.boxes: list[Box] = []

    def at(self, where: str) -> None:
        """Let the next box be named by this place instead of the picture's file and the number of the box."""
        self._place = where

    def _next_place(self) -> str:
        self._seen += 1
        place, self._place = self._place or f"{self._where}, box {self._seen}", ""
        return place

    def add(self, label: str, left: float, top: float, right: float, bottom: float) -> None:
        where = self._next_place()
        if not label.strip():
            self._reading.refuse(where, "the box has no label")
            return
        if len(self.boxes) >= MOST_BOXES:
            if self._seen == MOST_BOXES + 1:
                self._reading.refuse(
                    where, f"a picture has at most {MOST_BOXES:,} boxes; this one and the rest are left out"
                )
            return
        box, wrong = checked_box(" ".join(label.split()), left, top, right, bottom, self._size)
        if wrong:
            self._reading.refuse(where, wrong)
        if box is not None:
            self.boxes.append(box)

    def refuse(self, what: str) -> None:
        self._reading.refuse(self._next_place(), what)


def resolve(name: str, beside: str, sizes: Sizes) -> str:
    """Return the name of the picture that an annotation file means by `name`.

    The picture stands beside the annotation file, at that path, or is the only one of that file name. Otherwise the
    name itself is returned. Backslashes are taken for slashes.
    """
    name = name.replace("\\", "/").lstrip("/")
    folder = str(PurePosixPath(beside).parent)
    candidates = [f"{folder}/{name}" if folder != "." else name, name]
    channel = PurePosixPath(folder).name
    for each in CHANNELS:
        if channel == f"{each}_annotation":
            candidates.insert(0, str(PurePosixPath(folder).parent / each / name))
    for candidate in candidates:
        if candidate in sizes:
            return candidate
    plain = PurePosixPath(name).name
    same = [known for known in sizes if known == plain or known.endswith(f"/{plain}")]
    return same[0] if len(same) == 1 else candidates[0]


def size_of(name: str, told: tuple[int, int] | None, sizes: Sizes) -> tuple[tuple[int, int] | None, str]:
    """Return the picture's size, and what is wrong ("" if nothing).

    The picture itself decides. If the annotation tells another size, its boxes belong to another picture.
    """
    known = sizes.get(name)
    if known is None and (told is None or min(told) < 1):
        return None, f"the picture {name} is not there, and the annotation does not tell its size"
    if known is not None and told is not None and min(told) >= 1 and told != known:
        return None, f"it tells of {told[0]} × {told[1]} pixels, but the picture {name} has {known[0]} × {known[1]}"
    return known or told, ""


def labels_of(pictures: Iterable[Annotated]) -> list[str]:
    """Return the labels in the order in which they first occur."""
    return list(dict.fromkeys(box.label for picture in pictures for box in picture.boxes))


def flat_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name one without folders, whose stem is unique, as SageMaker and YOLO need it."""
    flat: dict[str, str] = {}
    stems: set[str] = set()
    for name in names:
        path = PurePosixPath(name.replace("/", RECORDING_MARK))
        stem, number = path.stem, 2
        while stem in stems:
            stem, number = f"{path.stem}-{number}", number + 1
        stems.add(stem)
        flat[name] = f"{stem}{path.suffix}"
    return flat


def stem_of(name: str) -> str:
    """Return the name without its last suffix; folders stay."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix else name
