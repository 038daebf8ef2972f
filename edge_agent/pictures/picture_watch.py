"""Tells when a camera's picture is dark, covered, blurred or turned, by cheap statistics against its own past."""

import logging
from bisect import bisect
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.durable import replace_file
from edge_agent.messages import PictureProblem
from edge_agent.pictures.encoding import Picture

log = logging.getLogger(__name__)

View = NDArray[np.float64]

PERIOD_SECONDS = 10.0
"""Seconds between two pictures that are judged."""

LONGEST = 1280
"""Pixels of the longer side at which statistics are taken, so that a large frame costs no more."""

VIEW = (32, 18)
"""Width and height of the remembered view, in which nobody can be recognised."""

DARK = 20.0
"""A picture is dark where the brightest tenth of its view begins below this, of 255."""

DUSK_PICTURES, DUSK_MS, DUSK = 60, 600_000, 3.0
"""Dusk darkens a picture by less than this factor in so many pictures, ten minutes: in civil twilight, the light falls
to a tenth in a quarter of an hour, and a picture's values to a third. What darkens it faster is a lamp or a cover."""

COVERED, COVERED_SHARE = 6.0, 0.15
"""A picture is covered where the grey values of its view spread (standard deviation) less than this, of 255, and than
this share of their mean: in little light, a room's values spread little too, but not in relation to the light."""

BLURRED = 0.6
"""A picture is blurred where its sharpness falls below this share of its own past median in such light."""

TURNED = 0.4
"""A camera is turned where the correlation of its view with each usual view falls below this."""

LIGHTS = (40.0, 80.0, 140.0)
"""Mean grey values that part the kinds of light. The noise of little light is sharp and its suppression blurs, so
sharpness is compared with pictures in such light only."""

LEARNING = 30
"""Pictures after which the past is known well enough to compare with it."""

REMEMBERED = 360
"""Pictures in one kind of light whose sharpness is remembered."""

MOST_VIEWS = 6
"""Usual views that are remembered, such as those by day, by lamps and by infrared."""

STEADY = 6
"""Pictures in a row that must agree before a problem begins or ends, so that nobody who passes makes one."""

ACCEPTED = 8640
"""Pictures in a row of a turned camera after which its new view becomes the past: a day of them."""

ADAPTING = 0.01
"""Weight of each new picture in the past view: daylight moves slowly, a camera is turned at once."""

HOUR_MS = 3_600_000

SHORTEST_NIGHT_HOURS, NIGHT_HOURS = 2, 16
"""The shortest and the longest night, in hours. Darkness of that length, and another view that came and went within it,
belong to the camera's day."""

REMEMBERED_DAYS = 8
"""For so many days it is known in which hours the picture was dark: a week, and the day before."""


class Trouble(NamedTuple):
    """A problem of the picture, and since when, in epoch milliseconds."""

    problem: PictureProblem
    since: int


class Past(msgspec.Struct):
    """What is remembered of earlier pictures: numbers from which no picture can be made."""

    pictures: int = 0
    size: tuple[int, int] = (0, 0)
    """Width and height of the pictures."""
    views: tuple[tuple[float, ...], ...] = ()
    """The usual views, the first of them from the beginning."""
    sharpness: tuple[tuple[float, ...], ...] = ((),) * (len(LIGHTS) + 1)
    """The sharpness of the latest pictures in each kind of light."""
    dark_hours: tuple[int, ...] = (0,) * 24
    """For each hour of the day in UTC, when it was last dark as a matter of course, in epoch milliseconds."""


class PictureWatch:
    """Judges one picture after the other; a picture every few seconds suffices.

    The first `LEARNING` pictures, and all that are without a problem, become the past. A problem begins when `STEADY`
    pictures in a row have it, at the time of the first of them, and ends when as many do not have it. A camera that is
    turned on purpose has a new past after `ACCEPTED` pictures, one whose pictures have another size at once.

    Night is no problem: a picture may become dark as slowly as at dusk, or in the hours in which it was dark on other
    days. Another view that came and went by itself within `NIGHT_HOURS`, as that of infrared does, is usual from then
    on.
    """

    def __init__(self, past: Past | None = None) -> None:
        self._forget(past or Past())
        self._brightness: deque[float] = deque(maxlen=DUSK_PICTURES)
        self._trouble: Trouble | None = None
        self._strange: View | None = None
        self._candidate: PictureProblem | None = None
        self._candidate_since, self._agreeing = 0, 0
        self._is_night, self._judged_at = False, 0

    @property
    def trouble(self) -> Trouble | None:
        """The present problem of the picture; None where there is none."""
        return self._trouble

    @property
    def past(self) -> Past:
        """What this watch has learned; the next `PictureWatch` after a restart begins with it."""
        views = tuple(tuple(view.tolist()) for view in self._views)
        sharpness = tuple(tuple(values) for values in self._sharpness)
        return Past(self._pictures, self._size, views, sharpness, tuple(self._dark_hours))

    def update(self, taken_at: int, rgb: Picture) -> Trouble | None:
        """Judge this picture, which was taken at `taken_at` (epoch milliseconds), and return `trouble`."""
        if self._size != (rgb.shape[1], rgb.shape[0]):
            self._forget(Past(size=(rgb.shape[1], rgb.shape[0]), dark_hours=tuple(self._dark_hours)))
        grey = _grey(rgb)
        small = cv2.resize(grey, VIEW, interpolation=cv2.INTER_AREA).astype(np.float64)
        view, sharpness = _normal_view(small), self._sharpness[bisect(LIGHTS, float(small.mean()))]
        problem = self._judge(small, view, grey, sharpness, taken_at)
        self._count(problem, taken_at, view)
        if problem == "turned" and self._agreeing >= ACCEPTED:
            self._forget(Past(size=self._size, dark_hours=tuple(self._dark_hours)))
            problem = None
        if problem is None and not self._is_night:
            self._learn(view)
            sharpness.append(_sharpness(grey))
        return self._trouble

    def _forget(self, past: Past) -> None:
        self._pictures, self._size = past.pictures, past.size
        self._views = [np.array(view, np.float64) for view in past.views]
        self._sharpness: list[deque[float]] = [deque(values, maxlen=REMEMBERED) for values in past.sharpness]
        self._dark_hours = list(past.dark_hours)

    def _judge(
        self, small: View, view: View, grey: NDArray[np.uint8], sharpness: Sequence[float], taken_at: int
    ) -> PictureProblem | None:
        brightness = float(np.percentile(small, 90))
        if not 0 <= taken_at - self._judged_at <= DUSK_MS:
            self._brightness.clear()
            self._is_night = False
        self._judged_at = taken_at
        self._is_night = brightness < DARK and (self._is_night or self._is_usual_night(taken_at))
        self._brightness.append(brightness)
        if self._is_night:
            return None
        if brightness < DARK:
            return "dark"
        if small.std() < min(COVERED, COVERED_SHARE * small.mean()):
            return "covered"
        if self._pictures < LEARNING:
            return None
        if max(float(usual @ view) / max(float(np.linalg.norm(usual)), 1e-9) for usual in self._views) < TURNED:
            return "turned"
        if len(sharpness) >= LEARNING and _sharpness(grey) < BLURRED * float(np.median(sharpness)):
            return "blurred"
        return None

    def _is_usual_night(self, taken_at: int) -> bool:
        """Whether a dark picture is no surprise now: it became dark slowly, or is so at this hour on other days."""
        is_known = len(self._brightness) == DUSK_PICTURES
        if self._trouble is None and is_known and max(self._brightness) < DUSK * DARK:
            return True
        hour = taken_at // HOUR_MS % 24
        # A clock that is changed twice a year moves the hours of a place by one.
        near = (self._dark_hours[each % 24] for each in (hour - 1, hour, hour + 1))
        return any(last and 0 <= taken_at - last < REMEMBERED_DAYS * 24 * HOUR_MS for last in near)

    def _count(self, problem: PictureProblem | None, taken_at: int, view: View) -> None:
        if problem != self._candidate or self._agreeing == 0:
            self._candidate, self._candidate_since, self._agreeing = problem, taken_at, 0
        self._agreeing += 1
        if self._is_night:
            self._dark_hours[taken_at // HOUR_MS % 24] = taken_at
        if problem == "turned":
            self._strange = view if self._strange is None else (1 - ADAPTING) * self._strange + ADAPTING * view
        if self._agreeing >= STEADY and problem != (self._trouble and self._trouble.problem):
            if problem is None and self._trouble is not None:
                self._learn_of(self._trouble, taken_at)
            self._trouble = Trouble(problem, self._candidate_since) if problem else None

    def _learn_of(self, ended: Trouble, taken_at: int) -> None:
        """Learn from a problem that has ended by itself."""
        lasted = taken_at - ended.since
        if ended.problem == "dark" and SHORTEST_NIGHT_HOURS * HOUR_MS <= lasted < NIGHT_HOURS * HOUR_MS:
            for at in range(ended.since, taken_at, HOUR_MS // 2):
                self._dark_hours[at // HOUR_MS % 24] = at
        if ended.problem == "turned" and 0 <= lasted < NIGHT_HOURS * HOUR_MS and self._strange is not None:
            self._views = [*self._views[: MOST_VIEWS - 1], self._strange]
        self._strange = None

    def _learn(self, view: View) -> None:
        self._pictures += 1
        if not self._views:
            self._views = [view]
            return
        nearest = max(range(len(self._views)), key=lambda number: float(self._views[number] @ view))
        weight = max(ADAPTING, 1 / self._pictures)
        self._views[nearest] = (1 - weight) * self._views[nearest] + weight * view


def load_past(path: Path) -> Past:
    """Return what a watch had saved before a restart; nothing where the file is missing or cannot be read (logged)."""
    try:
        past = msgspec.json.decode(path.read_bytes(), type=Past)
        numbers = VIEW[0] * VIEW[1]
        is_whole = (
            all(len(view) == numbers for view in past.views)
            and bool(past.views) == bool(past.pictures)
            and len(past.sharpness) == len(LIGHTS) + 1
            and len(past.dark_hours) == 24
        )
        return past if is_whole else Past()
    except FileNotFoundError:
        return Past()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("the past of the picture in %s cannot be used and is learned again: %s", path, error)
        return Past()


def save_past(path: Path, past: Past) -> None:
    """Replace the file, whole or not at all. A file that cannot be written is logged."""
    try:
        replace_file(path, msgspec.json.encode(past))
    except OSError as error:
        log.warning("the past of the picture is learned again after a restart, because it cannot be saved: %s", error)


def _grey(rgb: Picture) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    factor = LONGEST / max(grey.shape)
    if factor < 1:
        size = (max(round(grey.shape[1] * factor), 1), max(round(grey.shape[0] * factor), 1))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _normal_view(small: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what stands out from its surroundings, whatever the light: with mean 0 and length 1."""
    outstanding = (small - cv2.GaussianBlur(small, (0, 0), 3)).ravel()
    outstanding -= outstanding.mean()
    return np.asarray(outstanding / max(float(np.linalg.norm(outstanding)), np.finfo(float).tiny))


def _sharpness(grey: NDArray[np.uint8]) -> float:
    """Return the strength of the finest details over that of coarser ones, which neither light nor contrast changes."""
    exact = grey.astype(np.float32)
    fine, coarse = cv2.GaussianBlur(exact, (0, 0), 1), cv2.GaussianBlur(exact, (0, 0), 4)
    return float((exact - fine).std() / max(float((fine - coarse).std()), 1e-6))
