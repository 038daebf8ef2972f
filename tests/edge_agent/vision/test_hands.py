from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_agent.messages import Box
from edge_agent.vision.files import ModelsUnavailable
from edge_agent.vision.hands import HandDetector
from edge_agent.vision.search import Picture
from tests.edge_agent.vision.photographs import blank, hand, moved, overlap, paste, scaled, turned

HAND = (130, 258, 240, 280)
"""The fist in its photograph, without the arm; landmarks lie inside of the skin, so the boxes found are smaller."""


@pytest.fixture(scope="module")
def detector(models: Path) -> HandDetector:
    return HandDetector(models)


@pytest.fixture(scope="module")
def fist() -> Picture:
    return hand("fist")


def labels(detector: HandDetector, picture: Picture) -> list[str]:
    return [found.label for found in detector.detect(picture)]


def test_a_fist(detector: HandDetector, fist: Picture) -> None:
    (found,) = detector.detect(fist)
    assert found.label == "fist"
    assert found.confidence > 0.9
    assert overlap(found.box, HAND) > 0.5


def test_left_and_right_hands_are_alike(detector: HandDetector, fist: Picture) -> None:
    assert labels(detector, fist[:, ::-1]) == ["fist"]


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_fist_is_one_however_it_is_turned(detector: HandDetector, fist: Picture, quarter_turns: int) -> None:
    assert labels(detector, np.rot90(fist, quarter_turns)) == ["fist"]


def test_a_pointing_finger_is_no_gesture(detector: HandDetector) -> None:
    assert labels(detector, hand("pointing")) == []


@pytest.mark.parametrize("degrees", [-35, -20, 15])
def test_a_hand_may_lean(detector: HandDetector, fist: Picture, degrees: float) -> None:
    assert labels(detector, turned(fist, degrees)) == ["fist"]


@pytest.mark.parametrize("factor", [1, 0.6, 0.3])
def test_a_hand_in_a_wide_frame_at_its_place(detector: HandDetector, fist: Picture, factor: float) -> None:
    frame = paste(blank(), scaled(fist, factor), 700, 20)
    (found,) = detector.detect(frame)
    assert found.label == "fist"
    assert overlap(found.box, moved(HAND, factor, 700, 20)) > 0.3


def test_two_hands(detector: HandDetector, fist: Picture) -> None:
    frame = paste(paste(blank(), fist, 100, 50), fist[:, ::-1], 700, 50)
    assert labels(detector, frame) == ["fist", "fist"]


def test_two_hands_that_touch_vote_for_nothing(detector: HandDetector, fist: Picture) -> None:
    apart = paste(paste(blank(), fist, 100, 50), fist[:, ::-1], 700, 50)
    touching = paste(paste(blank(), fist, 100, 50), fist[:, ::-1][:, 105:], 468, 50)
    assert labels(detector, apart) == ["fist", "fist"]
    assert labels(detector, touching) == []


FACES: list[Box] = [(200, 180, 48, 58), (900, 180, 48, 58)]
"""Two faces at 3 m."""


def test_a_hand_of_somebody_three_metres_away_is_found_and_known_as_theirs(
    detector: HandDetector, fist: Picture
) -> None:
    small = scaled(fist, 0.16)
    frame = paste(blank(), small, 950, 250)
    (found,) = detector.detect_around(frame, FACES)
    assert (found.label, found.face) == ("fist", 1)
    assert overlap(found.box, moved(HAND, 0.16, 950, 250)) > 0.3


def test_a_hand_that_two_squares_show_is_one(detector: HandDetector, fist: Picture) -> None:
    frame = paste(blank(), scaled(fist, 0.16), 250, 250)
    (found,) = detector.detect_around(frame, [FACES[0], (330, 180, 48, 58)])
    assert found.label == "fist"


def test_a_hand_out_of_everybody_s_reach_is_nobody_s(detector: HandDetector, fist: Picture) -> None:
    frame = paste(blank(), scaled(fist, 0.16), 550, 250)
    assert detector.detect_around(frame, FACES) == ()


@pytest.mark.parametrize("picture", [data.astronaut, data.coffee, data.chelsea, data.rocket])
def test_no_gesture_where_there_is_none(detector: HandDetector, picture: object) -> None:
    assert callable(picture)
    assert detector.detect(picture()) == ()


def test_the_threshold_is_obeyed(models: Path) -> None:
    half_a_fist = hand("bent-finger")
    assert labels(HandDetector(models, threshold=0.5), half_a_fist) == ["fist"]
    assert labels(HandDetector(models, threshold=0.7), half_a_fist) == []


def test_what_is_no_picture_is_refused(detector: HandDetector) -> None:
    with pytest.raises(ValueError, match="a picture is height × width × 3"):
        detector.detect(np.zeros((10, 10), np.uint8))


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelsUnavailable, match=r"hand_landmarker\.task is not in .*python -m edge_agent"):
        HandDetector(tmp_path)
