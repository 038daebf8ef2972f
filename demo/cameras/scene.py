"""Composes a camera's view of a room with visitors, some of them with a cup of coffee.

The picture is a pure function of room, seed and time. It is composed from real photographs, so that real detectors can
analyse it, and a test can compute what they should find.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from demo.cameras import photographs
from demo.cameras.photographs import CUP_IN_CUTOUT, FACE_IN_PORTRAIT, Cutout, Picture
from demo.cameras.rooms import COUNTER_TOP, HEIGHT, ROOMS, WIDTH
from demo.cameras.visitors import Visitor, visitors_at
from edge_agent.messages import Box

WALK_SECONDS = 1.2
"""Time that a visitor takes to walk into or out of the picture."""

CUP_AFTER, CUP_UNTIL = 2.0, 1.5
"""The cup appears this many seconds after the visitor, and disappears this many seconds before the visitor."""

_PLACES = ((270, 440), (850, 1030))
"""For each place before the camera, the first and last column at which people stand."""

_SCALES = ((1.0, 1.12), (0.84, 0.94))
"""For each place, the smallest and largest scale of the portrait. People on the right stand further back."""

_SHOWN_ROWS = 336
"""Rows of the portrait above the counter. The helmet in her arm begins directly below them."""

_CUP_WIDTH = 0.48
"""Width of the saucer as a share of the portrait's width; the saucer is nearer to the camera."""

_CUP_ASIDE = 55
_CUP_BELOW = 130
"""Horizontal distance of the cup from the portrait's middle, and vertical distance of the saucer's lower edge from the
counter's edge, in pixels of the portrait."""


@dataclass(frozen=True)
class Person:
    """A person whose whole face is in the picture. Boxes are pixels: left, top, width, height.

    The cup's box does not include the saucer.
    """

    face: Box
    cup: Box | None


class Scene:
    """The view of a camera in a room.

    `room` is a key of `rooms.ROOMS`; another name raises `ValueError`. The first scene of a process takes a second or
    two, because the photographs are cut out then; a picture takes milliseconds. Not thread-safe.
    """

    def __init__(self, room: str, seed: int) -> None:
        if room not in ROOMS:
            raise ValueError(f'there is no scene "{room}"; there are: {", ".join(sorted(ROOMS))}')
        self._seed = seed
        self._room = ROOMS[room]()
        photographs.person()
        photographs.cup()

    def picture_at(self, now: float) -> Picture:
        """Return the frame at this moment (epoch seconds) as a new array: RGB, 720 × 1280 × 3."""
        picture = self._room.copy()
        visitors = sorted(visitors_at(self._seed, now), key=_scale)
        for visitor in visitors:
            _paste(picture, _dressed(visitor), *_corner(visitor, now), bottom=COUNTER_TOP)
        for visitor in visitors:
            if _cup_is_there(visitor, now):
                cup = _cup(visitor)
                left, top = _cup_corner(visitor)
                _shade(picture, left, top, cup)
                _paste(picture, cup, left, top, bottom=HEIGHT)
        return picture

    def people_at(self, now: float) -> tuple[Person, ...]:
        """Return the people whose whole face is in the frame at this moment (epoch seconds), with their cups."""
        return tuple(
            person for visitor in visitors_at(self._seed, now) if (person := person_of(visitor, now)) is not None
        )


def person_of(visitor: Visitor, now: float) -> Person | None:
    """Return the visitor's boxes at this moment (epoch seconds); None where her face is not wholly in the frame."""
    left, top = _corner(visitor, now)
    face_left, face_top, width, height = FACE_IN_PORTRAIT
    if visitor.mirrored:
        face_left = photographs.person().rgb.shape[1] - face_left - width
    scale = _scale(visitor)
    face = (round(left + face_left * scale), round(top + face_top * scale), round(width * scale), round(height * scale))
    if face[0] < 0 or face[0] + face[2] > WIDTH:
        return None
    if not _cup_is_there(visitor, now):
        return Person(face, None)
    cup_left, cup_top = _cup_corner(visitor)
    grown = _cup(visitor).rgb.shape[1] / photographs.cup().rgb.shape[1]
    x, y, cup_width, cup_height = (round(pixels * grown) for pixels in CUP_IN_CUTOUT)
    return Person(face, (cup_left + x, cup_top + y, cup_width, cup_height))


def _scale(visitor: Visitor) -> float:
    smallest, largest = _SCALES[visitor.place]
    return round(smallest + (largest - smallest) * visitor.nearness, 2)


def _centre(visitor: Visitor) -> float:
    first, last = _PLACES[visitor.place]
    return first + (last - first) * visitor.where


def _corner(visitor: Visitor, now: float) -> tuple[int, int]:
    """Return left and top of the portrait, which enters from the nearer side, sways a little, and leaves again."""
    size = photographs.person().rgb.shape[0] * _scale(visitor)
    centre = _centre(visitor)
    outside = -size / 2 if centre < WIDTH / 2 else WIDTH + size / 2
    walked = min(now - visitor.started, visitor.ended - now) / WALK_SECONDS
    pace = _smooth(min(max(walked, 0.0), 1.0))
    sway = 7 * math.sin(now * 0.9 + visitor.dress * 6) + 3 * math.sin(now * 2.3)
    step = 6 * abs(math.sin(walked * math.pi * 2)) if 0 < walked < 1 else 0
    left = outside + (centre - outside) * pace - size / 2 + sway
    return round(left), round(COUNTER_TOP - _SHOWN_ROWS * _scale(visitor) - step)


def _smooth(part: float) -> float:
    return part * part * (3 - 2 * part)


def _cup_is_there(visitor: Visitor, now: float) -> bool:
    return visitor.has_cup and visitor.started + CUP_AFTER <= now < visitor.ended - CUP_UNTIL


def _cup_corner(visitor: Visitor) -> tuple[int, int]:
    """Return left and top of the cup, which stands on the counter a little beside the person."""
    height, width = _cup(visitor).rgb.shape[:2]
    aside = _CUP_ASIDE * _scale(visitor) * (1 if visitor.mirrored else -1)
    return round(_centre(visitor) + aside - width / 2), round(COUNTER_TOP + _CUP_BELOW * _scale(visitor) - height)


@lru_cache(maxsize=8)
def _dressed(visitor: Visitor) -> Cutout:
    """Return the visitor's portrait, with the suit in the visitor's colour."""
    whole = photographs.person()
    cutout = Cutout(_recoloured(whole.rgb, visitor.dress), whole.opacity).resized(_scale(visitor))
    return cutout.mirrored() if visitor.mirrored else cutout


@lru_cache(maxsize=8)
def _cup(visitor: Visitor) -> Cutout:
    width = photographs.person().rgb.shape[1] * _scale(visitor) * _CUP_WIDTH
    cup = photographs.cup()
    return cup.resized(width / cup.rgb.shape[1])


def _recoloured(portrait: Picture, dress: float) -> Picture:
    """Return the portrait with the suit's orange changed to another colour; the face is unchanged."""
    hsv = cv2.cvtColor(portrait, cv2.COLOR_RGB2HSV)
    orange = cv2.inRange(hsv, np.array((0, 110, 40)), np.array((16, 255, 255)))
    orange[: FACE_IN_PORTRAIT[1] + FACE_IN_PORTRAIT[3] + 5] = 0
    share = cv2.GaussianBlur(orange, (5, 5), 0).astype(np.float32)[..., None] / 255
    hue, saturation, brightness = _SUITS[int(dress * len(_SUITS))]
    hsv[..., 0] = hue
    hsv[..., 1:] = (hsv[..., 1:] * (saturation, brightness)).astype(np.uint8)
    other = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return (portrait * (1 - share) + other * share).astype(np.uint8)


_SUITS = ((8, 1.0, 1.0), (107, 0.8, 0.6), (78, 0.55, 0.5), (118, 0.3, 0.45), (172, 0.7, 0.6), (13, 0.45, 0.8))
"""Hue (half degrees), factors for saturation and brightness: orange, navy, green, slate, plum, sand."""


def _paste(picture: Picture, cutout: Cutout, left: int, top: int, *, bottom: int) -> None:
    """Draw the cutout into the picture, clipped to the picture and to the rows above `bottom`."""
    height, width = cutout.opacity.shape
    rows = slice(max(top, 0), min(top + height, bottom))
    columns = slice(max(left, 0), min(left + width, picture.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    inside = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    share = cutout.opacity[inside]
    picture[rows, columns] = cv2.blendLinear(cutout.rgb[inside], picture[rows, columns], share, 1 - share)


def _shade(picture: Picture, left: int, top: int, cup: Cutout) -> None:
    """Draw the saucer's soft shadow on the counter, a little below the saucer and to its right."""
    height, width = cup.opacity.shape
    black = np.zeros((height + 40, width + 60, 3), np.uint8)
    shadow = np.zeros(black.shape[:2], np.float32)
    cv2.ellipse(shadow, (width // 2 + 34, height * 6 // 10 + 24), (width // 2, height * 2 // 5), 0, 0, 360, 0.5, -1)
    soft = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 7), np.float32)
    _paste(picture, Cutout(black, soft), left - 20, top - 10, bottom=HEIGHT)
