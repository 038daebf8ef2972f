"""What a frame shows: the detectors that the configuration turns on, asked in an order that keeps them cheap."""

from collections.abc import Iterable

from edge_agent.config import AgentConfig
from edge_agent.messages import Box, Face, Frame, Labelled
from edge_agent.pictures import Picture, cut
from edge_agent.vision.search import Found, distinct, pixels

REACH = 5.0
"""Side of the square in which a person's things are looked for, in heights of her face: from above her head to below
her belt, an arm's length to either side. The object model sees 300 pixels a side, so in a square it sees more of a
cup than in the whole frame, in a quarter of the time that all the frame's tiles take."""

ABOVE = 0.5
"""How much of the square lies above the face, in heights of the face."""


class Eyes:
    """Looks at frames. Not thread-safe.

    Raises `vision.files.ModelsUnavailable` where a model is missing, with the command that fetches it.
    """

    def __init__(self, config: AgentConfig) -> None:
        # Each detector loads its own runtime; what is off costs neither memory nor start-up time.
        self._faces = self._hands = self._objects = None
        if "faces" in config.detectors:
            from edge_agent.vision.faces import FaceDetector

            self._faces = FaceDetector(config.models, threshold=config.face_threshold)
        if "hands" in config.detectors:
            from edge_agent.vision.hands import HandDetector

            self._hands = HandDetector(config.models)
        if "objects" in config.detectors:
            from edge_agent.vision.objects import ObjectDetector

            self._objects = ObjectDetector(config.models)

    def look(self, rgb: Picture, taken_at: int) -> Frame:
        """What this frame (RGB, height × width × 3) shows. `taken_at` is epoch milliseconds.

        Where faces are looked for, gestures are looked for only while there is one, and objects only within reach of
        one: they are a person's, and an empty room should cost little.
        """
        faces = None if self._faces is None else self._faces.detect(rgb)
        return Frame(
            taken_at=taken_at,
            faces=faces,
            objects=self._objects_of(rgb, faces),
            gestures=self._hands.detect(rgb) if self._hands and faces != () else (),
            size=(rgb.shape[1], rgb.shape[0]),
        )

    def _objects_of(self, rgb: Picture, faces: tuple[Face, ...] | None) -> tuple[Labelled, ...]:
        if self._objects is None:
            return ()
        if faces is None:
            return self._objects.detect(rgb)
        areas = {within_reach(face.box, rgb) for face in faces if face.box is not None}
        found = [moved for area in areas for moved in _moved(self._objects.detect(cut(rgb, area)), area)]
        return tuple(Labelled(thing.label, thing.confidence, pixels(thing, rgb)) for thing in distinct(found))


def within_reach(face: Box, rgb: Picture) -> Box:
    """The square around the person with this face, inside the picture."""
    left, top, width, height = face
    side = min(round(REACH * height), *rgb.shape[:2])
    square_left = min(max(round(left + width / 2 - side / 2), 0), rgb.shape[1] - side)
    square_top = min(max(round(top - ABOVE * height), 0), rgb.shape[0] - side)
    return square_left, square_top, side, side


def _moved(things: Iterable[Labelled], area: Box) -> Iterable[Found]:
    """The things found in a part of the frame, in the frame's own pixels."""
    return (Found(thing.confidence, *thing.box, thing.label).moved(area[0], area[1]) for thing in things if thing.box)
