"""What a frame shows: the detectors that the configuration turns on, asked in an order that keeps them cheap."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from edge_agent.config import AgentConfig
from edge_agent.messages import Accuracy, Box, Face, Frame, Labelled
from edge_agent.pictures.encoding import Picture
from edge_agent.vision.gestures import GESTURES, LearnedGestures
from edge_agent.vision.reach import MAX_PEOPLE, held_cups
from edge_agent.vision.search import PEOPLE_TILE, TILE, Found
from edge_agent.vision.search_plan import PERIOD, UNCHANGED, SearchPlan
from edge_agent.vision.turns import Turns

if TYPE_CHECKING:
    from edge_agent.vision.faces import FaceDetector
    from edge_agent.vision.hands import HandDetector
    from edge_agent.vision.objects import ObjectDetector

EXACTLY: dict[Accuracy, tuple[float, float]] = {"balanced": (3.0, 10.0), "high": (PERIOD, UNCHANGED)}
"""Seconds between two exact searches for faces where something changes, and where nothing does."""

CUP, PERSON = "cup", "person"
"""The labels of `vision.objects`; around people, only cups are looked for."""

BODIES_PERIOD = 0.4
"""Seconds between two searches for bodies, which are larger than faces and followed with fewer looks."""

HANDS_PER_SECOND = 6.0
"""Around so many people hands are looked for in a second, and in each published frame around who makes a gesture."""

CUPS_PER_SECOND = 4.0
"""Below so many chins cups are looked for in a second. A cup that was found stays until its person's next turn."""

NEAR_ENOUGH_FOR_HANDS, NEAR_ENOUGH_FOR_CUPS = 30, 44
"""Pixels of the shortest face around which hands and cups are looked for: 6 and 4 m in a frame 1280 pixels wide behind
a lens of 70°. Of people further away, nothing is found."""


class LearnedModels(LearnedGestures, Protocol):
    """Trained models; `edge_agent.learned.running` has the real ones."""

    @property
    def thing_labels(self) -> Collection[str]:
        """The labels of things on which the models decide instead of the object detector."""

    def find_things(self, rgb: Picture, at: float, period: float) -> tuple[Labelled, ...]:
        """Return the things of the latest look; look at this frame of `at` seconds if one is due. Frames come each
        `period` seconds."""


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
        self._people: ObjectDetector | None = (
            self._load(_objects, config, config.object_threshold) if config.bodies and "faces" in on else None
        )
        used = {id(self._faces), id(self._hands), id(self._objects), id(self._people)}
        self._loaded = {key: detector for key, detector in self._loaded.items() if id(detector) in used}
        self._known: tuple[Face, ...] = ()
        self._plan = SearchPlan(TILE)
        period, unchanged = EXACTLY[config.accuracy]
        self._exact_plan = SearchPlan(TILE, together=True, period=period, unchanged=unchanged)
        # All parts at once, so that a body that two of them show is found once.
        self._people_plan = SearchPlan(PEOPLE_TILE, whole=True, period=BODIES_PERIOD, at_once=True)
        self._hand_turns = Turns(HANDS_PER_SECOND, MAX_PEOPLE, again=True)
        self._cup_turns = Turns(CUPS_PER_SECOND, MAX_PEOPLE)
        self._period = 1 / config.cadence
        self._learned: LearnedModels | None = None
        self.learn(None if before is None else before._learned)

    def learn(self, models: LearnedModels | None) -> None:
        """Let these trained models judge hands and find things from the next look on, also after other settings."""
        self._learned = models
        if self._hands is not None:
            self._hands.learned = models

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of gestures and objects that these eyes look for."""
        labels = {*GESTURES, *(self._learned.labels if self._learned else ())} if self._hands else set()
        if self._objects is not None:
            labels |= {CUP} if self._faces else {CUP, PERSON}
        labels |= {*(self._learned.thing_labels if self._learned else ())}
        return tuple(sorted(labels))

    def changed(self, config: AgentConfig) -> "Eyes":
        """Return eyes for another configuration, which load only new models. These eyes must not be used any more."""
        return Eyes(config, self)

    def look(self, rgb: Picture, taken_at: int, expected: Sequence[Box] | None = None) -> Frame:
        """Return what this frame (RGB, height × width × 3) shows. `taken_at` is epoch milliseconds.

        `expected` is where to look for the known faces, if not where the last look found them.

        Where faces are looked for, gestures and cups are looked for only around people: they are a person's, and an
        empty room should cost little.
        """
        faces = self.find_faces(rgb, taken_at, expected)
        boxes = None if faces is None else [face.box for face in faces if face.box is not None]
        hands = self._start_hands(rgb, boxes, taken_at / 1000)
        objects = self._find_objects(rgb, boxes, taken_at / 1000)
        if self._learned is not None:
            known = self._learned.thing_labels
            objects = tuple(each for each in objects if each.label not in known)
            objects += self._learned.find_things(rgb, taken_at / 1000, self._period)
        return Frame(
            taken_at=taken_at,
            faces=faces,
            objects=objects,
            gestures=hands(),
            size=(rgb.shape[1], rgb.shape[0]),
        )

    def find_faces(self, rgb: Picture, taken_at: int, expected: Sequence[Box] | None = None) -> tuple[Face, ...] | None:
        """The faces alone, for a frame between two looks; None where faces are not looked for."""
        if self._faces is None:
            return None
        known = [face.box for face in self._known if face.box is not None] if expected is None else expected
        quickly, exactly = (plan.due(rgb, taken_at / 1000) for plan in (self._plan, self._exact_plan))
        self._known = self._faces.follow(rgb, known, quickly, exactly)
        return self._known

    def find_bodies(self, rgb: Picture, taken_at: int) -> list[Box] | None:
        """The bodies in those parts of the frame that are due; None where bodies are not looked for."""
        if self._people is None:
            return None
        return self._people.find_people(rgb, self._people_plan.due(rgb, taken_at / 1000))

    def _load(self, make: Callable[[AgentConfig], Any], config: AgentConfig, settings: object) -> Any:
        key = (make, config.models, settings)
        if key not in self._loaded:
            self._loaded[key] = make(config)
        return self._loaded[key]

    def _start_hands(self, rgb: Picture, faces: Sequence[Box] | None, at: float) -> Callable[[], tuple[Labelled, ...]]:
        """Look for hands aside, where somebody's turn is due; return what waits for the gestures."""
        whole = (0, 0, rgb.shape[1], rgb.shape[0])
        near = [whole] if faces is None else [face for face in faces if face[3] >= NEAR_ENOUGH_FOR_HANDS]
        turns = self._hand_turns.choose(at, near) if self._hands is not None else []
        if self._hands is None or not turns:
            return tuple
        if faces is None:
            looking = self._aside.submit(self._hands.detect, rgb)
        else:
            looking = self._aside.submit(self._hands.detect_around, rgb, faces, [near[turn] for turn in turns])

        def finish() -> tuple[Labelled, ...]:
            gestures = looking.result()
            for turn in turns:
                made = (hand for hand in gestures if hand.face is None or (faces and faces[hand.face] == near[turn]))
                self._hand_turns.keep(turn, [Found(hand.confidence, *hand.box) for hand in made if hand.box])
            return gestures

        return finish

    def _find_objects(self, rgb: Picture, faces: Sequence[Box] | None, at: float) -> tuple[Labelled, ...]:
        if self._objects is None:
            return ()
        if faces is None:
            return self._objects.detect(rgb)
        near = [face for face in faces if face[3] >= NEAR_ENOUGH_FOR_CUPS]
        for turn in self._cup_turns.choose(at, near):
            self._cup_turns.keep(turn, self._objects.look_below(rgb, near[turn]))
        return held_cups([cup for turn in range(len(near)) for cup in self._cup_turns.found(turn)], rgb, faces)


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
