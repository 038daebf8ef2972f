"""Photographs of people with known faces, and how they are placed at a distance from a camera.

Six photographs with 22 people come from the npm package `@vladmandic/face-api` (MIT licence). More come from the folder
in the environment variable PHOTOGRAPHS, which may contain these files:

- `faces.json` with `{"PATH": {"faces": [[left, top, width, height], …], "ignore": […]}}`: the faces from hairline to
  chin in pixels, and boxes of doubtful ones. A picture without either shows nobody.
- `facing.json` with `{"PATH": [true, false, null, …]}`: for each of those faces whether it is turned to the camera;
  null where that is doubtful.
- `people/*.jpg`, each with one person who shows a hand.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from edge_agent.messages import Box
from edge_agent.pictures.encoding import Picture
from edge_agent.vision.files import fetch_from_npm, models_folder
from edge_agent.vision.search import Found, overlap

PACKAGE = ("@vladmandic/face-api", "1.7.15")

MARKED: dict[str, tuple[str, tuple[tuple[Box, bool], ...]]] = {
    "sample1.jpg": (
        "8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51",
        (((416, 366, 186, 237), True), ((831, 431, 210, 242), False), ((1470, 223, 220, 210), True)),
    ),
    "sample2.jpg": (
        "7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691",
        (((375, 156, 158, 274), False), ((901, 241, 185, 233), False), ((1445, 169, 209, 225), False)),
    ),
    "sample3.jpg": (
        "8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936",
        (((595, 337, 210, 274), True), ((1083, 220, 228, 306), True), ((1485, 304, 198, 282), True)),
    ),
    "sample4.jpg": (
        "729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc",
        (
            ((244, 205, 178, 240), True),
            ((647, 63, 197, 259), True),
            ((990, 184, 188, 250), False),
            ((1273, 154, 172, 241), False),
        ),
    ),
    "sample5.jpg": (
        "6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938",
        (
            ((359, 861, 205, 304), True),
            ((605, 430, 170, 243), True),
            ((789, 110, 159, 221), True),
            ((1109, 214, 172, 224), True),
            ((1410, 410, 199, 265), True),
        ),
    ),
    "sample6.jpg": (
        "9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87",
        (
            ((242, 489, 228, 290), True),
            ((674, 341, 195, 298), True),
            ((1176, 319, 207, 273), True),
            ((1484, 271, 222, 304), True),
        ),
    ),
}
"""For each photograph its SHA-256, and its faces, marked by eye: the box, and whether the face faces the camera."""

FACE_AT_A_METRE = 174
"""Pixels from hairline to chin at one metre, in a frame 1280 pixels wide behind a lens of 70°."""

FRAME = (1280, 720)

SAME = 0.3
"""The intersection over union from which a detected box counts as the marked one."""

LARGEST_SCALE = 1.3
"""A photograph that would have to be enlarged by more is left out: it has fewer pixels than a camera would have."""

DARK_SKIN = 19.0
"""Individual typology angle in degrees below which the skin of a face counts as dark: the lower edge of "tan" is 10°,
its upper edge 28° (Chardon and others, 1991). The light of a photograph shifts the angle."""

WITHOUT_PEOPLE = ("chelsea", "coffee", "rocket", "hubble_deep_field", "immunohistochemistry", "retina")
"""The colour photographs of scikit-image that show nobody."""

TEXTURES = ("brick", "cell", "clock", "coins", "colorwheel", "grass", "gravel", "horse", "moon", "page", "text")
"""Other pictures of scikit-image without anybody: no rooms, but a face in them is false too."""


@dataclass(frozen=True)
class Group:
    """A photograph with the boxes of its faces; `facing` says of each whether it is turned to the camera."""

    name: str
    rgb: Picture
    faces: tuple[Box, ...]
    ignore: tuple[Box, ...] = ()
    facing: tuple[bool | None, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A frame of a camera, with the faces that stand at the wanted distance and the boxes where a face is no error."""

    rgb: Picture
    faces: tuple[Box, ...]
    elsewhere: tuple[Box, ...]
    skins: tuple[float, ...]
    """The individual typology angle of each face's skin, in degrees."""
    facing: tuple[bool | None, ...]
    """Whether each face is turned to the camera; None where that is not told."""


def groups() -> list[Group]:
    """Return all photographs with marked faces. Raises `SystemExit` where PHOTOGRAPHS names no folder."""
    return [*_from_package(), *(group for group in from_folder() if group.faces)]


def nobody() -> list[Picture]:
    """Return all photographs that show nobody."""
    known = [np.ascontiguousarray(getattr(data, name)()[..., :3], np.uint8) for name in WITHOUT_PEOPLE]
    return [*known, *(group.rgb for group in from_folder() if not group.faces and not group.ignore)]


def without_faces() -> list[Picture]:
    """Return all pictures in which every face is false: `nobody()`, and others of scikit-image and scikit-learn."""
    from sklearn.datasets import load_sample_images

    textures = (np.atleast_3d(np.asarray(getattr(data, name)())) for name in TEXTURES)
    scaled_to_bytes = (each * np.uint8(255) if each.dtype == bool else each for each in textures)
    colours = (np.repeat(each, 3, axis=2) if each.shape[2] == 1 else each for each in scaled_to_bytes)
    samples = load_sample_images().images
    others = [np.ascontiguousarray(each[..., :3], np.uint8) for each in (*colours, *samples)]
    return [*nobody(), *others]


def from_folder() -> Iterator[Group]:
    """Yield the photographs of `faces.json`."""
    folder = photographs_folder()
    if folder is None or not (folder / "faces.json").exists():
        return
    facing_file = folder / "facing.json"
    facing = json.loads(facing_file.read_text()) if facing_file.exists() else {}
    for name, marks in json.loads((folder / "faces.json").read_text()).items():
        faces, ignore = ([_box(box) for box in marks[kind]] for kind in ("faces", "ignore"))
        told = tuple(facing.get(name, [None] * len(faces)))
        yield Group(name, _read(folder / name), tuple(faces), tuple(ignore), told)


def people_with_hands() -> list[Picture]:
    """Return the photographs of people who show a hand; none without PHOTOGRAPHS."""
    folder = photographs_folder()
    return [] if folder is None else [_read(path) for path in sorted((folder / "people").glob("*.jpg"))]


def photographs_folder() -> Path | None:
    given = os.environ.get("PHOTOGRAPHS")
    if not given:
        return None
    if not Path(given).is_dir():
        raise SystemExit(f"PHOTOGRAPHS names the folder {given}, which does not exist.")
    return Path(given)


def placed(
    group: Group, metres: float, room: Picture, number: int, largest_scale: float = LARGEST_SCALE
) -> Placed | None:
    """Return the frame of a room in which this group stands so far from the camera.

    None where the photograph has too few pixels. `number` decides at which place the group stands.
    """
    wanted = FACE_AT_A_METRE / metres
    scale = wanted / float(np.median([face[3] for face in group.faces]))
    if scale > largest_scale:
        return None
    frame, small = as_room(room), scaled(group.rgb, scale)
    chance = np.random.default_rng(number)
    offsets = [_offset(small.shape[1], FRAME[0], chance), _offset(small.shape[0], FRAME[1], chance)]
    left, top = (max(offset, 0) for offset in offsets)
    cut = small[max(-offsets[1], 0) :, max(-offsets[0], 0) :][: FRAME[1] - top, : FRAME[0] - left]
    frame[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    moved = [_moved(box, scale, *offsets) for box in (*group.faces, *group.ignore)]
    there = [box for box in moved[: len(group.faces)] if _is_inside(box) and wanted / 1.33 <= box[3] <= wanted * 1.33]
    elsewhere = tuple(box for box in moved if box not in there)
    told = dict(zip(moved, group.facing, strict=False))
    skins, facing = (skin(frame, box) for box in there), (told.get(box) for box in there)
    return Placed(frame, tuple(there), elsewhere, tuple(skins), tuple(facing))


def as_room(picture: Picture) -> Picture:
    """Return the picture scaled and cut so that it fills a frame."""
    scale = max(FRAME[0] / picture.shape[1], FRAME[1] / picture.shape[0])
    large = scaled(picture, scale)
    left, top = (large.shape[1] - FRAME[0]) // 2, (large.shape[0] - FRAME[1]) // 2
    return large[top : top + FRAME[1], left : left + FRAME[0]].copy()


def scaled(picture: Picture, scale: float) -> Picture:
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


MUG = (165, 10, 250, 300)
"""The mug in scikit-image's photograph of a coffee, with a margin."""

MUG_HEIGHT = 0.5
"""Height of a mug over that of a face: 95 and 190 mm."""

MUG_BELOW = 1.2
"""Heights of the face between the chin and the middle of a mug that is held before the chest."""


def with_mug(rgb: Picture, face: Box) -> Picture | None:
    """Return the picture with a mug at its true size before the chest; None where it does not fit into the picture."""
    mug = np.asarray(data.coffee(), np.uint8)[MUG[1] : MUG[1] + MUG[3], MUG[0] : MUG[0] + MUG[2]]
    small = scaled(mug, MUG_HEIGHT * face[3] / mug.shape[0])
    left = face[0] + face[2] // 2 - small.shape[1] // 2
    top = face[1] + face[3] + round(MUG_BELOW * face[3]) - small.shape[0] // 2
    if left < 0 or top + small.shape[0] > rgb.shape[0] or left + small.shape[1] > rgb.shape[1]:
        return None
    held = rgb.copy()
    held[top : top + small.shape[0], left : left + small.shape[1]] = small
    return held


def skin(rgb: Picture, face: Box) -> float:
    """Return the individual typology angle of the skin between eyes and mouth, in degrees: dark skin has less."""
    left, top, width, height = face
    cheeks = rgb[
        top + round(0.45 * height) : top + round(0.75 * height) + 1,
        left + round(0.25 * width) : left + round(0.75 * width) + 1,
    ]
    lab = cv2.cvtColor(cheeks.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    lightness, _, yellow = np.median(lab, axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def hits(found: Sequence[Box], truth: Sequence[Box], elsewhere: Sequence[Box]) -> tuple[list[bool], int]:
    """Return for each true box whether it was found, and how many of the found boxes show no face at all."""
    left = list(found)
    seen = []
    for box in truth:
        best = max(left, key=lambda each: share(each, box), default=None)
        seen.append(best is not None and share(best, box) > SAME)
        if best is not None and seen[-1]:
            left.remove(best)
    return seen, sum(all(share(box, other) <= SAME / 2 for other in elsewhere) for box in left)


def share(one: Box, other: Box) -> float:
    """Return the intersection over union."""
    return overlap(Found(0.0, *one), Found(0.0, *other))


def _from_package() -> Iterator[Group]:
    folder = models_folder().parent / "photographs"
    for name, (sha256, marks) in MARKED.items():
        fetch_from_npm(*PACKAGE, f"demo/{name}", sha256, folder / name)
        yield Group(
            name, _read(folder / name), tuple(box for box, _ in marks), (), tuple(facing for _, facing in marks)
        )


def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise SystemExit(f"{path} is not a picture that can be read.")
    return np.asarray(picture, np.uint8)


def _box(values: Sequence[float]) -> Box:
    left, top, width, height = (round(value) for value in values)
    return left, top, width, height


def _offset(length: int, room: int, chance: np.random.Generator) -> int:
    spare = room - length
    return int(chance.integers(0, spare + 1)) if spare >= 0 else spare // 2


def _moved(box: Box, scale: float, left: int, top: int) -> Box:
    x, y, width, height = (round(scale * value) for value in box)
    return x + left, y + top, width, height


def _is_inside(box: Box) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[0] + box[2] <= FRAME[0] and box[1] + box[3] <= FRAME[1]
