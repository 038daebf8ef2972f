"""What the learning curve advises, and when a model in the field is told to have drifted."""

import pytest

from learning.pages.curves import advice, learning
from learning.rollout.field import FieldPrecision


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ([[20, 0.9, 0.8, 0.95]], ""),
        ([[20, 0.80, 0.7, 0.9], [50, 0.86, 0.8, 0.9]], "More pictures help: from 20 to 50 examples"),
        ([[20, 0.975, 0.9, 1.0], [50, 0.98, 0.95, 1.0]], "More pictures would gain little: 50 examples"),
        ([[20, 0.90, 0.8, 0.95], [50, 0.90, 0.85, 0.94]], "pictures of other people, places and light may"),
    ],
)
def test_the_learning_curve_answers_whether_enough_was_done(curve: list[list[float]], words: str) -> None:
    assert words in advice(curve)
    assert bool(advice(curve)) == bool(words)


@pytest.mark.parametrize(("least", "foot"), [(0.75, 0.5), (0.3, 0.0)])
def test_a_learning_curve_below_a_half_is_drawn_from_zero_up(least: float, foot: float) -> None:
    drawing = learning([[5, least, least - 0.1, least + 0.1], [20, 1.0, 0.9, 1.0]])
    assert drawing is not None
    assert drawing.foot == foot
    assert [y for _, y, _ in drawing.marks] == [pytest.approx(200 * (1 - (least - foot) / (1 - foot))), 0]


@pytest.mark.parametrize(
    ("right", "wrong", "promised", "drifted"),
    [(60, 40, 0.95, True), (95, 5, 0.95, False), (1, 1, 0.95, False), (0, 0, 0.95, False), (1, 99, None, False)],
)
def test_drift_is_told_where_the_whole_interval_of_the_field_lies_below_the_promise(
    right: int, wrong: int, promised: float | None, drifted: bool
) -> None:
    assert FieldPrecision("ok sign", right, wrong, promised).has_drifted is drifted
