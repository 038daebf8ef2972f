"""Checks whether a face is good enough to enrol: alone in the foreground, near, and sharp. Uses no database."""

import io
from collections.abc import Sequence

from PIL import Image

from edge_agent.messages import Box
from faces.recognisers.recogniser import UnusablePicture

SMALLEST_FACE = 80
"""Pixels a side; a smaller face is not enrolled. Rekognition indexes no smaller pictures."""

ENOUGH_PICTURES = 3

WHY_SEVERAL = (
    "Give three pictures, in different light: with one, every seventh later picture of a person is not recognised; "
    "with three, one of forty."
)
"""Measured with 30 people: 69 of 81 later pictures with one picture each, 39 of 40 with three."""

BACKGROUND = 0.5
"""Share of the largest face's height. A face of at most this height belongs to the background.

It is at least twice as far away as the largest face: a passer-by, or a false detection.
"""

BLUR_SIDE = 112
"""Pixels a side to which a face is scaled before its blur is measured, as in the input of face embedding networks.

Finer blur does not affect recognition.
"""

MOST_BLUR = 0.6
"""The highest accepted perceptual blur, 0 (sharp) to 1, as defined by Crete and others (SPIE 6492, 2007;
scikit-image's `blur_effect`).

Measured in November 2026 on six portraits (NASA's astronaut, three of presidents, two of passers-by) under Gaussian
blur: the unblurred portraits measure 0.36 to 0.48. Above 0.6 the blur alone moves dlib's embedding by 0.22 to 0.33,
about half the distance at which two faces count as two people (`edge_agent.vision.identity.SAME_PERSON`).
"""


def foremost_face(faces: Sequence[Box]) -> Box:
    """Return the one face in the foreground. Raises `UnusablePicture` if there is none or more than one."""
    ordered = sorted(faces, key=_height, reverse=True)
    if not ordered:
        raise UnusablePicture("The picture shows no face; take a picture from the front, in good light.")
    near = [face for face in ordered if _height(face) > BACKGROUND * _height(ordered[0])]
    if len(near) > 1:
        raise UnusablePicture(f"The picture shows {len(near)} faces; crop it to the one person.")
    return ordered[0]


def face_by_number(faces: Sequence[Box], number: int) -> Box:
    """Return the face with this number, counted from the left, from 1. Raises `UnusablePicture`."""
    if not 1 <= number <= len(faces):
        raise UnusablePicture(f"The picture shows {len(faces)} faces; there is no face number {number}.")
    return sorted(faces)[number - 1]


def check(jpeg: bytes, face: Box) -> None:
    """Raise `UnusablePicture` if the face is too small or too blurred to enrol."""
    width, height = face[2:]
    if min(width, height) < SMALLEST_FACE:
        raise UnusablePicture(
            f"The face is {width} by {height} pixels; it needs at least {SMALLEST_FACE} a side. Come nearer."
        )
    measured = blur(jpeg, face)
    if measured > MOST_BLUR:
        raise UnusablePicture(
            f"The face is too blurred ({measured:.2f}; at most {MOST_BLUR:.2f}). Hold still, in more light."
        )


def blur(jpeg: bytes, face: Box) -> float:
    """Return the perceptual blur of the face, 0 (sharp) to 1, measured at `BLUR_SIDE` pixels a side."""
    # Imported on use, because scikit-image takes longer to load than everything else here.
    import numpy as np
    from skimage.measure import blur_effect

    left, top, width, height = face
    with Image.open(io.BytesIO(jpeg)) as picture:
        inside = (max(left, 0), max(top, 0), min(left + width, picture.width), min(top + height, picture.height))
        scaled = picture.convert("L").crop(inside).resize((BLUR_SIDE, BLUR_SIDE), Image.Resampling.BOX)
    return float(blur_effect(np.asarray(scaled)))


def _height(face: Box) -> int:
    return face[3]
