"""The figures of an evaluation, for any threshold."""

from hypothesis import given
from hypothesis import strategies as st

from learning.evaluating.matching import Guess, Truth, match
from learning.evaluating.tables import (
    Item,
    best_threshold,
    by_label,
    by_recording,
    confusion,
    entered,
    precision_recall,
    table,
)

LABELS = st.sampled_from(["", "ok", "fist", "palm"])
ITEMS = st.lists(
    st.builds(Item, LABELS, LABELS, st.floats(0, 1), st.sampled_from(["a", "b"])).filter(
        lambda item: item.truth or item.label
    ),
    max_size=40,
)

SOME = [
    Item("ok", "ok", 0.9, "a"),
    Item("ok", "fist", 0.7, "a"),
    Item("ok", "", 0.0, "b"),
    Item("fist", "fist", 0.4, "b"),
    Item("", "ok", 0.8, "b"),
]


def test_the_row_of_the_table() -> None:
    found = table(SOME, 0.5)
    assert (found.expected, found.true, found.false, found.missed) == (4, 1, 2, 3)
    assert (found.mean_true, found.mean_false) == (0.9, 0.75)
    assert found.recall_interval is not None
    assert found.recall_interval.low < 0.25 < found.recall_interval.high


def test_a_lower_threshold_finds_more() -> None:
    assert table(SOME, 0.3).true == 2


def test_by_label_each_label_is_seen_alone() -> None:
    found = by_label(SOME, 0.5)
    assert (found["ok"].expected, found["ok"].true, found["ok"].false) == (3, 1, 1)
    assert (found["fist"].expected, found["fist"].true, found["fist"].false) == (1, 0, 1)


def test_the_confusion_matrix_has_a_row_for_nothing() -> None:
    found = confusion(SOME, 0.5)
    assert found.labels == ["fist", "ok", "nothing"]
    assert found.rows == [[0, 0, 1], [1, 1, 1], [0, 1, 0]]


def test_the_curve_falls_in_precision_and_rises_in_recall() -> None:
    points = precision_recall(SOME)
    assert [point.threshold for point in points] == [0.9, 0.8, 0.7, 0.4]
    assert points[0].precision == 1
    assert points[-1].recall == 0.5


@given(items=ITEMS, threshold=st.floats(0, 1))
def test_expected_is_true_and_missed_and_groups_add_up(items: list[Item], threshold: float) -> None:
    found = table(items, threshold)
    assert found.expected == found.true + found.missed == sum(bool(item.truth) for item in items)
    groups = by_recording(items, threshold).values()
    assert sum(group.true for group in groups) == found.true
    assert sum(group.false for group in groups) == found.false
    assert sum(map(sum, confusion(items, threshold).rows)) >= found.true + found.false


@given(items=ITEMS)
def test_the_best_threshold_is_nearly_as_good_as_any_other(items: list[Item]) -> None:
    best = best_threshold(items, 0.5)
    assert 0.5 <= best <= 1.001
    scores = [table(items, threshold / 20).f1 or 0.0 for threshold in range(10, 21)]
    assert (table(items, best).f1 or 0.0) >= max(scores) - 0.006


def test_the_six_versions_of_the_thumbs_up_are_as_they_were_told() -> None:
    rows = [(30, 26, 7), (30, 20, 3), (30, 19, 5), (30, 29, 8), (30, 27, 11), (30, 26, 8)]
    tables = [entered({"expected": each[0], "true": each[1], "false": each[2]}) for each in rows]
    assert [each.missed for each in tables] == [4, 10, 11, 1, 3, 4]
    scores = [each.f1 or 0 for each in tables]
    assert scores.index(max(scores)) == 3


def test_each_box_is_paired_once_with_the_prediction_that_overlaps_most() -> None:
    truths = [Truth("ok", (0, 0, 10, 10)), Truth("fist", (100, 0, 10, 10))]
    guesses = [Guess("fist", 0.9, (3, 0, 10, 10)), Guess("ok", 0.8, (1, 0, 10, 10)), Guess("ok", 0.7, (50, 50, 5, 5))]
    pairs = match(truths, guesses, least_overlap=0.3)
    assert pairs[0].guess == guesses[1]
    assert pairs[1].guess is None
    assert [pair.guess for pair in pairs if pair.truth is None] == [guesses[0], guesses[2]]
