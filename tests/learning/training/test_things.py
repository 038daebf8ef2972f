"""Things that are found by the shipped detector's features, trained on signs that are drawn into photographs."""

import numpy as np
import pytest
from skimage import data

from devices.models import Site
from edge_agent.learned import thing_features
from edge_agent.learned.model_file import BadModelFile
from edge_agent.vision.files import OBJECTS, models_folder, require
from learning.datasets.reads import split_of
from learning.datasets.services import label_named
from learning.datasets.splitting import TRAIN
from learning.evaluating import learning_curve, reads
from learning.evaluating.matching import Truth
from learning.models import Annotation, DataSet, Kind, State
from learning.training import running, things
from learning.training.gestures import CannotTrain
from learning.training.parameters import THING, clean
from tests.learning.signs import ROUND, round_and_square, scene, taught

SMALL = {"mirror": "no"}


@pytest.fixture
def signs(seattle: Site, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    monkeypatch.setattr(things, "FEWEST", 3)
    return taught("signs", round_and_square(12))


@pytest.mark.django_db
def test_things_of_two_labels_are_found_in_other_recordings(signs: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning_curve, "SIZES", (3,))
    run = running.work(run_id=running.start(data_set=signs, kind=Kind.THING, by=None, given=SMALL).pk)
    assert (run.state, run.reason) == (State.DONE, "")
    assert run.labels == ["round", "square"]
    evaluation = reads.evaluate(run)
    assert evaluation is not None
    assert evaluation.table.expected >= 2
    assert evaluation.table.missed <= 1
    assert evaluation.table.false <= 2
    assert run.runs_on_cameras
    assert [examples for examples, *_ in run.curve] == [3, max(run.trained_pictures.values())]
    assert run.curve[-1][1] == pytest.approx(evaluation.table.recall)


@pytest.mark.django_db
def test_a_label_with_two_boxes_is_left_out_and_named_and_the_others_are_learned(signs: DataSet) -> None:
    few, _ = label_named(data_set=signs, name="mug")
    split = split_of(signs)
    rows = Annotation.objects.filter(picture__in=split.keys(TRAIN), label__name="round").order_by("pk")
    Annotation.objects.filter(pk__in=[row.pk for row in rows[:1]]).update(label=few)
    run = running.work(run_id=running.start(data_set=signs, kind=Kind.THING, by=None, given=SMALL).pk)
    assert (run.state, run.reason, run.labels) == (State.DONE, "", ["round", "square"])
    assert run.warnings[-1].startswith("“mug” was left out: only 1 boxes of it are in the pictures to learn from")


def test_the_same_pictures_and_seed_make_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(things, "FEWEST", 1)
    picture, label, box = scene(1, ROUND)
    examples = [things.Example(np.asarray(picture), [Truth(label, box)])]
    made = [
        things.train(examples, name="x", parameters=clean(THING, SMALL), threshold=0.5, tell=lambda share: None)
        for _ in range(2)
    ]
    assert made[0].content == made[1].content


def test_weighing_the_cells_first_gives_the_confidences_of_the_windows_numbers() -> None:
    chance = np.random.default_rng(1)
    picture = scene(1, ROUND).picture
    looked = thing_features.cells_of(np.asarray(picture), thing_features.network(models_folder()))
    boxes, views = thing_features.windows(looked, [1.0])
    some = np.array([0, 7, len(boxes) - 1])
    arrays = {
        "mean": chance.random(4 * thing_features.CHANNELS),
        "scale": 1 + chance.random(4 * thing_features.CHANNELS),
        "weights": chance.normal(size=(3, 4 * thing_features.CHANNELS)),
        "bias": chance.random(3),
    }
    numbers = thing_features.numbers_of(views, some)
    logits = (numbers - arrays["mean"]) / arrays["scale"] @ arrays["weights"].T + arrays["bias"]
    weights = thing_features.weights_of(**arrays)
    assert np.allclose(thing_features.shares_of(views, weights)[some], thing_features.shares(logits), atol=1e-3)
    assert np.allclose(thing_features.shares_of_numbers(numbers, weights), thing_features.shares(logits), atol=1e-3)


def test_the_network_is_cut_where_its_numbers_are_those_of_the_whole_network() -> None:
    from ai_edge_litert.interpreter import Interpreter

    whole = require(models_folder(), OBJECTS)
    rgb = np.ascontiguousarray(data.coffee()[:300, :300])
    network = Interpreter(model_path=str(whole), num_threads=1, experimental_preserve_all_tensors=True)
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], (rgb.astype(np.float32) / 127.5 - 1)[np.newaxis])
    network.invoke()
    place = next(
        each["index"] for each in network.get_tensor_details() if each["name"].startswith(thing_features.LAYER)
    )
    assert np.array_equal(thing_features.network(models_folder()).features(rgb), network.get_tensor(place)[0])


def test_a_label_with_few_boxes_and_a_file_that_is_no_model_are_refused_with_a_sentence() -> None:
    rgb = np.zeros((60, 60, 3), np.uint8)
    few = [things.Example(rgb, [Truth("mug", (5, 5, 20, 20))])]
    with pytest.raises(CannotTrain, match="Only 1 boxes of “mug”"):
        things.train(few, name="x", parameters=clean(THING, {}), threshold=0.5, tell=lambda share: None)
    with pytest.raises(CannotTrain, match="No box is in the pictures"):
        things.train([things.Example(rgb, [])], name="x", parameters=clean(THING, {}), threshold=0.5, tell=print)
    with pytest.raises(BadModelFile):
        things.ThingDetector(b"no model")
