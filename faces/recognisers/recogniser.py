"""The interface of all recognisers.

Pictures are JPEGs from `devices.reading.pictures`. Boxes are whole pixels of the picture. Confidences and
similarities are 0 to 1.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, runtime_checkable

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from edge_agent.messages import Box


class UnusablePicture(ValueError):
    """The picture can never be recognised. The text is one sentence with the reason."""


class RecogniserUnavailable(Exception):
    """The recogniser cannot be used now; a later attempt may succeed. The text is one sentence with the reason."""


class UnknownRecogniser(RecogniserUnavailable):
    """The recogniser is neither built in nor configured. Pictures and erasures wait until `RECOGNISER` names it."""


class BudgetSpent(RecogniserUnavailable):
    """The month's limit of calls is reached. The picture waits for the next month."""

    def __init__(self, reason: str, *, until: dt.datetime) -> None:
        super().__init__(reason)
        self.until = until
        """The start of the next month, UTC."""


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """A detected face, not identified yet."""

    box: Box
    confidence: float
    emotions: Mapping[str, float] = field(default_factory=dict)
    """Confidence by emotion (such as "happy"); empty unless `detect_with_emotions` was asked."""


@dataclass(frozen=True, slots=True)
class DetectedCup:
    """A detected cup or mug."""

    confidence: float
    box: Box | None


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces and cups that a recogniser detected in a picture; faces from left to right."""

    faces: tuple[DetectedFace, ...]
    cups: tuple[DetectedCup, ...]


@dataclass(frozen=True, slots=True)
class IndexedFace:
    """A face that the recogniser can match from now on, with the recogniser's name for it."""

    provider_id: str
    embedding: bytes | None = None
    """128 little-endian float32 for `Gallery.nearest`; None if the recogniser stores its faces itself."""


@dataclass(frozen=True, slots=True)
class Match:
    """The enrolled face that is most similar to a detected face."""

    provider_id: str
    similarity: float


class Gallery(Protocol):
    """The faces of a site that may be matched at this moment."""

    @property
    def is_empty(self) -> bool:
        """Whether no face may be matched, so that no search is needed."""

    def among(self, provider_ids: Collection[str]) -> set[str]:
        """Return the subset of these names whose faces may be matched."""

    def nearest(self, embedding: bytes, *, within: float) -> tuple[str, float] | None:
        """Return the name of the nearest face and its Euclidean distance; None if no distance is below `within`."""


class Recogniser(Protocol):
    """Detects faces and cups, and identifies faces.

    Every method may raise `UnusablePicture` and `RecogniserUnavailable`.
    """

    name: str
    """Stored with each of its faces, as only the recogniser of this name can use the face."""

    def detect(self, jpeg: bytes) -> Detections:
        """Return the faces and cups in the picture; identify nobody."""

    def identify(self, jpeg: bytes, faces: Sequence[Box], *, collection: str, gallery: Gallery) -> list[Match | None]:
        """Return for each face the most similar enrolled face, or None if none is similar enough.

        `collection` is the site's name at the recogniser. A recogniser that stores faces itself searches its own
        collection, and returns only matches that are also in the gallery.
        """

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        """Make this face of the picture matchable, and store the note (at most 255 letters and digits) with it."""

    def find_by_notes(self, notes: Set[str], *, collection: str) -> list[str]:
        """Return the names of the faces that the recogniser stores itself with one of these notes."""

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        """Delete these faces; return only when they are gone. An unknown name is no error."""

    def list_faces(self, *, collection: str) -> Iterator[str]:
        """Yield the names of all faces that the recogniser stores itself."""


def collection_of(site_id: int) -> str:
    """Return the name of the site's collection, which separates its faces from those of other sites."""
    return f"headcount-site-{site_id}"


BUILT_IN = {
    "local": "faces.recognisers.local.LocalRecogniser",
    "rekognition": "faces.recognisers.rekognition.Rekognition",
}
"""Dotted paths of the recognisers that `RECOGNISER` may name without their path."""


@runtime_checkable
class ReadsExpressions(Protocol):
    """A recogniser that also guesses the emotions of faces; asked only where an owner has confirmed it."""

    def detect_with_emotions(self, jpeg: bytes) -> Detections:
        """Return what `Recogniser.detect` returns, with the emotions of each face."""


class RecogniserClass(Protocol):
    """A class of recognisers. `RECOGNISER` is its dotted path, or its name if it is built in."""

    name: str
    """The name of its recognisers: at most 20 letters, digits, `_` and `-`."""

    detects_emotions: bool
    """Whether it is a `ReadsExpressions`."""

    def from_environment(self) -> Recogniser:
        """A class method: return a recogniser that is configured by the environment. Raises `RecogniserUnavailable`."""


def configured_recogniser() -> Recogniser:
    """Return the recogniser that the setting `RECOGNISER` names. Raises `RecogniserUnavailable`."""
    return recogniser_by_name(configured_class().name)


def configured_class() -> RecogniserClass:
    """Return the class of the recogniser that the setting `RECOGNISER` names. Raises `UnknownRecogniser`."""
    return _loaded(BUILT_IN.get(settings.RECOGNISER, settings.RECOGNISER))


def recogniser_by_name(name: str) -> Recogniser:
    """Return the recogniser of this name, built in or configured; each process makes it once.

    Raises `UnknownRecogniser` for another name, and `RecogniserUnavailable`.
    """
    if name in BUILT_IN:
        return _made(BUILT_IN[name])
    if configured_class().name == name:
        return _made(settings.RECOGNISER)
    raise UnknownRecogniser(
        f"The recogniser “{name}” is unknown: set RECOGNISER, which is “{settings.RECOGNISER}”, to its dotted path."
    )


def check_setting(**_: Any) -> list[checks.CheckMessage]:
    """A system check: whether `RECOGNISER` names a recogniser."""
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
        loaded: RecogniserClass = import_string(path)
    except ImportError as error:
        raise UnknownRecogniser(f"RECOGNISER is “{path}”, which cannot be imported: {error}.") from error
    missing = sorted(member for member in _required_members() if not hasattr(loaded, member))
    if missing:
        raise UnknownRecogniser(f"RECOGNISER is “{path}”, which is not a recogniser: it has no {', '.join(missing)}.")
    if not _NAME.fullmatch(loaded.name) or BUILT_IN.get(loaded.name, path) != path:
        raise UnknownRecogniser(
            f"RECOGNISER is “{path}”, whose name “{loaded.name}” is taken or has not 1 to 20 letters, digits, “_” "
            "and “-”."
        )
    return loaded


_NAME = re.compile(r"[\w-]{1,20}")


@cache
def _required_members() -> set[str]:
    """The names of the public members of both protocols."""
    own = [{*vars(protocol), *protocol.__annotations__} for protocol in (Recogniser, RecogniserClass)]
    return {member for members in own for member in members if not member.startswith("_")}
