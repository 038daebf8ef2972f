"""What is looked for in which frame, with the real models on real photographs."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from edge_agent.config import AgentConfig
from edge_agent.eyes import Eyes
from edge_agent.messages import Accuracy, Settings
from edge_agent.pictures.encoding import Picture
from edge_agent.vision.files import ModelsUnavailable
from tests.edge_agent.pictures.test_encoding import ASTRONAUT_FACE
from tests.edge_agent.vision.photographs import blank, hand, moved, overlap, paste, scaled

SMALL = 0.25
"""Of the portrait's size: a face of 29 pixels in a frame of 1280 × 720, which the whole frame alone does not show."""


FAR = 0.14
"""Of the portrait's size: a face of 16 pixels, which the quick search misses."""


def small_face(left: int = 100, top: int = 300) -> Picture:
    portrait = scaled(np.asarray(data.astronaut(), np.uint8), SMALL)
    return paste(blank(), portrait, left, top)


@pytest.fixture(scope="module")
def eyes(models: Path) -> Eyes:
    return Eyes(AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces",), models=models))


def test_a_small_face_is_found_when_it_comes_and_followed_until_it_goes(eyes: Eyes) -> None:
    now = 1_000_000
    for look in range(3):
        assert eyes.look(blank(), now + 200 * look).faces == ()
    for look in range(3, 6):
        (face,) = eyes.look(small_face(), now + 200 * look).faces or ()
        assert overlap(face.box, moved(ASTRONAUT_FACE, SMALL, 100, 300)) > 0.4
    # A step aside is followed, and who has gone is not seen any more.
    (face,) = eyes.look(small_face(115, 305), now + 1_200).faces or ()
    assert overlap(face.box, moved(ASTRONAUT_FACE, SMALL, 115, 305)) > 0.4
    assert eyes.look(blank(), now + 1_400).faces == ()


def test_somebody_who_stands_still_is_followed_though_nothing_changes(eyes: Eyes) -> None:
    now = 3_000_000
    assert [len(eyes.look(small_face(), now + 200 * look).faces or ()) for look in range(12)] == [1] * 12


@pytest.mark.parametrize(("accuracy", "seconds"), [("balanced", 3.0), ("high", 0.5)])
def test_the_accuracy_says_how_soon_a_face_is_found_that_only_the_exact_search_shows(
    models: Path, accuracy: Accuracy, seconds: float
) -> None:
    eyes = Eyes(AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces",), models=models, accuracy=accuracy))
    far = paste(blank(), scaled(np.asarray(data.astronaut(), np.uint8), FAR), 400, 300)
    eyes.look(blank(), 0)
    found = [len(eyes.look(far, round(1000 * at)).faces or ()) for at in (seconds - 0.4, seconds, seconds + 0.2)]
    assert found == [0, 1, 1]


def test_a_clock_that_was_set_back_keeps_no_search_away(eyes: Eyes) -> None:
    eyes.look(blank(), 9_000_000)
    assert len(eyes.look(small_face(), 1_000).faces or ()) == 1


def test_other_thresholds_load_only_what_they_change(models: Path) -> None:
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces", "objects"), models=models)
    before = Eyes(config)
    faces, objects = before._faces, before._objects
    after = before.changed(AgentConfig(thing="t", mqtt_url="mqtt://t", models=models, object_threshold=0.5))
    assert after._faces is faces
    assert after._objects is not objects
    assert after._hands is not None
    none = after.changed(AgentConfig(thing="t", mqtt_url="mqtt://t", models=models, detectors=()))
    frame = none.look(small_face(), 0)
    assert (frame.faces, frame.objects, frame.gestures) == (None, (), ())


def test_accuracy_and_angle_are_changed_without_loading_the_other_detectors(models: Path) -> None:
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces", "objects"), models=models)
    before = Eyes(config)
    objects = before._objects
    after = before.changed(config.with_settings(Settings(accuracy="high", facing_angle=0.5)))
    assert after._objects is objects
    (face,) = after.look(small_face(), 5_000_000).faces or ()
    assert face.facing is False


def test_a_cup_is_told_of_in_each_frame_though_it_is_looked_for_in_turn(models: Path) -> None:
    eyes = Eyes(AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces", "objects"), models=models))
    frame = paste(blank(), np.asarray(data.astronaut(), np.uint8)[:300], 500, 0)
    paste(frame, scaled(np.asarray(data.coffee(), np.uint8)[10:310, 165:415], 0.3), 680, 290)
    assert [len(eyes.look(frame, 1_000_000 + 50 * look).objects) for look in range(6)] == [1] * 6


def test_a_cup_and_a_gesture_name_the_face_of_their_person(models: Path) -> None:
    eyes = Eyes(AgentConfig(thing="t", mqtt_url="mqtt://t", models=models))
    frame = paste(blank(), np.asarray(data.astronaut(), np.uint8)[:300], 500, 0)
    paste(frame, scaled(np.asarray(data.coffee(), np.uint8)[10:310, 165:415], 0.3), 680, 290)
    paste(frame, scaled(hand("fist"), 0.3), 820, 60)
    seen = eyes.look(frame, 1_000_000)
    assert [(thing.label, thing.face) for thing in (*seen.objects, *seen.gestures)] == [("cup", 0), ("fist", 0)]


def test_a_model_that_is_not_there_changes_nothing(eyes: Eyes, tmp_path: Path) -> None:
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("objects",), models=tmp_path)
    with pytest.raises(ModelsUnavailable):
        eyes.changed(config)
    assert len(eyes.look(small_face(), 77_000_000).faces or ()) == 1


def test_bodies_are_found_where_they_are_looked_for(models: Path) -> None:
    config = AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces",), models=models)
    portrait = paste(blank(), np.asarray(data.astronaut(), np.uint8), 400, 150)
    assert Eyes(config).find_bodies(portrait, 1_000_000) is None
    eyes = Eyes(config.with_settings(Settings(bodies=True)))
    ((left, top, width, height),) = eyes.find_bodies(portrait, 1_000_000) or []
    face_left, face_top, _, _ = moved(ASTRONAUT_FACE, 1.0, 400, 150)
    assert left < face_left < left + width
    assert top < face_top < top + height / 2
    assert eyes.find_bodies(blank(), 2_000_000) == []
