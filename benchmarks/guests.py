"""`python -m benchmarks.guests`: whether strangers who come again stay the same guests.

The platform recognises everyone, with the local models. Each person of the photographs comes three times with a cup:
near; half as near and in dim light; mirrored, leaning and in bright light. Each time, the camera sends a picture and
two further looks at the face, all different. The photographs come from scikit-image, from matplotlib and from the
folder in the environment variable PHOTOGRAPHS (benchmarks/data/people.py). Prints a table and writes
`benchmarks/results/guests.json`.
"""

import argparse
import base64
import datetime as dt
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.data import people
from benchmarks.tools import production, report, results
from benchmarks.tools.results import Measured
from edge_agent.messages import Box
from edge_agent.vision.search import Picture

LEAST_HEIGHT = 60
"""Height of a face in its photograph, in pixels, from which on it can be shown near."""

LOOKS = 3
MARGINS = (0.6, 1.2, 2.0)
"""What is seen of a person beside, above and below the face, in its widths and heights."""


class Visit(NamedTuple):
    """How somebody is seen: the height of the face in pixels, the light, whether mirrored, and degrees of leaning."""

    height: int
    light: float
    is_mirrored: bool
    leaning: float


VISITS = (Visit(150, 1.0, False, 0), Visit(90, 0.6, False, 0), Visit(150, 1.3, True, 12))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=30, help="number of people, at most (30)")
    asked = parser.parse_args()
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    with tempfile.TemporaryDirectory(prefix="headcount-guests-") as folder:
        production.set_up(Path(folder))
        measured = list(guests(strangers(asked.people)))
        from django.db import connection

        connection.close()
    print(report.table(measured))
    results.write(results.FOLDER / "guests.json", measured)


def strangers(most: int) -> list[tuple[Picture, Box]]:
    """Return photographs, each with the face of another person, evenly chosen from all that are large enough."""
    every = [(group.rgb, face) for group in people.groups() for face in group.faces if face[3] >= LEAST_HEIGHT]
    return every[:: -(-len(every) // most)]


def guests(shown: list[tuple[Picture, Box]]) -> Iterator[Measured]:
    """Have all come in turn, three times, and yield how many guests they became."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from devices.services import register_device, register_site
    from faces.models import Coffee, Merge, Mode, Person
    from faces.services import recognise, set_policy

    now = timezone.now() - dt.timedelta(days=2)
    site = register_site(name="Bench", slug="bench", timezone="UTC")
    device = register_device(site=site, name="C0", thing_name="thing-0")
    set_policy(site=site, mode=Mode.EVERYONE, confirmed_by=User.objects.create_superuser("admin"), now=now)
    chance = np.random.default_rng(1)
    first: dict[int, int] = {}
    coffees = mistaken = 0
    rounds = [(visit, number) for visit in VISITS for number in range(len(shown))]
    for turn, (visit, number) in enumerate(tqdm(rounds, desc="captures", unit="capture")):
        rgb, face = shown[number]
        at = now + dt.timedelta(minutes=10 * (turn + 1))
        looks = [seen(rgb, face, visit, chance) for _ in range(LOOKS)]
        capture = taken(device, at, turn, looks)
        recognise(capture_id=capture.pk, now=at + dt.timedelta(minutes=2))
        for person in Coffee.objects.filter(taken_at=at).exclude(person=None).values_list("person", flat=True):
            coffees += 1
            mistaken += first.setdefault(person, number) != number
    count = len(shown)
    yield report.told("people", count, "")
    yield report.at_most("guests", Person.objects.count(), "", count)
    yield report.told("captures", len(rounds), "")
    yield report.told("coffees of a guest", coffees, "")
    yield report.told("coffees of a guest that somebody else had become", mistaken, "")
    yield report.told("guests that were joined", Merge.objects.count(), "")


def taken(device: Any, at: dt.datetime, key: int, looks: list[tuple[bytes, Box]]) -> Any:
    """Return the capture of these looks, as the intake makes it of an agent's picture."""
    from django.db import transaction

    from devices.intake.batches import Batch
    from devices.reading.decoding import TakenPicture
    from faces.models import Capture
    from faces.pictures import sink

    (jpeg, box), *further = looks
    with transaction.atomic():
        sink.take_in(Batch(pictures=[TakenPicture(device, at, at, key, jpeg)]))()
    capture = Capture.objects.get(device=device, key=key)
    capture.claimed_faces = [{"confidence": 0.9, "box": list(box)}]
    capture.looks = [[0, base64.b64encode(each).decode()] for each, _ in further]
    capture.save(update_fields=["claimed_faces", "looks"])
    return capture


def seen(rgb: Picture, face: Box, visit: Visit, chance: np.random.Generator) -> tuple[bytes, Box]:
    """Return the JPEG of this person with a cup before the chest, and the box of the face in it."""
    left, top, width, height = face
    beside, above, below = round(MARGINS[0] * width), round(MARGINS[1] * height), round(MARGINS[2] * height)
    wide = cv2.copyMakeBorder(rgb, above, below, beside, beside, cv2.BORDER_REPLICATE)
    part = np.asarray(wide[top : top + above + height + below, left : left + width + 2 * beside], np.uint8)
    scale = visit.height / height * chance.uniform(0.9, 1.1)
    part = people.scaled(part, scale)
    centre = ((beside + width / 2) * scale, (above + height / 2) * scale)
    turned = cv2.getRotationMatrix2D(centre, visit.leaning + chance.uniform(-5, 5), 1)
    part = np.asarray(cv2.warpAffine(part, turned, part.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if visit.is_mirrored:
        part, centre = np.ascontiguousarray(part[:, ::-1]), (part.shape[1] - centre[0], centre[1])
    across, down = width * scale, height * scale
    box = (round(centre[0] - across / 2), round(centre[1] - down / 2), round(across), round(down))
    held = people.with_mug(part, box)
    assert held is not None
    noisy = held * (visit.light * chance.uniform(0.92, 1.08)) + chance.normal(0, 6, held.shape)
    whole = np.clip(noisy, 0, 255).astype(np.uint8)[..., ::-1]
    return cv2.imencode(".jpg", whole, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes(), box


if __name__ == "__main__":
    main()
