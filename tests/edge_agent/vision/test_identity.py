from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from edge_agent.vision.faces import FaceDetector
from edge_agent.vision.files import FACE_POINTS, ModelsUnavailable
from edge_agent.vision.identity import SAME_PERSON, FaceEmbedder, distance
from edge_agent.vision.search import Picture
from tests.edge_agent.vision.photographs import grace_hopper, scaled


class Looker:
    """Finds the one face of a picture and embeds it, as the recogniser does."""

    def __init__(self, models: Path) -> None:
        self.detector = FaceDetector(models)
        self.embedder = FaceEmbedder(models)

    def __call__(self, picture: Picture) -> NDArray[np.float32]:
        (face,) = self.detector.detect(picture)
        assert face.box is not None
        return self.embedder.embed(picture, face.box)


@pytest.fixture(scope="module")
def look(models: Path) -> Looker:
    return Looker(models)


@pytest.fixture(scope="module")
def astronaut(look: Looker) -> NDArray[np.float32]:
    return look(data.astronaut())


def test_an_embedding_is_128_numbers_and_repeatable(look: Looker, astronaut: NDArray[np.float32]) -> None:
    assert astronaut.shape == (128,)
    assert astronaut.dtype == np.float32
    assert np.array_equal(look(data.astronaut()), astronaut)
    assert distance(astronaut, astronaut) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture[:, ::-1],
        lambda picture: cv2.convertScaleAbs(picture, alpha=1.2, beta=10),
        lambda picture: cv2.convertScaleAbs(picture, alpha=0.6),
        lambda picture: scaled(picture, 0.5),
        lambda picture: scaled(picture, 2),
        lambda picture: cv2.GaussianBlur(picture, (5, 5), 0),
    ],
    ids=["mirrored", "brighter", "darker", "smaller", "larger", "blurred"],
)
def test_another_picture_of_the_same_person(look: Looker, astronaut: NDArray[np.float32], change: object) -> None:
    assert callable(change)
    changed = look(change(data.astronaut()))
    assert 0 < distance(changed, astronaut) < SAME_PERSON


def test_two_pictures_of_one_person_and_one_of_another(look: Looker, astronaut: NDArray[np.float32]) -> None:
    one, other = look(grace_hopper()), look(grace_hopper()[:, ::-1])
    assert distance(one, other) < SAME_PERSON
    assert min(distance(one, astronaut), distance(other, astronaut)) > SAME_PERSON


@pytest.mark.parametrize("shift", [(-10, 0, 0), (0, 10, 0), (-8, -8, 16), (8, 8, -16)])
def test_the_box_need_not_be_exact(look: Looker, astronaut: NDArray[np.float32], shift: tuple[int, int, int]) -> None:
    left, top, more = shift
    embedding = look.embedder.embed(data.astronaut(), (181 + left, 57 + top, 92 + more, 116 + more))
    assert distance(embedding, astronaut) < SAME_PERSON / 2


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (0, 0, 10, -1), (512, 0, 10, 10), (-20, 5, 20, 20)])
def test_a_box_outside_the_picture_or_without_size_is_refused(look: Looker, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"is empty or outside a picture of 512 × 512 pixels"):
        look.embedder.embed(data.astronaut(), box)


def test_what_is_no_picture_is_refused(look: Looker) -> None:
    with pytest.raises(ValueError, match="a picture is height × width × 3"):
        look.embedder.embed(np.zeros((10, 10), np.uint8), (0, 0, 5, 5))


def test_missing_weights_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelsUnavailable, match=rf"{FACE_POINTS} is not in .*python -m edge_agent"):
        FaceEmbedder(tmp_path)
