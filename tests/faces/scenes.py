"""Pictures of people with and without a cup, composed from photographs of scikit-image and matplotlib."""

import io

import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Picture = NDArray[np.uint8]

CUP = (slice(0, 340), slice(150, 450))
"""The cup on its saucer in the photograph of a table: rows and columns."""

CUP_SIZE = (165, 187)
"""Width and height of the cup before a portrait of 512 × 512."""


def jpeg(rgb: Picture) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=92)
    return out.getvalue()


def portrait() -> Picture:
    """NASA's portrait of an astronaut, 512 × 512."""
    return np.array(data.astronaut())


def other_portrait() -> Picture:
    """The US Navy's portrait of Grace Hopper, 512 × 600."""
    return np.array(Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))).convert("RGB"))


def portrait_with_cup() -> Picture:
    """The same, a cup of coffee before her chest."""
    picture = portrait()
    cup = np.array(Image.fromarray(data.coffee()[CUP]).resize(CUP_SIZE))
    width, height = CUP_SIZE
    picture[512 - height :, 140 : 140 + width] = cup
    return picture


def two_with_cups() -> Picture:
    """Two people beside each other, each with a cup; both are the astronaut."""
    return np.hstack([portrait_with_cup(), portrait_with_cup()])


def cup_alone() -> Picture:
    return np.array(data.coffee())


def cat() -> Picture:
    return np.array(data.chelsea())


def noise(width: int, height: int) -> Picture:
    """A picture that a JPEG cannot make small."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
