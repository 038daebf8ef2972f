"""The local recogniser on real photographs."""

import numpy as np
import pytest
from PIL import Image

from edge_agent.messages import Box
from faces.recognisers.local import LocalRecogniser
from faces.recognisers.recogniser import IndexedFace, Recogniser, RecogniserUnavailable, UnusablePicture
from tests.faces import scenes
from tests.faces.scripted import FixedGallery

FACE: Box = (173, 72, 100, 118)
"""Of the portrait, from the hairline to the chin."""


@pytest.fixture(scope="module")
def known(local: Recogniser) -> IndexedFace:
    """The astronaut's face."""
    jpeg = scenes.jpeg(scenes.portrait())
    return local.index(jpeg, local.detect(jpeg).faces[0].box, collection="")


def similarity(local: Recogniser, picture: scenes.Picture, known: IndexedFace) -> float:
    """Of the picture's largest face to the known one; 0 where it does not match."""
    jpeg = scenes.jpeg(picture)
    box = max((face.box for face in local.detect(jpeg).faces), key=lambda box: box[2])
    (match,) = local.identify(jpeg, [box], collection="", gallery=FixedGallery([known]))
    return match.similarity if match else 0.0


def test_faces_and_cups_have_boxes_in_the_pictures_pixels(local: Recogniser) -> None:
    detections = local.detect(scenes.jpeg(scenes.portrait_with_cup()))
    (face,), (cup,) = detections.faces, detections.cups
    assert np.hypot(face.box[0] + face.box[2] / 2 - 223, face.box[1] + face.box[3] / 2 - 131) < 20
    assert cup.box is not None
    assert cup.box[0] >= 140
    assert cup.box[1] >= 320


def test_faces_go_from_left_to_right(local: Recogniser) -> None:
    left, right = local.detect(scenes.jpeg(scenes.two_with_cups())).faces
    assert left.box[0] < 512 < right.box[0]


def test_a_cat_is_nobody(local: Recogniser) -> None:
    assert local.detect(scenes.jpeg(scenes.cat())).faces == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb: rgb[:, ::-1].copy(),
        lambda rgb: (rgb * 0.5).astype(np.uint8),
        lambda rgb: np.array(Image.fromarray(rgb).resize((384, 384))),
        lambda rgb: np.dstack([np.array(Image.fromarray(rgb).convert("L"))] * 3),
        lambda rgb: rgb[60:220, 150:300].copy(),
    ],
    ids=["mirrored", "dark", "smaller", "grey", "a crop"],
)
def test_the_same_person_is_known_in_other_pictures(local: Recogniser, known: IndexedFace, change: object) -> None:
    assert similarity(local, change(scenes.portrait()), known) > 0.6  # type: ignore[operator]


def test_embeddings_survive_the_database(local: Recogniser, known: IndexedFace) -> None:
    assert known.embedding is not None
    again = local.index(scenes.jpeg(scenes.portrait()), FACE, collection="")
    assert len(known.embedding) == len(again.embedding or b"") == 128 * 4
    assert known.provider_id != again.provider_id


def test_where_nobody_is_known_nobody_matches(local: Recogniser) -> None:
    jpeg = scenes.jpeg(scenes.portrait())
    assert local.identify(jpeg, [FACE, FACE], collection="", gallery=FixedGallery()) == [None, None]
    assert local.identify(
        jpeg, [FACE], collection="", gallery=FixedGallery([IndexedFace("of another recogniser")])
    ) == [None]


def test_what_is_no_jpeg_cannot_be_used(local: Recogniser) -> None:
    with pytest.raises(UnusablePicture, match="cannot be decoded"):
        local.detect(b"no picture")


def test_missing_models_are_said_with_a_remedy(tmp_path: object) -> None:
    with pytest.raises(RecogniserUnavailable, match="Fetch the models"):
        LocalRecogniser(tmp_path)  # type: ignore[arg-type]
