"""`python -m benchmarks.film`: bodies and tracks on a real film, whose truth is published.

The film is PETS 2009 S2.L1, view 1: 795 frames of 768 × 576 pixels, ten a second, of people who cross a junction. The
truth of the MOT Challenge for it has 19 people. No face can be seen, so the film tests bodies and the tracker. It is
`vtest.avi` in Debian's package opencv-doc, which apt downloads and nobody installs.

The boxes are compared with 40 frames that were labelled by eye over the detectors' boxes (`data/film_labels.json`). A
box is right where it overlaps a body by half (intersection over union); hardly visible bodies are ignored. Prints a
table and writes `benchmarks/results/film.json`.
"""

import argparse
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.tools import report, results
from edge_agent.config import AgentConfig
from edge_agent.eyes import Eyes
from edge_agent.messages import Box, Visit
from edge_agent.pictures.encoding import Picture, use_one_thread_for_pictures
from edge_agent.tracking.visits import VisitTracker
from edge_agent.vision.files import fetch_models, models_folder
from edge_agent.vision.objects import ObjectDetector
from edge_agent.vision.search import PEOPLE_TILE, Found, overlap, tiles

PACKAGE, MEMBER = "opencv-doc", "./usr/share/doc/opencv-doc/examples/data/vtest.avi"
LABELS = Path(__file__).with_name("data") / "film_labels.json"
RATE = 10
"""Frames a second of the film."""
LOOKS = (5, 10)
"""Looks a second at which the people are followed."""
SAME, DOUBTFUL = 0.5, 0.4
LEAST_RECALL, LEAST_PRECISION = 0.8, 0.9
PEOPLE, TOLERANCE = 19, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--film", type=Path, help="vtest.avi; downloaded with apt where it is not given")
    asked = parser.parse_args()
    use_one_thread_for_pictures()
    fetch_models(models_folder())
    with tempfile.TemporaryDirectory(prefix="headcount-film-") as scratch:
        film = asked.film or downloaded(Path(scratch))
        measured = [*boxes(film), *(figure for looks in LOOKS for figure in tracks(film, looks))]
    print(report.table(measured))
    results.write(results.FOLDER / "film.json", measured)


def downloaded(folder: Path) -> Path:
    """Return the film, taken out of the Debian package in this folder."""
    subprocess.run(["apt-get", "download", "-q", PACKAGE], cwd=folder, check=True)
    (package,) = folder.glob("*.deb")
    with (folder / "vtest.tar").open("wb") as tar:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=tar, check=True)
    subprocess.run(["tar", "-xf", "vtest.tar", MEMBER], cwd=folder, check=True)
    return folder / MEMBER


def frames_of(film: Path) -> Iterator[Picture]:
    video = cv2.VideoCapture(str(film))
    if not video.isOpened():
        raise SystemExit(f"{film} is not a video that can be read.")
    while (read := video.read())[0]:
        yield np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), np.uint8)


def boxes(film: Path) -> list[results.Measured]:
    """Measure the boxes of bodies in the labelled frames, and the time of a search of the whole frame."""
    labels = {int(number): each for number, each in json.loads(LABELS.read_text()).items()}
    people = ObjectDetector(models_folder())
    right = found = there = 0
    spent = []
    for number, rgb in enumerate(tqdm(frames_of(film), desc="boxes", disable=None)):
        if number in labels:
            parts = list(tiles(rgb.shape[1], rgb.shape[0], PEOPLE_TILE))
            began = time.process_time()
            bodies = people.find_people(rgb, parts)
            spent.append(1000 * (time.process_time() - began))
            hits, false = compared(bodies, labels[number]["bodies"], labels[number]["ignore"])
            right, found, there = right + hits, found + hits + false, there + len(labels[number]["bodies"])
    return [
        report.at_least(f"bodies found (n = {there} in {len(labels)} frames)", right / there, "", LEAST_RECALL),
        report.at_least("of the boxes, those that show a body", right / found, "", LEAST_PRECISION),
        report.told(f"a search of the whole frame, {len(parts)} parts", float(np.median(spent)), "ms of processor"),
    ]


def compared(found: Sequence[Box], bodies: Sequence[Box], ignore: Sequence[Box]) -> tuple[int, int]:
    """Return how many of the bodies were found, and how many of the boxes show neither a body nor a doubtful one."""
    left, false = [Found(0.0, *body) for body in bodies], 0
    for box in (Found(0.0, *box) for box in found):
        best = max(left, key=lambda body: overlap(body, box), default=None)
        if best is not None and overlap(best, box) >= SAME:
            left.remove(best)
        elif not any(overlap(Found(0.0, *other), box) >= DOUBTFUL for other in ignore):
            false += 1
    return len(bodies) - len(left), false


def tracks(film: Path, looks: int) -> list[results.Measured]:
    """Follow the people at so many looks a second, as the agent does, and return their number and the time it takes."""
    config = AgentConfig(thing="bench", mqtt_url="mqtt://127.0.0.1", detectors=("faces",), bodies=True)
    eyes, tracker = Eyes(config), VisitTracker()
    visits: dict[str, Visit] = {}
    spent, seconds = 0.0, 0.0
    shown = itertools.islice(frames_of(film), 0, None, RATE // looks)
    for number, rgb in enumerate(tqdm(shown, desc=f"{looks} looks a second", disable=None)):
        seconds = number / looks
        at = 1_000 + seconds
        began = time.process_time()
        bodies = eyes.find_bodies(rgb, round(1000 * at))
        _, changed = tracker.look(at, round(1000 * at), (), (rgb.shape[1], rgb.shape[0]), bodies)
        spent += time.process_time() - began
        visits |= {visit.id: visit for visit in changed}
    visits |= {visit.id: visit for visit in tracker.end_all()}
    name, most = f"{looks} looks a second", PEOPLE + TOLERANCE
    held = PEOPLE - TOLERANCE <= len(visits) <= most
    return [
        results.Measured(f"{name}: visits", len(visits), "", f"{PEOPLE - TOLERANCE} to {most}", held),
        report.told(f"{name}: bodies and tracks", 100 * spent / seconds, "% of a core"),
    ]


if __name__ == "__main__":
    main()
