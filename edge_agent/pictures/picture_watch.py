"""Tells when a camera's picture is dark, covered, blurred or turned, by cheap statistics against its own past."""

import logging
from collections import deque
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import PictureProblem
from edge_agent.pictures.encoding import Picture

log = logging.getLogger(__name__)

PERIOD_SECONDS = 10.0
"""Seconds between two pictures that are judged."""

LONGEST = 1280
"""Pixels of the longer side at which statistics are taken, so that a large frame costs no more."""

VIEW = (32, 18)
"""Width and height of the remembered view, in which nobody can be recognised."""

DARK = 20.0
"""A picture is dark where the brightest tenth of its view begins below this, of 255."""

COVERED = 6.0
"""A picture is covered where the grey values of its view spread (standard deviation) less than this, of 255."""

BLURRED = 0.6
"""A picture is blurred where its sharpness falls below this share of its own past median."""

TURNED = 0.4
"""A camera is turned where the correlation of its view with the past view falls below this."""

LEARNING = 30
"""Pictures after which the past is known well enough to compare with it."""

REMEMBERED = 360
"""Pictures whose sharpness is remembered."""

STEADY = 6
"""Pictures in a row that must agree before a problem begins or ends, so that nobody who passes makes one."""

ACCEPTED = 8640
"""Pictures in a row of a turned camera after which its new view becomes the past: a day of them."""

ADAPTING = 0.01
"""Weight of each new picture in the past view: daylight moves slowly, a camera is turned at once."""


class Trouble(NamedTuple):
    """A problem of the picture, and since when, in epoch milliseconds."""

    problem: PictureProblem
    since: int


class Past(msgspec.Struct):
    """What is remembered of earlier pictures: numbers from which no picture can be made."""

    pictures: int = 0
    view: tuple[float, ...] = ()
    sharpness: tuple[float, ...] = ()


class PictureWatch:
    """Judges one picture after the other; a picture every few seconds suffices.

    The first `LEARNING` pictures, and all that are without a problem, become the past. A problem begins when `STEADY`
    pictures in a row have it, at the time of the first of them, and ends when as many do not have it. A camera that is
    turned on purpose has a new past after `ACCEPTED` pictures.
    """

    def __init__(self, past: Past | None = None) -> None:
        past = past or Past()
        self._pictures = past.pictures
        self._view = np.array(past.view, np.float64)
        self._sharpness = deque(past.sharpness, maxlen=REMEMBERED)
        self._trouble: Trouble | None = None
        self._candidate: PictureProblem | None = None
        self._candidate_since, self._agreeing = 0, 0

    @property
    def trouble(self) -> Trouble | None:
        """The present problem of the picture; None where there is none."""
        return self._trouble

    @property
    def past(self) -> Past:
        """What to pass to the next `PictureWatch` after a restart."""
        return Past(self._pictures, tuple(self._view.tolist()), tuple(self._sharpness))

    def update(self, taken_at: int, rgb: Picture) -> Trouble | None:
        """Judge this picture, which was taken at `taken_at` (epoch milliseconds), and return `trouble`."""
        grey = _grey(rgb)
        small = cv2.resize(grey, VIEW, interpolation=cv2.INTER_AREA).astype(np.float64)
        view, sharpness = _normal_view(small), _sharpness(grey)
        problem = self._judge(small, view, sharpness)
        self._count(problem, taken_at)
        if problem == "turned" and self._agreeing >= ACCEPTED:
            self._pictures, self._view = 0, np.array([], np.float64)
            self._sharpness.clear()
            problem = None
        if problem is None:
            self._learn(view, sharpness)
        return self._trouble

    def _judge(self, small: NDArray[np.float64], view: NDArray[np.float64], sharpness: float) -> PictureProblem | None:
        if np.percentile(small, 90) < DARK:
            return "dark"
        if small.std() < COVERED:
            return "covered"
        if self._pictures < LEARNING:
            return None
        if float(self._view @ view) < TURNED * float(np.linalg.norm(self._view)):
            return "turned"
        if sharpness < BLURRED * float(np.median(self._sharpness)):
            return "blurred"
        return None

    def _count(self, problem: PictureProblem | None, taken_at: int) -> None:
        if problem != self._candidate or self._agreeing == 0:
            self._candidate, self._candidate_since, self._agreeing = problem, taken_at, 0
        self._agreeing += 1
        if self._agreeing >= STEADY and problem != (self._trouble and self._trouble.problem):
            self._trouble = Trouble(problem, self._candidate_since) if problem else None

    def _learn(self, view: NDArray[np.float64], sharpness: float) -> None:
        self._pictures += 1
        weight = max(ADAPTING, 1 / self._pictures)
        self._view = view if not self._view.size else (1 - weight) * self._view + weight * view
        self._sharpness.append(sharpness)


def load_past(path: Path) -> Past:
    """Return what a watch had saved before a restart; nothing where the file is missing or cannot be read (logged)."""
    try:
        past = msgspec.json.decode(path.read_bytes(), type=Past)
        return past if len(past.view) == VIEW[0] * VIEW[1] and past.sharpness else Past()
    except FileNotFoundError:
        return Past()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("the past of the picture in %s cannot be used and is learned again: %s", path, error)
        return Past()


def save_past(path: Path, past: Past) -> None:
    """Replace the file, whole or not at all. A file that cannot be written is logged."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(msgspec.json.encode(past))
        new.replace(path)
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
