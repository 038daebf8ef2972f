"""What a frame shows: the detectors that the configuration turns on, asked in an order that keeps them cheap."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from edge_agent.config import AgentConfig
from edge_agent.messages import Box, Face, Frame, Labelled
from edge_agent.pictures.encoding import Picture, cut
from edge_agent.vision.search import Found, distinct, pixels

if TYPE_CHECKING:
    from edge_agent.vision.faces import FaceDetector
    from edge_agent.vision.hands import HandDetector
    from edge_agent.vision.objects import ObjectDetector

REACH = 5.0
"""Side of the square in which a person's things are looked for, in heights of her face: from above her head to below
her belt, an arm's length to either side. The object model sees 300 pixels a side, so in a square it sees more of a
cup than in the whole frame, in a quarter of the time that all the frame's tiles take."""

ABOVE = 0.5
"""How much of the square lies above the face, in heights of the face."""


SEARCH_MS = 330
"""After this long the whole frame is searched for small faces again; between, only the known ones are followed. At the
default cadence, with six looks a second, every second look searches. With every third, a tenth of the people who only
glance at the display would be missed (`make bench-visits`)."""

HANDS_MS = 200
"""While no hand makes a gesture, hands are looked for this often: they cost more than all the rest. A cadence of up to
five frames a second looks at each of its frames."""


class Eyes:
    """Looks at frames. Not thread-safe. What `before`, eyes that are not used any more, has loaded is taken over.

    Raises `vision.files.ModelsUnavailable` where a model is missing, with the command that fetches it.
    """

    def __init__(self, config: AgentConfig, before: "Eyes | None" = None) -> None:
        self._loaded: dict[Any, Any] = {} if before is None else before._loaded
        self._aside: ThreadPoolExecutor = ThreadPoolExecutor(1, "hands") if before is None else before._aside
        # Each detector loads its own runtime; what is off costs neither memory nor start-up time.
        on = config.detectors
        self._faces: FaceDetector | None = self._load(_faces, config, config.face_threshold) if "faces" in on else None
        self._hands: HandDetector | None = (
            self._load(_hands, config, config.gesture_threshold) if "hands" in on else None
        )
        self._objects: ObjectDetector | None = (
            self._load(_objects, config, config.object_threshold) if "objects" in on else None
        )
        used = {id(self._faces), id(self._hands), id(self._objects)}
        self._loaded = {key: detector for key, detector in self._loaded.items() if id(detector) in used}
        self._known: tuple[Face, ...] = ()
        self._searched_at: int | None = None
        self._gestures: tuple[Labelled, ...] = ()
        self._hands_at: int | None = None

    def changed(self, config: AgentConfig) -> "Eyes":
        """Eyes for another configuration, which load only what is new. These ones must not be used any more."""
        return Eyes(config, self)

    def look(self, rgb: Picture, taken_at: int, expected: Sequence[Box] | None = None) -> Frame:
        """What this frame (RGB, height × width × 3) shows. `taken_at` is epoch milliseconds.

        `expected` is where to look for the known faces, if not where the last look found them.

        Where faces are looked for, gestures are looked for only while there is one, and objects only within reach of
        one: they are a person's, and an empty room should cost little.
        """
        # Whoever was there a moment ago is probably still there: her hands need not wait for her face.
        early = self._start_hands(rgb, taken_at) if self._known or self._faces is None else None
        faces = None if self._faces is None else self._find(self._faces, rgb, taken_at, expected)
        late = self._start_hands(rgb, taken_at) if early is None and faces else None
        objects = self._objects_of(rgb, faces)
        seen = early or late
        self._gestures = seen.result() if seen is not None and faces != () else ()
        return Frame(
            taken_at=taken_at,
            faces=faces,
            objects=objects,
            gestures=self._gestures,
            size=(rgb.shape[1], rgb.shape[0]),
        )

    def find_faces(self, rgb: Picture, taken_at: int, expected: Sequence[Box] | None = None) -> tuple[Face, ...] | None:
        """The faces alone, for a frame between two looks; None where faces are not looked for."""
        return None if self._faces is None else self._find(self._faces, rgb, taken_at, expected)

    def _load(self, make: Callable[[AgentConfig], Any], config: AgentConfig, threshold: float) -> Any:
        key = (make, config.models, threshold)
        if key not in self._loaded:
            self._loaded[key] = make(config)
        return self._loaded[key]

    def _find(
        self, detector: "FaceDetector", rgb: Picture, taken_at: int, expected: Sequence[Box] | None
    ) -> tuple[Face, ...]:
        if not _is_within(taken_at, self._searched_at, SEARCH_MS):
            self._searched_at = taken_at
            self._known = detector.detect(rgb)
        else:
            known = [face.box for face in self._known if face.box is not None] if expected is None else expected
            self._known = detector.follow(rgb, known)
        return self._known

    def _start_hands(self, rgb: Picture, taken_at: int) -> "Future[tuple[Labelled, ...]] | None":
        is_due = self._gestures or not _is_within(taken_at, self._hands_at, HANDS_MS)
        if self._hands is None or not is_due:
            return None
        self._hands_at = taken_at
        return self._aside.submit(self._hands.detect, rgb)

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


def _is_within(now: int, before: int | None, milliseconds: int) -> bool:
    """Whether so little time has passed; a clock that was set back must not keep anything away for long."""
    return before is not None and 0 <= now - before < milliseconds


def _moved(things: Iterable[Labelled], area: Box) -> Iterable[Found]:
    """The things found in a part of the frame, in the frame's own pixels."""
    return (Found(thing.confidence, *thing.box, thing.label).moved(area[0], area[1]) for thing in things if thing.box)


def _faces(config: AgentConfig) -> "FaceDetector":
    from edge_agent.vision.faces import FaceDetector

    return FaceDetector(config.models, threshold=config.face_threshold)


def _hands(config: AgentConfig) -> "HandDetector":
    from edge_agent.vision.hands import HandDetector

    return HandDetector(config.models, threshold=config.gesture_threshold)


def _objects(config: AgentConfig) -> "ObjectDetector":
    from edge_agent.vision.objects import ObjectDetector

    return ObjectDetector(config.models, threshold=config.object_threshold)
