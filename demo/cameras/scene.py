"""A camera's view of a room in which people come and go, sometimes with a cup of coffee.

The picture is a pure function of room, seed and time, composed from real photographs, so that real detectors can look
at it and a test knows what they should have found.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from demo.cameras import photographs
from demo.cameras.photographs import CUP_IN_CUTOUT, FACE_IN_PORTRAIT, Cutout, Picture
from demo.cameras.rooms import COUNTER_TOP, HEIGHT, ROOMS, WIDTH
from demo.cameras.visits import Visit, visits_at
from edge_agent.messages import Box

WALK_SECONDS = 1.2
"""How long somebody takes to walk in or out of the picture."""

CUP_AFTER, CUP_UNTIL = 2.0, 1.5
"""The cup is put down this many seconds after a visit's start, and taken away this many before its end."""

_PLACES = ((270, 440), (850, 1030))
"""Per place in front of the camera: between which columns people stand."""

_SCALES = ((1.0, 1.12), (0.84, 0.94))
"""Per place: how large the portrait is drawn. Who stands on the right stands further back."""

_SHOWN_ROWS = 336
"""Rows of the portrait above the counter; the helmet in her arm begins right below."""

_CUP_WIDTH = 0.48
"""Width of the saucer, as a part of the portrait's drawn width: it is nearer to the camera than the person."""

_CUP_ASIDE = 55
_CUP_BELOW = 130
"""How far the cup stands from the middle of the portrait, and its saucer's edge below the counter's, in the portrait's
pixels."""


@dataclass(frozen=True)
class Person:
    """Somebody whose whole face is in the picture. Boxes are pixels: left, top, width, height.

    The cup's is without its saucer.
    """

    face: Box
    cup: Box | None


class Scene:
    """What a camera in this room sees.

    `room` is a key of `rooms.ROOMS`; anything else raises `ValueError`. The first scene of a process takes a second or
    two, as the photographs are cut out then; pictures take milliseconds. Not thread-safe.
    """

    def __init__(self, room: str, seed: int) -> None:
        if room not in ROOMS:
            raise ValueError(f'there is no scene "{room}"; there are: {", ".join(sorted(ROOMS))}')
        self._seed = seed
        self._room = ROOMS[room]()
        photographs.person()
        photographs.cup()

    def picture_at(self, now: float) -> Picture:
        """The frame at this moment (epoch seconds): RGB, 720 × 1280 × 3, a fresh array."""
        picture = self._room.copy()
        visits = sorted(visits_at(self._seed, now), key=_scale)
        for visit in visits:
            _paste(picture, _dressed(visit), *_corner(visit, now), bottom=COUNTER_TOP)
        for visit in visits:
            if _cup_is_there(visit, now):
                cup = _cup(visit)
                left, top = _cup_corner(visit)
                _shade(picture, left, top, cup)
                _paste(picture, cup, left, top, bottom=HEIGHT)
        return picture

    def people_at(self, now: float) -> tuple[Person, ...]:
        """Whose whole face is in the frame at this moment (epoch seconds), and the cups before them."""
        return tuple(person for visit in visits_at(self._seed, now) if (person := person_of(visit, now)) is not None)


def person_of(visit: Visit, now: float) -> Person | None:
    """The visitor as a camera sees her at this moment (epoch seconds); None where her face is not all in the frame."""
    left, top = _corner(visit, now)
    face_left, face_top, width, height = FACE_IN_PORTRAIT
    if visit.mirrored:
        face_left = photographs.person().rgb.shape[1] - face_left - width
    scale = _scale(visit)
    face = (round(left + face_left * scale), round(top + face_top * scale), round(width * scale), round(height * scale))
    if face[0] < 0 or face[0] + face[2] > WIDTH:
        return None
    if not _cup_is_there(visit, now):
        return Person(face, None)
    cup_left, cup_top = _cup_corner(visit)
    grown = _cup(visit).rgb.shape[1] / photographs.cup().rgb.shape[1]
    x, y, cup_width, cup_height = (round(pixels * grown) for pixels in CUP_IN_CUTOUT)
    return Person(face, (cup_left + x, cup_top + y, cup_width, cup_height))


def _scale(visit: Visit) -> float:
    smallest, largest = _SCALES[visit.place]
    return round(smallest + (largest - smallest) * visit.nearness, 2)


def _centre(visit: Visit) -> float:
    first, last = _PLACES[visit.place]
    return first + (last - first) * visit.where


def _corner(visit: Visit, now: float) -> tuple[int, int]:
    """Left and top of the portrait: it walks in from the nearer side, sways a little, and walks out again."""
    size = photographs.person().rgb.shape[0] * _scale(visit)
    centre = _centre(visit)
    outside = -size / 2 if centre < WIDTH / 2 else WIDTH + size / 2
    walked = min(now - visit.started, visit.ended - now) / WALK_SECONDS
    pace = _smooth(min(max(walked, 0.0), 1.0))
    sway = 7 * math.sin(now * 0.9 + visit.dress * 6) + 3 * math.sin(now * 2.3)
    step = 6 * abs(math.sin(walked * math.pi * 2)) if 0 < walked < 1 else 0
    left = outside + (centre - outside) * pace - size / 2 + sway
    return round(left), round(COUNTER_TOP - _SHOWN_ROWS * _scale(visit) - step)


def _smooth(part: float) -> float:
    return part * part * (3 - 2 * part)


def _cup_is_there(visit: Visit, now: float) -> bool:
    return visit.has_cup and visit.started + CUP_AFTER <= now < visit.ended - CUP_UNTIL


def _cup_corner(visit: Visit) -> tuple[int, int]:
    """On the counter, before the person's chest, a little to one side."""
    height, width = _cup(visit).rgb.shape[:2]
    aside = _CUP_ASIDE * _scale(visit) * (1 if visit.mirrored else -1)
    return round(_centre(visit) + aside - width / 2), round(COUNTER_TOP + _CUP_BELOW * _scale(visit) - height)


@lru_cache(maxsize=8)
def _dressed(visit: Visit) -> Cutout:
    """The visitor, in a suit of her own colour."""
    whole = photographs.person()
    cutout = Cutout(_recoloured(whole.rgb, visit.dress), whole.opacity).resized(_scale(visit))
    return cutout.mirrored() if visit.mirrored else cutout


@lru_cache(maxsize=8)
def _cup(visit: Visit) -> Cutout:
    width = photographs.person().rgb.shape[1] * _scale(visit) * _CUP_WIDTH
    cup = photographs.cup()
    return cup.resized(width / cup.rgb.shape[1])


def _recoloured(portrait: Picture, dress: float) -> Picture:
    """The portrait with the orange of the suit turned to another hue; the face keeps its own."""
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
    """Lay the cutout on the picture; what lies outside of it, or below row `bottom`, is not seen."""
    height, width = cutout.opacity.shape
    rows = slice(max(top, 0), min(top + height, bottom))
    columns = slice(max(left, 0), min(left + width, picture.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    inside = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    share = cutout.opacity[inside]
    picture[rows, columns] = cv2.blendLinear(cutout.rgb[inside], picture[rows, columns], share, 1 - share)


def _shade(picture: Picture, left: int, top: int, cup: Cutout) -> None:
    """The soft shadow that the saucer throws on the counter, a little below and to the right of it."""
    height, width = cup.opacity.shape
    black = np.zeros((height + 40, width + 60, 3), np.uint8)
    shadow = np.zeros(black.shape[:2], np.float32)
    cv2.ellipse(shadow, (width // 2 + 34, height * 6 // 10 + 24), (width // 2, height * 2 // 5), 0, 0, 360, 0.5, -1)
    soft = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 7), np.float32)
    _paste(picture, Cutout(black, soft), left - 20, top - 10, bottom=HEIGHT)
