"""What every recogniser promises, asked of both: the local models, and Rekognition as the local models play it."""

from collections.abc import Iterator

import pytest

from edge_agent.messages import Box
from faces.recognisers.local import LocalRecogniser
from faces.recognisers.recogniser import Recogniser, UnusablePicture
from faces.recognisers.rekognition import Rekognition
from tests.faces import scenes
from tests.faces.scripted import FixedGallery
from tests.faces.simulated_rekognition import SimulatedRekognition

HERE = "headcount-site-1"
PORTRAIT = scenes.jpeg(scenes.portrait())
WITH_CUP = scenes.jpeg(scenes.portrait_with_cup())
MIRRORED = scenes.jpeg(scenes.portrait()[:, ::-1].copy())
SOMEBODY_ELSE = scenes.jpeg(scenes.other_portrait())


@pytest.fixture(params=["local", "rekognition"])
def recogniser(request: pytest.FixtureRequest, local: LocalRecogniser) -> Iterator[Recogniser]:
    if request.param == "local":
        yield local
        return
    with SimulatedRekognition(local) as service:
        yield Rekognition(service.client)
        service.assert_no_pending_responses()


def largest(recogniser: Recogniser, jpeg: bytes) -> Box:
    return max((face.box for face in recogniser.detect(jpeg).faces), key=lambda box: box[2] * box[3])


class TestLook:
    def test_a_face_and_a_cup_have_boxes_in_pixels_and_confidences_up_to_1(self, recogniser: Recogniser) -> None:
        detections = recogniser.detect(WITH_CUP)
        (face,), (cup,) = detections.faces, detections.cups
        assert cup.box is not None
        for box in (face.box, cup.box):
            assert all(isinstance(number, int) for number in box)
            assert 0 <= box[0] < box[0] + box[2] <= 512
            assert 0 <= box[1] < box[1] + box[3] <= 512
        assert face.box[1] + face.box[3] < cup.box[1] + cup.box[3] / 2, "she holds the cup below her face"
        assert 0.5 < face.confidence <= 1
        assert 0 < cup.confidence <= 1
        assert all(0 <= confidence <= 1 for confidence in face.emotions.values())

    def test_faces_go_from_left_to_right(self, recogniser: Recogniser) -> None:
        detections = recogniser.detect(scenes.jpeg(scenes.two_with_cups()))
        assert [face.box[0] < 512 for face in detections.faces] == [True, False]
        assert len(detections.cups) == 2

    def test_where_nobody_is_there_is_nobody(self, recogniser: Recogniser) -> None:
        assert recogniser.detect(scenes.jpeg(scenes.cat())).faces == ()

    def test_a_tiny_picture_is_no_fault(self, recogniser: Recogniser) -> None:
        assert recogniser.detect(scenes.jpeg(scenes.cat()[:40, :30].copy())).faces == ()

    def test_what_is_no_jpeg_can_never_be_used(self, recogniser: Recogniser) -> None:
        with pytest.raises(UnusablePicture, match="cannot be decoded"):
            recogniser.detect(b"no picture")


class TestIdentity:
    def test_who_was_indexed_is_found_in_another_picture(self, recogniser: Recogniser) -> None:
        face = recogniser.index(PORTRAIT, largest(recogniser, PORTRAIT), collection=HERE)
        box = largest(recogniser, MIRRORED)
        (match,) = recogniser.identify(MIRRORED, [box], collection=HERE, gallery=FixedGallery([face]))
        assert match is not None
        assert match.provider_id == face.provider_id
        assert 0 < match.similarity <= 1

    def test_matches_are_in_the_order_of_the_faces(self, recogniser: Recogniser) -> None:
        face = recogniser.index(PORTRAIT, largest(recogniser, PORTRAIT), collection=HERE)
        two = scenes.jpeg(scenes.two_with_cups())
        left, right = (one.box for one in recogniser.detect(two).faces)
        matches = recogniser.identify(two, [right, left], collection=HERE, gallery=FixedGallery([face]))
        assert [match and match.provider_id for match in matches] == [face.provider_id] * 2
        assert recogniser.identify(two, [], collection=HERE, gallery=FixedGallery([face])) == []

    def test_who_may_not_be_matched_is_nobody(self, recogniser: Recogniser) -> None:
        box = largest(recogniser, PORTRAIT)
        recogniser.index(PORTRAIT, box, collection=HERE)
        assert recogniser.identify(PORTRAIT, [box], collection=HERE, gallery=FixedGallery()) == [None]

    def test_each_indexed_face_has_a_unique_name(self, recogniser: Recogniser) -> None:
        box = largest(recogniser, PORTRAIT)
        names = [recogniser.index(PORTRAIT, box, collection=HERE).provider_id for _ in range(3)]
        assert len({*names}) == 3
        assert all(0 < len(name) <= 64 for name in names)

    def test_somebody_else_is_not_similar_enough(self, recogniser: Recogniser) -> None:
        face = recogniser.index(PORTRAIT, largest(recogniser, PORTRAIT), collection=HERE)
        for jpeg, matches in ((MIRRORED, True), (SOMEBODY_ELSE, False)):
            (match,) = recogniser.identify(
                jpeg, [largest(recogniser, jpeg)], collection=HERE, gallery=FixedGallery([face])
            )
            assert (match is not None) is matches

    def test_a_face_outside_of_the_picture_can_never_be_used(self, recogniser: Recogniser) -> None:
        with pytest.raises(UnusablePicture, match="outside"):
            recogniser.index(PORTRAIT, (2000, 2000, 100, 100), collection=HERE)


class TestForgetting:
    def test_who_is_forgotten_is_kept_nowhere(self, recogniser: Recogniser) -> None:
        box = largest(recogniser, PORTRAIT)
        faces = [recogniser.index(PORTRAIT, box, collection=HERE, note=note) for note in ("a", "b", "c")]
        *gone, stays = faces
        recogniser.forget([face.provider_id for face in gone], collection=HERE)
        kept = set(recogniser.list_faces(collection=HERE))
        assert kept <= {stays.provider_id}
        assert recogniser.find_by_notes({"a", "b"}, collection=HERE) == []
        assert set(recogniser.find_by_notes({"c"}, collection=HERE)) == kept
        (match,) = recogniser.identify(PORTRAIT, [box], collection=HERE, gallery=FixedGallery([stays]))
        assert match is not None
        assert match.provider_id == stays.provider_id

    def test_to_forget_nobody_twice_or_at_an_unknown_site_is_no_fault(self, recogniser: Recogniser) -> None:
        recogniser.forget([], collection=HERE)
        recogniser.forget(["11111111-1111-1111-1111-111111111111"], collection=HERE)
        face = recogniser.index(PORTRAIT, largest(recogniser, PORTRAIT), collection=HERE)
        for _ in range(2):
            recogniser.forget([face.provider_id], collection=HERE)
        assert list(recogniser.list_faces(collection="headcount-site-2")) == []
        assert recogniser.find_by_notes({"a"}, collection="headcount-site-2") == []


class TestRekognitionAlone:
    def test_each_site_has_a_collection_of_its_own(self, local: LocalRecogniser) -> None:
        with SimulatedRekognition(local) as service:
            rekognition = Rekognition(service.client)
            box = largest(local, PORTRAIT)
            face = rekognition.index(PORTRAIT, box, collection=HERE)
            known = FixedGallery([face])
            assert rekognition.identify(PORTRAIT, [box], collection="headcount-site-2", gallery=known) == [None]
            assert service.asked == ["index_faces", "create_collection", "index_faces", "search_faces_by_image"]

    def test_a_charged_call_is_counted_before_it_is_made(self, local: LocalRecogniser) -> None:
        charged: list[int] = []
        with SimulatedRekognition(local) as service:
            rekognition = Rekognition(service.client, charge=lambda: charged.append(len(service.asked)))
            box = largest(rekognition, PORTRAIT)
            face = rekognition.index(PORTRAIT, box, collection=HERE)
            rekognition.identify(PORTRAIT, [box], collection=HERE, gallery=FixedGallery([face]))
            rekognition.forget([face.provider_id], collection=HERE)
            list(rekognition.list_faces(collection=HERE))
            paid = [service.asked[number] for number in charged]
        assert paid == ["detect_labels", "detect_faces", "index_faces", "index_faces", "search_faces_by_image"]
