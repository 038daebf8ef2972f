import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_agent.messages import Accuracy, Box
from edge_agent.vision.faces import FaceDetector
from edge_agent.vision.files import ROOT, ModelsUnavailable
from edge_agent.vision.search import Picture
from tests.edge_agent.vision.photographs import blank, grace_hopper, moved, overlap, paste, scaled

ASTRONAUT: Box = (177, 82, 95, 95)
"""Her face in skimage's portrait, forehead to chin."""

ASTRONAUT_HEAD: Box = (177, 62, 96, 118)
"""Her face in skimage's portrait, hairline to chin."""

FACE_AT_A_METRE = 174
"""Pixels from hairline to chin at one metre, in a frame 1280 pixels wide behind a lens of 70°."""

GRACE_HOPPER: Box = (175, 160, 180, 190)
"""Her face in matplotlib's portrait, forehead to chin."""


@pytest.fixture(scope="module")
def detector(models: Path) -> FaceDetector:
    return FaceDetector(models)


def test_the_face_of_a_portrait(detector: FaceDetector) -> None:
    (face,) = detector.detect(data.astronaut())
    assert face.confidence > 0.75
    assert overlap(face.box, ASTRONAUT) > 0.7


def test_a_mirrored_view_of_an_array_will_do(detector: FaceDetector) -> None:
    (face,) = detector.detect(data.astronaut()[:, ::-1])
    left, top, width, height = ASTRONAUT
    assert overlap(face.box, (512 - left - width, top, width, height)) > 0.7


@pytest.mark.parametrize("picture", [data.coffee, data.chelsea, data.rocket, blank], ids=lambda each: each.__name__)
def test_no_face_where_there_is_none(detector: FaceDetector, picture: object) -> None:
    assert callable(picture)
    assert detector.detect(picture()) == ()


def test_several_small_faces_in_a_wide_frame_each_at_its_place(detector: FaceDetector) -> None:
    places = [(30, 20), (420, 390), (760, 40), (950, 400)]
    frame = blank()
    for left, top in places:
        paste(frame, scaled(data.astronaut(), 0.6), left, top)
    found = detector.detect(frame)
    assert len(found) == len(places)
    for left, top in places:
        assert max(overlap(face.box, moved(ASTRONAUT, 0.6, left, top)) for face in found) > 0.5


def test_boxes_of_faces_at_the_border_lie_inside_the_frame(detector: FaceDetector) -> None:
    portrait = data.astronaut()
    (face,) = detector.detect(portrait[95:400, 185:480])
    assert face.box is not None
    left, top, width, height = face.box
    assert left >= 0
    assert top >= 0
    assert left + width <= 295
    assert top + height <= 305


def test_the_threshold_is_obeyed(models: Path) -> None:
    assert FaceDetector(models, threshold=0.99).detect(data.astronaut()) == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (3000, 2, 3)])
def test_absurd_pictures_show_nothing(detector: FaceDetector, shape: tuple[int, int, int]) -> None:
    assert detector.detect(np.full(shape, 200, np.uint8)) == ()


def test_what_is_no_picture_is_refused(detector: FaceDetector) -> None:
    with pytest.raises(ValueError, match="a picture is height × width × 3"):
        detector.detect(data.astronaut()[..., 0])


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelsUnavailable, match=r"python -m edge_agent\.vision\.files"):
        FaceDetector(tmp_path)


def test_another_portrait(detector: FaceDetector) -> None:
    (face,) = detector.detect(grace_hopper())
    assert overlap(face.box, GRACE_HOPPER) > 0.6


LOOK_ONCE = """
import sys
from pathlib import Path
from edge_agent.vision.faces import FaceDetector
assert "mediapipe" not in sys.modules, "importing the detector must be cheap"
from skimage import data
print(len(FaceDetector(Path(sys.argv[1])).detect(data.astronaut())))
"""


def test_a_program_that_looks_once_ends_without_a_traceback(models: Path) -> None:
    command = [sys.executable, "-c", LOOK_ONCE, str(models)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "Traceback" not in done.stderr
    assert "INFO" not in done.stderr


def at_distance(metres: float, left: int, top: int) -> tuple[Picture, Box]:
    """A frame of 1280 × 720 in which the portrait stands so far from a lens of 70°, and where its face is."""
    factor = FACE_AT_A_METRE / metres / ASTRONAUT_HEAD[3]
    frame = paste(scaled(data.rocket(), 3)[:720, :1280].copy(), scaled(data.astronaut(), factor), left, top)
    return frame, moved(ASTRONAUT_HEAD, factor, left, top)


@pytest.mark.parametrize("accuracy", ["balanced", "high"])
@pytest.mark.parametrize("metres", [1.5, 3, 5, 6, 8])
def test_a_face_is_found_from_one_and_a_half_metres_to_eight(models: Path, accuracy: Accuracy, metres: float) -> None:
    frame, truth = at_distance(metres, 700, 100)
    (face,) = FaceDetector(models, accuracy=accuracy).detect(frame)
    assert overlap(face.box, truth) > 0.5


def test_a_camera_with_more_pixels_sees_further(detector: FaceDetector) -> None:
    factor = 2 * FACE_AT_A_METRE / 10 / ASTRONAUT_HEAD[3]
    frame = paste(np.full((1440, 2560, 3), 110, np.uint8), scaled(data.astronaut(), factor), 1500, 300)
    (face,) = detector.detect(frame)
    assert overlap(face.box, moved(ASTRONAUT_HEAD, factor, 1500, 300)) > 0.5


def test_who_looks_to_the_camera_faces_it(detector: FaceDetector) -> None:
    (face,) = detector.detect(data.astronaut())
    assert face.facing
    assert face.yaw == pytest.approx(0, abs=10)


def test_the_angle_is_the_caller_s(models: Path) -> None:
    (face,) = FaceDetector(models, facing_angle=0.5).detect(grace_hopper())
    assert face.facing is False


def test_a_known_small_face_is_followed_a_step_aside(detector: FaceDetector) -> None:
    frame, before = at_distance(6, 700, 100)
    height = before[3]
    step = (before[0] - round(1.3 * height), before[1], before[2], before[3])
    assert detector.follow(frame, []) == ()
    (face,) = detector.follow(frame, [step])
    assert overlap(face.box, before) > 0.5


def test_a_known_face_is_followed_with_less_confidence_than_a_new_one_needs(models: Path) -> None:
    frame, truth = at_distance(6, 700, 100)
    (face,) = FaceDetector(models).detect(frame)
    demanding = FaceDetector(models, threshold=min(1.1 * face.confidence, 0.99))
    assert demanding.detect(frame) == ()
    assert len(demanding.follow(frame, [truth])) == 1


def test_a_camera_with_few_pixels_sees_small_faces_too(detector: FaceDetector) -> None:
    frame, truth = at_distance(8, 400, 100)
    (face,) = detector.detect(frame[:480, :640])
    assert overlap(face.box, truth) > 0.4


def test_the_quick_search_finds_near_faces_alone(detector: FaceDetector) -> None:
    near, truth = at_distance(2, 700, 100)
    (face,) = detector.detect_quickly(near)
    assert overlap(face.box, truth) > 0.5


def test_a_frame_of_many_megapixels_is_searched_too(detector: FaceDetector) -> None:
    frame = paste(np.full((6_000, 6_000, 3), 110, np.uint8), scaled(data.astronaut(), 3), 2000, 4000)
    (face,) = detector.detect(frame)
    assert overlap(face.box, moved(ASTRONAUT_HEAD, 3, 2000, 4000)) > 0.5
