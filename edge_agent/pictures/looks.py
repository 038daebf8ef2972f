"""Keeps a few looks at the faces of a countdown, so that several frames vote before a name is spoken."""

import base64
from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.messages import MAX_LOOK_BYTES, Face, Look
from edge_agent.pictures.encoding import Picture, cut, head_and_shoulders

LOOKS = 2
"""Looks at a face beside the picture itself: three frames have a majority."""

APART_SECONDS = 0.9
"""Seconds between two looks at a face. Two frames that follow each other directly show nearly the same."""

MOST_FACES = 3
"""Faces of which looks are sent with a picture, the largest ones: with more, little room is left for the picture."""

FACE_HEIGHT = 90
"""Pixels to which a larger face is scaled down; identities are compared at that size, more or less."""

MARGIN = 0.5
"""Margin around the face, as a share of its size."""

QUALITIES = (85, 70, 50)


class LookKeeper:
    """Keeps looks at the faces of visits that are counted down, in memory only. Not thread-safe."""

    def __init__(self) -> None:
        self._looks: dict[str, deque[tuple[float, bytes]]] = {}

    def keep(self, now: float, rgb: Picture, faces: Sequence[Face]) -> None:
        """Take a look at these faces of the frame; looks at who has left are dropped. `now` is seconds."""
        here = {face.visit: face for face in faces if face.visit is not None and face.box is not None}
        self._looks = {visit: looks for visit, looks in self._looks.items() if visit in here}
        for visit, face in here.items():
            looks = self._looks.setdefault(visit, deque(maxlen=LOOKS))
            if not looks or now - looks[-1][0] >= APART_SECONDS:
                looks.append((now, _encoded(rgb, face)))

    def take(self, faces: Sequence[Face]) -> tuple[Look, ...]:
        """Return the looks at these faces, which a picture shows in this order, and drop all looks."""
        largest = sorted(range(len(faces)), key=lambda index: -_height(faces[index]))[:MOST_FACES]
        kept = [(index, look) for index in sorted(largest) for _, look in self._looks.get(faces[index].visit or "", ())]
        self.drop()
        return tuple(Look(index, base64.b64encode(look).decode("ascii")) for index, look in kept if look)

    def drop(self) -> None:
        self._looks = {}


def _encoded(rgb: Picture, face: Face) -> bytes:
    """Return the face with a margin as a JPEG; nothing where it cannot be small enough."""
    if face.box is None:
        return b""
    head = cut(rgb, head_and_shoulders(face.box, rgb, MARGIN))
    factor = min(FACE_HEIGHT / max(face.box[3], 1), 1.0)
    size = (max(round(head.shape[1] * factor), 1), max(round(head.shape[0] * factor), 1))
    small = cv2.cvtColor(np.asarray(cv2.resize(head, size, interpolation=cv2.INTER_AREA)), cv2.COLOR_RGB2BGR)
    tries = (cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, each))[1].tobytes() for each in QUALITIES)
    return next((jpeg for jpeg in tries if len(jpeg) <= MAX_LOOK_BYTES), b"")


def _height(face: Face) -> int:
    return face.box[3] if face.box is not None else 0
