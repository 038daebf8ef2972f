"""Amazon Rekognition, simulated by the local models behind botocore's Stubber.

Stubber validates every request and response against the service's model, so that both have the real shapes.
"""

import io
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import boto3
import numpy as np
from botocore import xform_name
from botocore.stub import Stubber
from numpy.typing import NDArray
from PIL import Image

from edge_agent.messages import Box
from edge_agent.vision.identity import SAME_PERSON
from faces.recognisers.local import LocalRecogniser
from faces.recognisers.recogniser import Detections

Vector = NDArray[np.float32]

LARGEST_BYTES = 5_242_880
SMALLEST_SIDE = 80
"""The service's own limits, as documented."""

FACES_A_PAGE = 2
"""So few that lists of faces have several pages."""


class Refused(Exception):
    """The service answers with this error code."""


class SimulatedRekognition(Stubber):  # type: ignore[misc]
    """Behind a client of its own; `asked` are the operations in the order they came."""

    def __init__(self, local: LocalRecogniser) -> None:
        super().__init__(
            boto3.client("rekognition", region_name="us-west-2", aws_access_key_id="none", aws_secret_access_key="none")
        )
        self._local = local
        self._collections: dict[str, dict[str, tuple[Vector, str]]] = {}
        self.asked: list[str] = []

    def _assert_expected_params(self, model: Any, params: dict[str, Any], context: Any, **kwargs: Any) -> None:
        operation = xform_name(model.name)
        self.asked.append(operation)
        try:
            self.add_response(operation, getattr(self, f"_{operation}")(**params), params)
        except Refused as refused:
            self.add_client_error(operation, str(refused), expected_params=params)
        super()._assert_expected_params(model, params, context, **kwargs)

    def _detect_labels(self, Image: Mapping[str, bytes], MinConfidence: float, **_: Any) -> dict[str, Any]:
        jpeg, size = _checked(Image)
        cups = _look(self._local, jpeg).cups
        cups = tuple(cup for cup in cups if cup.confidence * 100 >= MinConfidence)
        instances = [
            {"BoundingBox": _share(cup.box, size), "Confidence": cup.confidence * 100} for cup in cups if cup.box
        ]
        if not cups:
            return {"Labels": []}
        surest = max(cup.confidence for cup in cups) * 100
        return {"Labels": [{"Name": "Cup", "Confidence": surest, "Instances": instances}]}

    def _detect_faces(self, Image: Mapping[str, bytes], Attributes: Sequence[str] = (), **_: Any) -> dict[str, Any]:
        jpeg, size = _checked(Image)
        faces = _look(self._local, jpeg).faces
        return {
            "FaceDetails": [
                {
                    "BoundingBox": _share(face.box, size),
                    "Confidence": face.confidence * 100,
                    **({"Emotions": [{"Type": "CALM", "Confidence": 90.0}]} if "EMOTIONS" in Attributes else {}),
                }
                for face in reversed(faces)
            ]
        }

    def _search_faces_by_image(
        self,
        CollectionId: str,
        Image: Mapping[str, bytes],
        FaceMatchThreshold: float = 80.0,
        **_: Any,
    ) -> dict[str, Any]:
        kept = self._collection(CollectionId)
        jpeg, size = _checked(Image)
        box, embedding = self._largest(jpeg)
        similar = sorted(((_similarity(embedding, other), face) for face, (other, _) in kept.items()), reverse=True)
        matches = [
            {"Similarity": similarity, "Face": {"FaceId": face}}
            for similarity, face in similar
            if similarity >= FaceMatchThreshold
        ]
        return {"SearchedFaceBoundingBox": _share(box, size), "FaceMatches": matches[:1]}

    def _index_faces(
        self,
        CollectionId: str,
        Image: Mapping[str, bytes],
        MaxFaces: int,
        ExternalImageId: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        assert MaxFaces == 1, "everybody in the picture would get one name"
        kept = self._collection(CollectionId)
        jpeg, _size = _checked(Image)
        try:
            _box, embedding = self._largest(jpeg)
        except Refused:
            return {"FaceRecords": [], "UnindexedFaces": []}
        face = str(uuid.uuid4())
        kept[face] = (embedding, ExternalImageId)
        return {"FaceRecords": [{"Face": {"FaceId": face}}]}

    def _create_collection(self, CollectionId: str) -> dict[str, Any]:
        if CollectionId in self._collections:
            raise Refused("ResourceAlreadyExistsException")
        self._collections[CollectionId] = {}
        return {"StatusCode": 200}

    def _delete_faces(self, CollectionId: str, FaceIds: list[str]) -> dict[str, Any]:
        kept = self._collection(CollectionId)
        known = [face for face in FaceIds if kept.pop(face, None)]
        unknown = [{"FaceId": face, "Reasons": ["FACE_NOT_FOUND"]} for face in FaceIds if face not in known]
        return ({"DeletedFaces": known} if known else {}) | ({"UnsuccessfulFaceDeletions": unknown} if unknown else {})

    def _list_faces(
        self,
        CollectionId: str,
        FaceIds: list[str] | None = None,
        NextToken: str = "0",
        **_: Any,
    ) -> dict[str, Any]:
        kept = self._collection(CollectionId)
        faces = [
            {"FaceId": face, **({"ExternalImageId": note} if note else {})}
            for face, (_embedding, note) in kept.items()
            if FaceIds is None or face in FaceIds
        ]
        start = int(NextToken)
        more = {"NextToken": str(start + FACES_A_PAGE)} if len(faces) > start + FACES_A_PAGE else {}
        return {"Faces": faces[start : start + FACES_A_PAGE], **more}

    def _collection(self, name: str) -> dict[str, tuple[Vector, str]]:
        if name not in self._collections:
            raise Refused("ResourceNotFoundException")
        return self._collections[name]

    def _largest(self, jpeg: bytes) -> tuple[Box, Vector]:
        boxes = [face.box for face in _look(self._local, jpeg).faces]
        if not boxes:
            raise Refused("InvalidParameterException")
        box = max(boxes, key=lambda box: box[2] * box[3])
        return box, _embedding(self._local, jpeg, box)


@cache
def _look(local: LocalRecogniser, jpeg: bytes) -> Detections:
    """Once for each picture, as many tests show the same ones."""
    return local.detect(jpeg)


@cache
def _embedding(local: LocalRecogniser, jpeg: bytes, box: Box) -> Vector:
    return np.frombuffer(local.index(jpeg, box, collection="").embedding or b"", "<f4")


def _checked(image: Mapping[str, bytes]) -> tuple[bytes, tuple[int, int]]:
    data = image["Bytes"]
    if len(data) > LARGEST_BYTES:
        raise Refused("ImageTooLargeException")
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as picture:
            size = picture.size
    except OSError:
        raise Refused("InvalidImageFormatException") from None
    if min(size) < SMALLEST_SIDE:
        raise Refused("InvalidParameterException")
    return data, size


def _share(box: Box, size: tuple[int, int]) -> dict[str, float]:
    left, top, width, height = box
    return {
        "Left": left / size[0],
        "Top": top / size[1],
        "Width": width / size[0],
        "Height": height / size[1],
    }


def _similarity(one: Vector, other: Vector) -> float:
    """Percent: 70, which the coffee sample asks for, where the local models begin to take two for one person."""
    return max(100 - 30 * float(np.linalg.norm(one - other)) / SAME_PERSON, 0)
