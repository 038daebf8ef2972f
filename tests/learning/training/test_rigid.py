"""dlib's HOG detector, trained on a sign that is drawn into photographs."""

from pathlib import Path
from typing import Any

import dlib
import numpy as np
import pytest

from devices.models import Device, Site
from edge_agent.learned.outline_model import STEEPNESS
from learning.datasets.boxes import overlap
from learning.datasets.services import label_named
from learning.evaluating import reads
from learning.models import Annotation, DataSet, Kind, Picture, State
from learning.rollout.services import put_on
from learning.training import running
from learning.training.gestures import CannotTrain
from learning.training.parameters import RIGID, clean
from learning.training.rigid import Example, RigidDetector, _rectangle, read_dlib, to_file, train
from tests.learning.signs import PLATE, PLATE_SIDE, plates, scene, taught


@pytest.fixture
def signs(seattle: Site) -> DataSet:
    return taught("signs", plates())


@pytest.mark.django_db
def test_a_rigid_thing_is_found_in_other_recordings_and_its_model_goes_on_cameras(
    signs: DataSet, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    given = {"window": 48, "upsample": 0}
    picture = Picture.objects.earliest("pk")
    none, _ = label_named(data_set=signs, name="none")
    Annotation.objects.create(picture=picture, label=none, left=1, top=1, width=9, height=90)
    run = running.work(run_id=running.start(data_set=signs, kind=Kind.RIGID, by=None, given=given).pk)
    assert (run.state, run.reason) == (State.DONE, "")
    evaluation = reads.evaluate(run)
    assert evaluation is not None
    assert evaluation.table.expected >= 3
    assert evaluation.table.missed == 0
    assert evaluation.table.false <= 1
    assert run.curve[-1][:2] == [sum(run.trained_pictures.values()), 1.0]
    assert all(low <= found <= high for _, found, low, high in run.curve)
    assert [each.run for each in put_on(run=run, devices=[seattle01], by=None)] == [run]
    label_named(data_set=signs, name="another")
    Annotation.objects.filter(pk=Annotation.objects.order_by("pk")[0].pk).update(label=signs.labels.get(name="another"))
    failed = running.work(run_id=running.start(data_set=signs, kind=Kind.RIGID, by=None, given=given).pk)
    assert (failed.state, "learns one label" in failed.reason) == (State.FAILED, True)


def test_boxes_of_too_different_shapes_are_refused_with_a_sentence() -> None:
    rgb = np.zeros((200, 200, 3), np.uint8)
    boxes = [(0, 0, 150, 8), (20, 20, 8, 150), (50, 50, 60, 60), (5, 5, 9, 9)]
    common: dict[str, Any] = {"name": "x 1", "label": "x", "parameters": clean(RIGID, {}), "threshold": 0.5}
    with pytest.raises(CannotTrain, match="about the same shape"):
        train([Example(rgb, boxes)], **common)
    with pytest.raises(CannotTrain, match="Only 1 boxes"):
        train([Example(rgb, boxes[:1])], **common)


def test_the_model_finds_what_dlib_finds_and_as_surely(tmp_path: Path) -> None:
    scenes = plates(4)
    options = dlib.simple_object_detector_training_options()
    options.C, options.detection_window_size, options.upsample_limit = 5, PLATE_SIDE**2, 0
    rectangles = [[_rectangle(each.box)] for each in scenes]
    detector = dlib.train_simple_object_detector([np.asarray(each.picture) for each in scenes], rectangles, options)
    detector.save(str(tmp_path / "signs.svm"))
    learned = read_dlib((tmp_path / "signs.svm").read_bytes())
    ours = RigidDetector(to_file(learned, name="x 1", label="plate", threshold=0.5, doubled=0))
    for number in range(4, 10):
        rgb = np.asarray(scene(number, PLATE).picture)
        boxes, scores, _ = dlib.fhog_object_detector.run_multiple([detector], rgb, 0, 0.0)
        found = ours.find(rgb)
        for box, score in zip(boxes, scores, strict=True):
            best = max(found, key=lambda each: overlap(each.box, (box.left(), box.top(), box.width(), box.height())))
            assert overlap(best.box, (box.left(), box.top(), box.width(), box.height())) > 0.6
            assert best.confidence == pytest.approx(1 / (1 + np.exp(-STEEPNESS * score)), abs=0.05)


def test_a_file_of_another_version_of_dlib_is_refused_with_a_sentence() -> None:
    with pytest.raises(CannotTrain, match="This version of dlib"):
        read_dlib(bytes([1, 3]) + bytes([1, 0]) * 40)
