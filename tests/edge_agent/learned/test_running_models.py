"""The models on a box: gestures beside the rules, faults, the files on the disk, and the former models."""

import time
from pathlib import Path

import numpy as np
import pytest

from edge_agent.learned import model_file
from edge_agent.learned.gesture_model import GestureModel
from edge_agent.learned.model_file import BadModelFile
from edge_agent.learned.running import SLOW_HANDS, RunningModels
from edge_agent.learned.store import ModelStore, Wanted, load
from edge_agent.vision.gestures import Gesture
from edge_agent.vision.hands import HandDetector, _found
from learning.training import gestures
from tests.edge_agent.learned.hands import hand
from tests.learning.training.test_gestures import DEFAULTS, hands

TWO = gestures.to_file(gestures.fit(hands("two"), parameters=DEFAULTS), name="two 1", threshold=0.5)
THUMB = gestures.to_file(gestures.fit(hands("thumb"), parameters=DEFAULTS), name="thumb 1", threshold=0.5)
PALM = gestures.to_file(gestures.fit(hands("palm"), parameters=DEFAULTS), name="palm 1", threshold=0.5)


def running(*contents: bytes) -> RunningModels:
    return RunningModels([(model_file.sha256(each), load(each)) for each in contents])


def wanted(content: bytes) -> Wanted:
    return Wanted(model_file.sha256(content), len(content), "a model")


def stored(store: ModelStore, content: bytes) -> str:
    store.part(wanted(content)).write_bytes(content)
    store.finish(wanted(content))
    return model_file.sha256(content)


def broken() -> bytes:
    """A model whose arrays fit together, but which answers otherwise than its self-test says."""
    file = model_file.read(THUMB)
    arrays = dict(file.arrays) | {"test_answers": np.full_like(file.arrays["test_answers"], 0.25)}
    header = file.header
    return model_file.write(
        kind=header.kind, name=header.name, labels=header.labels, threshold=header.threshold, arrays=arrays
    )


def test_a_learned_gesture_is_found_beside_the_built_in_ones() -> None:
    two = hand("two", 5)
    assert _found(two, None).label == ""
    assert _found(two, running(TWO)).label == "two"
    assert _found(hand("thumb", 5), running(TWO)).label == "thumbs-up"
    assert running(THUMB, PALM).labels == ("palm", "thumb")


def test_a_sites_own_thumb_goes_before_the_rule_where_its_model_can_compare() -> None:
    both = gestures.fit(hands("thumb", "palm"), parameters=DEFAULTS, silent=["palm"])
    compared = gestures.to_file(both, name="thumb 2", threshold=0.5)
    thumb = hand("thumb", 5)
    assert _found(thumb, None).label == "thumbs-up"
    assert _found(thumb, running(THUMB)).label == "thumbs-up"
    assert _found(thumb, running(THUMB, compared)).label == "thumb"


def test_a_model_that_knows_a_rules_label_decides_instead_of_the_rule() -> None:
    class Sceptic:
        labels = ("thumbs-up",)

        def judge(self, landmarks: object) -> Gesture | None:
            return None

    assert _found(hand("thumb", 5), Sceptic()).label == ""


def test_a_model_that_fails_is_switched_off_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    models = running(THUMB, PALM)

    def fail(self: GestureModel, landmarks: object) -> None:
        if self.header.name == "palm 1":
            raise FloatingPointError("overflow")

    monkeypatch.setattr(GestureModel, "judge", fail)
    models.judge(hand("thumb", 1))
    assert models.sha256s == (model_file.sha256(THUMB),)
    assert models.take_faults() == {model_file.sha256(PALM): "the model “palm 1” failed: overflow"}
    assert models.take_faults() == {}


def test_a_model_that_is_too_slow_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    models = running(THUMB)
    monkeypatch.setattr("edge_agent.learned.running.MAX_HAND_MS", 0.001)
    monkeypatch.setattr(GestureModel, "judge", lambda self, landmarks: time.sleep(0.0001))
    for _ in range(SLOW_HANDS):
        models.judge(hand("thumb", 1))
    assert models.labels == ()
    assert "ms for a hand" in next(iter(models.take_faults().values()))


def test_a_model_costs_less_than_a_tenth_of_a_millisecond_allowed_for_a_frame() -> None:
    assert load(THUMB).test() < 1


def test_a_model_that_answers_otherwise_than_in_training_is_refused() -> None:
    with pytest.raises(BadModelFile, match="answers otherwise here"):
        load(broken())


def test_the_store_keeps_the_models_in_use_and_those_before(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    thumb = stored(store, THUMB)
    store.use([thumb])
    palm = stored(store, PALM)
    store.use([palm])
    assert ModelStore(tmp_path / "models").running().labels == ("palm",)
    store.revert({palm: "it failed"})
    again = ModelStore(tmp_path / "models")
    assert again.running().labels == ("thumb",)
    assert again.state.refused == {palm: "it failed"}


def test_files_of_models_that_nobody_uses_any_more_are_deleted(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.use([stored(store, THUMB)])
    palm = stored(store, PALM)
    store.use([palm])
    store.use([])
    assert [path.name for path in tmp_path.glob("*.model")] == [f"{palm}.model"]


def test_a_download_of_another_content_is_refused_and_deleted(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.part(wanted(THUMB)).write_bytes(PALM)
    with pytest.raises(BadModelFile, match="not the one that the platform named"):
        store.finish(wanted(THUMB))
    assert list(tmp_path.iterdir()) == []


def test_a_model_file_that_was_damaged_on_the_disk_is_refused_and_the_former_comes_back(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    thumb = stored(store, THUMB)
    store.use([thumb])
    palm = stored(store, PALM)
    store.use([palm])
    path = tmp_path / f"{palm}.model"
    path.write_bytes(path.read_bytes()[:-100])
    assert ModelStore(tmp_path).running().labels == ("thumb",)


def test_a_damaged_state_costs_the_models_alone(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_bytes(b"{")
    assert ModelStore(tmp_path).running().labels == ()


def test_the_detector_takes_models_between_two_looks(models: Path) -> None:
    detector = HandDetector(models)
    detector.learned = running(THUMB)
    assert detector.detect(np.zeros((100, 100, 3), np.uint8)) == ()
