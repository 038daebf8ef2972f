"""Where a person's hands and cups are looked for, and whose a hand or a cup is.

Squares and distances are measured in heights of the person's face, so that they hold at every distance. The models of
hands and cups see 192 and 300 pixels a side. In a square they see a hand or a cup as large as it can be.
"""

import math
from collections.abc import Iterable, Sequence

from edge_agent.messages import Box, Labelled
from edge_agent.vision.search import Found, Picture, Tile, distinct, pixels

MAX_PEOPLE = 8
"""People around whom hands or cups are looked for in one frame."""

HANDS = 5.0
"""Side of the square in which a person's hands are looked for: an arm's length to either side, and to the belt."""

HANDS_ABOVE = 1.0
"""How much of that square lies above the top of the face, so that a raised hand is in it."""

CUPS = 2.6
"""Side of the square below the chin in which a cup is looked for. A mug is then about a fifth of the side.

In a square of 5 heights, the mug is an eighth of the side: of 56 mugs at their true size, at 1 to 2 m, 45 were found in
the small square and 5 in the large one.
"""

CUPS_AGAIN = 2.2
"""Side of the square around a cup that was found, for the second look at it."""

SURE_AGAIN = 0.9
"""The share of the threshold that a cup's confidence reaches in the second look, or it is no cup.

Of 149 mugs, 144 are found in the first look, and 143 of these again. In one of 153 squares without a mug, the first
look takes a bowl for a cup (0.42), and the second does not (0.28). `make accuracy` measures both.
"""

CUPS_ABOVE = -1.0
"""How much of that square lies above the top of the face: none, as it begins at the chin."""

ARM = 4.0
"""The largest distance of a hand from the middle of its person's face: an arm with its hand, about three and a half
heads long, and half a face."""


def hands_square(face: Box, rgb: Picture) -> Tile:
    """Return the square around this person in which to look for hands, inside the picture."""
    return _square(face, HANDS, HANDS_ABOVE, rgb)


def cups_square(face: Box, rgb: Picture) -> Tile:
    """Return the square below this person's chin in which to look for a cup, inside the picture."""
    return _square(face, CUPS, CUPS_ABOVE, rgb)


def cup_square(cup: Found, face: Box, rgb: Picture) -> Tile:
    """Return the square around a cup that was found below this face, moved into the picture where its edge cuts it."""
    side = min(round(CUPS_AGAIN * face[3]), *rgb.shape[:2])
    left = round(cup.left + cup.width / 2 - side / 2)
    top = round(cup.top + cup.height / 2 - side / 2)
    return Tile(min(max(left, 0), rgb.shape[1] - side), min(max(top, 0), rgb.shape[0] - side), side, side)


def held_cups(cups: Iterable[Found], rgb: Picture, faces: Sequence[Box]) -> tuple[Labelled, ...]:
    """Return each of these cups once, the most certain first, with its person's face. Boxes are inside the picture."""
    return tuple(
        Labelled(cup.label, round(cup.confidence, 4), pixels(cup, rgb), nearest_face(cup, faces))
        for cup in distinct(cups)
    )


def nearest_face(thing: Found, faces: Sequence[Box]) -> int | None:
    """Return the index of the nearest face, in heights of that face; None where all are further away than an arm."""
    distances = [_distance(thing, face) for face in faces]
    nearest = min(range(len(faces)), key=distances.__getitem__, default=None)
    return nearest if nearest is not None and distances[nearest] <= ARM else None


def _square(face: Box, heights: float, above: float, rgb: Picture) -> Tile:
    left, top, width, height = face
    side = max(min(round(heights * height), *rgb.shape[:2]), 1)
    square_left = min(max(round(left + width / 2 - side / 2), 0), rgb.shape[1] - side)
    square_top = min(max(round(top - above * height), 0), rgb.shape[0] - side)
    return Tile(square_left, square_top, side, side)


def _distance(thing: Found, face: Box) -> float:
    left, top, width, height = face
    across = thing.left + thing.width / 2 - (left + width / 2)
    down = thing.top + thing.height / 2 - (top + height / 2)
    return math.hypot(across, down) / max(height, 1)
