"""`python -m demo.cameras.people` fetches the photographs of the demo's visitors, and cuts out their heads.

Ten people come from four photographs of the npm package `@vladmandic/face-api` (copyright Vladimir Mandic, MIT
licence), and one is Eileen Collins in NASA's portrait. The demo names those whom it enrols after coffees. Everybody
wears a drawn pullover. The heads are stored in the folder of the models, because GrabCut takes seconds. Where they were
never fetched, every visitor is Eileen Collins.
"""

import hashlib
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from demo.cameras.photographs import FACE_IN_PORTRAIT, Cutout, Opacity, Picture, photograph, soft_opacity
from edge_agent.messages import Box
from edge_agent.vision.files import ModelsUnavailable, models_folder
from edge_agent.vision.packages import PackageUnavailable, npm_pack

PACKAGE, VERSION = "@vladmandic/face-api", "1.7.15"
PHOTOGRAPHS = {
    "sample3.jpg": "8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936",
    "sample4.jpg": "729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc",
    "sample5.jpg": "6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938",
    "sample6.jpg": "9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87",
}
"""The photographs in the package's folder `demo`, with their SHA-256."""

FILE = "people.npz"
SIZE = 512
"""Width and height of a portrait."""

_LEFT, _TOP, _WIDTH, _HEIGHT = FACE_IN_PORTRAIT
CENTRE = (_LEFT + _WIDTH // 2, _TOP + _HEIGHT // 2)
"""Column and row of the middle of the face, which all portraits have in common."""

COLLAR = _TOP + _HEIGHT + 16
"""Row of the pullover's collar."""


@dataclass(frozen=True)
class _Sitter:
    """Somebody in a photograph."""

    photograph: str
    face: Box
    reach: tuple[int, int, int, int]
    """How far the head with its hair reaches from the face's middle: left, up, right, down, in pixels of a portrait."""


_SITTERS = (
    _Sitter("sample6.jpg", (242, 489, 228, 290), (100, 120, 100, 110)),
    _Sitter("sample6.jpg", (674, 341, 195, 298), (46, 125, 100, 110)),
    _Sitter("sample6.jpg", (1484, 271, 222, 304), (75, 120, 90, 110)),
    _Sitter("sample3.jpg", (595, 337, 210, 274), (95, 118, 70, 110)),
    _Sitter("sample3.jpg", (1083, 220, 228, 306), (56, 92, 86, 90)),
    _Sitter("sample3.jpg", (1485, 304, 198, 282), (100, 105, 52, 110)),
    _Sitter("sample4.jpg", (647, 63, 197, 259), (80, 110, 92, 110)),
    _Sitter("sample5.jpg", (359, 861, 205, 304), (72, 110, 78, 110)),
    _Sitter("sample5.jpg", (1109, 214, 172, 224), (80, 110, 92, 110)),
    _Sitter("sample5.jpg", (1410, 410, 199, 265), (80, 125, 110, 110)),
)
"""The faces' boxes are from the hairline to the chin, in pixels of the photograph."""

_ASTRONAUT_REACH = (70, 98, 70, 100)


def fetch(folder: Path) -> Path:
    """Store the heads of all people in this folder, unless they are there, and return the file.

    Raises `ModelsUnavailable` with a sentence where the photographs cannot be fetched.
    """
    path = folder / FILE
    if not path.exists():
        try:
            found = [_head(photograph("astronaut"), FACE_IN_PORTRAIT, _ASTRONAUT_REACH)]
            pictures = _photographs()
            found += [_head(pictures[each.photograph], each.face, each.reach) for each in _SITTERS]
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, suffix=".npz", delete=False) as file:
                np.savez_compressed(
                    file,
                    rgb=np.stack([head.rgb for head in found]),
                    opacity=np.stack([np.asarray(head.opacity * 255, np.uint8) for head in found]),
                )
            Path(file.name).replace(path)
            heads.cache_clear()
        except (PackageUnavailable, OSError, KeyError, ValueError, tarfile.TarError) as error:
            raise ModelsUnavailable(f"The demo's photographs are missing: {error}. Check the network.") from error
    return path


@cache
def heads() -> tuple[Cutout, ...]:
    """Return the heads, 512 × 512 each, with the face at `FACE_IN_PORTRAIT`; the first is the astronaut's."""
    path = models_folder() / FILE
    if not path.exists():
        return (_head(photograph("astronaut"), FACE_IN_PORTRAIT, _ASTRONAUT_REACH),)
    with np.load(path) as stored:
        rgb, opacity = stored["rgb"], stored["opacity"]
    return tuple(
        Cutout(head, (each / np.float32(255)).astype(np.float32)) for head, each in zip(rgb, opacity, strict=True)
    )


def portrait(number: int, colour: tuple[int, int, int], *, turned: bool = False) -> Cutout:
    """Return the person of this number in a pullover of this colour (RGB), 512 × 512; `turned` shows the back."""
    head = heads()[number % len(heads())]
    if turned:
        head = _from_behind(head)
    cloth, covered = _pullover(colour, collar=not turned)
    shown = head.opacity * (np.arange(SIZE)[:, None] < COLLAR + 30) * (1 - covered)
    opacity = np.asarray(covered + shown, np.float32)
    mixed = head.rgb * shown[..., None] + cloth * covered[..., None]
    return Cutout(np.asarray(mixed / np.maximum(opacity, 1e-3)[..., None], np.uint8), opacity)


def portrait_photograph(number: int) -> Picture:
    """Return a portrait photograph of this person before a wall, 512 × 512."""
    cutout = portrait(number, (58, 74, 96))
    wall = np.full((SIZE, SIZE, 3), (206, 199, 186), np.float32)
    share = cutout.opacity[..., None]
    return np.asarray(cutout.rgb * share + wall * (1 - share), np.uint8)


def _photographs() -> dict[str, Picture]:
    """Download the photographs and check them. Raises `PackageUnavailable`, `KeyError` and `ValueError`."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(npm_pack(PACKAGE, VERSION, Path(folder))) as package:
        found = {}
        for name, sha256 in PHOTOGRAPHS.items():
            file = package.extractfile(f"package/demo/{name}")
            data = file.read() if file else b""
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ValueError(f"{name} of {PACKAGE} {VERSION} has another SHA-256 than expected")
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
            found[name] = np.asarray(decoded, np.uint8)
        return found


def _head(rgb: Picture, face: Box, reach: tuple[int, int, int, int]) -> Cutout:
    """Cut out the head with this face, scaled and moved so that the face is at `FACE_IN_PORTRAIT`."""
    x, y = CENTRE
    left, top, width, height = face
    scale = _HEIGHT / height
    move = np.array([[scale, 0, x - scale * (left + width / 2)], [0, scale, _TOP - scale * top]], np.float32)
    moved = cv2.warpAffine(rgb, move, (SIZE, SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    hints = np.full((SIZE, SIZE), cv2.GC_BGD, np.uint8)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    to_left, up, to_right, down = reach
    across = (columns - x) / np.where(columns < x, to_left, to_right)
    hints[across**2 + ((rows - y) / np.where(rows < y, up, down + 20)) ** 2 <= 1] = cv2.GC_PR_FGD
    cv2.ellipse(hints, (x, y - 2), (40, 56), 0, 0, 360, int(cv2.GC_FGD), -1)
    cv2.rectangle(hints, (x - 24, y + 40), (x + 24, y + 120), int(cv2.GC_FGD), -1)
    picture = np.asarray(moved, np.uint8)
    return Cutout(picture, _largest_part(soft_opacity(picture, hints)))


def _largest_part(opacity: Opacity) -> Opacity:
    _, parts, statistics, _ = cv2.connectedComponentsWithStats((opacity > 0.02).astype(np.uint8))
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    return np.asarray(opacity * (parts == largest), np.float32)


def _from_behind(head: Cutout) -> Cutout:
    """Return the head as it looks from behind: its hair covers the face and the neck."""
    x, y = CENTRE
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    across, down = columns - x, rows - y
    around = (head.opacity > 0.9) & (np.hypot(across / 54, down / 66) > 1) & (down < 60)
    found = head.rgb[around]
    # Around the face is hair, and some skin, which is brighter.
    brightness = found.sum(axis=1, dtype=np.int32)
    hair = np.median(found[brightness <= np.quantile(brightness, 0.6)], axis=0)
    noise = np.random.default_rng(2).normal(0, 1, (SIZE, SIZE)).astype(np.float32)
    strands = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.8, sigmaY=14)
    light = 1.05 - 0.3 * (across / 80) ** 2 + 0.06 * strands / strands.std()
    covered = np.clip(4 * (1.2 - np.hypot(across / 54, down / np.where(down < 0, 80, 105))), 0, 1)[..., None]
    back = np.clip(hair * light[..., None], 0, 255)
    return Cutout(np.asarray(head.rgb * (1 - covered) + back * covered, np.uint8), head.opacity)


@cache
def _pullover(colour: tuple[int, int, int], *, collar: bool) -> tuple[Picture, Opacity]:
    """Draw a pullover of this colour: its colours and its opacity. Without a collar it is seen from behind."""
    x, top = CENTRE[0], COLLAR
    half = [(36, 0), (58, 8), (96, 24), (122, 50), (134, 110), (140, 400)]
    shape = np.zeros((SIZE, SIZE), np.uint8)
    outline = [(x - aside, top + below) for aside, below in half[::-1]] + [(x + a, top + below) for a, below in half]
    cv2.fillPoly(shape, [np.array(outline)], 255)
    cv2.ellipse(shape, (x, top - (6 if collar else 20)), (34, 26), 0, 0, 360, 0, -1)
    opacity = np.asarray(cv2.GaussianBlur(shape, (0, 0), 1.6), np.float32) / np.float32(255)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    across, down = columns - x, rows - top
    random = np.random.default_rng(3)
    folds = cv2.GaussianBlur(random.normal(0, 1, (SIZE, SIZE)).astype(np.float32), (0, 0), sigmaX=10, sigmaY=34)
    arms = np.exp(-(((np.abs(across) - 92 - np.clip(down, 0, 300) * 0.05) / 9) ** 2)) * np.clip((down - 60) / 40, 0, 1)
    ring = np.exp(-(((np.hypot(across / 40, (down + 6) / 32) - 1) / 0.10) ** 2)) * (down > -10)
    light = 1.05 - 0.42 * (np.abs(across) / 140) ** 2.2 + 0.10 * np.exp(-(((across + 40) / 34) ** 2)) - 0.0006 * down
    light += 0.05 * folds / folds.std() + random.normal(0, 0.025, (SIZE, SIZE)) - 0.22 * arms - 0.16 * ring
    cloth = np.clip(np.array(colour, np.float32) * light[..., None], 0, 255)
    return np.asarray(cloth, np.uint8), np.asarray(opacity, np.float32)


if __name__ == "__main__":
    try:
        print(f"The heads of the demo's visitors are in {fetch(models_folder())}.")
    except ModelsUnavailable as error:
        sys.exit(str(error))
