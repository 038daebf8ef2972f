"""`python -m benchmarks.accuracy`: hits, misses and false positives of the detectors and of face recognition.

The photographs come from scikit-image, from matplotlib, and from the folder in the environment variable PHOTOGRAPHS.
Each is used unchanged, mirrored, scaled, turned, darker and brighter. Prints tables and writes
`benchmarks/results/accuracy.json`.

The folder contains, at any depth: `face-NAME.jpg` with one face (`face-NAME2.jpg` shows the same person),
`thumbs-up*.jpg` with one raised thumb, and XML files of dlib's imglab that list pictures with marked faces; also what
`benchmarks/data/people.py` describes.
"""

import os
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from skimage import data
from tqdm import tqdm

from benchmarks.data import distances
from benchmarks.tools import report, results
from edge_agent.config import AgentConfig
from edge_agent.messages import Box
from edge_agent.pictures.encoding import Picture
from edge_agent.vision.faces import FaceDetector
from edge_agent.vision.files import fetch_models, models_folder
from edge_agent.vision.hands import HandDetector
from edge_agent.vision.identity import SAME_PERSON, FaceEmbedder
from edge_agent.vision.objects import ObjectDetector

SAME = 0.3
"""The intersection over union from which a detected box counts as the marked one."""

ASTRONAUT_FACE = (172, 62, 104, 118)
"""The box of the face, marked by hand, in pixels of scikit-image's photograph."""

WITHOUT_ANYTHING = ("chelsea", "rocket", "hubble_deep_field", "immunohistochemistry", "retina")
"""The colour photographs of scikit-image that show no person and no cup."""


@dataclass
class Photograph:
    """A picture and its true contents: for each detector the labels, with boxes where they are marked."""

    name: str
    rgb: Picture
    truth: dict[str, list[tuple[str, Box | None]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Variation:
    """A change of a picture: an affine map of its pixels, which depends on its size, and a factor of brightness."""

    name: str
    matrix: Callable[[int, int], np.ndarray]
    brightness: float = 1.0
    is_upside_down: bool = False


def _mirrored(width: int, height: int) -> np.ndarray:
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


def _scaled(factor: float) -> Callable[[int, int], np.ndarray]:
    return lambda width, height: np.array([[factor, 0.0, 0.0], [0.0, factor, 0.0]])


def _turned(degrees: float) -> Callable[[int, int], np.ndarray]:
    return lambda width, height: np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0))


AS_IT_IS = "as it is"
VARIATIONS = (
    Variation(AS_IT_IS, _scaled(1.0)),
    Variation("mirrored", _mirrored),
    Variation("half the size", _scaled(0.5)),
    Variation("twice the size", _scaled(2.0)),
    Variation("turned by 15°", _turned(15)),
    Variation("turned by -30°", _turned(-30)),
    Variation("turned by 90°", _turned(90)),
    Variation("upside down", _turned(180), is_upside_down=True),
    Variation("half as bright", _scaled(1.0), brightness=0.5),
    Variation("half as bright again", _scaled(1.0), brightness=1.5),
)
COLUMNS = ("detector and threshold", "photographs", "there", "found", "missed", "false")
IDENTITY_COLUMNS = ("distance", "face not found", "same person: matched", "different people: matched")
THRESHOLDS = (0.45, 0.5, 0.55, 0.6, 0.65)
UPRIGHT = [each.name for each in VARIATIONS if not each.is_upside_down and "90" not in each.name]
UPSIDE_DOWN = {"thumbs-up": "thumbs-down"}
SIDEWAYS = {"turned by 90°": {"thumbs-up": None}}
"""Gestures that a variation removes: a thumb that points sideways is no thumbs-up."""


def main() -> None:
    models = models_folder()
    fetch_models(models)
    config = AgentConfig(thing="accuracy", mqtt_url="mqtt://127.0.0.1")
    faces = FaceDetector(models, threshold=config.face_threshold)
    hands = HandDetector(models, threshold=config.gesture_threshold)
    objects = ObjectDetector(models, threshold=config.object_threshold)
    looks: dict[str, Callable[[Picture], list[tuple[str, Box | None]]]] = {
        f"faces >= {config.face_threshold:g}": lambda rgb: [("face", face.box) for face in faces.detect(rgb)],
        f"gestures >= {config.gesture_threshold:g}": lambda rgb: [(hand.label, hand.box) for hand in hands.detect(rgb)],
        f"cups >= {config.object_threshold:g}": lambda rgb: [
            (thing.label, thing.box) for thing in objects.detect(rgb) if thing.label == "cup"
        ],
    }
    photographs = [*from_scikit_image(), *from_folder()]
    counts = {(look, variation.name): Counter[str]() for look in looks for variation in VARIATIONS}
    for photograph in tqdm(photographs):
        for variation in VARIATIONS:
            rgb, truth = varied(photograph, variation)
            for look, detect in looks.items():
                counts[look, variation.name] += compared(detect(rgb), truth.get(look.partition(" ")[0], []))
    show(len(photographs), counts)
    matched = identity(faces, FaceEmbedder(models))
    results.write(results.FOLDER / "accuracy.json", [*_figures(counts), *matched, *distances.measure(models)])


def from_scikit_image() -> Iterator[Photograph]:
    yield Photograph("astronaut", _rgb(data.astronaut()), {"faces": [("face", ASTRONAUT_FACE)]})
    yield Photograph("coffee", _rgb(data.coffee()), {"cups": [("cup", None)]})
    for name in WITHOUT_ANYTHING:
        yield Photograph(name, _rgb(getattr(data, name)()))


def from_folder() -> Iterator[Photograph]:
    """Yield the photographs of the folder PHOTOGRAPHS with their true contents; none if the variable is not set.

    Raises `SystemExit` if there is no such folder.
    """
    if not os.environ.get("PHOTOGRAPHS"):
        return
    folder = Path(os.environ["PHOTOGRAPHS"])
    if not folder.is_dir():
        raise SystemExit(f"PHOTOGRAPHS names the folder {folder}, which does not exist.")
    for path in sorted(folder.rglob("face-*.jpg")):
        yield Photograph(path.name, read(path), {"faces": [("face", None)]})
    for path in sorted(folder.rglob("thumbs-up*.jpg")):
        yield Photograph(path.name, read(path), {"gestures": [("thumbs-up", None)]})
    for listing in sorted(folder.rglob("*.xml")):
        for image in ElementTree.parse(listing).iter("image"):
            path = listing.parent / image.attrib["file"]
            yield Photograph(path.name, read(path), {"faces": [("face", _box(mark)) for mark in image.iter("box")]})


def _box(mark: ElementTree.Element) -> Box:
    left, top, width, height = (int(mark.attrib[side]) for side in ("left", "top", "width", "height"))
    return left, top, width, height


def read(path: Path) -> Picture:
    """Return the picture in this file. Raises `ValueError` if the file is no picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ValueError(f"{path} is no picture that can be read")
    return _rgb(picture)


def _rgb(picture: np.ndarray) -> Picture:
    return np.ascontiguousarray(picture[..., :3], np.uint8)


def varied(photograph: Photograph, variation: Variation) -> tuple[Picture, dict[str, list[tuple[str, Box | None]]]]:
    """Return the changed picture and its true contents, without what a rotation moves out of the picture."""
    height, width = photograph.rgb.shape[:2]
    matrix = variation.matrix(width, height)
    factor = abs(np.linalg.det(matrix[:, :2])) ** 0.5
    size = (round(width * factor), round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    rgb = (
        cv2.resize(photograph.rgb, size, interpolation=method)
        if factor != 1
        else cv2.warpAffine(photograph.rgb, matrix, size, flags=method, borderMode=cv2.BORDER_REPLICATE)
    )
    rgb = cv2.convertScaleAbs(rgb, alpha=variation.brightness)
    truth = {
        kind: [
            (UPSIDE_DOWN.get(label, label) if variation.is_upside_down else label, box and _moved(box, matrix))
            for label, box in things
            if SIDEWAYS.get(variation.name, {}).get(label, label) and (box is None or _is_inside(box, matrix, size))
        ]
        for kind, things in photograph.truth.items()
    }
    return np.ascontiguousarray(rgb, np.uint8), truth


def _corners(box: Box, matrix: np.ndarray) -> np.ndarray:
    left, top, width, height = box
    points = [(left, top), (left + width, top), (left, top + height), (left + width, top + height)]
    moved: np.ndarray = np.array(points, float) @ matrix[:, :2].T + matrix[:, 2]
    return moved


def _moved(box: Box, matrix: np.ndarray) -> Box:
    """Return an upright box around the moved centre.

    The box has the area of the transformed one: the upright box around a turned box would be too large.
    """
    centre = _corners(box, matrix).mean(axis=0)
    factor = abs(np.linalg.det(matrix[:, :2])) ** 0.5
    width, height = box[2] * factor, box[3] * factor
    return round(centre[0] - width / 2), round(centre[1] - height / 2), round(width), round(height)


def _is_inside(box: Box, matrix: np.ndarray, size: tuple[int, int]) -> bool:
    corners = _corners(box, matrix)
    return bool((corners >= 0).all() and (corners <= size).all())


def compared(found: list[tuple[str, Box | None]], truth: list[tuple[str, Box | None]]) -> Counter[str]:
    """Return the numbers of true labels, hits, misses and false positives."""
    left = list(found)
    hits = 0
    for label, box in truth:
        match = next(
            (each for each in left if each[0] == label and (box is None or overlap(each[1], box) > SAME)), None
        )
        if match is not None:
            left.remove(match)
            hits += 1
    return Counter(there=len(truth), found=hits, missed=len(truth) - hits, false=len(left))


def overlap(one: Box | None, other: Box) -> float:
    if one is None:
        return 0.0
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def show(photographs: int, counts: dict[tuple[str, str], Counter[str]]) -> None:
    print(f"{photographs} photographs, each in {len(VARIATIONS)} variations\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|")
    for (look, variation), count in counts.items():
        print(f"| {look} | {variation} | {count['there']} | {count['found']} | {count['missed']} | {count['false']} |")


def identity(detector: FaceDetector, embedder: FaceEmbedder) -> list[results.Measured]:
    """Print how many faces are recognised, and how many confused, at the platform's threshold and at others."""
    from benchmarks.data.identities import comparisons, enrolled, faces

    seen = list(faces(detector, embedder, [variation.name for variation in VARIATIONS]))
    compared_faces = comparisons(seen)
    groups = {f"{each.name}, < {SAME_PERSON:g}": (SAME_PERSON, each.name) for each in VARIATIONS}
    groups |= {f"upright and lit, < {threshold:g}": (threshold, "") for threshold in THRESHOLDS}
    people = len({face.person for face in seen})
    print(f"\n{people} people; enrolled are {len(enrolled(seen))}, by one photograph as it is\n")
    print(f"| {' | '.join(IDENTITY_COLUMNS)} |\n{'| --- ' * len(IDENTITY_COLUMNS)}|")
    measured = []
    for name, (threshold, variation) in groups.items():
        names = [variation] if variation else UPRIGHT
        pairs = [each for each in compared_faces if each.variation in names]
        lost = sum(face.embedding is None for face in seen if face.variation in names)
        same = [each.distance < threshold for each in pairs if each.is_same]
        other = [each.distance < threshold for each in pairs if not each.is_same]
        print(f"| {name} | {lost} | {sum(same)} of {len(same)} | {sum(other)} of {len(other)} |")
        figures = {"not found": lost, "same": len(same), "true matches": sum(same)}
        figures |= {"different": len(other), "false matches": sum(other)}
        measured += [report.told(f"identity, {name}: {what}", figure, "") for what, figure in figures.items()]
    return measured


def _figures(counts: dict[tuple[str, str], Counter[str]]) -> Iterable[results.Measured]:
    for (look, variation), count in counts.items():
        for what in ("there", "found", "missed", "false"):
            yield report.told(f"{look}, {variation}: {what}", count[what], "")


if __name__ == "__main__":
    main()
