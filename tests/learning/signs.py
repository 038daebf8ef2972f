"""Signs that are drawn into photographs, for models of things: round and square ones, and white plates with a line."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from learning.datasets.pictures import add, prepare
from learning.datasets.services import label_named
from learning.models import Annotation, DataSet, Review
from tests.learning import samples

SIDE, PLATE_SIDE = 44, 48
ROUND, SQUARE, PLATE = "round", "square", "plate"
RECORDINGS = 3


class Scene(NamedTuple):
    """A part of a photograph with one sign."""

    picture: Image.Image
    label: str
    box: tuple[int, int, int, int]


def scene(number: int, label: str) -> Scene:
    """Return another scene for each number."""
    chance = np.random.default_rng(number)
    left, top = (int(each) for each in chance.integers(0, 250, 2))
    across, down = (240, 150) if label == PLATE else (150, 120)
    picture = Image.fromarray(data.coffee()).crop((left, top, left + across, top + down)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    side = PLATE_SIDE if label == PLATE else SIDE
    x, y = int(chance.integers(5, across - side - 5)), int(chance.integers(5, down - side - 5))
    ends = (x, y, x + side - 1, y + side - 1)
    if label == ROUND:
        draw.ellipse(ends, fill="white", outline="red", width=9)
    elif label == SQUARE:
        draw.rectangle(ends, fill="blue", outline="yellow", width=5)
    else:
        draw.rectangle(ends, fill="white", outline="black", width=4)
        draw.line((x + 8, y + side - 9, x + side - 9, y + 8), fill="black", width=6)
    return Scene(picture, label, (x, y, side, side))


def round_and_square(count: int = 10) -> list[Scene]:
    return [scene(number, (ROUND, SQUARE)[number % 2]) for number in range(count)]


def plates(count: int = 10) -> list[Scene]:
    return [scene(number, PLATE) for number in range(count)]


def taught(name: str, scenes: Sequence[Scene]) -> DataSet:
    """Return a data set of these scenes, kept and annotated, in three recordings."""
    made = samples.data_set(name)
    labels = {label: label_named(data_set=made, name=label)[0] for label in sorted({each.label for each in scenes})}
    for number, each in enumerate(scenes):
        out = io.BytesIO()
        each.picture.save(out, "JPEG", quality=95)
        recording = f"recording {number // len(labels) % RECORDINGS}"
        row, _ = add(prepared=prepare(data_set=made, name=f"{number}.jpg", data=out.getvalue(), recording=recording))
        row.review = Review.KEPT
        row.save()
        left, top, width, height = each.box
        Annotation.objects.create(picture=row, label=labels[each.label], left=left, top=top, width=width, height=height)
    return made
