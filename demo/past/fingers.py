"""A finished example of learning: a data set of raised fingers, and two runs that the demo's task worker carries out.

`hands.csv` has the landmarks of 172 hands of seven recordings, at most seven for each recording and number of fingers.
The hand detector found them in the pictures of a public research set (Apache-2.0). A row has the recording, the label,
and x, y and z of 21 landmarks, scaled to 200 pixels. Nearly all hands are one man's. The pictures of the example are
drawn from the landmarks, so they show nobody, and no hand has to be found again.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from django.contrib.auth.models import User
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from devices.models import Site
from edge_agent.learned.hand_features import CHAINS, LANDMARKS
from learning.datasets.pictures import add, prepare
from learning.datasets.services import create_data_set, label_named
from learning.models import Annotation, DataSet, Kind, Picture, Review
from learning.training.running import start

SITE, DATA_SET = "seattle", "Raised fingers"
LICENCE = "Apache-2.0; drawn from the landmarks of a public research set, nearly all of one man's hands"

HANDS = Path(__file__).with_name("hands.csv")

NAMES = {
    "0-fingers": "no finger",
    "1-fingers": "one finger",
    "2-fingers": "two fingers",
    "3-fingers": "three fingers",
    "4-fingers": "four fingers",
    "5-fingers": "five fingers",
}

MARGIN, SIDE = 30, 260
"""Pixels around a hand, and of a picture's side."""

RUNS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "the defaults"),
    ({"mirror": "no", "lean": 0.0}, "without mirrored and turned hands"),
)
"""The hyper-parameters of the example's runs, and their notes."""


class Drawn(NamedTuple):
    recording: str
    label: str
    landmarks: NDArray[np.int64]
    """21 × 3, in pixels of the picture."""


def hands() -> Iterator[Drawn]:
    with HANDS.open(newline="") as file:
        for recording, label, *numbers in csv.reader(file):
            landmarks = np.array(numbers, int).reshape(LANDMARKS, 3) + np.array((MARGIN, MARGIN, 0))
            yield Drawn(recording, NAMES[label], landmarks)


def create_example(by: User) -> None:
    """Create the data set, and queue its runs, where the data set is missing."""
    site = Site.objects.get(slug=SITE)
    if DataSet.objects.filter(site=site, name=DATA_SET).exists():
        return
    made = create_data_set(site=site, name=DATA_SET, by=by, licence=LICENCE)
    labels = {name: label_named(data_set=made, name=name)[0] for name in NAMES.values()}
    boxes = []
    for number, hand in enumerate(hands()):
        name = f"{hand.recording}/{number:03}.jpg"
        picture, _ = add(prepared=prepare(data_set=made, name=name, data=_drawn(hand), recording=hand.recording))
        found = [hand.landmarks.tolist()]
        Picture.objects.filter(pk=picture.pk).update(review=Review.KEPT, hands=found)
        left, top, _ = (int(each) for each in hand.landmarks.min(axis=0) - MARGIN // 2)
        right, bottom, _ = (int(each) for each in hand.landmarks.max(axis=0) + MARGIN // 2)
        sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        boxes.append(Annotation(picture=picture, label=labels[hand.label], **sides))
    Annotation.objects.bulk_create(boxes)
    for given, note in RUNS:
        start(data_set=made, kind=Kind.GESTURE, by=by, given=given, note=note)


def _drawn(hand: Drawn) -> bytes:
    """Return a JPEG of the hand's bones and joints."""
    picture = Image.new("RGB", (SIDE, SIDE), "#eef1f4")
    pen = ImageDraw.Draw(picture)
    points = [(int(x), int(y)) for x, y, _ in hand.landmarks.tolist()]
    for chain in CHAINS:
        pen.line([points[index] for index in chain], fill="#3b5b7a", width=9, joint="curve")
    for x, y in points:
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill="#c7503b")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
