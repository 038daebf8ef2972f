"""The pictures that are sent: whole frames or head-and-shoulders crops, as JPEGs small enough for a message."""

import base64
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import MAX_PICTURE_BYTES, Box, Face, Image, new_id

Picture = NDArray[np.uint8]

_QUALITIES = (90, 80, 70, 60)
"""JPEG qualities tried before the picture is made smaller; below 60 blocks begin to show on faces."""

_SMALLER = 0.8
"""Factor for width and height where no quality made the picture small enough."""


def use_one_thread_for_pictures() -> None:
    """Let OpenCV copy and scale by itself: its helpers wait busily between two pictures, for more than they save.

    Of the processor, a copied frame of 1280 × 720 takes 0.1 ms, and what the helpers take meanwhile is 0.2 ms.
    """
    cv2.setNumThreads(1)


def images(
    rgb: Picture,
    faces: Sequence[Face],
    *,
    taken_at: int,
    shows: Literal["frame", "crop"],
    crop_margin: float,
    limit: int = MAX_PICTURE_BYTES,
) -> tuple[Image, ...]:
    """The messages that carry this frame: one with all of it, or one crop per face that has a box.

    `rgb` is height × width × 3, RGB, `uint8`; `taken_at` is epoch milliseconds. The boxes of the faces are in the
    frame's pixels; those in the messages are in the sent picture's own. A crop message holds its own face only.
    `limit` is the most bytes of a JPEG; with more than the default the message may be too large for MQTT.
    """
    if shows == "frame":
        whole = (0, 0, rgb.shape[1], rgb.shape[0])
        return (_image(rgb, whole, faces, taken_at, shows, limit),)
    crops = ((face, head_and_shoulders(face.box, rgb, crop_margin)) for face in faces if face.box is not None)
    return tuple(_image(cut(rgb, area), area, (_moved(face, area),), taken_at, shows, limit) for face, area in crops)


def head_and_shoulders(face: Box, rgb: Picture, margin: float) -> Box:
    """The face's box grown by `margin` times its size, twice as much below, and kept inside the picture."""
    left, top, width, height = face
    grown_left, grown_top = max(round(left - margin * width), 0), max(round(top - margin * height), 0)
    right = min(round(left + width + margin * width), rgb.shape[1])
    bottom = min(round(top + height + 2 * margin * height), rgb.shape[0])
    return grown_left, grown_top, max(right - grown_left, 1), max(bottom - grown_top, 1)


def jpeg(rgb: Picture, limit: int = MAX_PICTURE_BYTES) -> tuple[bytes, float]:
    """The picture as a JPEG of at most `limit` bytes, and the factor by which its sides had to be made smaller."""
    scale = 1.0
    while True:
        bgr = cv2.cvtColor(_scaled(rgb, scale), cv2.COLOR_RGB2BGR)
        for quality in _QUALITIES:
            encoded = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
            if len(encoded) <= limit:
                return encoded, scale
        scale *= _SMALLER


def _image(
    rgb: Picture, area: Box, faces: Sequence[Face], taken_at: int, shows: Literal["frame", "crop"], limit: int
) -> Image:
    encoded, scale = jpeg(rgb, limit)
    return Image(
        id=new_id(),
        taken_at=taken_at,
        image_string=base64.b64encode(encoded).decode("ascii"),
        shows=shows,
        faces=tuple(_resized(face, scale) for face in faces),
        area=area,
    )


def cut(rgb: Picture, area: Box) -> Picture:
    """This part of the picture, as an array of its own."""
    left, top, width, height = area
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


def _moved(face: Face, area: Box) -> Face:
    if face.box is None:
        return face
    left, top, width, height = face.box
    return Face(face.confidence, (left - area[0], top - area[1], width, height))


def _resized(face: Face, scale: float) -> Face:
    if face.box is None or scale == 1.0:
        return face
    left, top, width, height = (round(side * scale) for side in face.box)
    return Face(face.confidence, (left, top, width, height))


def _scaled(rgb: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return rgb
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
