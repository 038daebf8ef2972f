from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_agent.vision.files import ModelsUnavailable
from edge_agent.vision.hands import HandDetector
from edge_agent.vision.search import Picture
from tests.edge_agent.vision.photographs import blank, moved, overlap, paste, sample, scaled, turned

THUMB = "images/thumbs-up.jpg"
HAND = (255, 92, 223, 325)
"""The hand in that photograph, without the arm."""


@pytest.fixture(scope="module")
def detector(models: Path) -> HandDetector:
    return HandDetector(models)


@pytest.fixture(scope="module")
def thumb() -> Picture:
    return sample(THUMB)


def labels(detector: HandDetector, picture: Picture) -> list[str]:
    return [found.label for found in detector.detect(picture)]


def test_a_thumb_held_up(detector: HandDetector, thumb: Picture) -> None:
    (found,) = detector.detect(thumb)
    assert found.label == "thumbs-up"
    assert found.confidence > 0.9
    assert overlap(found.box, HAND) > 0.7


def test_left_and_right_hands_are_alike(detector: HandDetector, thumb: Picture) -> None:
    assert labels(detector, thumb[:, ::-1]) == ["thumbs-up"]


def test_upside_down_is_a_thumb_held_down(detector: HandDetector, thumb: Picture) -> None:
    assert labels(detector, thumb[::-1, ::-1]) == ["thumbs-down"]
    assert labels(detector, thumb[::-1]) == ["thumbs-down"]


@pytest.mark.parametrize("quarter_turns", [1, 3])
def test_a_thumb_to_the_side_is_nothing(detector: HandDetector, thumb: Picture, quarter_turns: int) -> None:
    assert labels(detector, np.rot90(thumb, quarter_turns)) == []


@pytest.mark.parametrize("degrees", [-35, -20, 15])
def test_a_thumb_may_lean(detector: HandDetector, thumb: Picture, degrees: float) -> None:
    assert labels(detector, turned(thumb, degrees)) == ["thumbs-up"]


@pytest.mark.parametrize("factor", [0.6, 0.3])
def test_a_far_hand_in_a_wide_frame_at_its_place(detector: HandDetector, thumb: Picture, factor: float) -> None:
    frame = paste(blank(), scaled(thumb, factor), 700, 150)
    (found,) = detector.detect(frame)
    assert found.label == "thumbs-up"
    assert overlap(found.box, moved(HAND, factor, 700, 150)) > 0.6


def test_two_hands(detector: HandDetector, thumb: Picture) -> None:
    half = scaled(thumb, 0.6)
    frame = paste(paste(blank(), half, 0, 0), half[::-1], 700, 300)
    assert sorted(labels(detector, frame)) == ["thumbs-down", "thumbs-up"]


@pytest.mark.parametrize("picture", [data.astronaut, data.coffee, data.chelsea, data.rocket])
def test_no_gesture_where_there_is_none(detector: HandDetector, picture: object) -> None:
    assert callable(picture)
    assert detector.detect(picture()) == ()


def test_the_threshold_is_obeyed(models: Path, thumb: Picture) -> None:
    leaning = turned(thumb, 25)
    assert labels(HandDetector(models, threshold=0.5), leaning) == ["thumbs-up"]
    assert labels(HandDetector(models, threshold=1.0), leaning) == []


def test_what_is_no_picture_is_refused(detector: HandDetector) -> None:
    with pytest.raises(ValueError, match="a picture is height × width × 3"):
        detector.detect(np.zeros((10, 10), np.uint8))


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelsUnavailable, match=r"hand_landmarker\.task is not in .*python -m edge_agent"):
        HandDetector(tmp_path)
