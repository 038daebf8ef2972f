"""dlib's HOG detector, trained on a sign that is drawn into photographs."""

import io

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from PIL import Image, ImageDraw
from skimage import data

from devices.models import Device, Site
from learning.datasets.pictures import add, prepare
from learning.datasets.services import label_named
from learning.evaluating import reads
from learning.models import Annotation, DataSet, Kind, Review, State
from learning.rollout.services import put_on
from learning.training import running
from learning.training.gestures import CannotTrain
from learning.training.parameters import RIGID, clean
from learning.training.rigid import Example, train
from tests.learning import samples

SIDE = 48


def scene(number: int) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """A part of a photograph with a sign, and the sign's box."""
    chance = np.random.default_rng(number)
    left, top = (int(each) for each in chance.integers(0, 250, 2))
    picture = Image.fromarray(data.coffee()).crop((left, top, left + 240, top + 150)).convert("RGB")
    x, y = int(chance.integers(5, 180)), int(chance.integers(5, 95))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), fill="white", outline="black", width=4)
    draw.line((x + 8, y + SIDE - 9, x + SIDE - 9, y + 8), fill="black", width=6)
    return picture, (x, y, SIDE, SIDE)


@pytest.fixture
def signs(seattle: Site) -> DataSet:
    made = samples.data_set("signs")
    label, _ = label_named(data_set=made, name="sign")
    for number in range(10):
        picture, box = scene(number)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=95)
        row, _ = add(
            prepared=prepare(
                data_set=made, name=f"{number}.jpg", data=out.getvalue(), recording=f"recording {number % 3}"
            )
        )
        row.review = Review.KEPT
        row.save()
        Annotation.objects.create(picture=row, label=label, left=box[0], top=box[1], width=box[2], height=box[3])
    return made


@pytest.mark.django_db
def test_a_rigid_thing_is_found_in_other_recordings_and_its_model_goes_on_no_camera(
    signs: DataSet, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    given = {"window": 48, "upsample": 0}
    run = running.work(run_id=running.start(data_set=signs, kind=Kind.RIGID, by=None, given=given).pk)
    assert (run.state, run.reason) == (State.DONE, "")
    evaluation = reads.evaluate(run)
    assert evaluation is not None
    assert evaluation.table.expected >= 3
    assert evaluation.table.missed == 0
    assert evaluation.table.false <= 1
    with pytest.raises(ValidationError, match="no model that a camera could run"):
        put_on(run=run, devices=[seattle01], by=None)
    label_named(data_set=signs, name="other")
    Annotation.objects.filter(pk=Annotation.objects.order_by("pk")[0].pk).update(label=signs.labels.get(name="other"))
    failed = running.work(run_id=running.start(data_set=signs, kind=Kind.RIGID, by=None, given=given).pk)
    assert (failed.state, "learns one label" in failed.reason) == (State.FAILED, True)


def test_boxes_of_too_different_shapes_are_refused_with_a_sentence() -> None:
    rgb = np.zeros((200, 200, 3), np.uint8)
    boxes = [(0, 0, 150, 8), (20, 20, 8, 150), (50, 50, 60, 60), (5, 5, 9, 9)]
    with pytest.raises(CannotTrain, match="about the same shape"):
        train([Example(rgb, boxes)], label="x", parameters=clean(RIGID, {}))
    with pytest.raises(CannotTrain, match="Only 1 boxes"):
        train([Example(rgb, boxes[:1])], label="x", parameters=clean(RIGID, {}))
