from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_agent.messages import Box, Labelled
from edge_agent.vision.files import OBJECT_LABELS, OBJECTS, ModelsUnavailable
from edge_agent.vision.objects import LABELS, ObjectDetector, anchors, decode
from edge_agent.vision.search import Picture
from tests.edge_agent.vision.photographs import blank, grace_hopper, hand, moved, overlap, paste, scaled

CUP: Box = (173, 18, 237, 290)
"""The cup in skimage's photograph of a coffee, with its handle, without the saucer."""


@pytest.fixture(scope="module")
def detector(models: Path) -> ObjectDetector:
    return ObjectDetector(models)


def only(found: tuple[Labelled, ...], label: str) -> list[Labelled]:
    return [thing for thing in found if thing.label == label]


def test_the_cup_of_a_coffee(detector: ObjectDetector) -> None:
    (found,) = detector.detect(data.coffee())
    assert found.label == "cup"
    assert found.confidence > 0.5
    assert overlap(found.box, CUP) > 0.8


def test_the_box_shows_the_cup(detector: ObjectDetector) -> None:
    (found,) = detector.detect(data.coffee())
    assert found.box is not None
    left, top, width, height = found.box
    without = data.coffee().copy()
    without[top : top + height, left : left + width] = (120, 70, 40)
    assert only(detector.detect(without), "cup") == []


@pytest.mark.parametrize(("factor", "left", "top"), [(0.9, 60, 300), (0.6, 900, 40), (0.6, 20, 20), (0.4, 500, 500)])
@pytest.mark.parametrize("ground", [data.rocket, data.chelsea])
def test_a_cup_in_a_wide_frame_at_its_place(
    detector: ObjectDetector, ground: object, factor: float, left: int, top: int
) -> None:
    assert callable(ground)
    behind = scaled(ground(), 3)[:720, :1280]
    frame = paste(behind, scaled(data.coffee(), factor), left, top)
    (cup,) = only(detector.detect(frame), "cup")
    assert overlap(cup.box, moved(CUP, factor, left, top)) > 0.5


def test_a_cup_in_a_tall_frame_at_its_place(detector: ObjectDetector) -> None:
    frame = paste(np.ascontiguousarray(blank().transpose(1, 0, 2)), scaled(data.coffee(), 0.6), 300, 850)
    (cup,) = only(detector.detect(frame), "cup")
    assert overlap(cup.box, moved(CUP, 0.6, 300, 850)) > 0.6


FACE_AT_A_METRE_AND_A_HALF: Box = (600, 120, 94, 116)
MUG = 0.5
"""Height of a mug over that of a face."""


def with_mug(left: int, top: int) -> Picture:
    """A frame with a mug at its true size beside that face, before a photograph."""
    mug = data.coffee()[10:310, 165:415]
    factor = MUG * FACE_AT_A_METRE_AND_A_HALF[3] / CUP[3]
    return paste(scaled(data.rocket(), 3)[:720, :1280].copy(), scaled(mug, factor), left, top)


def test_a_mug_below_the_chin_is_found_and_known_as_theirs(detector: ObjectDetector) -> None:
    frame = with_mug(620, 320)
    others: Box = (100, 120, 94, 116)
    (cup,) = detector.detect_cups_below(frame, [others, FACE_AT_A_METRE_AND_A_HALF])
    assert (cup.label, cup.face) == ("cup", 1)
    assert overlap(cup.box, (620, 320, 50, 60)) > 0.4


def test_no_mug_below_the_chin_is_none(detector: ObjectDetector) -> None:
    assert detector.detect_cups_below(with_mug(1100, 600), [FACE_AT_A_METRE_AND_A_HALF]) == ()


def test_the_cups_of_a_picture_are_those_anywhere_and_small_ones_below_chins(detector: ObjectDetector) -> None:
    frame = paste(with_mug(620, 320), scaled(data.coffee(), 0.6), 900, 300)
    cups = detector.detect_cups(frame, [FACE_AT_A_METRE_AND_A_HALF])
    assert len(cups) == 2
    assert detector.detect_cups(frame, []) == tuple(cup for cup in cups if cup.face is None)


def test_two_cups_are_two(detector: ObjectDetector) -> None:
    coffee = scaled(data.coffee(), 0.8)
    frame = paste(paste(blank(), coffee, 40, 40), coffee, 700, 380)
    assert len(only(detector.detect(frame), "cup")) == 2


def test_a_person(detector: ObjectDetector) -> None:
    (found,) = detector.detect(data.astronaut())
    assert found.label == "person"
    assert overlap(found.box, (15, 0, 390, 512)) > 0.6


@pytest.mark.parametrize(
    "picture", [data.astronaut, data.chelsea, data.rocket, data.brick, data.coins, data.page, data.retina, blank]
)
def test_no_cup_where_there_is_none(detector: ObjectDetector, picture: object) -> None:
    assert callable(picture)
    rgb = picture()
    assert only(detector.detect(rgb if rgb.ndim == 3 else np.dstack([rgb] * 3)), "cup") == []


@pytest.mark.parametrize("picture", [hand("fist"), hand("pointing"), grace_hopper()], ids=["fist", "pointing", "face"])
def test_no_cup_in_photographs_of_people(detector: ObjectDetector, picture: Picture) -> None:
    assert only(detector.detect(picture), "cup") == []


def test_the_threshold_is_obeyed(models: Path) -> None:
    assert ObjectDetector(models, threshold=0.9).detect(data.coffee()) == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (3000, 2, 3)])
def test_absurd_pictures_show_nothing(detector: ObjectDetector, shape: tuple[int, int, int]) -> None:
    assert detector.detect(np.full(shape, 200, np.uint8)) == ()


def test_what_is_no_picture_is_refused(detector: ObjectDetector) -> None:
    wrong: Picture = np.zeros((8, 8, 4), np.uint8)
    with pytest.raises(ValueError, match="a picture is height × width × 3"):
        detector.detect(wrong)


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelsUnavailable, match=r"objects\.labels\.txt is not in .*python -m edge_agent"):
        ObjectDetector(tmp_path)


def test_the_names_of_the_classes_are_the_models_own(models: Path) -> None:
    names = (models / OBJECT_LABELS).read_text("utf-8").split()
    assert set(" ".join(names).split()) >= {word for name in LABELS for word in name.split()}
    assert (models / OBJECTS).stat().st_size > 0


def test_anchors_are_those_of_the_model() -> None:
    boxes = anchors()
    assert boxes.shape == (1917, 4)
    assert boxes[0] == pytest.approx([0.5 / 19, 0.5 / 19, 0.1, 0.1])
    assert boxes[3] == pytest.approx([1.5 / 19, 0.5 / 19, 0.1, 0.1]), "cells go along the row first"
    assert boxes[-6] == pytest.approx([0.5, 0.5, 0.95, 0.95])
    assert boxes[-1] == pytest.approx([0.5, 0.5, 0.95**0.5, 0.95**0.5])
    assert ((boxes[:, :2] > 0) & (boxes[:, :2] < 1)).all()


def test_encodings_are_relative_to_their_anchor() -> None:
    anchor = np.array([[0.5, 0.4, 0.2, 0.1]], np.float32)
    assert decode(np.zeros((1, 4), np.float32), anchor)[0] == pytest.approx([0.4, 0.35, 0.2, 0.1], abs=1e-6)
    moved_right_and_twice_as_high = np.array([[0, 10, 5 * np.log(2), 0]], np.float32)
    assert decode(moved_right_and_twice_as_high, anchor)[0] == pytest.approx([0.6, 0.3, 0.2, 0.2], abs=1e-6)
