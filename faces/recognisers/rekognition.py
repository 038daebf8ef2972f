"""Recognition by Amazon Rekognition. boto3 reads credentials and region from the environment."""

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
"""Percent; the threshold of the coffee sample for labels."""

MATCH_THRESHOLD = 70.0
"""Percent; the threshold of the coffee sample for faces. Always sent, as the service's default is 80."""

SMALLEST_SIDE = 80
"""Pixels; Rekognition refuses pictures with a smaller side ("Guidelines and quotas in Amazon Rekognition")."""

SAME_CUP = 0.5
"""Two boxes whose intersection is at least this share of their union are one cup with two labels."""

HEAD_AND_SHOULDERS = (0.75, 0.6, 0.75, 1.0)
"""Margins of a crop around the face: left, top, right, bottom; in widths and heights of the face."""

MOST_BYTES = 5 * 1024 * 1024
"""The largest picture that a request may contain ("Guidelines and quotas in Amazon Rekognition")."""

FACES_AT_ONCE = 4096
"""The most face ids that one call of `DeleteFaces` or `ListFaces` accepts."""

_CHARGED = {"detect_labels", "detect_faces", "search_faces_by_image", "index_faces"}
"""Operations that are charged per picture ("Amazon Rekognition pricing"); deleting and listing faces is free."""

_UNUSABLE = {"InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"}
_TOO_FAST = "The call is retried; if the error persists, request more transactions per second from AWS."
_WHAT_TO_DO = {
    "AccessDeniedException": "Allow the platform's AWS identity the actions that docs/recognition.md names.",
    "LimitExceededException": _TOO_FAST,
    "ProvisionedThroughputExceededException": _TOO_FAST,
    "ServiceQuotaExceededException": "The collection is full; erase people whom no camera sees any more.",
    "ThrottlingException": _TOO_FAST,
}
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=15)
"""boto3 retries after throttling and short outages. All retries of a call end well before a task's timeout."""


class Rekognition:
    """A `Recogniser` that stores each site's faces in a collection, which it creates for the site's first face."""

    name = "rekognition"
    detects_emotions = True

    def __init__(self, client: Any, *, charge: Callable[[], None] = lambda: None) -> None:
        """`charge` is called before each charged call, and raises `BudgetSpent` if the month's limit is reached."""
        self._client, self._charge = client, charge

    @classmethod
    def from_environment(cls) -> "Rekognition":
        """Raises `RecogniserUnavailable` if boto3 finds no region."""
        try:
            client = boto3.client("rekognition", config=_CONFIG)
        except BotoCoreError as error:
            raise RecogniserUnavailable(f"Amazon Rekognition cannot be reached: {error}.") from error
        return cls(client, charge=lambda: charge_call(provider=cls.name, now=timezone.now()))

    def detect(self, jpeg: bytes) -> Detections:
        return self._detect(jpeg, ["DEFAULT"])

    def detect_with_emotions(self, jpeg: bytes) -> Detections:
        return self._detect(jpeg, ["DEFAULT", "EMOTIONS"])

    def _detect(self, jpeg: bytes, attributes: list[str]) -> Detections:
        with _opened(jpeg) as picture:
            size, sent = picture.size, {"Bytes": _sendable(picture, jpeg)}
        labels = self._call(
            "detect_labels",
            Image=sent,
            MinConfidence=CUP_CONFIDENCE,
            Features=["GENERAL_LABELS"],
            Settings={"GeneralLabels": {"LabelInclusionFilters": list(CUP_LABELS)}},
        )
        faces = self._call("detect_faces", Image=sent, Attributes=attributes)
        detected = [_face(detail, size) for detail in faces["FaceDetails"]]
        return Detections(tuple(sorted(detected, key=lambda face: face.box)), tuple(_cups(labels["Labels"], size)))

    def identify(self, jpeg: bytes, faces: Sequence[Box], *, collection: str, gallery: Gallery) -> list[Match | None]:
        if gallery.is_empty:
            return [None] * len(faces)
        matches = [self._search(jpeg, face, collection) for face in faces]
        allowed = gallery.among([match.provider_id for match in matches if match])
        return [match if match and match.provider_id in allowed else None for match in matches]

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        crop, _ = _head_and_shoulders(jpeg, face)
        try:
            response = self._index(crop, collection, note)
        except _NoCollection:
            self._make(collection)
            response = self._index(crop, collection, note)
        if not response["FaceRecords"]:
            reasons = [reason for face in response.get("UnindexedFaces", []) for reason in face.get("Reasons", [])]
            raise UnusablePicture(f"Amazon Rekognition did not index the face: {', '.join(reasons) or 'none found'}.")
        return IndexedFace(response["FaceRecords"][0]["Face"]["FaceId"])

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
            self._call("delete_faces", CollectionId=collection, FaceIds=ids)
            left = list(self._pages_of_faces(collection, FaceIds=ids))
        except _NoCollection:
            return
        if left:
            count = f"{len(left)} of {len(ids)}"
            raise RecogniserUnavailable(f"Amazon Rekognition still has {count} faces; erase the person again.")

    def list_faces(self, *, collection: str) -> Iterator[str]:
        try:
            yield from (face["FaceId"] for face in self._pages_of_faces(collection))
        except _NoCollection:
            return

    def _search(self, jpeg: bytes, face: Box, collection: str) -> Match | None:
        crop, expected = _head_and_shoulders(jpeg, face)
        try:
            response = self._call(
                "search_faces_by_image",
                CollectionId=collection,
                Image={"Bytes": crop},
                MaxFaces=1,
                FaceMatchThreshold=MATCH_THRESHOLD,
                QualityFilter="AUTO",
            )
        except (_NoCollection, UnusablePicture):
            return None  # no face is indexed at the site yet, or the service detected no face in the crop
        searched = response["SearchedFaceBoundingBox"]
        if not response["FaceMatches"] or not _is_at(searched, expected):
            return None
        best = response["FaceMatches"][0]
        return Match(best["Face"]["FaceId"], best["Similarity"] / 100)

    def _index(self, crop: bytes, collection: str, note: str) -> Any:
        return self._call(
            "index_faces",
            CollectionId=collection,
            Image={"Bytes": crop},
            MaxFaces=1,
            QualityFilter="AUTO",
            DetectionAttributes=[],
            **({"ExternalImageId": note} if note else {}),
        )

    def _make(self, collection: str) -> None:
        with suppress(_CollectionExists):  # another worker has created it meanwhile
            self._call("create_collection", CollectionId=collection)

    def _pages_of_faces(self, collection: str, **narrowed: Any) -> Iterator[Any]:
        """Yield the collection's faces; reads one page after the other."""
        response = self._call("list_faces", CollectionId=collection, **narrowed)
        yield from response["Faces"]
        while token := response.get("NextToken"):
            response = self._call("list_faces", CollectionId=collection, NextToken=token, **narrowed)
            yield from response["Faces"]

    def _call(self, operation: str, **request: Any) -> Any:
        """Return the service's response. Raises the exceptions of `recogniser`. Counts a charged call before it."""
        if operation in _CHARGED:
            self._charge()
        try:
            return getattr(self._client, operation)(**request)
        except ClientError as error:
            raise _refusal(operation, error.response["Error"]) from error
        except BotoCoreError as error:
            raise RecogniserUnavailable(f"Amazon Rekognition cannot be reached: {error}.") from error


class _NoCollection(Exception):
    """The site's collection does not exist: no face is indexed there yet."""


class _CollectionExists(Exception):
    """The collection exists already."""


def _refusal(operation: str, error: Mapping[str, str]) -> Exception:
    code = error["Code"]
    text = f"Amazon Rekognition refused: {error.get('Message') or code} ({code})."
    if code == "ResourceNotFoundException":
        return _NoCollection(text)
    if code == "ResourceAlreadyExistsException":
        return _CollectionExists(text)
    if code in _UNUSABLE and operation in _CHARGED:  # free operations send no picture
        return UnusablePicture(text)
    return RecogniserUnavailable(" ".join(filter(None, [text, _WHAT_TO_DO.get(code)])))


@contextmanager
def _opened(jpeg: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            yield picture
    except (OSError, SyntaxError) as error:
        raise UnusablePicture(f"The picture cannot be decoded: {error}.") from error


def _sendable(picture: Image.Image, jpeg: bytes = b"") -> bytes:
    """Return the picture as a JPEG of a size that the service accepts: `jpeg` itself if its size is accepted."""
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
    """Convert Rekognition's box, in shares of the picture, to pixels."""
    width, height = size
    return (
        round(share["Left"] * width),
        round(share["Top"] * height),
        round(share["Width"] * width),
        round(share["Height"] * height),
    )


def _face(detail: Mapping[str, Any], size: tuple[int, int]) -> DetectedFace:
    emotions = {emotion["Type"].lower(): emotion["Confidence"] / 100 for emotion in detail.get("Emotions", [])}
    return DetectedFace(_box(detail["BoundingBox"], size), detail["Confidence"] / 100, emotions)


def _cups(labels: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Iterator[DetectedCup]:
    """Yield each cup once, even if it has several labels. If no label has a box, yield one cup without a box."""
    cups = [label for label in labels if label["Name"] in CUP_LABELS and label["Confidence"] >= CUP_CONFIDENCE]
    instances = [cup for label in cups for cup in label.get("Instances", []) if cup["Confidence"] >= CUP_CONFIDENCE]
    instances.sort(key=lambda cup: -cup["Confidence"])
    boxes: list[Box] = []
    for cup in instances:
        box = _box(cup["BoundingBox"], size)
        if all(_overlap(box, other) < SAME_CUP for other in boxes):
            boxes.append(box)
            yield DetectedCup(cup["Confidence"] / 100, box)
    if cups and not boxes:
        yield DetectedCup(max(label["Confidence"] for label in cups) / 100, None)


def _overlap(a: Box, b: Box) -> float:
    """Return the area of the intersection divided by the area of the union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1)


def _head_and_shoulders(jpeg: bytes, face: Box) -> tuple[bytes, Mapping[str, float]]:
    """Return a crop around the face, of a size that the service accepts, and the face's box in shares of the crop."""
    left, top, width, height = face
    with _opened(jpeg) as picture:
        x0 = max(round(left - HEAD_AND_SHOULDERS[0] * width), 0)
        y0 = max(round(top - HEAD_AND_SHOULDERS[1] * height), 0)
        x1 = min(round(left + width + HEAD_AND_SHOULDERS[2] * width), picture.width)
        y1 = min(round(top + height + HEAD_AND_SHOULDERS[3] * height), picture.height)
        if x1 <= x0 or y1 <= y0:
            raise UnusablePicture(f"The face at {face} lies outside the picture.")
        crop = _sendable(picture.crop((x0, y0, x1, y1)))
    inside = {
        "Left": (left - x0) / (x1 - x0),
        "Top": (top - y0) / (y1 - y0),
        "Width": width / (x1 - x0),
        "Height": height / (y1 - y0),
    }
    return crop, inside


def _is_at(searched: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    """Whether the face that the service searched, the largest in the crop, is the expected face."""
    across = searched["Left"] + searched["Width"] / 2
    down = searched["Top"] + searched["Height"] / 2
    return (
        expected["Left"] <= across <= expected["Left"] + expected["Width"]
        and expected["Top"] <= down <= expected["Top"] + expected["Height"]
    )
