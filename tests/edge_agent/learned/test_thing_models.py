"""Models of things and of a rigid thing: what does not fit is refused, and frames of any size are looked at."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent.learned import model_file, outlines, thing_features
from edge_agent.learned.model_file import BadModelFile
from edge_agent.learned.outline_model import MAX_TEST_MS, OutlineModel
from edge_agent.learned.running import RunningModels
from edge_agent.learned.seen import Seen
from edge_agent.learned.store import load
from edge_agent.learned.thing_model import MOST_FOUND, ThingModel

NUMBERS = 4 * thing_features.CHANNELS
SIZES = [(1, 1), (8, 8), (24, 25), (10, 3_000), (300, 200), (719, 1_281)]


@pytest.fixture(scope="module")
def things(models: Path) -> dict[str, Any]:
    """The arrays of a model that takes every window for a mug."""
    drawn = thing_features.network(models).features(thing_features.pattern())
    bias = np.array([0, 3], np.float32)
    sure = np.exp(bias) / np.exp(bias).sum()
    return {
        "mean": np.zeros(NUMBERS, np.float32),
        "scale": np.ones(NUMBERS, np.float32),
        "weights": np.zeros((2, NUMBERS), np.float32),
        "bias": bias,
        "aspects": np.array([0.5, 1.5], np.float32),
        "test_windows": np.ones((2, NUMBERS), np.float32),
        "test_answers": np.tile(sure, (2, 1)).astype(np.float32),
        "test_features": drawn.mean(axis=(0, 1)),
    }


@pytest.fixture(scope="module")
def plate() -> dict[str, Any]:
    """The arrays of a model that takes all surroundings for a plate."""
    return {
        "filters": np.zeros((outlines.CHANNELS, 8, 6), np.float32),
        "bias": np.array([1], np.float32),
        "overlap": np.array([0.3], np.float32),
        "doubled": np.array([1], np.int32),
        "test_scores": np.ones((36, 36), np.float32),
    }


def content(kind: Any, arrays: Mapping[str, Any], labels: tuple[str, ...]) -> bytes:
    return model_file.write(kind=kind, name="x 1", labels=labels, threshold=0.5, arrays=arrays)


@pytest.mark.parametrize("size", SIZES)
def test_frames_of_any_size_are_looked_at(
    things: dict[str, Any], plate: dict[str, Any], models: Path, size: tuple[int, int]
) -> None:
    seen = Seen(np.zeros((*size, 3), np.uint8))
    for made in (content("thing", things, ("mug",)), content("rigid", plate, ("plate",))):
        model = load(made, models)
        assert isinstance(model, ThingModel | OutlineModel)
        found = model.find(seen)
        assert len(found) <= MOST_FOUND
        assert found or min(size) < 24


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"scale": np.zeros(NUMBERS, np.float32)}, "must be greater than zero"),
        ({"aspects": np.array([900], np.float32)}, "“aspects” must have"),
        ({"weights": np.zeros((3, NUMBERS), np.float32)}, "has the shape"),
        ({"bias": np.array([np.nan, 0], np.float32)}, "what is no number"),
        ({"bias": np.array([2, 0], np.float32)}, "the model answers otherwise"),
        ({"test_features": np.full(thing_features.CHANNELS, 9, np.float32)}, "network answers otherwise"),
        ({"test_windows": np.ones((0, NUMBERS), np.float32), "test_answers": np.ones((0, 2), np.float32)}, "0 windows"),
    ],
)
def test_a_model_of_things_that_does_not_fit_is_refused(
    things: dict[str, Any], models: Path, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadModelFile, match=why):
        load(content("thing", things | changed, ("mug",)), models)


def test_without_the_detectors_network_a_model_of_things_is_refused(things: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="things cannot be looked for here"):
        load(content("thing", things, ("mug",)), tmp_path)


@pytest.mark.parametrize(
    ("changed", "labels", "why"),
    [
        ({}, ("plate", "mug"), "one label"),
        ({"filters": np.zeros((outlines.CHANNELS, 8, 90), np.float32)}, ("plate",), "3 to 40 cells a side"),
        ({"doubled": np.array([7], np.int32)}, ("plate",), "“doubled” must be"),
        ({"bias": np.array([2], np.float32)}, ("plate",), "answers otherwise"),
    ],
)
def test_a_model_of_a_rigid_thing_that_does_not_fit_is_refused(
    plate: dict[str, Any], changed: dict[str, Any], labels: tuple[str, ...], why: str
) -> None:
    with pytest.raises(BadModelFile, match=why):
        load(content("rigid", plate | changed, labels))


def test_a_box_that_is_too_slow_for_a_rigid_thing_refuses_it(
    plate: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.learned.outline_model.MAX_TEST_MS", MAX_TEST_MS / 1e6)
    with pytest.raises(BadModelFile, match="ms for a small picture"):
        load(content("rigid", plate, ("plate",)))


def test_a_model_of_things_that_fails_is_switched_off_and_the_others_go_on(
    plate: dict[str, Any], things: dict[str, Any], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: ThingModel, seen: Seen) -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(ThingModel, "find", fail)
    loaded = [("a", load(content("thing", things, ("mug",)), models)), ("b", load(content("rigid", plate, ("plate",))))]
    running = RunningModels(loaded)
    assert set(running.thing_labels) == {"mug", "plate"}
    assert running.labels == ()
    frame = np.zeros((90, 120, 3), np.uint8)
    assert {each.label for each in running._look(frame).found} == {"plate"}
    assert running.take_faults() == {"a": "the model “x 1” failed: no memory"}
    assert set(running.thing_labels) == {"plate"}
