"""Real photographs of hands and of a face, and how photographs are put into frames."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.cbook import get_sample_data

from edge_agent.messages import Box
from edge_agent.vision.search import Picture

FRAME = (1280, 720)
"""Width and height of the frames that the tests compose."""


def hand(name: str) -> Picture:
    """The photograph of this name in the folder `hands`."""
    return _read(Path(__file__).parent / "hands" / f"{name}.jpg")


def grace_hopper() -> Picture:
    """The US Navy's portrait of Grace Hopper, which matplotlib ships, 512 × 600."""
    return _read(Path(str(get_sample_data("grace_hopper.jpg", asfileobj=False))))


def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path} is not a picture"
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def scaled(picture: Picture, factor: float) -> Picture:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method), np.uint8)


def blank() -> Picture:
    width, height = FRAME
    return np.full((height, width, 3), 110, np.uint8)


def paste(frame: Picture, picture: Picture, left: int, top: int) -> Picture:
    frame[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return frame


def turned(picture: Picture, degrees: float) -> Picture:
    """Counter-clockwise about the centre, with the border's pixels stretched to the corners."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def moved(box: Box, factor: float, left: int, top: int) -> Box:
    """Where that box of a photograph lies once the photograph is scaled and put there."""
    x, y, width, height = (round(factor * side) for side in box)
    return x + left, y + top, width, height


def overlap(one: Box | None, other: Box) -> float:
    """Intersection over union."""
    assert one is not None
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
