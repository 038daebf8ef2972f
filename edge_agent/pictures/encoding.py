"""Encodes the pictures that are sent: whole frames or head-and-shoulders crops, as JPEGs that fit into a message."""

import base64
from collections.abc import Sequence
from typing import Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.messages import MAX_PICTURE_BYTES, Box, Face, Image, Labelled, Look, new_id

Picture = NDArray[np.uint8]

_QUALITIES = (90, 80, 70, 60)
"""JPEG qualities that are tried before the picture is scaled down; below 60 faces show block artefacts."""

LOOK_OVERHEAD = 48
"""Bytes of a message that each look takes beside its picture."""

BOX_BYTES = 160
"""Bytes of a picture that one detection of a picture for training takes the place of in a message."""

_SCALE_STEP = 0.8
"""Factor for width and height where no quality made the picture small enough."""


def use_one_thread_for_pictures() -> None:
    """Turn off OpenCV's worker threads: while they wait for the next picture, they take more time than they save.

    To copy a frame of 1280 × 720 takes 0.1 ms of processor time; the waiting workers take 0.2 ms meanwhile.
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
    looks: Sequence[Look] = (),
) -> tuple[Image, ...]:
    """Return the messages with this frame's picture: one with the whole frame, or one crop per face that has a box.

    `rgb` is height × width × 3, RGB, `uint8`; `taken_at` is epoch milliseconds. Boxes of `faces` are pixels of the
    frame; boxes in a message are pixels of the sent picture. A crop's message contains only the face of that crop.
    `limit` is the largest JPEG in bytes; above the default the message may be too large for MQTT. `looks` are looks at
    these faces; the picture leaves room for them.
    """
    if shows == "frame":
        whole = (0, 0, rgb.shape[1], rgb.shape[0])
        return (_image(rgb, whole, faces, taken_at, shows, limit, looks),)
    return tuple(
        _image(cut(rgb, area), area, (_moved(face, area),), taken_at, shows, limit, _looks_at(index, looks))
        for index, face in enumerate(faces)
        if face.box is not None
        for area in [head_and_shoulders(face.box, rgb, crop_margin)]
    )


def training_image(rgb: Picture, found: Sequence[Labelled], *, taken_at: int) -> Image:
    """Return the message with the whole frame, to train with, and what was found in it.

    `rgb` and `taken_at` are as for `images`; the boxes of `found` are pixels of the frame.
    """
    encoded, scale = jpeg(rgb, MAX_PICTURE_BYTES - BOX_BYTES * len(found))
    return Image(
        id=new_id(),
        taken_at=taken_at,
        image_string=base64.b64encode(encoded).decode("ascii"),
        area=(0, 0, rgb.shape[1], rgb.shape[0]),
        training=tuple(
            Labelled(each.label, each.confidence, _scaled_box(each.box, scale))
            for each in found
            if each.box is not None
        ),
    )


def head_and_shoulders(face: Box, rgb: Picture, margin: float) -> Box:
    """Return the face's box, widened on each side by `margin` times its size (twice at the bottom), and clipped."""
    left, top, width, height = face
    grown_left, grown_top = max(round(left - margin * width), 0), max(round(top - margin * height), 0)
    right = min(round(left + width + margin * width), rgb.shape[1])
    bottom = min(round(top + height + 2 * margin * height), rgb.shape[0])
    return grown_left, grown_top, max(right - grown_left, 1), max(bottom - grown_top, 1)


def jpeg(rgb: Picture, limit: int = MAX_PICTURE_BYTES) -> tuple[bytes, float]:
    """Return the picture as a JPEG of at most `limit` bytes, and the factor by which its sides were scaled."""
    scale = 1.0
    while True:
        bgr = cv2.cvtColor(_scaled(rgb, scale), cv2.COLOR_RGB2BGR)
        for quality in _QUALITIES:
            encoded = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
            if len(encoded) <= limit:
                return encoded, scale
        scale *= _SCALE_STEP


def _image(
    rgb: Picture,
    area: Box,
    faces: Sequence[Face],
    taken_at: int,
    shows: Literal["frame", "crop"],
    limit: int,
    looks: Sequence[Look],
) -> Image:
    encoded, scale = jpeg(rgb, limit - sum(len(look.image_string) * 3 // 4 + LOOK_OVERHEAD for look in looks))
    return Image(
        id=new_id(),
        taken_at=taken_at,
        image_string=base64.b64encode(encoded).decode("ascii"),
        shows=shows,
        faces=tuple(_resized(face, scale) for face in faces),
        area=area,
        looks=tuple(looks),
    )


def _looks_at(face: int, looks: Sequence[Look]) -> list[Look]:
    """Return the looks at this face, for a picture that shows it alone."""
    return [Look(0, look.image_string) for look in looks if look.face == face]


def cut(rgb: Picture, area: Box) -> Picture:
    """Return a copy of this area (left, top, width, height) of the picture."""
    left, top, width, height = area
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


def _moved(face: Face, area: Box) -> Face:
    if face.box is None:
        return face
    left, top, width, height = face.box
    return msgspec.structs.replace(face, box=(left - area[0], top - area[1], width, height))


def _resized(face: Face, scale: float) -> Face:
    if face.box is None or scale == 1.0:
        return face
    return msgspec.structs.replace(face, box=_scaled_box(face.box, scale))


def _scaled_box(box: Box, scale: float) -> Box:
    left, top, width, height = (round(side * scale) for side in box)
    return left, top, width, height


def _scaled(rgb: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return rgb
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
