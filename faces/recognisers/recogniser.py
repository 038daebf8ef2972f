"""What the platform asks of a recogniser, whichever it is.

Pictures are JPEGs that `devices.intake.pictures` has made. Boxes are whole pixels of the picture. Confidences and
similarities are 0 to 1.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from edge_agent.messages import Box


class UnusablePicture(ValueError):
    """The picture can never be recognised; one sentence says why."""


class RecogniserUnavailable(Exception):
    """The recogniser cannot answer now; one sentence says why. Trying again later may help."""


class UnknownRecogniser(RecogniserUnavailable):
    """Nobody knows this recogniser until `RECOGNISER` names it; pictures and erasures wait for that."""


class BudgetSpent(RecogniserUnavailable):
    """The month's calls are all made; nothing is wrong with the picture, which waits."""

    def __init__(self, reason: str, *, until: dt.datetime) -> None:
        super().__init__(reason)
        self.until = until
        """When the next month begins."""


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """A face, not yet anybody's."""

    box: Box
    confidence: float
    emotions: Mapping[str, float] = field(default_factory=dict)
    """Confidence by emotion ("happy"); empty where the recogniser does not look for them."""


@dataclass(frozen=True, slots=True)
class DetectedCup:
    """A cup, mug or the like."""

    confidence: float
    box: Box | None


@dataclass(frozen=True, slots=True)
class Detections:
    """What a picture shows; faces from left to right."""

    faces: tuple[DetectedFace, ...]
    cups: tuple[DetectedCup, ...]


@dataclass(frozen=True, slots=True)
class IndexedFace:
    """A face that the recogniser knows from now on, under its own name for it."""

    provider_id: str
    embedding: bytes | None = None
    """For a recogniser that keeps nothing itself: what `Gallery.nearest` compares, 128 little-endian float32."""


@dataclass(frozen=True, slots=True)
class Match:
    """The known face that is most like the one in question."""

    provider_id: str
    similarity: float


class Gallery(Protocol):
    """The faces of a site that may be matched at this moment, however many they are."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody can be matched, so that nobody need be searched for."""

    def among(self, provider_ids: Collection[str]) -> set[str]:
        """Those of these names whose faces may be matched."""

    def nearest(self, embedding: bytes, *, within: float) -> tuple[str, float] | None:
        """The name of the face with the nearest embedding, and its Euclidean distance; None if none is as near."""


class Recogniser(Protocol):
    """Finds faces and cups, and tells whose face it is.

    Every method may raise `UnusablePicture` and `RecogniserUnavailable`.
    """

    name: str
    """Written to each face it knows: only this recogniser can use it."""

    def detect(self, jpeg: bytes) -> Detections:
        """Faces and cups in the picture; nobody is searched for."""

    def identify(self, jpeg: bytes, faces: Sequence[Box], *, collection: str, gallery: Gallery) -> list[Match | None]:
        """For each face the most similar known face, or None where none is similar enough.

        `collection` is the site's name at the recogniser. A recogniser that keeps faces itself searches its own
        collection and answers only with what is also among the known.
        """

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        """Know this face of the picture from now on, and keep the note (letters, digits, at most 255) with it."""

    def find_by_notes(self, notes: Set[str], *, collection: str) -> list[str]:
        """The recogniser's names for the faces that it keeps itself under one of these notes."""

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        """Know these faces no longer; returns only when they are gone. Unknown ones are no error."""

    def list_faces(self, *, collection: str) -> Iterator[str]:
        """Its own names of all the faces that it keeps itself; none where it keeps nothing."""


def collection_of(site_id: int) -> str:
    """The name under which a site's faces are kept apart from every other site's."""
    return f"headcount-site-{site_id}"


BUILT_IN = {
    "local": "faces.recognisers.local.LocalRecogniser",
    "rekognition": "faces.recognisers.rekognition.Rekognition",
}
"""Where the recognisers are that `RECOGNISER` may call by their names alone."""


class RecogniserClass(Protocol):
    """A class of recognisers: `RECOGNISER` is its dotted path, or its name where it is built in."""

    name: str
    """As the recognisers': letters, digits, `_` and `-`, at most 20."""

    detects_emotions: bool
    """Whether its faces have emotions."""

    def from_environment(self) -> Recogniser:
        """A class method: the recogniser as this machine's environment describes it. Raises `RecogniserUnavailable`."""


def configured_recogniser() -> Recogniser:
    """The recogniser that the setting `RECOGNISER` names. Raises `RecogniserUnavailable`."""
    return recogniser_by_name(configured_class().name)


def configured_class() -> RecogniserClass:
    """The class of the recogniser that the setting `RECOGNISER` names. Raises `UnknownRecogniser`."""
    return _loaded(BUILT_IN.get(settings.RECOGNISER, settings.RECOGNISER))


def recogniser_by_name(name: str) -> Recogniser:
    """The recogniser that gave its faces this name, made once per process, when it is first needed.

    Raises `RecogniserUnavailable`; the name of a recogniser that is neither built in nor chosen is unknown.
    """
    if name in BUILT_IN:
        return _made(BUILT_IN[name])
    if configured_class().name == name:
        return _made(settings.RECOGNISER)
    raise UnknownRecogniser(
        f"Nobody knows the recogniser “{name}”: set RECOGNISER, which is “{settings.RECOGNISER}”, to its dotted path."
    )


def check_setting(**_: Any) -> list[checks.CheckMessage]:
    """A system check: whether there is the recogniser that `RECOGNISER` names."""
    try:
        configured_class()
    except UnknownRecogniser as error:
        return [checks.Error(str(error), id="faces.E001")]
    return []


@cache
def _made(path: str) -> Recogniser:
    return _loaded(path).from_environment()


def _loaded(path: str) -> RecogniserClass:
    try:
        found: RecogniserClass = import_string(path)
    except ImportError as error:
        raise UnknownRecogniser(f"RECOGNISER is “{path}”, which cannot be imported: {error}.") from error
    missing = sorted(member for member in _promised() if not hasattr(found, member))
    if missing:
        raise UnknownRecogniser(f"RECOGNISER is “{path}”, which is no recogniser: it has no {', '.join(missing)}.")
    if not _NAME.fullmatch(found.name) or BUILT_IN.get(found.name, path) != path:
        raise UnknownRecogniser(
            f"RECOGNISER is “{path}”, whose name “{found.name}” is another one's or not of at most 20 letters, digits, "
            "“_” and “-”."
        )
    return found


_NAME = re.compile(r"[\w-]{1,20}")


@cache
def _promised() -> set[str]:
    """The members of both protocols."""
    own = [{*vars(protocol), *protocol.__annotations__} for protocol in (Recogniser, RecogniserClass)]
    return {member for members in own for member in members if not member.startswith("_")}
