"""Recognition by Amazon Rekognition. Credentials and region come from the environment, as boto3 reads them."""

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone
from PIL import Image

from edge_agent.messages import Box
from faces.recognisers.budget import charge_call
from faces.recognisers.recogniser import (
    DetectedCup,
    DetectedFace,
    Detections,
    Gallery,
    IndexedFace,
    Match,
    RecogniserUnavailable,
    UnusablePicture,
)

CUP_LABELS = ("Cup", "Coffee Cup", "Mug")
CUP_CONFIDENCE = 50.0
"""Percent; what the coffee sample asks of its labels."""

MATCH_THRESHOLD = 70.0
"""Percent; what the coffee sample asks of a face. Always passed: the service's own default is 80."""

SMALLEST_SIDE = 80
"""Pixels; Rekognition refuses smaller pictures ("Guidelines and quotas in Amazon Rekognition")."""

SAME_CUP = 0.5
"""Two boxes that share this part of their union are one cup under two labels."""

HEAD_AND_SHOULDERS = (0.75, 0.6, 0.75, 1.0)
"""How far a crop goes beyond the face to the left, above, to the right and below, in the face's own sizes."""

MOST_BYTES = 5 * 1024 * 1024
"""The largest picture that is taken as bytes ("Guidelines and quotas in Amazon Rekognition")."""

FACES_AT_ONCE = 4096
"""The most names that one call of `DeleteFaces` or `ListFaces` takes."""

_CHARGED = {"detect_labels", "detect_faces", "search_faces_by_image", "index_faces"}
"""What is paid for by the picture ("Amazon Rekognition pricing"); to forget and to list costs nothing."""

_UNUSABLE = {"InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"}
_TOO_FAST = "It goes on by itself; if this stays, ask AWS for more transactions per second."
_WHAT_TO_DO = {
    "AccessDeniedException": "Allow the platform's AWS identity the actions that docs/recognition.md names.",
    "LimitExceededException": _TOO_FAST,
    "ProvisionedThroughputExceededException": _TOO_FAST,
    "ServiceQuotaExceededException": "The collection is full; forget people whom nobody sees any more.",
    "ThrottlingException": _TOO_FAST,
}
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=15)
"""Throttling and outages of a moment are waited out, longer each time; all retries of a call end well before a task
does."""


class Rekognition:
    """A `Recogniser` that keeps each site's faces in a collection of its own, made when the first face comes."""

    name = "rekognition"
    detects_emotions = True

    def __init__(self, client: Any, *, charge: Callable[[], None] = lambda: None) -> None:
        """`charge` is called before each call that is paid for, and raises `BudgetSpent` where there may be none."""
        self._client, self._charge = client, charge

    @classmethod
    def from_environment(cls) -> "Rekognition":
        """Raises `RecogniserUnavailable` where boto3 finds no region."""
        try:
            client = boto3.client("rekognition", config=_CONFIG)
        except BotoCoreError as error:
            raise RecogniserUnavailable(f"Amazon Rekognition cannot be reached: {error}.") from error
        return cls(client, charge=lambda: charge_call(provider=cls.name, now=timezone.now()))

    def detect(self, jpeg: bytes) -> Detections:
        with _opened(jpeg) as picture:
            size, sent = picture.size, {"Bytes": _sendable(picture, jpeg)}
        labels = self._ask(
            "detect_labels",
            Image=sent,
            MinConfidence=CUP_CONFIDENCE,
            Features=["GENERAL_LABELS"],
            Settings={"GeneralLabels": {"LabelInclusionFilters": list(CUP_LABELS)}},
        )
        faces = self._ask("detect_faces", Image=sent, Attributes=["DEFAULT", "EMOTIONS"])
        found = [_face(detail, size) for detail in faces["FaceDetails"]]
        return Detections(tuple(sorted(found, key=lambda face: face.box)), tuple(_cups(labels["Labels"], size)))

    def identify(self, jpeg: bytes, faces: Sequence[Box], *, collection: str, gallery: Gallery) -> list[Match | None]:
        if gallery.is_empty:
            return [None] * len(faces)
        matches = [self._search(jpeg, face, collection) for face in faces]
        allowed = gallery.among([match.provider_id for match in matches if match])
        return [match if match and match.provider_id in allowed else None for match in matches]

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        crop, _ = _head_and_shoulders(jpeg, face)
        try:
            answer = self._index(crop, collection, note)
        except _NoCollection:
            self._make(collection)
            answer = self._index(crop, collection, note)
        if not answer["FaceRecords"]:
            reasons = [reason for one in answer.get("UnindexedFaces", []) for reason in one.get("Reasons", [])]
            raise UnusablePicture(f"Amazon Rekognition does not take this face: {', '.join(reasons) or 'none found'}.")
        return IndexedFace(answer["FaceRecords"][0]["Face"]["FaceId"])

    def find_by_notes(self, notes: Set[str], *, collection: str) -> list[str]:
        try:
            return [face["FaceId"] for face in self._pages_of_faces(collection) if face.get("ExternalImageId") in notes]
        except _NoCollection:
            return []

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        for start in range(0, len(provider_ids), FACES_AT_ONCE):
            self._forget(list(provider_ids[start : start + FACES_AT_ONCE]), collection)

    def _forget(self, ids: list[str], collection: str) -> None:
        try:
            self._ask("delete_faces", CollectionId=collection, FaceIds=ids)
            left = list(self._pages_of_faces(collection, FaceIds=ids))
        except _NoCollection:
            return
        if left:
            raise RecogniserUnavailable(f"Amazon Rekognition still has {len(left)} of {len(ids)} faces; erase again.")

    def list_faces(self, *, collection: str) -> Iterator[str]:
        try:
            yield from (face["FaceId"] for face in self._pages_of_faces(collection))
        except _NoCollection:
            return

    def _search(self, jpeg: bytes, face: Box, collection: str) -> Match | None:
        crop, expected = _head_and_shoulders(jpeg, face)
        try:
            answer = self._ask(
                "search_faces_by_image",
                CollectionId=collection,
                Image={"Bytes": crop},
                MaxFaces=1,
                FaceMatchThreshold=MATCH_THRESHOLD,
                QualityFilter="AUTO",
            )
        except (_NoCollection, UnusablePicture):
            return None  # nobody is known there yet, or the service found no face in so small a part of the picture
        searched = answer["SearchedFaceBoundingBox"]
        if not answer["FaceMatches"] or not _is_at(searched, expected):
            return None
        best = answer["FaceMatches"][0]
        return Match(best["Face"]["FaceId"], best["Similarity"] / 100)

    def _index(self, crop: bytes, collection: str, note: str) -> Any:
        return self._ask(
            "index_faces",
            CollectionId=collection,
            Image={"Bytes": crop},
            MaxFaces=1,
            QualityFilter="AUTO",
            DetectionAttributes=[],
            **({"ExternalImageId": note} if note else {}),
        )

    def _make(self, collection: str) -> None:
        with suppress(_CollectionExists):  # another worker was faster
            self._ask("create_collection", CollectionId=collection)

    def _pages_of_faces(self, collection: str, **narrowed: Any) -> Iterator[Any]:
        """The collection's faces, page by page."""
        answer = self._ask("list_faces", CollectionId=collection, **narrowed)
        yield from answer["Faces"]
        while token := answer.get("NextToken"):
            answer = self._ask("list_faces", CollectionId=collection, NextToken=token, **narrowed)
            yield from answer["Faces"]

    def _ask(self, operation: str, **request: Any) -> Any:
        """The service's answer; its errors as the recogniser's. A charged call is counted before it is made."""
        if operation in _CHARGED:
            self._charge()
        try:
            return getattr(self._client, operation)(**request)
        except ClientError as error:
            raise _refusal(operation, error.response["Error"]) from error
        except BotoCoreError as error:
            raise RecogniserUnavailable(f"Amazon Rekognition cannot be reached: {error}.") from error


class _NoCollection(Exception):
    """The site's collection is not there: nobody is known yet."""


class _CollectionExists(Exception):
    """It is there already."""


def _refusal(operation: str, error: Mapping[str, str]) -> Exception:
    code = error["Code"]
    said = f"Amazon Rekognition refused: {error.get('Message') or code} ({code})."
    if code == "ResourceNotFoundException":
        return _NoCollection(said)
    if code == "ResourceAlreadyExistsException":
        return _CollectionExists(said)
    if code in _UNUSABLE and operation in _CHARGED:  # the others send no picture
        return UnusablePicture(said)
    return RecogniserUnavailable(" ".join(filter(None, [said, _WHAT_TO_DO.get(code)])))


@contextmanager
def _opened(jpeg: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            yield picture
    except (OSError, SyntaxError) as error:
        raise UnusablePicture(f"The picture cannot be decoded: {error}.") from error


def _sendable(picture: Image.Image, jpeg: bytes = b"") -> bytes:
    """The picture as a JPEG of a size that the service takes; the one given where that does already."""
    scale = max(SMALLEST_SIDE / min(picture.size), 1)
    if jpeg and scale == 1 and len(jpeg) <= MOST_BYTES:
        return jpeg
    sent = _encoded(picture, scale)
    while len(sent) > MOST_BYTES:
        scale *= 0.9 * math.sqrt(MOST_BYTES / len(sent))
        sent = _encoded(picture, scale)
    return sent


def _encoded(picture: Image.Image, scale: float) -> bytes:
    scaled = picture.resize((math.ceil(picture.width * scale), math.ceil(picture.height * scale)))
    out = io.BytesIO()
    (picture if scale == 1 else scaled).save(out, "JPEG", quality=95)
    return out.getvalue()


def _box(share: Mapping[str, float], size: tuple[int, int]) -> Box:
    """Rekognition's shares of the picture as pixels."""
    width, height = size
    return (
        round(share["Left"] * width),
        round(share["Top"] * height),
        round(share["Width"] * width),
        round(share["Height"] * height),
    )


def _face(detail: Mapping[str, Any], size: tuple[int, int]) -> DetectedFace:
    emotions = {one["Type"].lower(): one["Confidence"] / 100 for one in detail.get("Emotions", [])}
    return DetectedFace(_box(detail["BoundingBox"], size), detail["Confidence"] / 100, emotions)


def _cups(labels: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Iterator[DetectedCup]:
    """Each cup once, though the service names it by several labels; one without a box where no label has boxes."""
    cups = [label for label in labels if label["Name"] in CUP_LABELS and label["Confidence"] >= CUP_CONFIDENCE]
    instances = [one for label in cups for one in label.get("Instances", []) if one["Confidence"] >= CUP_CONFIDENCE]
    instances.sort(key=lambda one: -one["Confidence"])
    seen: list[Box] = []
    for one in instances:
        box = _box(one["BoundingBox"], size)
        if all(_overlap(box, other) < SAME_CUP for other in seen):
            seen.append(box)
            yield DetectedCup(one["Confidence"] / 100, box)
    if cups and not seen:
        yield DetectedCup(max(label["Confidence"] for label in cups) / 100, None)


def _overlap(a: Box, b: Box) -> float:
    """Shared area as a part of the union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1)


def _head_and_shoulders(jpeg: bytes, face: Box) -> tuple[bytes, Mapping[str, float]]:
    """The part of the picture around the face, of a size that the service takes, and where in it the face is."""
    left, top, width, height = face
    with _opened(jpeg) as picture:
        x0 = max(round(left - HEAD_AND_SHOULDERS[0] * width), 0)
        y0 = max(round(top - HEAD_AND_SHOULDERS[1] * height), 0)
        x1 = min(round(left + width + HEAD_AND_SHOULDERS[2] * width), picture.width)
        y1 = min(round(top + height + HEAD_AND_SHOULDERS[3] * height), picture.height)
        if x1 <= x0 or y1 <= y0:
            raise UnusablePicture(f"The face at {face} lies outside of the picture.")
        crop = _sendable(picture.crop((x0, y0, x1, y1)))
    inside = {
        "Left": (left - x0) / (x1 - x0),
        "Top": (top - y0) / (y1 - y0),
        "Width": width / (x1 - x0),
        "Height": height / (y1 - y0),
    }
    return crop, inside


def _is_at(searched: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    """Whether the face that was searched (the crop's largest) is the one that was meant."""
    across = searched["Left"] + searched["Width"] / 2
    down = searched["Top"] + searched["Height"] / 2
    return (
        expected["Left"] <= across <= expected["Left"] + expected["Width"]
        and expected["Top"] <= down <= expected["Top"] + expected["Height"]
    )
