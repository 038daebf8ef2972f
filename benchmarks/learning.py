"""`python -m benchmarks.learning`: how well and how fast gestures are learned, and what a model costs a camera.

`--hands FOLDER` is a folder with a folder of pictures and annotations for each recording. Each way to choose the
recordings to learn from gives a model of at most twenty hands of a label, which tells the hands of the others. Without
it, only speed is measured.
Prints a table and writes `benchmarks/results/learning.json`.
"""

import argparse
import copy
import itertools
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools import production, report, results
from benchmarks.tools.results import Measured

EXAMPLES = 20
MOST_SPLITS = 40
"""Ways to choose the recordings to learn from; where there are more, so many are chosen by chance."""
LEARNED_SHARE = 0.6
"""Of the recordings, so many are learned from."""

LEAST_FOUND = 0.97
ANNOTATIONS, PICTURES = 10_000, 2_000
MOST_SECONDS = 10.0
MOST_OF_FRAME = 0.10
FRAME_MS = 200.0
"""A frame at five a second."""

MOST_MINUTES = 10.0
HANDS_IN_A_FRAME = 4
SHOWN = 20
"""Pictures that the camera looks at when it has the model, until it reports one of its labels."""
FRAME_SIZE, FRAME_PERIOD = (1280, 720), 0.5
LOOKS, WATCHED_SECONDS = 5, 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hands", type=Path, help="folder of recordings, each with pictures and annotations")
    asked = parser.parse_args()
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    with tempfile.TemporaryDirectory(prefix="headcount-learning-") as folder:
        production.set_up(Path(folder))
        measured = [*speed(), *cost(), *cost_of_things()]
        if asked.hands:
            measured += accuracy(asked.hands)
        from django.db import connection

        connection.close()
    print(report.table(measured))
    if not asked.hands:
        print("The accuracy was not measured, because no folder was given: HANDS=FOLDER make bench-learning.")
    results.write(results.FOLDER / "learning.json", measured)


def a_data_set(name: str) -> Any:
    from devices.services import register_site
    from learning.datasets.services import create_data_set

    site = register_site(name="Bench", slug="bench", timezone="UTC")
    return create_data_set(site=site, name=name, by=None)


def speed() -> Iterator[Measured]:
    """Import and export of many annotations, without the time of decoding pictures."""
    from learning.datasets.archives import GivenFiles
    from learning.datasets.exporting import export_files
    from learning.datasets.formats import FORMATS
    from learning.datasets.importing import import_files
    from learning.models import Picture

    into = a_data_set("annotations")
    Picture.objects.bulk_create(
        [
            Picture(
                data_set=into,
                name=f"r{number % 9}/{number}.jpg",
                sha256=str(number),
                width=640,
                height=480,
                recording="r",
            )
            for number in range(PICTURES)
        ]
    )
    chance = random.Random(1)
    rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for number in range(ANNOTATIONS):
        picture, left, top = number % PICTURES, chance.randrange(500), chance.randrange(400)
        rows.append(f"r{picture % 9}/{picture}.jpg,640,480,label {number % 7},{left},{top},{left + 90},{top + 70}")
    content = "\n".join(rows).encode()
    start = time.perf_counter()
    told = import_files(data_set=into, files=GivenFiles({"all.csv": lambda: content}), recording="x", by=None)
    seconds = time.perf_counter() - start
    assert told.boxes == ANNOTATIONS, told
    yield _below(f"import of {ANNOTATIONS:,} annotations", seconds, "s", MOST_SECONDS)
    for key in FORMATS:
        start = time.perf_counter()
        count = sum(1 for _ in export_files(data_set=into, format=key, with_pictures=False))
        seconds = time.perf_counter() - start
        yield _below(f"export to {key} ({count:,} files)", seconds, "s", MOST_SECONDS)


def cost() -> Iterator[Measured]:
    """What a model of six gestures costs a camera for a frame with four hands."""
    from learning.training import gestures
    from learning.training.parameters import GESTURE, clean
    from tests.edge_agent.learned.hands import STRETCHED, hand

    examples = [
        gestures.Hand(hand(label, number, recording=number % 4), label, f"recording {number % 4}")
        for label in STRETCHED
        for number in range(EXAMPLES)
    ]
    start = time.perf_counter()
    fitted = gestures.fit(examples, parameters=clean(GESTURE, {}))
    model = gestures.model_of(gestures.to_file(fitted, name="bench", threshold=0.5))
    yield Measured(
        f"training from the landmarks of {len(examples)} hands", time.perf_counter() - start, "s", None, None
    )
    took = []
    for _ in range(300):
        start = time.perf_counter()
        for example in examples[:HANDS_IN_A_FRAME]:
            model.judge(example.landmarks)
        took.append(1000 * (time.perf_counter() - start) / FRAME_MS)
    share = statistics.median(took)
    goal = f"≤ {MOST_OF_FRAME:.0%}"
    yield Measured("a model's share of a frame with four hands", 100 * share, "%", goal, share <= MOST_OF_FRAME)
    for kind in (np.float32, np.float16):
        ratio = _quantised_time(model, kind, examples)
        yield Measured(f"time of the model in {kind.__name__}, over that in float64", ratio, "times", None, None)


def _quantised_time(model: Any, kind: type, examples: Sequence[Any]) -> float:
    """Return how much longer a hand takes with numbers of fewer bits, both in turn: whether they would gain time."""
    small = copy.copy(model)
    for name in ("_mean", "_scale", "_weights", "_bias", "_projection", "_centres"):
        setattr(small, name, getattr(model, name).astype(kind))
    took: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(100):
        for place, each in enumerate((model, small)):
            start = time.perf_counter()
            for example in examples[:HANDS_IN_A_FRAME]:
                each.confidences(example.landmarks)
            took[place].append(time.perf_counter() - start)
    return statistics.median(took[1]) / statistics.median(took[0])


def cost_of_things() -> Iterator[Measured]:
    """What looks for things take of a core in frames of a camera, alone and with two frames a second."""
    import cv2
    from skimage import data

    from edge_agent.learned.gesture_model import GestureModel
    from edge_agent.learned.running import RunningModels
    from edge_agent.learned.seen import Seen
    from edge_agent.learned.store import load
    from edge_agent.learned.thing_watch import MOST_OF_CORE
    from learning.evaluating.matching import Truth
    from learning.training import rigid, things
    from learning.training.parameters import RIGID, THING, clean
    from tests.learning.signs import plates, round_and_square

    frame = np.ascontiguousarray(cv2.resize(data.coffee(), FRAME_SIZE))
    given = [things.Example(np.asarray(each.picture), [Truth(each.label, each.box)]) for each in round_and_square(20)]
    common: dict[str, Any] = {"name": "bench 1", "threshold": 0.5}
    contents = {
        "things, by features": things.train(
            given, parameters=clean(THING, {}), tell=lambda share: None, **common
        ).content
    }
    for doubled in (0, 1):
        boxes = [rigid.Example(np.asarray(each.picture), [each.box]) for each in plates(6)]
        parameters = clean(RIGID, {"window": 48, "upsample": doubled})
        contents[f"a rigid thing, doubled {doubled} times"] = rigid.train(
            boxes, label="plate", parameters=parameters, **common
        )
    for name, content in contents.items():
        model = load(content)
        assert not isinstance(model, GestureModel)
        took = []
        for _ in range(LOOKS):
            start = time.thread_time()
            model.find(Seen(frame))
            took.append(time.thread_time() - start)
        yield Measured(f"a look for {name}, of one core", 1000 * statistics.median(took), "ms", None, None)
        models = RunningModels([("0", model)])
        began, spent, shown = time.perf_counter(), time.process_time(), 0
        while (passed := time.perf_counter() - began) < WATCHED_SECONDS:
            models.find_things(frame, passed, FRAME_PERIOD)
            shown += 1
            time.sleep(max(0.0, shown * FRAME_PERIOD - (time.perf_counter() - began)))
        share = (time.process_time() - spent) / (time.perf_counter() - began)
        yield Measured(
            f"the share of a core of looks for {name}, two frames a second",
            100 * share,
            "%",
            f"≤ {MOST_OF_CORE:.0%}",
            share <= MOST_OF_CORE,
        )
        period = models.things_period
        yield Measured(f"the period of looks for {name}", period, "s", None, None)


def accuracy(folder: Path) -> Iterator[Measured]:
    """How many of the found hands of other recordings are told right, and the time from pictures to a model."""
    from analytics.numbers.intervals import wilson
    from learning.datasets.archives import folder_files
    from learning.datasets.importing import import_files
    from learning.models import Kind, Picture, Rollout, Run, State
    from learning.training import gesture_runs, gestures, running
    from learning.training.hands import hands_of
    from learning.training.parameters import GESTURE, clean

    into = a_data_set("hands")
    start = time.perf_counter()
    told = import_files(data_set=into, files=folder_files(folder), recording="x", by=None)
    run = running.start(data_set=into, kind=Kind.GESTURE, by=None, given={})
    while run.state == State.QUEUED:
        run = running.work(run_id=run.pk)
    minutes = (time.perf_counter() - start) / 60
    assert run.state == State.DONE, run.reason
    name = f"from {told.added:,} pictures to an evaluated model"
    yield Measured(name, minutes, "min", f"< {MOST_MINUTES:g} min", minutes < MOST_MINUTES)
    minutes += until_live(run) / 60
    name = "from the same pictures to a new label that a camera's hand detector reports"
    yield Measured(name, minutes, "min", f"< {MOST_MINUTES:g} min", minutes < MOST_MINUTES)
    truths = gesture_runs.truths_of(run)
    shown = [
        gesture_runs.Shown(each, truths.get(each.pk, ()), hands_of(each))
        for each in Picture.objects.filter(data_set=into)
    ]
    examples, missing = gesture_runs.examples_of(shown)
    yield Measured("annotated hands that are not found", 100 * missing / (missing + len(examples)), "%", None, None)
    right = total = 0
    shares: list[float] = []
    parameters = clean(GESTURE, {})
    for some, others in _splits(examples):
        fitted = gestures.fit(some, parameters=parameters)
        threshold = gesture_runs.threshold_of(fitted)
        model = gestures.model_of(gestures.to_file(fitted, name="bench", threshold=threshold))
        made = [model.judge(each.landmarks) for each in others]
        told = sum(each is not None and each.label == other.label for each, other in zip(made, others, strict=True))
        right, total = right + told, total + len(others)
        shares.append(told / len(others))
    # A hand is told once in each split that holds it, so the hands themselves are counted for the interval.
    interval = wilson(round(len(examples) * right / total), len(examples))
    assert interval is not None
    name = f"found hands told right, {EXAMPLES} a label, {len(shares)} splits of the recordings, {total} answers"
    yield Measured(name, 100 * right / total, "%", f"≥ {LEAST_FOUND:.0%}", right / total >= LEAST_FOUND)
    yield Measured("the split that is told worst", 100 * min(shares), "%", None, None)
    name = f"its 95 % interval, as if the {len(examples)} hands were independent: low"
    yield Measured(name, 100 * interval.low, "%", None, None)
    yield Measured("its 95 % interval: high", 100 * interval.high, "%", None, None)
    Rollout.objects.all().delete()
    Run.objects.all().delete()


def until_live(run: Any) -> float:
    """Return the seconds from the choice of the model until the box's hand detector reports one of its labels.

    The box asks a web server by HTTP, as often as an agent does. Raises `AssertionError` where nothing is reported.
    """
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    from devices.services import issue_device_token, register_device
    from edge_agent.config import AgentConfig
    from edge_agent.learned.fetching import ASK_SECONDS, ModelFetcher
    from edge_agent.learned.store import ModelStore
    from edge_agent.vision.files import models_folder
    from edge_agent.vision.hands import HandDetector
    from learning.rollout.services import put_on

    device = register_device(site=run.data_set.site, name="Bench01", thing_name="Bench01")

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = AgentConfig(
        thing=device.thing_name,
        mqtt_url="mqtt://none",
        upload_url=f"http://127.0.0.1:{server.server_port}/api/v1/captures/",
        device_token=issue_device_token(device=device),
    )
    detector = HandDetector(models_folder())
    shown = _told_right(run)
    assert not any(_reports(detector, rgb, run) for rgb in shown)
    with tempfile.TemporaryDirectory() as folder:
        fetcher = ModelFetcher(config, ModelStore(Path(folder)))
        fetcher.start()
        try:
            time.sleep(1)  # the box has asked before there is a model, as a running agent has
            start = time.perf_counter()
            put_on(run=run, devices=[device], by=None)
            while time.perf_counter() - start < 3 * ASK_SECONDS:
                if (models := fetcher.take()) is not None:
                    detector.learned = models
                    if any(_reports(detector, rgb, run) for rgb in shown):
                        return time.perf_counter() - start
                time.sleep(0.1)
        finally:
            fetcher.stop(ASK_SECONDS)
            server.shutdown()
            server.server_close()
    raise AssertionError("The camera box reports no label of the model.")


def _told_right(run: Any) -> list[Any]:
    """Return pictures whose label the model tells right. The camera may miss a hand in a picture as a whole."""
    from django.db.models import F

    from learning.datasets.pictures import pixels

    right = run.predictions.exclude(truth="").filter(truth=F("label"), confidence__gte=run.threshold)
    return [pixels(each.picture) for each in right.select_related("picture").order_by("-confidence")[:SHOWN]]


def _reports(detector: Any, rgb: Any, run: Any) -> bool:
    return bool({each.label for each in detector.detect(rgb)} & set(run.labels))


def _splits(examples: Sequence[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Yield at most `EXAMPLES` hands of each label of some recordings, and all hands of the others, for each choice."""
    recordings = sorted({each.recording for each in examples})
    choices = list(itertools.combinations(recordings, round(LEARNED_SHARE * len(recordings))))
    if len(choices) > MOST_SPLITS:
        choices = random.Random(1).sample(choices, MOST_SPLITS)
    for number, learned in enumerate(choices):
        chance = random.Random(number)
        by_label: dict[str, list[Any]] = defaultdict(list)
        for each in examples:
            if each.recording in learned:
                by_label[each.label].append(each)
        some = [each for group in by_label.values() for each in chance.sample(group, min(EXAMPLES, len(group)))]
        yield some, [each for each in examples if each.recording not in learned]


def _below(name: str, value: float, unit: str, most: float) -> Measured:
    return Measured(name, value, unit, f"< {most:g} {unit}", value < most)


if __name__ == "__main__":
    main()
