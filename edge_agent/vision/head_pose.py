"""Tells from the key points of a face how far it is turned."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.search import Point

RIGHT_EYE, LEFT_EYE, NOSE = (-31.0, -26.0, -37.0), (31.0, -26.0, -37.0), (0.0, 11.0, -75.0)
MOUTH, MOUTH_RIGHT, MOUTH_LEFT = (0.0, 36.0, -56.0), (-25.0, 37.0, -47.0), (25.0, 37.0, -47.0)
RIGHT_EAR, LEFT_EAR = (-73.0, -8.0, 23.0), (73.0, -8.0, 23.0)
"""Places of key points on an average head in millimetres, to the right in a picture of it from the front, down, and
away from the camera; rounded from MediaPipe's canonical face model. "Right" and "left" are the person's own."""

Head = tuple[tuple[float, float, float], ...]
"""The places of some key points, in a model's order."""

WITH_EARS: Head = (RIGHT_EYE, LEFT_EYE, NOSE, MOUTH, RIGHT_EAR, LEFT_EAR)
"""The key points of `blazeface`."""

WITH_MOUTH_CORNERS: Head = (RIGHT_EYE, LEFT_EYE, NOSE, MOUTH_RIGHT, MOUTH_LEFT)
"""The key points of `centerface`."""

STEPS = 6
"""Steps of the fit. From the front, two bring the angles of a face at 60° to within a degree of their last values."""

LARGEST_STEP = 0.5
"""The largest change of an angle in one step, in radians, so that no step leaves the front half."""


class HeadPose(NamedTuple):
    """Degrees by which a face is turned towards the right edge of the picture, and up; 0 is towards the camera."""

    yaw: float
    pitch: float

    @property
    def angle(self) -> float:
        """Degrees between the face's direction and the line to the camera."""
        yaw, pitch = np.radians(self)
        return float(np.degrees(np.arccos(np.cos(yaw) * np.cos(pitch))))


def head_pose(points: Sequence[Point], head: Head) -> HeadPose:
    """Return how far the face is turned whose key points lie at `points`, those of `head` in the same order.

    The head's tilt towards a shoulder changes nothing. A face is small beside its distance, so its picture is taken
    for a parallel projection: the angles are those to the line from the face to the camera, wherever in the picture
    the face is.
    """
    model = np.array(head, float)
    seen = np.array(points, float)
    model -= model.mean(axis=0)
    seen -= seen.mean(axis=0)
    rotation = _fit(model, seen)
    ahead = -rotation[:, 2]
    yaw = np.degrees(np.arctan2(ahead[0], -ahead[2]))
    pitch = np.degrees(np.arcsin(np.clip(-ahead[1], -1, 1)))
    return HeadPose(float(yaw), float(pitch))


def _fit(model: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation (3 × 3) after which the model's first two coordinates, scaled, lie nearest to `seen`.

    Gauss and Newton's method over three angles and the logarithm of the scale, from a face that looks at the camera.
    """
    rotation = _upright(seen)
    scale = np.linalg.norm(seen) / max(np.linalg.norm(model[:, :2]), np.finfo(float).tiny)
    for _ in range(STEPS):
        x, y, z = rotation @ model.T
        zero = np.zeros_like(x)
        # The columns are the changes by a small turn about each axis, and by a small change of the scale.
        across, down = np.stack([zero, z, -y, x]), np.stack([-z, zero, x, y])
        slopes = scale * np.concatenate([across, down], axis=1).T
        off = np.concatenate([seen[:, 0] - scale * x, seen[:, 1] - scale * y])
        *turn, growth = np.linalg.lstsq(slopes, off, rcond=None)[0]
        rotation = _turn(np.clip(turn, -LARGEST_STEP, LARGEST_STEP)) @ rotation
        scale *= np.exp(np.clip(growth, -LARGEST_STEP, LARGEST_STEP))
    return rotation


def _upright(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation of a face towards the camera whose eyes, the first two points, lie on the seen line."""
    right, down = seen[1] - seen[0]
    return _turn(np.array([0.0, 0.0, np.arctan2(down, right)]))


def _turn(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation (3 × 3) about this axis by its length in radians (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle if angle else vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
