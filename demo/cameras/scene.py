"""Composes a camera's view of a room with visitors, some of them with a cup of coffee or a thumb up.

The picture is a pure function of room, seed and time. It is composed from real photographs, and rendered hands, so that
real detectors can analyse it, and a test can compute what they should find.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from demo.camera_profiles import CameraProfile
from demo.cameras import people, photographs, thumbs
from demo.cameras.photographs import CUP_IN_CUTOUT, FACE_IN_PORTRAIT, Cutout, Picture
from demo.cameras.rooms import COUNTER_TOP, HEIGHT, ROOMS, WIDTH
from demo.cameras.visitors import CUP_CHANCE, NO_THUMBS, Thumb, Thumbs, Visitor, visitors_at
from demo.turns import stay_before
from edge_agent.messages import Box

WALK_SECONDS = 1.2
"""Time that a visitor takes to walk into or out of the picture."""

CUP_AFTER, CUP_UNTIL = 2.0, 1.5
"""The cup appears this many seconds after the visitor, and disappears this many seconds before the visitor."""

THUMB_AFTER, THUMB_UNTIL, THUMB_SECONDS = 1.5, 1.5, 20.0
"""A thumb is shown from so many seconds after the visitor until so many before the visitor leaves, and no longer than
in the history."""

_PLACES = ((270, 440), (850, 1030), (560, 740))
"""For each place before the camera, the first and last column at which people stand."""

_SCALES = ((1.0, 1.12), (0.84, 0.94), (0.54, 0.64))
"""For each place, the smallest and largest scale of the portrait: from 1.3 to 2.7 m away, before a lens of 70°."""

_EYES = 352
"""Row of the middle of the faces: the camera hangs at eye level, so that it is the same at each distance."""

_HEIGHTS = 36
"""Rows between the middles of the faces of the smallest and of the tallest visitor, at a scale of 1."""

_LOOK_SECONDS, _LEAST_INTEREST = 8.0, 0.4
"""A standing visitor turns to the display and away again in this time, and faces it for at least so much of it."""

_TURN_SECONDS = 0.35

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
    number: int
    """The person's number among `people.heads`."""


class Scene:
    """The view of a camera in a room.

    `room` is a key of `rooms.ROOMS`; another name raises `ValueError`. With a profile, as many visitors come at each
    hour as in the history of this camera, with as many cups and thumbs; without one, `thumbs` says how many thumbs are
    shown. The first scene of a process takes a second or two, because the cup is cut out then; a picture takes
    milliseconds. Not thread-safe.
    """

    def __init__(self, room: str, seed: int, profile: CameraProfile | None = None, thumbs: Thumbs = NO_THUMBS) -> None:
        if room not in ROOMS:
            raise ValueError(f'there is no scene "{room}"; there are: {", ".join(sorted(ROOMS))}')
        self._seed, self._profile, self._thumbs, self._stay = seed, profile, thumbs, stay_before(profile)
        self._room = ROOMS[room]()
        people.heads()
        photographs.cup()

    def visitors_at(self, now: float) -> tuple[Visitor, ...]:
        """Return the visitors at this moment (epoch seconds)."""
        if self._profile is None:
            return visitors_at(self._seed, now, cups=CUP_CHANCE, thumbs=self._thumbs)
        profile, shown = self._profile, (self._profile.thumbs, self._profile.thumbs_down)
        return visitors_at(self._seed, now, profile.visitors_per_hour_at, profile.cups, shown, self._stay)

    def picture_at(self, now: float) -> Picture:
        """Return the frame at this moment (epoch seconds) as a new array: RGB, 720 × 1280 × 3."""
        picture = self._room.copy()
        visitors = sorted(self.visitors_at(now), key=_scale)
        for visitor in visitors:
            _paste(picture, _drawn(visitor, now), *_corner(visitor, now), bottom=COUNTER_TOP)
        for visitor in visitors:
            if _cup_is_there(visitor, now):
                cup = _cup(visitor)
                left, top = _cup_corner(visitor)
                _shade(picture, left, top, cup)
                _paste(picture, cup, left, top, bottom=HEIGHT)
        return picture

    def people_at(self, now: float) -> tuple[Person, ...]:
        """Return the people whose whole face is in the frame at this moment (epoch seconds), with their cups."""
        found = (person_of(visitor, now) for visitor in self.visitors_at(now))
        return tuple(person for person in found if person is not None)


def person_of(visitor: Visitor, now: float) -> Person | None:
    """Return the visitor's boxes at this moment (epoch seconds); None unless the whole face can be seen."""
    left, top = _corner(visitor, now)
    face_left, face_top, width, height = FACE_IN_PORTRAIT
    if visitor.mirrored:
        face_left = people.SIZE - face_left - width
    scale = _scale(visitor)
    face = (round(left + face_left * scale), round(top + face_top * scale), round(width * scale), round(height * scale))
    if face[0] < 0 or face[0] + face[2] > WIDTH or _turned(visitor, now) > 0.5:
        return None
    if not _cup_is_there(visitor, now):
        return Person(face, None, _number(visitor))
    cup_left, cup_top = _cup_corner(visitor)
    grown = _cup(visitor).rgb.shape[1] / photographs.cup().rgb.shape[1]
    x, y, cup_width, cup_height = (round(pixels * grown) for pixels in CUP_IN_CUTOUT)
    return Person(face, (cup_left + x, cup_top + y, cup_width, cup_height), _number(visitor))


def _scale(visitor: Visitor) -> float:
    smallest, largest = _SCALES[visitor.place]
    return round(smallest + (largest - smallest) * visitor.nearness, 2)


def _centre(visitor: Visitor) -> float:
    first, last = _PLACES[visitor.place]
    return first + (last - first) * visitor.where


def _corner(visitor: Visitor, now: float) -> tuple[int, int]:
    """Return left and top of the portrait.

    A visitor enters from the nearer side, sways a little, and leaves again, or walks from one side to the other.
    """
    scale = _scale(visitor)
    size = people.SIZE * scale
    eyes = _EYES + (visitor.dress - 0.5) * _HEIGHTS * scale
    top = eyes - people.CENTRE[1] * scale
    if visitor.passes:
        gone = (now - visitor.started) / (visitor.ended - visitor.started)
        gone = 1 - gone if visitor.mirrored else gone
        bob = 5 * scale * abs(math.sin((now - visitor.started) * 5))
        return round(-size + (WIDTH + size) * gone), round(top - bob)
    centre = _centre(visitor)
    outside = -size / 2 if centre < WIDTH / 2 else WIDTH + size / 2
    walked = min(now - visitor.started, visitor.ended - now) / WALK_SECONDS
    pace = _smooth(min(max(walked, 0.0), 1.0))
    sway = 7 * math.sin(now * 0.9 + visitor.dress * 6) + 3 * math.sin(now * 2.3)
    step = 6 * abs(math.sin(walked * math.pi * 2)) if 0 < walked < 1 else 0
    left = outside + (centre - outside) * pace - size / 2 + sway
    return round(left), round(top - step)


def _smooth(part: float) -> float:
    return part * part * (3 - 2 * part)


def _cup_is_there(visitor: Visitor, now: float) -> bool:
    return visitor.has_cup and visitor.started + CUP_AFTER <= now < visitor.ended - CUP_UNTIL


def _cup_corner(visitor: Visitor) -> tuple[int, int]:
    """Return left and top of the cup, which stands on the counter a little beside the person."""
    height, width = _cup(visitor).rgb.shape[:2]
    aside = _CUP_ASIDE * _scale(visitor) * (1 if visitor.mirrored else -1)
    return round(_centre(visitor) + aside - width / 2), round(COUNTER_TOP + _CUP_BELOW * _scale(visitor) - height)


def thumb_of(visitor: Visitor, now: float, *, around: float = 0.0) -> Thumb | None:
    """Return the thumb that the visitor shows at this moment, or within so many seconds around it; None for none."""
    begins, ends = visitor.started + THUMB_AFTER, visitor.ended - THUMB_UNTIL
    is_shown = begins - around <= now < min(ends, begins + THUMB_SECONDS) + around
    return visitor.thumb if is_shown else None


def _turned(visitor: Visitor, now: float) -> float:
    """Return how far the visitor is turned away from the display at this moment: 0 faces it, 1 shows the back."""
    if visitor.passes or thumb_of(visitor, now, around=2 * _TURN_SECONDS):
        return 0.0
    interest = _LEAST_INTEREST + (1 - _LEAST_INTEREST) * visitor.interest
    since = (now - visitor.started) % _LOOK_SECONDS
    if since < interest * _LOOK_SECONDS or visitor.ended - now < WALK_SECONDS:
        return 0.0
    away = since - interest * _LOOK_SECONDS
    return min(1.0, away / _TURN_SECONDS, max(0.0, _LOOK_SECONDS - since) / _TURN_SECONDS)


def _drawn(visitor: Visitor, now: float) -> Cutout:
    """Return the visitor as seen at this moment."""
    turned = round(4 * _turned(visitor, now)) / 4
    if turned in (0.0, 1.0):
        return _dressed(visitor, bool(turned), thumb_of(visitor, now))
    front, back = _dressed(visitor, False, None), _dressed(visitor, True, None)
    rgb = cv2.addWeighted(front.rgb, 1 - turned, back.rgb, turned, 0)
    return Cutout(np.asarray(rgb, np.uint8), np.maximum(front.opacity, back.opacity))


def _number(visitor: Visitor) -> int:
    """Return the number of the person among `people.heads`. Nobody stands at two places at once."""
    of_place = range(visitor.place, len(people.heads()), len(_PLACES)) or range(1)
    return of_place[int(visitor.identity * len(of_place))]


@lru_cache(maxsize=16)
def _dressed(visitor: Visitor, turned: bool, thumb: Thumb | None) -> Cutout:
    """Return the visitor's portrait in a pullover, with this thumb on the side where no cup stands."""
    number = _number(visitor)
    colour = _PULLOVERS[int(visitor.dress * len(_PULLOVERS))]
    portrait = people.portrait(number, colour, turned=turned)
    if thumb:
        portrait = thumbs.with_thumb(portrait, number, colour, up=thumb == "up", to_the_right=visitor.has_cup)
    cutout = portrait.resized(_scale(visitor))
    return cutout.mirrored() if visitor.mirrored else cutout


_PULLOVERS = (
    *((58, 74, 96), (120, 52, 58), (62, 92, 74), (184, 160, 128), (72, 72, 78), (148, 108, 72)),
    *((90, 76, 112), (44, 58, 66), (140, 120, 60), (96, 112, 140), (66, 50, 48)),
)
"""Colours, RGB."""


@lru_cache(maxsize=8)
def _cup(visitor: Visitor) -> Cutout:
    width = people.SIZE * _scale(visitor) * _CUP_WIDTH
    cup = photographs.cup()
    return cup.resized(width / cup.rgb.shape[1])


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
