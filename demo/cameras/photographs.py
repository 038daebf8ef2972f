"""Cuts the parts of the simulated scenes out of scikit-image's photographs.

All pictures are RGB, `uint8`; a `Cutout`'s opacity is `float32`, 0 to 1. The photographs are NASA's portrait of
Eileen Collins, Rachel Michetti's cup of coffee, SpaceX's rocket, Hubble's deep field, and a brick wall.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Opacity = NDArray[np.float32]

FACE_IN_PORTRAIT = (173, 72, 100, 118)
"""Box of the face in the portrait: left, top, width, height, from the hairline to the chin."""

CUP_IN_CUTOUT = (98, 2, 236, 270)
"""Box of the cup without its saucer, in the cutout of both."""


@dataclass(frozen=True)
class Cutout:
    """A part of a photograph without its background."""

    rgb: Picture
    opacity: Opacity

    def mirrored(self) -> "Cutout":
        return Cutout(np.ascontiguousarray(self.rgb[:, ::-1]), np.ascontiguousarray(self.opacity[:, ::-1]))

    def resized(self, scale: float) -> "Cutout":
        quality = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        rgb = cv2.resize(self.rgb, None, fx=scale, fy=scale, interpolation=quality)
        opacity = cv2.resize(self.opacity, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return Cutout(np.asarray(rgb, np.uint8), np.asarray(opacity, np.float32))


def photograph(name: str) -> Picture:
    """Return the photograph of this name in `skimage.data`. Raises `RuntimeError` without scikit-image."""
    try:
        from skimage import data
    except ImportError as error:
        raise RuntimeError("a simulated scene needs scikit-image's photographs: pip install scikit-image") from error
    picture = np.asarray(getattr(data, name)(), np.uint8)
    return np.ascontiguousarray(np.dstack([picture] * 3) if picture.ndim == 2 else picture[..., :3])


@cache
def cup() -> Cutout:
    """Return the cup of coffee on its saucer, about 420 × 390."""
    table = photograph("coffee")
    hints = np.full(table.shape[:2], cv2.GC_BGD, np.uint8)
    for grown, hint in ((9, cv2.GC_PR_FGD), (-7, cv2.GC_FGD)):
        for centre, axes, angle in _CUP_ELLIPSES:
            cv2.ellipse(hints, centre, (axes[0] + grown, axes[1] + grown), angle, 0, 360, int(hint), -1)
    opacity = soft_opacity(table, hints)
    rows, columns = np.nonzero(opacity > 0.05)
    place = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return Cutout(np.ascontiguousarray(table[place]), np.ascontiguousarray(opacity[place]))


_CUP_ELLIPSES = (((279, 229), (200, 158), 4), ((290, 112), (117, 93), 8))


def soft_opacity(picture: Picture, hints: Picture) -> Opacity:
    """Return GrabCut's mask, eroded by a pixel and softened, so that no rim of the old background shows."""
    cv2.setRNGSeed(0)
    mask = hints.copy()
    cv2.grabCut(picture, mask, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    whole = cv2.medianBlur(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), 7)
    drawn_in = cv2.erode(whole, np.ones((3, 3), np.uint8)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(drawn_in, (5, 5), 0), np.float32)
