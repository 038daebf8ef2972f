"""Recognition by Amazon Rekognition. Credentials and region come from the environment, as boto3 reads them."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from edge_agent.messages import Box
from faces.recogniser import Indexed, Match, RecogniserUnavailable, Seen, SeenCup, SeenFace, UnusablePicture

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

_UNUSABLE = {"InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"}
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=15)
"""Short enough that all retries of a call end well before a task's time does."""


class Rekognition:
    """A `Recogniser` that keeps each site's faces in a collection of its own, made when the first face comes."""

    name = "rekognition"

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def from_environment(cls) -> "Rekognition":
        """Raises `RecogniserUnavailable` where boto3 finds no region."""
        with _translated():
            return cls(boto3.client("rekognition", config=_CONFIG))

    def look(self, jpeg: bytes) -> Seen:
        with _translated():
            labels = self._client.detect_labels(
                Image={"Bytes": jpeg},
                MinConfidence=CUP_CONFIDENCE,
                Features=["GENERAL_LABELS"],
                Settings={"GeneralLabels": {"LabelInclusionFilters": list(CUP_LABELS)}},
            )
            faces = self._client.detect_faces(Image={"Bytes": jpeg}, Attributes=["DEFAULT", "EMOTIONS"])
        size = _size(jpeg)
        found = [_face(detail, size) for detail in faces["FaceDetails"]]
        return Seen(tuple(sorted(found, key=lambda face: face.box)), tuple(_cups(labels["Labels"], size)))

    def identify(
        self, jpeg: bytes, faces: Sequence[Box], *, collection: str, known: Sequence[Indexed]
    ) -> list[Match | None]:
        allowed = {face.provider_id for face in known}
        if not allowed:
            return [None] * len(faces)
        matches = (self._search(jpeg, face, collection) for face in faces)
        return [match if match and match.provider_id in allowed else None for match in matches]

    def index(self, jpeg: bytes, face: Box, *, collection: str) -> Indexed:
        crop, _ = _head_and_shoulders(jpeg, face)
        try:
            answer = self._index(crop, collection)
        except self._client.exceptions.ResourceNotFoundException:
            self._make(collection)
            answer = self._index(crop, collection)
        if not answer["FaceRecords"]:
            reasons = [reason for one in answer.get("UnindexedFaces", []) for reason in one.get("Reasons", [])]
            raise UnusablePicture(f"Amazon Rekognition does not take this face: {', '.join(reasons) or 'none found'}.")
        return Indexed(answer["FaceRecords"][0]["Face"]["FaceId"])

    def forget(self, provider_ids: Sequence[str], *, collection: str) -> None:
        if not provider_ids:
            return
        ids = list(provider_ids)
        try:
            with _translated():
                self._client.delete_faces(CollectionId=collection, FaceIds=ids)
                left = self._client.list_faces(CollectionId=collection, FaceIds=ids)["Faces"]
        except self._client.exceptions.ResourceNotFoundException:
            return
        if left:
            raise RecogniserUnavailable(f"Amazon Rekognition still has {len(left)} of {len(ids)} faces; erase again.")

    def _search(self, jpeg: bytes, face: Box, collection: str) -> Match | None:
        crop, expected = _head_and_shoulders(jpeg, face)
        try:
            with _translated():
                answer = self._client.search_faces_by_image(
                    CollectionId=collection,
                    Image={"Bytes": crop},
                    MaxFaces=1,
                    FaceMatchThreshold=MATCH_THRESHOLD,
                    QualityFilter="AUTO",
                )
        except self._client.exceptions.ResourceNotFoundException:
            return None
        except UnusablePicture:
            return None  # in so small a part of the picture the service found no face
        searched = answer["SearchedFaceBoundingBox"]
        if not answer["FaceMatches"] or not _is_at(searched, expected):
            return None
        best = answer["FaceMatches"][0]
        return Match(best["Face"]["FaceId"], best["Similarity"] / 100)

    def _index(self, crop: bytes, collection: str) -> Any:
        with _translated():
            return self._client.index_faces(
                CollectionId=collection,
                Image={"Bytes": crop},
                MaxFaces=1,
                QualityFilter="AUTO",
                DetectionAttributes=[],
            )

    def _make(self, collection: str) -> None:
        try:
            with _translated():
                self._client.create_collection(CollectionId=collection)
        except self._client.exceptions.ResourceAlreadyExistsException:
            pass  # another worker was faster


@contextmanager
def _translated() -> Iterator[None]:
    """The service's errors as the recogniser's; a missing or an existing collection is left to the caller."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("ResourceNotFoundException", "ResourceAlreadyExistsException"):
            raise
        kind = UnusablePicture if code in _UNUSABLE else RecogniserUnavailable
        raise kind(f"Amazon Rekognition refused: {error.response['Error'].get('Message') or code} ({code}).") from error
    except BotoCoreError as error:
        raise RecogniserUnavailable(f"Amazon Rekognition cannot be reached: {error}.") from error


def _size(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return picture.size


def _box(share: Mapping[str, float], size: tuple[int, int]) -> Box:
    """Rekognition's shares of the picture as pixels."""
    width, height = size
    return (
        round(share["Left"] * width),
        round(share["Top"] * height),
        round(share["Width"] * width),
        round(share["Height"] * height),
    )


def _face(detail: Mapping[str, Any], size: tuple[int, int]) -> SeenFace:
    emotions = {one["Type"].lower(): one["Confidence"] / 100 for one in detail.get("Emotions", [])}
    return SeenFace(_box(detail["BoundingBox"], size), detail["Confidence"] / 100, emotions)


def _cups(labels: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Iterator[SeenCup]:
    """Each cup once, though the service names it by several labels; one without a box where no label has boxes."""
    cups = [label for label in labels if label["Name"] in CUP_LABELS and label["Confidence"] >= CUP_CONFIDENCE]
    instances = [one for label in cups for one in label.get("Instances", []) if one["Confidence"] >= CUP_CONFIDENCE]
    instances.sort(key=lambda one: -one["Confidence"])
    seen: list[Box] = []
    for one in instances:
        box = _box(one["BoundingBox"], size)
        if all(_overlap(box, other) < SAME_CUP for other in seen):
            seen.append(box)
            yield SeenCup(one["Confidence"] / 100, box)
    if cups and not seen:
        yield SeenCup(max(label["Confidence"] for label in cups) / 100, None)


def _overlap(a: Box, b: Box) -> float:
    """Shared area as a part of the union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1)


def _head_and_shoulders(jpeg: bytes, face: Box) -> tuple[bytes, Mapping[str, float]]:
    """The part of the picture around the face, at least `SMALLEST_SIDE` a side, and where in it the face is."""
    left, top, width, height = face
    with Image.open(io.BytesIO(jpeg)) as picture:
        x0 = max(round(left - HEAD_AND_SHOULDERS[0] * width), 0)
        y0 = max(round(top - HEAD_AND_SHOULDERS[1] * height), 0)
        x1 = min(round(left + width + HEAD_AND_SHOULDERS[2] * width), picture.width)
        y1 = min(round(top + height + HEAD_AND_SHOULDERS[3] * height), picture.height)
        if x1 <= x0 or y1 <= y0:
            raise UnusablePicture(f"The face at {face} lies outside of the picture.")
        crop = picture.crop((x0, y0, x1, y1))
    scale = max(SMALLEST_SIDE / min(crop.size), 1)
    crop = crop.resize((round(crop.width * scale), round(crop.height * scale))) if scale > 1 else crop
    out = io.BytesIO()
    crop.save(out, "JPEG", quality=95)
    inside = {
        "Left": (left - x0) / (x1 - x0),
        "Top": (top - y0) / (y1 - y0),
        "Width": width / (x1 - x0),
        "Height": height / (y1 - y0),
    }
    return out.getvalue(), inside


def _is_at(searched: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    """Whether the face that was searched (the crop's largest) is the one that was meant."""
    across = searched["Left"] + searched["Width"] / 2
    down = searched["Top"] + searched["Height"] / 2
    return (
        expected["Left"] <= across <= expected["Left"] + expected["Width"]
        and expected["Top"] <= down <= expected["Top"] + expected["Height"]
    )
