"""Finds things by the features of the object detector that is shipped, with a logistic regression on top of them.

The detector's network is cut below its own boxes, where a picture of 300 pixels is 19 × 19 cells of 576 numbers. A
window of cells, described by the mean of each of its quarters, is one of the labels or none. The same pictures,
parameters and seed make the same model. dlib's HOG detector needs things of one shape; this one also finds hands.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge_agent.learned import model_file
from edge_agent.vision.files import OBJECTS, models_folder, require
from edge_agent.vision.mediapipe_tasks import quiet
from learning.datasets.boxes import overlap
from learning.evaluating.matching import BoxSides, Guess, Truth
from learning.training.gestures import CannotTrain

LAYER = "FeatureExtractor/MobilenetV2/expanded_conv_13/expand/Relu6"
"""How the name of the tensor begins that the cut network ends with. The detector's first boxes stand on it."""

INPUT, CELLS, CHANNELS = 300, 19, 576

HEIGHTS = (4, 6, 8, 11)
"""Cells of the windows' heights: a fifth to more than half of what is looked at."""

WIDE_STEPS_FROM = 8
"""Cells of the height from which on windows lie two cells apart."""

TILE = 0.6
"""Side of the parts that are looked at beside the whole picture, over the picture's shorter side."""

FEWEST = 10
"""Boxes of a label below which nothing is learned."""

MOST_PICTURES = 150
"""Pictures to learn from; more would take longer than a task may."""

SAME, CLOSE, OTHER = 0.6, 0.4, 0.3
"""Overlap from which a window shows the thing, from which the best ones of a box do, and below which it shows none."""

BEST, OTHERS, HARDEST = 4, 30, 20
"""Windows of each box that show it at least, and windows of a picture without a thing: by chance, and those that are
mistaken most in each of `ROUNDS`."""

ROUNDS = 2
UNIT_STRENGTH = 0.002
"""Logistic regression's C at a strength of 1."""

LOWEST_CONFIDENCE = 0.3
DOUBLE = 0.3
"""Overlap from which the weaker of two detections is left out."""

NOTHING = ""

Rgb = NDArray[np.uint8]
Numbers = NDArray[np.float32]
Tell = Callable[[float], None]


class Example(NamedTuple):
    rgb: Rgb
    truths: Sequence[Truth]


def cut(content: bytes) -> bytes:
    """Return the network up to `LAYER`. Raises `ValueError` where it has no such tensor."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    place = next((number for number, each in enumerate(graph.tensors) if each.name.startswith(LAYER.encode())), None)
    if place is None:
        raise ValueError(f"the network has no tensor {LAYER}")
    needed, kept = {place}, []
    for step in reversed(graph.operators):
        if needed & {int(each) for each in step.outputs}:
            kept.append(step)
            needed |= {int(each) for each in step.inputs if each >= 0}
    graph.operators, graph.outputs, model.signatureDefs = kept[::-1], [place], []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@functools.cache
def _network() -> Any:
    """Return this process's network. Raises `edge_agent.vision.files.ModelsUnavailable`."""
    from ai_edge_litert.interpreter import Interpreter

    content = cut(require(models_folder(), OBJECTS).read_bytes())
    with quiet():
        network = Interpreter(model_content=content, num_threads=1)
        network.allocate_tensors()
    return network


def features(rgb: Rgb) -> Numbers:
    """Return the `CELLS` × `CELLS` × `CHANNELS` numbers of a picture of any size."""
    network = _network()
    small = cv2.resize(rgb, (INPUT, INPUT), interpolation=cv2.INTER_AREA)
    network.set_tensor(network.get_input_details()[0]["index"], (small.astype(np.float32) / 127.5 - 1)[np.newaxis])
    network.invoke()
    return np.array(network.get_tensor(network.get_output_details()[0]["index"])[0])


def parts(rgb: Rgb) -> Iterator[BoxSides]:
    """Yield the parts that are looked at: the whole picture, and overlapping squares."""
    height, width = rgb.shape[:2]
    side = max(int(TILE * min(height, width)), 1)
    yield 0, 0, width, height
    for top in np.linspace(0, height - side, max(2, round(1.5 * height / side))).astype(int).tolist():
        for left in np.linspace(0, width - side, max(2, round(1.5 * width / side))).astype(int).tolist():
            yield left, top, side, side


class View(NamedTuple):
    """A part of a picture with the windows of one size in it."""

    sums: Numbers
    """The sums of all cells above and to the left, `CELLS` + 1 a side."""
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    high: int
    wide: int

    def quarters(self, sums: Numbers) -> Iterator[Numbers]:
        """Yield for each quarter the mean of what `sums` sums up, one row for each window."""
        down, across = self.high // 2, self.wide // 2
        for a, b in ((0, down), (down, self.high)):
            for c, d in ((0, across), (across, self.wide)):
                top, bottom, left, right = self.y + a, self.y + b, self.x + c, self.x + d
                whole = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
                yield whole / np.float32((b - a) * (d - c))

    def numbers(self, chosen: NDArray[np.int64]) -> Numbers:
        """Return the numbers of these windows of the view, one row for each."""
        some = self._replace(y=self.y[chosen], x=self.x[chosen])
        return np.concatenate(list(some.quarters(self.sums)), axis=1)


def windows(rgb: Rgb, aspects: Sequence[float]) -> tuple[NDArray[np.float64], list[View]]:
    """Return the boxes of all windows of a picture (n × left, top, width, height), and the views that hold them."""
    boxes, views = [], []
    for left, top, across, down in parts(rgb):
        cells = features(np.ascontiguousarray(rgb[top : top + down, left : left + across]))
        sums = np.pad(cells.cumsum(0).cumsum(1), ((1, 0), (1, 0), (0, 0)))
        for high in HEIGHTS:
            step = 1 if high < WIDE_STEPS_FROM else 2
            for wide in sorted({max(2, round(high * aspect * down / across)) for aspect in aspects}):
                if wide > CELLS - 2:
                    continue
                y, x = (each.ravel() for each in np.mgrid[0 : CELLS - high + 1 : step, 0 : CELLS - wide + 1 : step])
                views.append(View(sums, y, x, high, wide))
                sides = np.stack(
                    [x * across, y * down, np.full(len(x), wide * across), np.full(len(x), high * down)], 1
                )
                boxes.append(sides / CELLS + (left, top, 0, 0))
    return np.concatenate(boxes), views


def numbers_of(views: Sequence[View], chosen: NDArray[np.int64]) -> Numbers:
    """Return the numbers of these windows of all views, in the order of the windows."""
    rows, start = [], 0
    for view in views:
        inside = chosen[(chosen >= start) & (chosen < start + len(view.y))] - start
        rows.append(view.numbers(inside))
        start += len(view.y)
    return np.concatenate(rows)


def shares_of(views: Sequence[View], arrays: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the confidence of nothing and of each label, one row for each window.

    The cells are weighed before they are added up, which takes a hundredth of the time of the windows' numbers.
    """
    weights = np.asarray(arrays["weights"], np.float32) / np.asarray(arrays["scale"], np.float32)
    bias = np.asarray(arrays["bias"], np.float64) - weights.astype(np.float64) @ np.asarray(arrays["mean"], np.float64)
    by_quarter = weights.reshape(len(weights), 4, CHANNELS)
    logits: list[NDArray[np.float64]] = []
    weighed_of: dict[int, list[Numbers]] = {}
    for view in views:
        weighed = weighed_of.get(id(view.sums))
        if weighed is None:
            weighed_of[id(view.sums)] = weighed = [_weighed(view.sums, by_quarter[:, quarter]) for quarter in range(4)]
        means = [next(islice(view.quarters(each), quarter, None)) for quarter, each in enumerate(weighed)]
        logits.append(np.sum(means, axis=0, dtype=np.float64) + bias)
    joined = np.concatenate(logits)
    likely = np.exp(joined - joined.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float64)


def _weighed(sums: Numbers, weights: Any) -> Numbers:
    return np.asarray(sums @ weights.T, np.float32)


def train(
    examples: Sequence[Example], *, name: str, parameters: Mapping[str, Any], threshold: float, tell: Tell
) -> bytes:
    """Return the model's file. `tell` hears the share that is done. Raises `CannotTrain` and `ModelsUnavailable`."""
    labels = sorted({truth.label for each in examples for truth in each.truths})
    for label in labels:
        count = sum(truth.label == label for each in examples for truth in each.truths)
        if count < FEWEST:
            raise CannotTrain(
                f"Only {count} boxes of “{label}” are in the pictures to learn from; at least {FEWEST} are needed."
            )
    if not labels:
        raise CannotTrain("No box is in the pictures to learn from.")
    shapes = [[t.box[2] / t.box[3] for each in examples for t in each.truths if t.label == label] for label in labels]
    aspects = sorted({round(float(np.median(each)), 1) or 0.1 for each in shapes})
    shown = list(_with_mirrored(examples) if parameters["mirror"] == "yes" else examples)
    chance = np.random.default_rng(int(parameters["seed"]))
    rows: list[Numbers] = []
    codes: list[NDArray[np.int64]] = []
    arrays: dict[str, Numbers] = {}
    with threadpool_limits(1):  # the order of additions, and so the last digits, would depend on the processors
        for number in range(ROUNDS + 1):
            for place, each in enumerate(shown):
                tell((number * len(shown) + place) / ((ROUNDS + 1) * len(shown)))
                boxes, views = windows(each.rgb, aspects)
                found, free = _labelled(boxes, each.truths, labels)
                if number == 0:
                    rows.append(numbers_of(views, np.flatnonzero(found)))
                    codes.append(found[found > 0])
                    chosen = chance.choice(free, min(OTHERS, len(free)), replace=False)
                else:
                    mistaken = 1 - shares_of(views, arrays)[free, 0]
                    chosen = free[np.argsort(-mistaken, kind="stable")[:HARDEST]]
                rows.append(numbers_of(views, chosen))
                codes.append(np.zeros(len(chosen), np.int64))
            arrays = _fitted(np.concatenate(rows), np.concatenate(codes), parameters)
    arrays["aspects"] = np.array(aspects, np.float32)
    return model_file.write(kind="thing", name=name, labels=tuple(labels), threshold=threshold, arrays=arrays)


def _with_mirrored(examples: Sequence[Example]) -> Iterator[Example]:
    for each in examples:
        yield each
        width = each.rgb.shape[1]
        truths = [Truth(t.label, (width - t.box[0] - t.box[2], *t.box[1:])) for t in each.truths]
        yield Example(np.ascontiguousarray(each.rgb[:, ::-1]), truths)


def _labelled(
    boxes: NDArray[np.float64], truths: Sequence[Truth], labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each window's label, from 1, 0 for none; and the windows that show nothing."""
    codes = np.zeros(len(boxes), np.int64)
    most = np.zeros(len(boxes))
    for truth in truths:
        shared = np.array([overlap(box, truth.box) for box in boxes.tolist()])
        best = np.argsort(-shared, kind="stable")[:BEST]
        shows = shared >= SAME
        shows[best] |= shared[best] >= CLOSE
        codes[shows & (shared > most)] = labels.index(truth.label) + 1
        most = np.maximum(most, shared)
    return codes, np.flatnonzero(most < OTHER)


def _fitted(rows: Numbers, codes: NDArray[np.int64], parameters: Mapping[str, Any]) -> dict[str, Numbers]:
    from sklearn.linear_model import LogisticRegression

    if len(set(codes.tolist())) < 2:
        raise CannotTrain("No window of a picture fits the boxes: they are too small, or larger than half a picture.")
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    model = LogisticRegression(
        C=float(parameters["strength"]) * UNIT_STRENGTH, class_weight="balanced", max_iter=1_000
    ).fit((rows - mean) / scale, codes)
    weights, bias = np.zeros((int(codes.max()) + 1, rows.shape[1])), np.full(int(codes.max()) + 1, -50.0)
    if len(model.classes_) == 2:
        first, second = model.classes_.tolist()
        weights[first], weights[second] = -model.coef_[0] / 2, model.coef_[0] / 2
        bias[first], bias[second] = -model.intercept_[0] / 2, model.intercept_[0] / 2
    else:
        weights[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    made = {"mean": mean, "scale": scale, "weights": weights, "bias": bias}
    return {key: np.asarray(each, np.float32) for key, each in made.items()}


class ThingDetector:
    """Finds the things of a model in pictures. Raises `model_file.BadModelFile` where its arrays do not fit."""

    def __init__(self, content: bytes) -> None:
        file = model_file.read(content)
        count, numbers = len(file.header.labels) + 1, 4 * CHANNELS
        self._labels = file.header.labels
        self._arrays = {
            "mean": file.array("mean", numbers),
            "scale": file.array("scale", numbers),
            "weights": file.array("weights", count, numbers),
            "bias": file.array("bias", count),
        }
        self._aspects = file.array("aspects", None).tolist()

    def find(self, rgb: Rgb) -> list[Guess]:
        """Return the things, surest first, with boxes within the picture."""
        boxes, views = windows(rgb, self._aspects)
        with threadpool_limits(1):
            shares = shares_of(views, self._arrays)
        found: list[Guess] = []
        sure = shares[:, 1:].max(axis=1)
        for place in np.argsort(-sure, kind="stable").tolist():
            if sure[place] < LOWEST_CONFIDENCE:
                break
            box = _whole(boxes[place].tolist(), rgb)
            if all(overlap(box, each.box) < DOUBLE for each in found):
                label = self._labels[int(shares[place, 1:].argmax())]
                found.append(Guess(label, float(sure[place]), box))
        return found


def _whole(box: Sequence[float], rgb: Rgb) -> BoxSides:
    left, top = max(round(box[0]), 0), max(round(box[1]), 0)
    right, bottom = min(round(box[0] + box[2]), rgb.shape[1]), min(round(box[1] + box[3]), rgb.shape[0])
    return left, top, max(right - left, 1), max(bottom - top, 1)
