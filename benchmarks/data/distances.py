"""What the eyes see at which distance: faces, whether they face the camera, hands and cups; a part of `make accuracy`.

People of `benchmarks/data/people.py` are placed at true scale into frames of 1280 × 720 behind a lens of 70°, before
photographs that show nobody. Processor time is that of the process on one core, which other programs do not change.
"""

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
from tqdm import tqdm

from benchmarks.data import people
from benchmarks.tools import report, results
from edge_agent.agent import LOOKS_PER_SECOND
from edge_agent.config import AgentConfig
from edge_agent.eyes import Eyes
from edge_agent.messages import Accuracy, Box
from edge_agent.pictures.encoding import Picture
from edge_agent.vision.faces import FaceDetector
from edge_agent.vision.hands import HandDetector
from edge_agent.vision.objects import CUP, ObjectDetector
from edge_agent.vision.reach import cups_square, hands_square

METRES = (2, 3, 4, 5, 6, 8)
HAND_METRES = (2, 3, 4)
CUP_METRES = (1.0, 1.5, 2.0)
GOALS: dict[tuple[Accuracy, int], float] = {
    ("balanced", 3): 0.99,
    ("balanced", 5): 0.95,
    ("balanced", 6): 0.90,
    ("high", 8): 0.97,
}
"""Shares of the people who face the camera that are found at a distance."""

EVERYBODY, FACING = "everybody", "facing the camera"

STANDING_LOOKS = 6
"""Looks at a photograph of several people before they are counted: a second, in which followed faces may be lost."""

MOST_OFF = 0.05

MOST_FALSE = 0.01
"""False faces for each picture without people."""

HANDS_SCALE = 2.0
"""How much a photograph of a person with a hand may be enlarged; those at hand have 400 pixels a side."""

LEAST_HANDS, LEAST_CUPS = 0.85, 0.75


def measure(models: Path) -> list[results.Measured]:
    """Print the tables and return all figures."""
    config = AgentConfig(thing="accuracy", mqtt_url="mqtt://127.0.0.1")
    detectors = {
        accuracy: FaceDetector(
            models, threshold=config.face_threshold, accuracy=accuracy, facing_angle=config.facing_angle
        )
        for accuracy in get_args(Accuracy)
    }
    groups, rooms = people.groups(), people.nobody()
    measured = [
        figure for accuracy, detector in detectors.items() for figure in _distances(accuracy, detector, groups, rooms)
    ]
    only_faces = msgspec.structs.replace(config, models=models, detectors=("faces",))
    measured += [_average(msgspec.structs.replace(only_faces, accuracy=each), groups) for each in detectors]
    measured += [figure for accuracy, detector in detectors.items() for figure in _facing(accuracy, detector, groups)]
    measured += _hands(HandDetector(models, threshold=config.gesture_threshold), detectors["high"], rooms)
    measured += _cups(ObjectDetector(models, threshold=config.object_threshold), groups, rooms)
    print(f"\n{report.table(measured)}")
    return measured


def _distances(
    accuracy: Accuracy, detector: FaceDetector, groups: Sequence[people.Group], rooms: Sequence[Picture]
) -> list[results.Measured]:
    found: dict[tuple[int, str], list[bool]] = defaultdict(list)
    false, milliseconds = 0, []
    work = list(itertools.product(METRES, enumerate(groups)))
    for metres, (number, group) in tqdm(work, desc=f"faces, {accuracy}"):
        frame = people.placed(group, metres, rooms[number % len(rooms)], number)
        if frame is None:
            continue
        started = time.process_time()
        boxes = _boxes(detector, frame.rgb)
        milliseconds.append(1000 * (time.process_time() - started))
        seen, wrong = people.hits(boxes, frame.faces, frame.elsewhere)
        false += wrong
        for is_found, skin, is_facing in zip(seen, frame.skins, frame.facing, strict=True):
            found[metres, EVERYBODY].append(is_found)
            if is_facing:
                found[metres, FACING].append(is_found)
                found[metres, f"{FACING}, {'dark' if skin < people.DARK_SKIN else 'light'} skin"].append(is_found)
    measured = []
    for (metres, who), each in sorted(found.items()):
        goal = GOALS.get((accuracy, metres)) if who == FACING else None
        name = f"faces, {accuracy}, {metres} m, {who} (n = {len(each)})"
        measured.append(_share(name, each, goal))
    without = people.without_faces()
    empty = sum(len(detector.detect(picture)) for picture in without)
    name = f"faces, {accuracy}, false for each picture without people (n = {len(without)})"
    measured.append(report.below(name, empty / len(without), "", MOST_FALSE + 1e-9))
    measured.append(report.told(f"faces, {accuracy}, false in frames with people", false, ""))
    measured.append(report.told(f"faces, {accuracy}, processor time of a search", float(np.median(milliseconds)), "ms"))
    return measured


def _average(config: AgentConfig, groups: Sequence[people.Group]) -> results.Measured:
    """Measure how far the agent's average number of people in photographs of several is from the marked one."""
    eyes = Eyes(config)
    several = [group for group in groups if len(group.faces) > 1]
    counted = marked = 0
    for group in tqdm(several, desc=f"averages, {config.accuracy}"):
        eyes = eyes.changed(config)
        looks = [eyes.find_faces(group.rgb, round(1000 * look / LOOKS_PER_SECOND)) for look in range(STANDING_LOOKS)]
        boxes = [face.box for face in looks[-1] or () if face.box is not None]
        seen, false = people.hits(boxes, group.faces, group.ignore)
        counted += sum(seen) + false
        marked += len(seen)
    name = f"average of people, {config.accuracy}, off the truth (n = {marked} in {len(several)} photographs)"
    return report.below(name, abs(counted / marked - 1), "", MOST_OFF + 1e-9)


def _facing(accuracy: Accuracy, detector: FaceDetector, groups: Sequence[people.Group]) -> list[results.Measured]:
    told: dict[bool, list[bool]] = {True: [], False: []}
    for group in groups:
        faces = detector.detect(group.rgb) if any(each is not None for each in group.facing) else ()
        for box, is_facing in zip(group.faces, group.facing, strict=False):
            best = max(faces, key=lambda face: people.share(face.box or box, box) if face.box else 0.0, default=None)
            if is_facing is not None and best is not None and best.box and people.share(best.box, box) > people.SAME:
                told[is_facing].append(best.facing is is_facing)
    return [
        _share(f"facing, {accuracy}: who faces the camera is told to (n = {len(told[True])})", told[True]),
        _share(f"facing, {accuracy}: who does not is told not to (n = {len(told[False])})", told[False]),
    ]


def _hands(hands: HandDetector, faces: FaceDetector, rooms: Sequence[Picture]) -> list[results.Measured]:
    measured = []
    persons = [(picture, box) for picture in people.people_with_hands() if (box := _largest(faces, picture))]
    for metres in HAND_METRES:
        seen = []
        for number, (picture, box) in enumerate(persons):
            frame = people.placed(
                people.Group("", picture, (box,)), metres, rooms[number % len(rooms)], number, HANDS_SCALE
            )
            if frame is not None and frame.faces:
                seen.append(hands.count(hands_square(frame.faces[0], frame.rgb).of(frame.rgb)) > 0)
        goal = LEAST_HANDS if metres == 3 else None
        name = f"hands, {metres} m (n = {len(seen)})"
        measured.append(_share(name, seen, goal) if seen else report.told(name, None, "needs PHOTOGRAPHS"))
    return measured


def _cups(objects: ObjectDetector, groups: Sequence[people.Group], rooms: Sequence[Picture]) -> list[results.Measured]:
    with_mug: list[bool] = []
    without = 0
    squares = 0
    for metres, (number, group) in itertools.product(CUP_METRES, enumerate(groups)):
        frame = people.placed(group, metres, rooms[number % len(rooms)], number)
        for face in () if frame is None else frame.faces:
            square = cups_square(face, frame.rgb) if frame else None
            if frame is None or square is None or square.height < people.FACE_AT_A_METRE / metres:
                continue
            squares += 1
            without += len(objects.detect_cups_below(frame.rgb, [face]))
            held = people.with_mug(frame.rgb, face)
            if held is None:
                continue
            cups = Counter(thing.label for thing in objects.detect_cups_below(held, [face]))
            with_mug.append(cups[CUP] > 0)
    return [
        _share(f"cups, 1 to 2 m, before the chest (n = {len(with_mug)})", with_mug, LEAST_CUPS),
        report.told(f"cups, false in squares without a mug (n = {squares})", without, ""),
    ]


def _boxes(detector: FaceDetector, rgb: Picture) -> list[Box]:
    return [face.box for face in detector.detect(rgb) if face.box is not None]


def _largest(detector: FaceDetector, rgb: Picture) -> Box | None:
    return max(_boxes(detector, rgb), key=lambda box: box[3], default=None)


def _share(name: str, hits: Sequence[bool], goal: float | None = None) -> results.Measured:
    share = sum(hits) / len(hits) if hits else 0.0
    return report.told(name, share, "") if goal is None else report.at_least(name, share, "", goal)
