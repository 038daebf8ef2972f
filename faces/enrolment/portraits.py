"""Whether a picture shows a face that one may be known by: one, near, and sharp. Pure: knows no database."""

import io
from collections.abc import Sequence

from PIL import Image

from edge_agent.messages import Box
from faces.recognisers.recogniser import UnusablePicture

SMALLEST_FACE = 80
"""Pixels a side; a smaller face is not enrolled. Rekognition refuses to index pictures of fewer."""

BACKGROUND = 0.5
"""A face at most this part as high as the largest one is twice as far away: a passer-by, or no face at all."""

BLUR_SIDE = 112
"""Pixels a side at which blur is measured: the size at which networks look at a face; finer blur does them no harm."""

MOST_BLUR = 0.6
"""The most perceptual blur, 0 (sharp) to 1, as Crete and others measure it (SPIE 6492, 2007; scikit-image's
`blur_effect`).

Measured in November 2026 on six portraits (NASA's astronaut, three of presidents, two of passers-by) under Gaussian
blur: as they are they have 0.36 to 0.48. Beyond 0.6 the blur alone moves dlib's embedding by 0.22 to 0.33, about half
the distance at which two people are told apart (`edge_agent.vision.identity.SAME_PERSON`).
"""


def foremost(faces: Sequence[Box]) -> Box:
    """The one face in the foreground. Raises `UnusablePicture`."""
    ordered = sorted(faces, key=_height, reverse=True)
    if not ordered:
        raise UnusablePicture("The picture shows no face; take one from the front, in good light.")
    near = [face for face in ordered if _height(face) > BACKGROUND * _height(ordered[0])]
    if len(near) > 1:
        raise UnusablePicture(f"The picture shows {len(near)} faces; crop it to the one person.")
    return ordered[0]


def numbered(faces: Sequence[Box], number: int) -> Box:
    """The face of this number, counted from the left, from 1. Raises `UnusablePicture`."""
    if not 1 <= number <= len(faces):
        raise UnusablePicture(f"The picture shows {len(faces)} faces, and so none that is number {number}.")
    return sorted(faces)[number - 1]


def check(jpeg: bytes, face: Box) -> None:
    """Raises `UnusablePicture` where the face is too small or too blurred to be known by."""
    width, height = face[2:]
    if min(width, height) < SMALLEST_FACE:
        raise UnusablePicture(
            f"The face is {width} by {height} pixels; it must have {SMALLEST_FACE} a side. Come nearer."
        )
    measured = blur(jpeg, face)
    if measured > MOST_BLUR:
        raise UnusablePicture(
            f"The face is blurred ({measured:.2f}, where at most {MOST_BLUR:.2f} will do). Hold still, in more light."
        )


def blur(jpeg: bytes, face: Box) -> float:
    """The perceptual blur of this part of the picture, 0 (sharp) to 1, as it looks at `BLUR_SIDE` pixels a side."""
    # Imported on use: it takes longer to load than everything else here.
    import numpy as np
    from skimage.measure import blur_effect

    left, top, width, height = face
    with Image.open(io.BytesIO(jpeg)) as picture:
        inside = (max(left, 0), max(top, 0), min(left + width, picture.width), min(top + height, picture.height))
        seen = picture.convert("L").crop(inside).resize((BLUR_SIDE, BLUR_SIDE), Image.Resampling.BOX)
    return float(blur_effect(np.asarray(seen)))


def _height(face: Box) -> int:
    return face[3]
