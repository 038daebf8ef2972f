"""Things that are found by the shipped detector's features, trained on signs that are drawn into photographs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from devices.models import Site
from edge_agent.learned.model_file import BadModelFile
from edge_agent.vision.files import OBJECTS, models_folder, require
from learning.datasets.pictures import add, prepare
from learning.datasets.services import label_named
from learning.evaluating import reads
from learning.evaluating.matching import Truth
from learning.models import Annotation, DataSet, Kind, Review, State
from learning.training import running, things
from learning.training.gestures import CannotTrain
from learning.training.parameters import THING, clean
from tests.learning import samples

SIDE = 44
SMALL = {"mirror": "no"}


def scene(number: int, *, round_sign: bool) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """A part of a photograph with a round or a square sign, and the sign's box."""
    chance = np.random.default_rng(number)
    left, top = (int(each) for each in chance.integers(0, 250, 2))
    picture = Image.fromarray(data.coffee()).crop((left, top, left + 150, top + 120)).convert("RGB")
    x, y = int(chance.integers(5, 100)), int(chance.integers(5, 70))
    draw = ImageDraw.Draw(picture)
    if round_sign:
        draw.ellipse((x, y, x + SIDE - 1, y + SIDE - 1), fill="white", outline="red", width=9)
    else:
        draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), fill="blue", outline="yellow", width=5)
    return picture, (x, y, SIDE, SIDE)


@pytest.fixture
def signs(seattle: Site, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    monkeypatch.setattr(things, "FEWEST", 3)
    made = samples.data_set("signs")
    labels = [label_named(data_set=made, name=name)[0] for name in ("round", "square")]
    for number in range(10):
        picture, box = scene(number, round_sign=number % 2 == 0)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=95)
        row, _ = add(
            prepared=prepare(
                data_set=made, name=f"{number}.jpg", data=out.getvalue(), recording=f"recording {number // 2 % 3}"
            )
        )
        row.review = Review.KEPT
        row.save()
        Annotation.objects.create(
            picture=row, label=labels[number % 2], left=box[0], top=box[1], width=box[2], height=box[3]
        )
    return made


@pytest.mark.django_db
def test_things_of_two_labels_are_found_in_other_recordings(signs: DataSet) -> None:
    run = running.work(run_id=running.start(data_set=signs, kind=Kind.THING, by=None, given=SMALL).pk)
    assert (run.state, run.reason) == (State.DONE, "")
    assert run.labels == ["round", "square"]
    evaluation = reads.evaluate(run)
    assert evaluation is not None
    assert evaluation.table.expected >= 2
    assert evaluation.table.missed <= 1
    assert evaluation.table.false <= 2
    assert not run.runs_on_cameras


def test_the_same_pictures_and_seed_make_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(things, "FEWEST", 1)
    picture, box = scene(1, round_sign=True)
    examples = [things.Example(np.asarray(picture), [Truth("round", box)])]
    made = [
        things.train(examples, name="x", parameters=clean(THING, SMALL), threshold=0.5, tell=lambda share: None)
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_weighing_the_cells_first_gives_the_confidences_of_the_windows_numbers() -> None:
    chance = np.random.default_rng(1)
    picture, _ = scene(1, round_sign=True)
    boxes, views = things.windows(np.asarray(picture), [1.0])
    some = np.array([0, 7, len(boxes) - 1])
    arrays = {
        "mean": chance.random(4 * things.CHANNELS),
        "scale": 1 + chance.random(4 * things.CHANNELS),
        "weights": chance.normal(size=(3, 4 * things.CHANNELS)),
        "bias": chance.random(3),
    }
    logits = (things.numbers_of(views, some) - arrays["mean"]) / arrays["scale"] @ arrays["weights"].T + arrays["bias"]
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert np.allclose(things.shares_of(views, arrays)[some], likely / likely.sum(axis=1, keepdims=True), atol=1e-3)


def test_the_network_is_cut_where_its_numbers_are_those_of_the_whole_network() -> None:
    from ai_edge_litert.interpreter import Interpreter

    whole = require(models_folder(), OBJECTS)
    rgb = np.ascontiguousarray(data.coffee()[:300, :300])
    network = Interpreter(model_path=str(whole), num_threads=1, experimental_preserve_all_tensors=True)
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], (rgb.astype(np.float32) / 127.5 - 1)[np.newaxis])
    network.invoke()
    place = next(each["index"] for each in network.get_tensor_details() if each["name"].startswith(things.LAYER))
    assert np.array_equal(things.features(rgb), network.get_tensor(place)[0])


def test_a_label_with_few_boxes_and_a_file_that_is_no_model_are_refused_with_a_sentence() -> None:
    rgb = np.zeros((60, 60, 3), np.uint8)
    few = [things.Example(rgb, [Truth("mug", (5, 5, 20, 20))])]
    with pytest.raises(CannotTrain, match="Only 1 boxes of “mug”"):
        things.train(few, name="x", parameters=clean(THING, {}), threshold=0.5, tell=lambda share: None)
    with pytest.raises(CannotTrain, match="No box is in the pictures"):
        things.train([things.Example(rgb, [])], name="x", parameters=clean(THING, {}), threshold=0.5, tell=print)
    with pytest.raises(BadModelFile):
        things.ThingDetector(b"no model")
