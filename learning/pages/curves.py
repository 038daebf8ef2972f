"""Draws the curves of an evaluation as points of an SVG. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from learning.evaluating.tables import CurvePoint

SIDE = 200
"""Units of the drawing's side; shares from 0 to 1 fill it."""


ENOUGH = 0.97
"""The share found from which on a curve that is level needs no more pictures."""


class Drawing(NamedTuple):
    """A curve in a square of `SIDE`, with y downwards."""

    line: str
    """The points of a polyline."""
    band: str
    """The points of the interval's polygon; empty without one."""
    marks: Sequence[tuple[float, float, str]]
    """Points with what they say."""
    foot: float = 0.0
    """The share at the foot of the drawing."""


def precision_recall(curve: Sequence[CurvePoint], threshold: float) -> Drawing | None:
    """Return precision (upwards) by recall (to the right), with a mark at the threshold; None without a point."""
    if not curve:
        return None
    points = [(SIDE * point.recall, SIDE * (1 - point.precision)) for point in curve]
    at = min(range(len(curve)), key=lambda index: abs(curve[index].threshold - threshold))
    said = f"at {curve[at].threshold:.2f}: precision {curve[at].precision:.0%}, recall {curve[at].recall:.0%}"
    return Drawing(_joined(points), "", [(*_rounded(points[at]), said)])


HALF = 0.5
"""The share at the foot of a learning curve that lies above it, so that its upper part is seen better."""


def learning(curve: Sequence[Sequence[float]]) -> Drawing | None:
    """Return the share found by examples of each label, with its interval; None below two points."""
    if len(curve) < 2:
        return None
    left, right = curve[0][0], curve[-1][0]
    foot = HALF if all(share >= HALF for _, share, *_ in curve) else 0.0

    def place(size: float, share: float) -> tuple[float, float]:
        across = (size - left) / max(right - left, 1)
        return SIDE * across, SIDE * (1 - max(0.0, (share - foot) / (1 - foot)))

    middle = [place(size, share) for size, share, _, _ in curve]
    low, high = [place(size, low) for size, _, low, _ in curve], [place(size, high) for size, _, _, high in curve]
    marks = [(*_rounded(place(size, share)), f"{size:.0f} examples: {share:.0%}") for size, share, _, _ in curve]
    return Drawing(_joined(middle), _joined([*high, *reversed(low)]), marks, foot)


def advice(curve: Sequence[Sequence[float]]) -> str:
    """Return whether more pictures would help, in one sentence; empty below two points."""
    if len(curve) < 2:
        return ""
    (before, share_before, *_), (now, share, *_) = curve[-2], curve[-1]
    gained = share - share_before
    if gained >= 0.01:
        return (
            f"More pictures help: from {before:.0f} to {now:.0f} examples of each label, the share found rose by "
            f"{gained:.0%}."
        )
    if share >= ENOUGH:
        return (
            f"More pictures would gain little: {now:.0f} examples of each label find {share:.0%}, and {before:.0f} "
            f"found {share_before:.0%}."
        )
    return (
        f"More of the same pictures gain little at {share:.0%}; pictures of other people, places and light may, "
        "and so does looking at the mistakes below."
    )


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _rounded(point: tuple[float, float]) -> tuple[float, float]:
    return round(point[0], 1), round(point[1], 1)
