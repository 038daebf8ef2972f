"""Numbers that describe the windows of a picture, by which trained models find things, in training and on the box.

The network of the object detector that is shipped is cut below its own boxes, where a picture of 300 pixels is 19 × 19
cells of 576 numbers. A window of cells is described by the mean of each of its quarters.
"""

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.files import OBJECTS, require
from edge_agent.vision.mediapipe_tasks import quiet
from edge_agent.vision.search import Picture, Tile

LAYER = "FeatureExtractor/MobilenetV2/expanded_conv_13/expand/Relu6"
"""How the name of the tensor begins that the cut network ends with. The detector's first boxes stand on it."""

INPUT, CELLS, CHANNELS = 300, 19, 576

HEIGHTS = (4, 6, 8, 11)
"""Cells of the windows' heights: a fifth to more than half of what is looked at."""

WIDE_STEPS_FROM = 8
"""Cells of the height from which on windows lie two cells apart."""

TILE = 0.6
"""Side of the parts that are looked at beside the whole picture, over the picture's shorter side."""

MOST_ALONG = 8
"""The most parts along a side. Those of a very long picture do not overlap, so that every look is bounded."""

Numbers = NDArray[np.float32]


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


class Network:
    """The cut network. Any thread."""

    def __init__(self, models: Path) -> None:
        """`models` is the folder of the models that are shipped. Raises `vision.files.ModelsUnavailable`."""
        from ai_edge_litert.interpreter import Interpreter

        content = cut(require(models, OBJECTS).read_bytes())
        self._lock = threading.Lock()
        with quiet():
            self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def features(self, rgb: Picture) -> Numbers:
        """Return the `CELLS` × `CELLS` × `CHANNELS` numbers of a picture of any size."""
        small = cv2.resize(rgb, (INPUT, INPUT), interpolation=cv2.INTER_AREA)
        with self._lock:
            self._interpreter.set_tensor(self._input, (small.astype(np.float32) / 127.5 - 1)[np.newaxis])
            self._interpreter.invoke()
            return np.array(self._interpreter.get_tensor(self._output)[0])


@functools.cache
def network(models: Path) -> Network:
    """Return this process's network of this folder of models. Raises `vision.files.ModelsUnavailable`."""
    return Network(models)


def parts(width: int, height: int) -> list[Tile]:
    """Return the parts of a picture that are looked at: the whole picture, and overlapping squares."""
    side = max(int(TILE * min(height, width)), 1)
    return [
        Tile(0, 0, width, height),
        *(Tile(left, top, side, side) for top in _starts(height, side) for left in _starts(width, side)),
    ]


def _starts(length: int, side: int) -> list[int]:
    count = min(max(2, round(1.5 * length / side)), MOST_ALONG)
    return [int(each) for each in np.linspace(0, length - side, count)]


class Cells(NamedTuple):
    """A part of a picture, and the numbers of its cells."""

    part: Tile
    sums: Numbers
    """The sums of all cells above and to the left, `CELLS` + 1 a side."""


def cells_of(rgb: Picture, of: Network) -> list[Cells]:
    """Return the cells of all parts of the picture."""
    looked = parts(rgb.shape[1], rgb.shape[0])
    return [Cells(part, summed(of.features(part.of(rgb)))) for part in looked]


def summed(cells: Numbers) -> Numbers:
    """Return the sums of all cells above and to the left of each corner of a cell."""
    return np.pad(cells.cumsum(0).cumsum(1), ((1, 0), (1, 0), (0, 0)))


class View(NamedTuple):
    """A part of a picture with the windows of one size in it."""

    sums: Numbers
    """As of `Cells`."""
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    high: int
    wide: int

    def quarter(self, sums: Numbers, number: int) -> Numbers:
        """Return the mean in one of the four quarters of each window of what `sums` sums up, one row for each."""
        down, across = self.high // 2, self.wide // 2
        a, b = ((0, down), (down, self.high))[number // 2]
        c, d = ((0, across), (across, self.wide))[number % 2]
        top, bottom, left, right = self.y + a, self.y + b, self.x + c, self.x + d
        whole = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return np.asarray(whole / np.float32((b - a) * (d - c)), np.float32)

    def numbers(self, chosen: NDArray[np.int64]) -> Numbers:
        """Return the numbers of these windows of the view, one row for each."""
        some = self._replace(y=self.y[chosen], x=self.x[chosen])
        return np.concatenate([some.quarter(self.sums, number) for number in range(4)], axis=1)


def windows(looked: Sequence[Cells], aspects: Sequence[float]) -> tuple[NDArray[np.float64], list[View]]:
    """Return the boxes of all windows (n × left, top, width, height) in the picture, and the views that hold them.

    `aspects` are widths of things over their heights.
    """
    boxes, views = [], []
    for (left, top, across, down), sums in looked:
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
    return (np.concatenate(boxes) if boxes else np.zeros((0, 4))), views


def numbers_of(views: Sequence[View], chosen: NDArray[np.int64]) -> Numbers:
    """Return the numbers of these windows of all views, in the order of the windows."""
    rows, start = [], 0
    for view in views:
        inside = chosen[(chosen >= start) & (chosen < start + len(view.y))] - start
        rows.append(view.numbers(inside))
        start += len(view.y)
    return np.concatenate(rows)


class Weights(NamedTuple):
    """A logistic regression on the numbers of windows: one row for nothing, and one for each label."""

    by_quarter: Numbers
    """Rows × 4 × `CHANNELS`."""
    bias: NDArray[np.float64]


def weights_of(*, mean: NDArray[Any], scale: NDArray[Any], weights: NDArray[Any], bias: NDArray[Any]) -> Weights:
    """Return the regression of numbers that have this mean and scale."""
    scaled = np.asarray(weights, np.float32) / np.asarray(scale, np.float32)
    moved = np.asarray(bias, np.float64) - scaled.astype(np.float64) @ np.asarray(mean, np.float64)
    return Weights(np.asarray(scaled.reshape(len(scaled), 4, CHANNELS), np.float32), moved)


def shares_of(views: Sequence[View], weights: Weights) -> NDArray[np.float64]:
    """Return the confidence of nothing and of each label, one row for each window.

    The cells are weighed before they are added up, which takes a hundredth of the time of the windows' numbers.
    """
    logits: list[NDArray[np.float64]] = []
    weighed_of: dict[int, list[Numbers]] = {}
    for view in views:
        weighed = weighed_of.get(id(view.sums))
        if weighed is None:
            weighed = [np.asarray(view.sums @ weights.by_quarter[:, number].T, np.float32) for number in range(4)]
            weighed_of[id(view.sums)] = weighed
        means = [view.quarter(each, number) for number, each in enumerate(weighed)]
        logits.append(np.sum(means, axis=0, dtype=np.float64) + weights.bias)
    return shares(np.concatenate(logits) if logits else np.zeros((0, len(weights.bias))))


def shares_of_numbers(numbers: Numbers, weights: Weights) -> NDArray[np.float64]:
    """Return the same for numbers of windows, one row for each."""
    flat = weights.by_quarter.reshape(len(weights.by_quarter), -1)
    return shares((numbers @ flat.T).astype(np.float64) + weights.bias)


def shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax of each row."""
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float64)


def pattern() -> Picture:
    """Return a picture of `INPUT` pixels a side that every box draws alike: curved bands of colours, nobody."""
    y, x = np.mgrid[0:INPUT, 0:INPUT]
    bands = [(x * x * (channel + 1) + y * y * (3 - channel)) // 97 % 256 for channel in range(3)]
    return np.ascontiguousarray(np.stack(bands, 2).astype(np.uint8))
