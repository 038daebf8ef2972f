"""Tells where the head of a body is, and which body belongs to which face. Pure."""

from collections.abc import Sequence

from edge_agent.messages import Box

BODY_HEIGHTS = 8.0
"""Heights of the face, from hairline to chin, in the height of a body: the artists' canon has seven and a half heads,
and a head is a little higher than its face."""

BODY_WIDTHS = 3.2
"""Heights of the face in the width of a body that walks, whose box its arms and legs widen."""

ABOVE_FACE = 0.2
"""Heights of the face between the upper edge of a body's box and the hairline."""

FACE_RATIO = 0.8
"""Width of a face over its height."""

UPPER = 0.45
"""Share of a body's box, from its upper edge, in which its face is. Of a body that the frame cuts, only the upper part
is in the box."""

ASIDE = 0.1
"""Share of the box's width by which a face may be beside the box."""


def heads_without_face(bodies: Sequence[Box], faces: Sequence[Box], size: tuple[int, int]) -> list[Box]:
    """Return where the faces must be of those bodies whose face is none of `faces`.

    Each face belongs to one body at most: to the nearest of those in whose upper part it is. `size` is the frame's
    width and height in pixels.
    """
    heads = [_head(body, size) for body in bodies]
    pairs = sorted(
        (_distance(heads[body], face), body, number)
        for number, face in enumerate(faces)
        for body in range(len(bodies))
        if _is_upper(bodies[body], face)
    )
    owned: dict[int, int] = {}
    for _, body, face in pairs:
        if body not in owned and face not in owned.values():
            owned[body] = face
    return [head for body, head in enumerate(heads) if body not in owned]


def _head(body: Box, size: tuple[int, int]) -> Box:
    left, top, width, height = body
    is_cut = top + height >= size[1] - 2
    face = max(width / BODY_WIDTHS if is_cut else 0.0, height / BODY_HEIGHTS, 1.0)
    across = FACE_RATIO * face
    return round(left + width / 2 - across / 2), round(top + ABOVE_FACE * face), max(round(across), 1), round(face)


def _is_upper(body: Box, face: Box) -> bool:
    left, top, width, height = body
    x, y = face[0] + face[2] / 2, face[1] + face[3] / 2
    return -ASIDE * width <= x - left <= (1 + ASIDE) * width and -ASIDE * height <= y - top <= UPPER * height


def _distance(one: Box, other: Box) -> float:
    return abs(one[0] + one[2] / 2 - other[0] - other[2] / 2) + abs(one[1] + one[3] / 2 - other[1] - other[3] / 2)
