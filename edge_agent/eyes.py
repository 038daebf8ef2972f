"""What a frame shows: the detectors that the configuration turns on, asked in an order that keeps them cheap."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from edge_agent.config import AgentConfig
from edge_agent.messages import Box, Face, Frame, Labelled
from edge_agent.pictures.encoding import Picture

if TYPE_CHECKING:
    from edge_agent.vision.faces import FaceDetector
    from edge_agent.vision.hands import HandDetector
    from edge_agent.vision.objects import ObjectDetector

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
        seeing = (config.face_threshold, config.accuracy, config.facing_angle)
        self._faces: FaceDetector | None = self._load(_faces, config, seeing) if "faces" in on else None
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

        Where faces are looked for, gestures and cups are looked for only around people: they are a person's, and an
        empty room should cost little.
        """
        faces = self.find_faces(rgb, taken_at, expected)
        boxes = None if faces is None else [face.box for face in faces if face.box is not None]
        hands = self._start_hands(rgb, boxes, taken_at)
        objects = self._find_objects(rgb, boxes)
        self._gestures = hands.result() if hands is not None else ()
        return Frame(
            taken_at=taken_at,
            faces=faces,
            objects=objects,
            gestures=self._gestures,
            size=(rgb.shape[1], rgb.shape[0]),
        )

    def find_faces(self, rgb: Picture, taken_at: int, expected: Sequence[Box] | None = None) -> tuple[Face, ...] | None:
        """The faces alone, for a frame between two looks; None where faces are not looked for."""
        if self._faces is None:
            return None
        if not _is_within(taken_at, self._searched_at, SEARCH_MS):
            self._searched_at = taken_at
            self._known = self._faces.detect(rgb)
        else:
            known = [face.box for face in self._known if face.box is not None] if expected is None else expected
            self._known = self._faces.follow(rgb, known)
        return self._known

    def _load(self, make: Callable[[AgentConfig], Any], config: AgentConfig, settings: object) -> Any:
        key = (make, config.models, settings)
        if key not in self._loaded:
            self._loaded[key] = make(config)
        return self._loaded[key]

    def _start_hands(
        self, rgb: Picture, faces: Sequence[Box] | None, taken_at: int
    ) -> "Future[tuple[Labelled, ...]] | None":
        is_due = self._gestures or not _is_within(taken_at, self._hands_at, HANDS_MS)
        if self._hands is None or faces == [] or not is_due:
            return None
        self._hands_at = taken_at
        if faces is None:
            return self._aside.submit(self._hands.detect, rgb)
        return self._aside.submit(self._hands.detect_around, rgb, faces)

    def _find_objects(self, rgb: Picture, faces: Sequence[Box] | None) -> tuple[Labelled, ...]:
        if self._objects is None:
            return ()
        return self._objects.detect(rgb) if faces is None else self._objects.detect_cups_below(rgb, faces)


def _is_within(now: int, before: int | None, milliseconds: int) -> bool:
    """Whether so little time has passed; a clock that was set back must not keep anything away for long."""
    return before is not None and 0 <= now - before < milliseconds


def _faces(config: AgentConfig) -> "FaceDetector":
    from edge_agent.vision.faces import FaceDetector

    return FaceDetector(
        config.models,
        threshold=config.face_threshold,
        accuracy=config.accuracy,
        facing_angle=config.facing_angle,
    )


def _hands(config: AgentConfig) -> "HandDetector":
    from edge_agent.vision.hands import HandDetector

    return HandDetector(config.models, threshold=config.gesture_threshold)


def _objects(config: AgentConfig) -> "ObjectDetector":
    from edge_agent.vision.objects import ObjectDetector

    return ObjectDetector(config.models, threshold=config.object_threshold)
