"""Amazon Rekognition, by botocore's Stubber, which checks each request and answer against the service's own model."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.stub import ANY, Stubber
from PIL import Image

from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import BudgetSpent, IndexedFace, Match, RecogniserUnavailable, UnusablePicture
from faces.recognisers.rekognition import CUP_LABELS, FACES_AT_ONCE, MOST_BYTES, SMALLEST_SIDE, Rekognition
from tests.faces import scenes
from tests.faces.conftest import NOON
from tests.faces.scripted import FixedGallery

JPEG = scenes.jpeg(scenes.portrait())
FACE = (174, 74, 101, 101)
COLLECTION = "headcount-site-1"
KNOWN = FixedGallery(
    [IndexedFace("11111111-1111-1111-1111-111111111111"), IndexedFace("22222222-2222-2222-2222-222222222222")]
)
ID = KNOWN[0].provider_id

LABELS_REQUEST = {
    "Image": {"Bytes": ANY},
    "MinConfidence": 50.0,
    "Features": ["GENERAL_LABELS"],
    "Settings": {"GeneralLabels": {"LabelInclusionFilters": list(CUP_LABELS)}},
}
SEARCH_REQUEST = {
    "CollectionId": COLLECTION,
    "Image": {"Bytes": ANY},
    "MaxFaces": 1,
    "FaceMatchThreshold": 70.0,
    "QualityFilter": "AUTO",
}
INDEX_REQUEST = {
    "CollectionId": COLLECTION,
    "Image": {"Bytes": ANY},
    "MaxFaces": 1,
    "QualityFilter": "AUTO",
    "DetectionAttributes": [],
}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    client = boto3.client(
        "rekognition", region_name="us-west-2", aws_access_key_id="none", aws_secret_access_key="none"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def rekognition(stub: Stubber) -> Rekognition:
    return Rekognition(stub.client)


def box(left: float, top: float, width: float, height: float) -> dict[str, float]:
    return {"Left": left, "Top": top, "Width": width, "Height": height}


def label(name: str, confidence: float, *boxes: dict[str, float]) -> dict[str, Any]:
    instances = [{"BoundingBox": one, "Confidence": confidence} for one in boxes]
    return {"Name": name, "Confidence": confidence, "Instances": instances}


def searched(*matches: tuple[str, float], at: dict[str, float] | None = None) -> dict[str, Any]:
    return {
        "SearchedFaceBoundingBox": at or box(0.3, 0.25, 0.4, 0.4),
        "FaceMatches": [{"Similarity": similarity, "Face": {"FaceId": face}} for face, similarity in matches],
    }


class TestLook:
    def detect(self, stub: Stubber, labels: list[dict[str, Any]], faces: list[dict[str, Any]]) -> Any:
        stub.add_response("detect_labels", {"Labels": labels}, LABELS_REQUEST)
        stub.add_response("detect_faces", {"FaceDetails": faces}, {"Image": {"Bytes": ANY}, "Attributes": ["DEFAULT"]})
        return Rekognition(stub.client).detect(JPEG)

    def test_emotions_are_asked_for_on_demand_only(self, stub: Stubber) -> None:
        detail = {"BoundingBox": box(0.1, 0.1, 0.2, 0.2), "Confidence": 99.0}
        asked = {"Image": {"Bytes": ANY}, "Attributes": ["DEFAULT", "EMOTIONS"]}
        stub.add_response("detect_labels", {"Labels": []}, LABELS_REQUEST)
        emotions = [{"Type": "HAPPY", "Confidence": 90.0}]
        stub.add_response("detect_faces", {"FaceDetails": [detail | {"Emotions": emotions}]}, asked)
        [face] = Rekognition(stub.client).detect_with_emotions(JPEG).faces
        assert face.emotions == {"happy": 0.9}

    def test_boxes_are_pixels_and_confidences_shares(self, stub: Stubber) -> None:
        detail = {
            "BoundingBox": box(0.25, 0.125, 0.2, 0.25),
            "Confidence": 99.0,
        }
        detections = self.detect(stub, [label("Cup", 80.0, box(0.5, 0.5, 0.25, 0.25))], [detail])
        assert [(face.box, face.confidence, face.emotions) for face in detections.faces] == [
            ((128, 64, 102, 128), 0.99, {})
        ]
        assert [(cup.box, cup.confidence) for cup in detections.cups] == [((256, 256, 128, 128), 0.8)]

    def test_faces_go_from_left_to_right(self, stub: Stubber) -> None:
        details = [{"BoundingBox": box(left, 0.1, 0.2, 0.2), "Confidence": 99.0} for left in (0.7, 0.1, 0.4)]
        assert [face.box[0] for face in self.detect(stub, [], details).faces] == [51, 205, 358]

    def test_a_cup_with_two_names_is_one_cup(self, stub: Stubber) -> None:
        here, nearly, elsewhere = box(0.5, 0.5, 0.2, 0.2), box(0.51, 0.5, 0.2, 0.2), box(0.1, 0.5, 0.2, 0.2)
        labels = [label("Cup", 80.0, here, elsewhere), label("Coffee Cup", 90.0, nearly)]
        assert len(self.detect(stub, labels, []).cups) == 2

    def test_a_cup_without_instances_has_no_box(self, stub: Stubber) -> None:
        detections = self.detect(stub, [label("Mug", 60.0), label("Cup", 70.0)], [])
        assert [(cup.box, cup.confidence) for cup in detections.cups] == [(None, 0.7)]

    def test_other_labels_are_not_cups(self, stub: Stubber) -> None:
        assert self.detect(stub, [label("Table", 99.0, box(0, 0, 1, 1))], []).cups == ()


class TestIdentify:
    def test_each_face_is_searched_by_its_own_crop(self, stub: Stubber, rekognition: Rekognition) -> None:
        stub.add_response("search_faces_by_image", searched((ID, 98.5)), SEARCH_REQUEST)
        stub.add_response("search_faces_by_image", searched(), SEARCH_REQUEST)
        matches = rekognition.identify(JPEG, [FACE, FACE], collection=COLLECTION, gallery=KNOWN)
        assert matches == [Match(ID, 0.985), None]

    def test_a_face_that_may_not_be_matched_is_nobodys(self, stub: Stubber, rekognition: Rekognition) -> None:
        stub.add_response("search_faces_by_image", searched((ID, 98.5)), SEARCH_REQUEST)
        assert rekognition.identify(JPEG, [FACE], collection=COLLECTION, gallery=FixedGallery(KNOWN[1:])) == [None]

    def test_with_an_empty_gallery_the_service_is_not_called(self, stub: Stubber, rekognition: Rekognition) -> None:
        assert rekognition.identify(JPEG, [FACE], collection=COLLECTION, gallery=FixedGallery()) == [None]

    def test_a_larger_neighbour_in_the_crop_is_not_taken_for_the_face(
        self, stub: Stubber, rekognition: Rekognition
    ) -> None:
        stub.add_response("search_faces_by_image", searched((ID, 99.0), at=box(0.8, 0.2, 0.2, 0.5)), SEARCH_REQUEST)
        assert rekognition.identify(JPEG, [FACE], collection=COLLECTION, gallery=KNOWN) == [None]

    @pytest.mark.parametrize("code", ["ResourceNotFoundException", "InvalidParameterException"])
    def test_no_collection_or_no_face_is_no_match(self, stub: Stubber, rekognition: Rekognition, code: str) -> None:
        stub.add_client_error("search_faces_by_image", code)
        assert rekognition.identify(JPEG, [FACE], collection=COLLECTION, gallery=KNOWN) == [None]

    def test_a_crop_shows_head_and_shoulders_and_is_large_enough(
        self, stub: Stubber, rekognition: Rekognition, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[bytes] = []
        search = stub.client.search_faces_by_image

        def spy(**request: Any) -> Any:
            sent.append(request["Image"]["Bytes"])
            return search(**request)

        monkeypatch.setattr(stub.client, "search_faces_by_image", spy)
        for _ in range(2):
            stub.add_response("search_faces_by_image", searched(), SEARCH_REQUEST)
        rekognition.identify(JPEG, [FACE, (500, 500, 12, 12)], collection=COLLECTION, gallery=KNOWN)
        sizes = [Image.open(BytesIO(crop)).size for crop in sent]
        assert sizes[0] == (253, 263)
        assert min(sizes[1]) == SMALLEST_SIDE


class TestIndex:
    def test_one_face_gets_a_name(self, stub: Stubber, rekognition: Rekognition) -> None:
        stub.add_response("index_faces", {"FaceRecords": [{"Face": {"FaceId": ID}}]}, INDEX_REQUEST)
        assert rekognition.index(JPEG, FACE, collection=COLLECTION) == IndexedFace(ID)

    @pytest.mark.parametrize("another_was_faster", [False, True])
    def test_a_collection_is_made_when_the_first_face_comes(
        self, stub: Stubber, rekognition: Rekognition, another_was_faster: bool
    ) -> None:
        stub.add_client_error("index_faces", "ResourceNotFoundException")
        if another_was_faster:
            stub.add_client_error("create_collection", "ResourceAlreadyExistsException")
        else:
            stub.add_response("create_collection", {"StatusCode": 200}, {"CollectionId": COLLECTION})
        stub.add_response("index_faces", {"FaceRecords": [{"Face": {"FaceId": ID}}]}, INDEX_REQUEST)
        assert rekognition.index(JPEG, FACE, collection=COLLECTION).provider_id == ID

    def test_a_face_of_poor_quality_is_refused_with_the_reason(self, stub: Stubber, rekognition: Rekognition) -> None:
        answer = {"FaceRecords": [], "UnindexedFaces": [{"Reasons": ["LOW_SHARPNESS", "EXTREME_POSE"]}]}
        stub.add_response("index_faces", answer, INDEX_REQUEST)
        with pytest.raises(UnusablePicture, match="LOW_SHARPNESS, EXTREME_POSE"):
            rekognition.index(JPEG, FACE, collection=COLLECTION)

    def test_a_box_outside_of_the_picture_is_refused(self, stub: Stubber, rekognition: Rekognition) -> None:
        with pytest.raises(UnusablePicture, match="outside"):
            rekognition.index(JPEG, (2000, 0, 10, 10), collection=COLLECTION)


class TestForget:
    REQUEST = {"CollectionId": COLLECTION, "FaceIds": [ID]}

    def test_the_faces_are_gone_when_it_returns(self, stub: Stubber, rekognition: Rekognition) -> None:
        stub.add_response("delete_faces", {"DeletedFaces": [ID]}, self.REQUEST)
        stub.add_response("list_faces", {"Faces": []}, self.REQUEST)
        rekognition.forget([ID], collection=COLLECTION)

    def test_a_face_that_stays_after_its_deletion_is_an_error(self, stub: Stubber, rekognition: Rekognition) -> None:
        stub.add_response("delete_faces", {"UnsuccessfulFaceDeletions": [{"FaceId": ID}]}, self.REQUEST)
        stub.add_response("list_faces", {"Faces": [{"FaceId": ID}]}, self.REQUEST)
        with pytest.raises(RecogniserUnavailable, match="still has 1 of 1 faces"):
            rekognition.forget([ID], collection=COLLECTION)

    def test_without_a_collection_there_is_nothing_to_forget(self, stub: Stubber, rekognition: Rekognition) -> None:
        stub.add_client_error("delete_faces", "ResourceNotFoundException")
        rekognition.forget([ID], collection=COLLECTION)

    def test_forgetting_no_faces_makes_no_call(self, stub: Stubber, rekognition: Rekognition) -> None:
        rekognition.forget([], collection=COLLECTION)


def test_a_machine_without_a_region_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(RecogniserUnavailable, match="region"):
        Rekognition.from_environment()


def test_the_setting_chooses_it(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    settings.RECOGNISER = "rekognition"
    assert recognisers.configured_recogniser().name == "rekognition"
    assert recognisers.configured_recogniser() is recognisers.configured_recogniser()


class TestListed:
    def test_all_pages_of_a_collection_are_listed(self, rekognition: Rekognition, stub: Stubber) -> None:
        request = {"CollectionId": COLLECTION}
        first, second = ({"Faces": [{"FaceId": one.provider_id}]} for one in KNOWN)
        stub.add_response("list_faces", {**first, "NextToken": "more"}, request)
        stub.add_response("list_faces", second, {**request, "NextToken": "more"})
        assert list(rekognition.list_faces(collection=COLLECTION)) == [one.provider_id for one in KNOWN]

    def test_without_a_collection_it_keeps_nothing(self, rekognition: Rekognition, stub: Stubber) -> None:
        stub.add_client_error("list_faces", "ResourceNotFoundException")
        assert list(rekognition.list_faces(collection=COLLECTION)) == []

    def test_an_outage_proves_nothing(self, rekognition: Rekognition, stub: Stubber) -> None:
        stub.add_client_error("list_faces", "ThrottlingException")
        with pytest.raises(RecogniserUnavailable):
            list(rekognition.list_faces(collection=COLLECTION))


OPERATIONS: dict[str, Callable[[Rekognition], Any]] = {
    "detect_labels": lambda asked: asked.detect(JPEG),
    "detect_faces": lambda asked: asked.detect(JPEG),
    "create_collection": lambda asked: asked.index(JPEG, FACE, collection=COLLECTION),
    "index_faces": lambda asked: asked.index(JPEG, FACE, collection=COLLECTION),
    "search_faces_by_image": lambda asked: asked.identify(JPEG, [FACE], collection=COLLECTION, gallery=KNOWN),
    "delete_faces": lambda asked: asked.forget([ID], collection=COLLECTION),
    "list_faces": lambda asked: list(asked.list_faces(collection=COLLECTION)),
}
COLLECTIONS_OWN = {"ResourceNotFoundException", "ResourceAlreadyExistsException"}
"""Tested where collections are."""


def documented() -> Iterator[tuple[str, str]]:
    """Each operation that is asked for, with each error that the service's own model names for it."""
    model = boto3.client("rekognition", region_name="us-west-2").meta.service_model
    for operation in OPERATIONS:
        name = next(name for name in model.operation_names if xform_name(name) == operation)
        for shape in model.operation_model(name).error_shapes:
            if shape.name not in COLLECTIONS_OWN:
                yield operation, shape.name


@pytest.mark.parametrize(("operation", "code"), sorted(documented()))
def test_every_documented_error_is_one_of_ours_with_the_services_words(
    stub: Stubber, rekognition: Rekognition, operation: str, code: str
) -> None:
    if operation == "detect_faces":
        stub.add_response("detect_labels", {"Labels": []}, LABELS_REQUEST)
    if operation == "create_collection":
        stub.add_client_error("index_faces", "ResourceNotFoundException")
    stub.add_client_error(operation, code, "These words.")
    about_the_picture = {"InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"}
    if operation == "search_faces_by_image" and code in about_the_picture:
        assert OPERATIONS[operation](rekognition) == [None]  # no face in so small a part of the picture
        return
    sends_a_picture = operation not in ("create_collection", "delete_faces", "list_faces")
    kind = UnusablePicture if code in about_the_picture and sends_a_picture else RecogniserUnavailable
    with pytest.raises(kind, match=rf"These words. \({code}\)"):
        OPERATIONS[operation](rekognition)


def test_a_missing_permission_is_said_with_what_to_do(stub: Stubber, rekognition: Rekognition) -> None:
    stub.add_client_error("detect_labels", "AccessDeniedException", "User is not authorized")
    with pytest.raises(RecogniserUnavailable, match=r"docs/recognition\.md"):
        rekognition.detect(JPEG)


def test_after_the_months_limit_the_service_is_not_called(stub: Stubber) -> None:
    def spent() -> None:
        raise BudgetSpent("Spent.", until=NOON)

    with pytest.raises(BudgetSpent):
        Rekognition(stub.client, charge=spent).detect(JPEG)


def test_faces_are_forgotten_as_many_at_once_as_the_service_takes(stub: Stubber, rekognition: Rekognition) -> None:
    names = [f"{number:08x}-1111-1111-1111-111111111111" for number in range(FACES_AT_ONCE + 1)]
    for some in (names[:FACES_AT_ONCE], names[FACES_AT_ONCE:]):
        stub.add_response("delete_faces", {"DeletedFaces": some}, {"CollectionId": COLLECTION, "FaceIds": some})
        stub.add_response("list_faces", {"Faces": []}, {"CollectionId": COLLECTION, "FaceIds": some})
    rekognition.forget(names, collection=COLLECTION)


@pytest.mark.parametrize("size", [(30, 50), (2600, 2600)])
def test_a_picture_that_is_too_small_or_too_large_is_sent_in_a_size_that_is_taken(
    stub: Stubber, rekognition: Rekognition, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    sent: list[bytes] = []
    detect = stub.client.detect_faces

    def spy(**request: Any) -> Any:
        sent.append(request["Image"]["Bytes"])
        return detect(**request)

    monkeypatch.setattr(stub.client, "detect_faces", spy)
    stub.add_response("detect_labels", {"Labels": []}, LABELS_REQUEST)
    stub.add_response("detect_faces", {"FaceDetails": [{"BoundingBox": box(0.5, 0.5, 0.5, 0.5), "Confidence": 99.0}]})
    (face,) = rekognition.detect(scenes.jpeg(scenes.noise(*size))).faces
    assert face.box[2:] == (size[0] // 2, size[1] // 2), "boxes are pixels of the picture as it is stored"
    assert len(sent[0]) <= MOST_BYTES
    assert min(Image.open(BytesIO(sent[0])).size) >= SMALLEST_SIDE
